//! A question about a table as a small form: which conditions its rows meet, and what is found in
//! them. The decoder is offered only columns and values that are there and numbers that the question
//! says, so no condition can be made up; what is found is computed by the host's own program.

mod column;
mod rate;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::{Value, json};

use super::passage::{said_in_full, said_of};
use super::prompts::{self, literal};
use agent_core::message::Message;
use column::{Column, finds};
use rate::rate;

/// The most conditions of one question.
const CONDITIONS: usize = 3;
/// What finds an end of a scale.
const ENDS: [&str; 4] = ["highest", "lowest", "most", "fewest"];
/// What the guest prints where no row meets the conditions, or holds what is to be found.
const NOTHING: &str = "nothing";

/// What a table offers to a question.
#[derive(Debug, Clone)]
pub(super) struct Query {
    path: String,
    rows: usize,
    told: String,
    conditions: Vec<Condition>,
    finds: Vec<(String, Find)>,
    /// Values of the table that the question names, which conditions have to speak of.
    named: Vec<Value>,
    /// Columns that a number of the question may be one of each, such as years; none that it names.
    alike: Vec<Vec<String>>,
    /// Columns that rows can be ordered by, where the question names none of them.
    measures: Vec<String>,
    /// What the question says that each is or costs, which a total is multiplied by.
    rate: Option<Value>,
    /// The numbers that it says, but for years.
    numbers: Vec<Value>,
}

/// A condition that rows can be asked to meet, as an argument of `query`.
#[derive(Debug, Clone)]
struct Condition {
    words: String,
    condition: Value,
    /// It names one row.
    one: bool,
    /// It says what the value is.
    exact: bool,
    /// It says that there is one, or none, in a column that the question does not speak of.
    guess: bool,
}

/// What to find: the arguments of `query`.
#[derive(Debug, Clone, Default)]
struct Find {
    find: &'static str,
    of: Value,
    by: Value,
}

/// A form that was filled in.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked {
    /// The program that answers it.
    pub(super) program: String,
    /// The same in words, and the conditions alone.
    pub(super) words: String,
    pub(super) of: String,
    /// Whether it picks something out of the table: by a condition, or by an end of a scale.
    pub(super) picks: bool,
    /// Whether it adds up or counts all rows.
    pub(super) totals: bool,
    /// Whether it lists the values of a column.
    pub(super) lists: bool,
    pub(super) counts: bool,
    /// Whether it speaks of a value that the question names.
    pub(super) named: bool,
    /// Whether it asks for rows in which a column is empty, or is not, of which the question says nothing.
    pub(super) guesses: bool,
    /// Whether the question says a number that nothing in it is about.
    pub(super) leaves: bool,
    /// The columns that it may speak of, where it is to be asked which.
    pub(super) columns: Vec<String>,
    /// Whether that is the one that orders its rows, and not the one that a number is one of.
    orders: bool,
    /// What was filled in.
    form: Value,
    find: Find,
}

#[derive(Debug, Deserialize)]
struct Described {
    rows: usize,
    columns: Vec<Column>,
    numbers: Vec<Value>,
}

impl Query {
    /// From what the guest's `columns` printed; `None` where there is nothing to ask about.
    pub(super) fn of(path: &str, described: &str, question: &str) -> Option<Query> {
        let mut described: Described = serde_json::from_str(described).ok()?;
        if described.rows == 0 || described.columns.is_empty() {
            return None;
        }
        let name = path.rsplit('/').next().unwrap_or(path);
        let named = named(&mut described, name, question);
        let columns = &described.columns;
        let lines: Vec<String> = columns.iter().map(Column::told).collect();
        let told = format!("Table {name}, {} rows:\n{}", described.rows, lines.join("\n"));
        let conditions = columns.iter().flat_map(|column| column.conditions(question)).collect();
        let alike = alike(columns, question);
        let measures = measures(columns, question);
        let mut numbers = described.numbers;
        numbers.retain(|number| !is_year(number));
        let rate = rate(&numbers, question);
        let (path, rows) = (path.to_string(), described.rows);
        Some(Query {
            path,
            rows,
            told,
            conditions,
            finds: finds(columns, question),
            named,
            alike,
            measures,
            rate,
            numbers,
        })
    }

    /// The table.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Does the table hold what is asked for?
    pub(super) fn holds(&self, question: &str) -> Vec<Message> {
        prompts::holds(&self.told, question)
    }

    /// The conversation in which it is filled in.
    pub(super) fn ask(&self, question: &str) -> Vec<Message> {
        prompts::query(&self.told, question)
    }

    /// What can be filled in.
    pub(super) fn form(&self) -> Value {
        let words: Vec<&str> = self.finds.iter().map(|(words, _)| words.as_str()).collect();
        let conditions: Vec<&str> =
            self.conditions.iter().map(|condition| condition.words.as_str()).collect();
        let rows = match conditions.is_empty() {
            true => json!({ "type": "array", "maxItems": 0 }),
            false => {
                json!({ "type": "array", "maxItems": CONDITIONS, "items": { "enum": conditions } })
            }
        };
        json!({
            "type": "object",
            "required": ["rows", "find"],
            "additionalProperties": false,
            "properties": { "rows": rows, "find": { "enum": words } },
        })
    }

    /// The program for a form that was filled in; `None` where it names what was not offered.
    pub(super) fn asked(&self, reply: &str) -> Option<Asked> {
        self.filled(serde_json::from_str(reply).ok()?)
    }

    /// The form as it is once it is known which column it speaks of: the one that orders its rows, or the one
    /// that its number is one of. `None` where it has to be filled in anew, with what is left to be found.
    pub(super) fn of_column(&mut self, asked: &Asked, column: &str) -> Option<Asked> {
        let mut form = asked.form.clone();
        self.measures.clear();
        if asked.orders {
            if asked.find.by != column {
                self.finds.retain(|(_, it)| it.of == asked.find.of && it.by == column);
                return None;
            }
            return self.filled(form);
        }
        self.alike.clear();
        for row in form["rows"].as_array_mut()? {
            let said = self.condition(row.as_str()?)?;
            let (name, number) = (&said.condition[0], &said.condition[2]);
            if number.is_number() && asked.columns.iter().any(|one| name.as_str() == Some(one)) {
                let wanted = json!([column, said.condition[1], number]);
                *row = json!(self.conditions.iter().find(|one| one.condition == wanted)?.words);
            }
        }
        self.filled(form)
    }

    /// The form without the last condition on a value that the question only shares a word with, where no row meets
    /// all of them: who borrows a dragon asks for nothing of the play about a borrowed uncle.
    pub(super) fn with_less(&self, asked: &Asked, question: &str) -> Option<Asked> {
        let mut form = asked.form.clone();
        let rows = form["rows"].as_array_mut()?;
        let unsaid = |row: &Value| {
            let one = row.as_str().and_then(|row| self.condition(row));
            let value = one.and_then(|one| one.condition[2].as_str().filter(|_| one.exact));
            value.is_some_and(|value| !said_of(value, question).1)
        };
        let last = rows.iter().rposition(unsaid).filter(|_| rows.len() > 1)?;
        rows.remove(last);
        self.filled(form)
    }

    /// The condition that a row of a form says.
    fn condition(&self, row: &str) -> Option<&Condition> {
        self.conditions.iter().find(|one| one.words == row)
    }

    /// Whether anything can be asked for.
    pub(super) fn is_open(&self) -> bool {
        !self.finds.is_empty()
    }

    fn filled(&self, form: Value) -> Option<Asked> {
        let mut rows: Vec<&str> =
            form["rows"].as_array()?.iter().filter_map(Value::as_str).collect();
        let mut known = HashSet::new();
        rows.retain(|row| known.insert(*row));
        let conditions = rows.iter().map(|row| self.condition(row));
        let mut conditions: Vec<&Condition> = conditions.collect::<Option<_>>()?;
        // What is also its own contrary is said once.
        let mut values: Vec<(Value, Value)> = Vec::new();
        conditions.retain(|one| {
            let value = (one.condition[0].clone(), one.condition[2].clone());
            let contrary = one.condition[1] == "not" && values.contains(&value);
            values.push(value);
            !contrary
        });
        // A number of the question is that of one column.
        let mut numbers: Vec<(Value, Value)> = Vec::new();
        conditions.retain(|one| match &one.condition[2] {
            Value::Number(number) => {
                let (column, number) = (one.condition[0].clone(), Value::from(number.clone()));
                let other = numbers.iter().any(|(had, of)| *had == number && *of != column);
                numbers.push((number, column));
                !other
            }
            _ => true,
        });
        let wanted = form["find"].as_str()?;
        let (_, find) = self.finds.iter().find(|(words, _)| words == wanted)?;
        let mut find = find.clone();
        // What comes first of all comes first of those that have something else.
        if ENDS.contains(&find.find) {
            conditions.retain(|one| !one.guess);
        }
        // Of what each row has its own there is one: that is not what is counted.
        if find.find == "count" && conditions.iter().any(|condition| condition.one) {
            return None;
        }
        // What a condition says already is not what is asked for.
        let said = |one: &&Condition| one.exact && one.condition[0] == find.of;
        if find.find == "list" && conditions.iter().any(said) {
            return None;
        }
        // A year that the question names is that of the one column that has it.
        for named in self.named.iter().filter(|named| named.is_number()) {
            let of = |one: &&Condition| one.condition[2] == *named;
            let mut those = self.conditions.iter().filter(of).filter(|one| one.exact);
            if let (false, Some(only), None) =
                (conditions.iter().any(of), those.next(), those.next())
            {
                conditions.push(only);
            }
        }
        let used = |named: &&Value| conditions.iter().any(|one| one.condition[2] == **named);
        let named = self.named.iter().filter(used).count();
        if named < self.named.len() {
            return None;
        }
        let unused = |rate: &&Value| !conditions.iter().any(|one| one.condition[2] == **rate);
        let rate = self.rate.as_ref().filter(unused);
        match (find.find, rate) {
            ("sum", Some(rate)) if find.of.is_string() => find.of = json!([find.of, "*", rate]),
            ("count", Some(rate)) => find.by = rate.clone(),
            _ => {}
        }
        let mut arguments = format!("{}, find={}", literal(&self.path), literal(find.find));
        let mut add = |name: &str, value: &Value| {
            if !value.is_null() {
                arguments += &format!(", {name}={value}");
            }
        };
        add("of", &find.of);
        add("by", &find.by);
        let given: Vec<&Value> = conditions.iter().map(|one| &one.condition).collect();
        if !given.is_empty() {
            add("where", &json!(given));
        }
        let rows: Vec<&str> = conditions.iter().map(|one| one.words.as_str()).collect();
        let of = match rows.is_empty() {
            true => "all rows".to_string(),
            false => format!("the rows where {}", rows.join(" and ")),
        };
        let ends = ENDS.contains(&find.find);
        let of_number = |group: &&Vec<String>| {
            conditions.iter().any(|one| {
                let column = one.condition[0].as_str().unwrap_or_default();
                one.condition[2].is_number() && group.iter().any(|name| name == column)
            })
        };
        let orders = self.measures.iter().any(|one| find.by == one.as_str());
        let columns = match orders {
            true => self.measures.clone(),
            false => self.alike.iter().find(of_number).cloned().unwrap_or_default(),
        };
        Some(Asked {
            program: format!("print(query({arguments}))"),
            words: format!("{wanted}, of {of}"),
            of,
            picks: !rows.is_empty() || ends,
            totals: rows.is_empty() && ["sum", "count", "average"].contains(&find.find),
            lists: find.find == "list",
            counts: find.find == "count" && find.by.is_null(),
            named: named > 0,
            guesses: conditions.iter().any(|one| one.guess),
            leaves: {
                let is_rate = |number: &Value| rate == Some(number);
                self.numbers.iter().any(|number| unused(&number) && !is_rate(number))
            },
            columns,
            orders,
            find,
            form: form.clone(),
        })
    }

    /// Whether no row met the conditions of a form that asks for values of a column.
    pub(super) fn found_none(asked: &Asked, output: &str) -> bool {
        asked.lists && output == NOTHING
    }

    /// Whether what was printed answers something: a list of all that there is does not, no list does where
    /// a single row answers the question, and that there are none is as likely a wrong condition.
    pub(super) fn answers(&self, asked: &Asked, output: &str, single: bool) -> bool {
        let all = format!("{} rows", self.rows);
        let second = output.lines().nth(1).unwrap_or_default().trim_end_matches(':');
        let other = second == all || single && second != "1 rows";
        let none = output == NOTHING || asked.counts && output.lines().next() == Some("0");
        !(output.is_empty() || none || asked.lists && other)
    }
}

/// Whether a number may be a year.
fn is_year(number: &Value) -> bool {
    number.as_i64().is_some_and(|year| (1000..3000).contains(&year))
}

/// Columns of numbers that are told apart by their names alone, where the question says none of these.
fn alike(columns: &[Column], question: &str) -> Vec<Vec<String>> {
    let mut groups: Vec<Vec<String>> = Vec::new();
    let numbers: Vec<&Column> = columns.iter().filter(|column| column.is_number()).collect();
    for column in &numbers {
        let alike =
            numbers.iter().filter(|other| other.name == column.name || column.is_like(other));
        let names: Vec<String> = alike.map(|column| column.name.clone()).collect();
        let said = names.iter().any(|name| !said_of(name, question).0.is_empty());
        if names.len() > 1 && !said && !groups.contains(&names) {
            groups.push(names);
        }
    }
    groups
}

/// Columns that rows can be ordered by, where there are several and the question names none.
fn measures(columns: &[Column], question: &str) -> Vec<String> {
    let ordered = columns.iter().filter(|column| !column.is_text());
    let names: Vec<String> = ordered.map(|column| column.name.clone()).collect();
    let said = names.iter().any(|name| !said_of(name, question).0.is_empty());
    if said || names.len() < 2 { Vec::new() } else { names }
}

/// Whether a question asks which of a column's values it is.
fn asks_which(column: &str, question: &str) -> bool {
    const WHICH: [&str; 20] = [
        "which", "what", "welche", "welcher", "welches", "welchem", "welchen", "quel", "quelle",
        "quels", "quelles", "quale", "quali", "qué", "cuál", "cuáles", "qual", "quais", "welk",
        "welke",
    ];
    let (words, _) = said_of(column, question);
    let question = question.to_lowercase();
    let asked = question.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let asked: Vec<&str> = asked.collect();
    asked.windows(2).any(|two| WHICH.contains(&two[0]) && words.iter().any(|word| word == two[1]))
}

/// The values that a question names in full. Others are offered no more if they share words with those alone –
/// who asks for what is in the tar loft does not ask for the tar ladle – or with what the table or another of its
/// columns is called, or if the question says nothing of them or of their column.
fn named(described: &mut Described, table: &str, question: &str) -> Vec<Value> {
    /// Shorter ones are words of any sentence.
    const LETTERS: usize = 4;
    let columns = described.columns.iter().filter(|column| column.is_text());
    let values: Vec<String> = columns.flat_map(|column| column.offered.clone()).collect();
    let said = values.iter().map(|value| said_of(value, question));
    let full: HashSet<String> = said.filter(|(_, all)| *all).flat_map(|(words, _)| words).collect();
    let table = table.split('.').next().unwrap_or_default();
    let titles = described.columns.iter().map(|column| column.name.clone());
    let titles: Vec<(String, Vec<String>)> = titles
        .chain([table.to_string()])
        .map(|title| (title.clone(), said_of(&title, question).0))
        .collect();
    // What is also said by a value in full, or by the title of something else.
    let elsewhere = |word: &String, own: &str| {
        let titled = titles.iter().any(|(title, words)| title != own && words.contains(word));
        titled || full.contains(word)
    };
    let less = |value: &String, own: &str| {
        let (words, all) = said_of(value, question);
        !all && !words.is_empty() && words.iter().all(|word| elsewhere(word, own))
    };
    for column in described.columns.iter_mut().filter(|column| column.is_text()) {
        let spoken_of = !said_of(&column.name, question).0.is_empty();
        // Who asks which shop it was names none.
        let may_mean = spoken_of && !asks_which(&column.name, question);
        let says = |value: &String| may_mean || !said_of(value, question).0.is_empty();
        let name = column.name.clone();
        column.offered.retain(|value| says(value) && !less(value, &name));
        column.parts.retain(|part| {
            let (words, _) = said_of(part, question);
            !words.is_empty() && words.iter().all(|word| !elsewhere(word, &name))
        });
    }
    let long =
        |value: &str| value.chars().filter(|letter| letter.is_alphabetic()).count() >= LETTERS;
    let mut named: Vec<Value> = Vec::new();
    for value in values.iter().filter(|value| said_in_full(value, question) && long(value)) {
        if !named.contains(&json!(value)) {
            named.push(json!(value));
        }
    }
    named.extend(
        described.columns.iter().filter_map(|column| column.span.as_ref()).map(|span| json!(span)),
    );
    // A year, where the table has years.
    if described.columns.iter().any(Column::has_years) {
        named.extend(described.numbers.iter().filter(|number| is_year(number)).cloned());
    }
    named
}
