//! What a column of a table offers to a question: conditions that its rows can meet, and what can be found
//! in it.

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::passage::said_of;
use super::{Condition, Find};

/// Characters of a column's values, beyond which only some are told.
const TOLD: usize = 220;
/// Values of a column that are told as examples.
const SUCH: usize = 6;

#[derive(Debug, Deserialize)]
pub(super) struct Column {
    pub(super) name: String,
    kind: Kind,
    unit: Option<String>,
    /// Whether some cells are empty.
    empty: bool,
    /// Whether each row has a value of its own.
    unique: bool,
    /// Whether all may be years.
    years: bool,
    /// Its values, where they are few; of dates, their months.
    values: Vec<String>,
    /// Those that the question may mean.
    pub(super) offered: Vec<String>,
    /// Words of the question that are parts of values.
    pub(super) parts: Vec<String>,
    such: Vec<String>,
    /// Its values from one month or weekday that the question names to another.
    #[serde(default)]
    pub(super) span: Option<Vec<String>>,
    /// How numbers of the question stand to some of its own.
    #[serde(default)]
    met: Vec<(String, Value)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Text,
    Number,
    Date,
    /// Of the day.
    Time,
}

impl Column {
    /// The column as the model sees it.
    pub(super) fn told(&self) -> String {
        let Column { name, values, such, .. } = self;
        let unit = self.unit.as_deref().filter(|unit| !unit.is_empty());
        match self.kind {
            Kind::Text => {
                let all = values.join(", ");
                if !values.is_empty() && all.chars().count() <= TOLD {
                    return format!("{name}: {all}");
                }
                let mut some: Vec<&str> = Vec::new();
                for value in self.offered.iter().chain(such) {
                    if !some.contains(&value.as_str()) && some.len() < SUCH {
                        some.push(value);
                    }
                }
                format!("{name}: such as {}", some.join(", "))
            }
            Kind::Number => {
                let unit = unit.map_or_else(String::new, |unit| format!(" ({unit})"));
                format!("{name}: numbers such as {}{unit}", such[..such.len().min(2)].join(", "))
            }
            Kind::Date | Kind::Time => {
                let what = if self.kind == Kind::Date { "dates" } else { "times" };
                let first = values.first().map_or("", String::as_str);
                let last = values.last().map_or("", String::as_str);
                format!("{name}: {what} from {first} to {last}")
            }
        }
    }

    /// Whether the difference to another says something: of two years, or two of one unit.
    pub(super) fn is_like(&self, other: &Column) -> bool {
        let alike = self.has_unit() && self.unit == other.unit;
        self.name != other.name && (alike || self.years && other.years)
    }

    /// Whether this may be how many there are of what costs or measures so much each: whole numbers of no unit,
    /// beside some that have one or have decimals.
    fn is_count_of(&self, each: &Column) -> bool {
        let decimals = |column: &Column| column.such.iter().any(|value| value.contains('.'));
        let measured = |column: &Column| column.has_unit() || decimals(column);
        !self.years && !each.years && !measured(self) && measured(each)
    }

    fn has_unit(&self) -> bool {
        self.unit.as_deref().is_some_and(|unit| !unit.is_empty())
    }

    pub(super) fn is_text(&self) -> bool {
        self.kind == Kind::Text
    }

    pub(super) fn is_number(&self) -> bool {
        self.kind == Kind::Number
    }

    /// Whether its numbers are years.
    pub(super) fn has_years(&self) -> bool {
        self.is_number() && self.years
    }

    /// What rows can be asked for by this column.
    pub(super) fn conditions(&self, question: &str) -> Vec<Condition> {
        let name = &self.name;
        let mut all = Vec::new();
        let mut add = |words: String, relation: &str, value: Value| {
            let exact = relation == "=" && self.kind != Kind::Date;
            let one = self.unique && relation == "=";
            let condition = match value {
                Value::Null => json!([name, relation]),
                value => json!([name, relation, value]),
            };
            let guess = condition[2].is_null() && said_of(name, question).0.is_empty();
            all.push(Condition { words: format!("{name} {words}"), condition, one, exact, guess });
        };
        if let Some(span) = &self.span
            && let (Some(first), Some(last)) = (span.first(), span.last())
        {
            add(format!("from {first} to {last}"), "in", json!(span));
        }
        match self.kind {
            Kind::Text => {
                for value in &self.offered {
                    add(format!("is {value}"), "=", json!(value));
                    add(format!("is not {value}"), "not", json!(value));
                }
                for part in &self.parts {
                    add(format!("contains {part}"), "contains", json!(part));
                }
            }
            Kind::Number => {
                for (relation, number) in &self.met {
                    let word = if relation == "=" { "is" } else { relation };
                    add(format!("{word} {number}"), relation, number.clone());
                }
            }
            Kind::Date | Kind::Time => {
                let at = if self.kind == Kind::Date { "in" } else { "at" };
                for said in &self.offered {
                    for (word, relation) in [(at, "="), ("before", "<"), ("after", ">")] {
                        add(format!("{word} {said}"), relation, json!(said));
                    }
                }
            }
        }
        if self.empty {
            add("is empty".to_string(), "empty", Value::Null);
            add("is not empty".to_string(), "filled", Value::Null);
        }
        all
    }
}

/// What can be found in these columns.
pub(super) fn finds(columns: &[Column], question: &str) -> Vec<(String, Find)> {
    let mut all = Vec::new();
    // Who has been somewhere the longest came first: of dates the lowest is meant.
    let longest = says_longest(question);
    let is_date = |name: &String| {
        columns.iter().any(|column| column.kind == Kind::Date && column.name == *name)
    };
    let ends = |words: &String| match longest && is_date(words) {
        true => &["lowest"][..],
        false => &["highest", "lowest"],
    };
    let mut add = |words: String, find: &'static str, of: Value, by: Value| {
        all.push((words, Find { find, of, by }));
    };
    add("the number of rows".to_string(), "count", Value::Null, Value::Null);
    let numbers: Vec<&Column> =
        columns.iter().filter(|column| column.kind == Kind::Number).collect();
    let dates = columns.iter().filter(|column| matches!(column.kind, Kind::Date | Kind::Time));
    let mut sizes: Vec<(String, Value)> =
        numbers.iter().map(|column| (column.name.clone(), json!(column.name))).collect();
    for one in &numbers {
        for other in numbers.iter().filter(|other| one.is_like(other)) {
            let (one, other) = (&one.name, &other.name);
            sizes.push((format!("{one} - {other}"), json!([one, "-", other])));
        }
        for each in numbers.iter().filter(|other| one.is_count_of(other)) {
            let (count, each) = (&one.name, &each.name);
            sizes.push((format!("{count} × {each}"), json!([count, "*", each])));
        }
    }
    // Years that are added up come to nothing.
    let years: Vec<&String> =
        numbers.iter().filter(|column| column.years).map(|column| &column.name).collect();
    let adds_up = |words: &String| !years.contains(&words);
    for (words, size) in &sizes {
        let sum = Some("sum").filter(|_| adds_up(words));
        for find in sum.into_iter().chain(["average", "difference"]) {
            add(format!("the {find} of {words}"), find, size.clone(), Value::Null);
        }
    }
    let dated = dates.map(|column| (column.name.clone(), json!(column.name)));
    let ordered: Vec<(String, Value)> = sizes.iter().cloned().chain(dated).collect();
    for (words, size) in &ordered {
        for find in ends(words) {
            add(format!("the {find} {words}"), find, size.clone(), Value::Null);
        }
    }
    for column in columns {
        let (name, of) = (&column.name, json!(column.name));
        add(format!("the {name}"), "list", of.clone(), Value::Null);
        add(format!("how many different {name}"), "different", of.clone(), Value::Null);
        for (words, size) in ordered.iter().filter(|(words, _)| words != name) {
            for find in ends(words) {
                add(format!("the {name} with the {find} {words}"), find, of.clone(), size.clone());
            }
        }
        // Where each row has its own, none has more than another.
        for find in ["most", "fewest"].into_iter().filter(|_| !column.unique) {
            add(format!("the {name} with the {find} rows"), find, of.clone(), Value::Null);
        }
        for (words, size) in sizes.iter().filter(|(words, _)| words != name && adds_up(words)) {
            for (highest, find) in [("highest", "most"), ("lowest", "fewest")] {
                let words = format!("the {name} with the {highest} sum of {words}");
                add(words, find, of.clone(), size.clone());
            }
        }
    }
    all
}

/// Whether a question asks for what lasts or has lasted the longest.
fn says_longest(question: &str) -> bool {
    const LONGEST: [&str; 7] =
        ["longest", "längst", "longtemps", "más tiempo", "più a lungo", "mais tempo", "langst"];
    let question = question.to_lowercase();
    LONGEST.iter().any(|longest| question.contains(longest))
}
