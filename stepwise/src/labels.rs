//! What an answer judges. Where it lists things that each get a label – one of a few words, or yes or no – each is
//! judged by itself once the list is there: a small model that writes the whole list gives many the same
//! label. It also leans to one of the words whatever it is shown, so a part of how likely each is for all of
//! them is taken off before the likeliest counts, and what it wrote in the list counts as well, where
//! that tells things apart.

use serde_json::{Value, json};

use super::done::given;
use super::prompts;
use super::{Stage, Stepwise};
use agent_core::agent::Agent;
use agent_core::message::Message;
use agent_core::model::{Form, Reply};
use agent_core::strategy::Decision;

/// The most labels that one answer is asked for, one by one.
const MOST: usize = 60;
/// The most words that a label is chosen among.
const WORDS: usize = 12;
/// What part of the mean over all things is taken off: none finds what a model leans away from, all of it parts a
/// list in which each has the same label. Measured, as the next one, over 66 things of 13 lists: docs/performance.md.
const LEANING: f32 = 0.65;
/// What it adds that a label was written with the list.
const WRITTEN: f32 = 1.0;
/// From so many things on the mean says something.
const SEVERAL: usize = 3;
/// The longest line that a thing is shown by.
const LINE: usize = 400;
/// What is asked where a label is true or false.
const YES_NO: [&str; 2] = ["yes", "no"];

/// A list in a schema, and a label in what it lists.
#[derive(Debug, Clone, PartialEq)]
struct Listed {
    /// Where the list stands in an answer, as a JSON pointer.
    at: String,
    field: String,
    values: Vec<Value>,
}

/// The labels of an answer, while they are asked for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Labels {
    answer: Value,
    asked: Vec<Label>,
    /// The logarithms of how likely each word was, of the first ones that were asked for.
    odds: Vec<Vec<f32>>,
}

#[derive(Debug, Clone, PartialEq)]
struct Label {
    /// Where it goes, as a JSON pointer.
    at: String,
    /// Labels of one field of one list are told apart by each other.
    list: usize,
    field: String,
    values: Vec<Value>,
    /// What gets it, as it stands in a result.
    thing: String,
}

impl Stepwise {
    /// The lists of the answer whose labels are asked for one by one.
    fn listed(&self, agent: &Agent) -> Vec<Listed> {
        let own = self.known || self.folder.is_some() || self.succeeded().next().is_none();
        let schema = agent.output.as_ref().filter(|_| !own);
        schema.map(listed).unwrap_or_default()
    }

    /// The schema with a thing at least in each list that has labels: a small model gives none where the
    /// results do not say the labels.
    pub(super) fn with_things(&self, agent: &Agent, mut schema: Value) -> Value {
        for Listed { at, .. } in self.listed(agent) {
            let longer = self.longer.as_ref().filter(|(list, _)| *list == at);
            let least = longer.map_or(1, |(_, count)| *count);
            let mut names = at.split('/').skip(1);
            let list =
                names.try_fold(&mut schema, |schema, name| schema["properties"].get_mut(name));
            if let Some(list) = list {
                let least = list["minItems"].as_u64().unwrap_or_default().max(least as u64);
                let most = list["maxItems"].as_u64().unwrap_or(u64::MAX);
                list["minItems"] = json!(least.min(most));
            }
        }
        schema
    }

    /// Asks for the labels of an answer, if it has some; for the list once more where it was cut short.
    pub(super) fn label(&mut self, agent: &Agent, answer: &Value) -> Option<Decision> {
        if self.longer.is_none()
            && let Some((at, count)) = self.cut_short(agent, answer)
        {
            let problem = format!("the results list {count} of these: give each of them");
            self.corrections =
                vec![Message::assistant(answer.to_string()), Message::user(problem.clone())];
            self.longer = Some((at, count));
            return Some(Decision { rejected: Some(problem), ..Decision::default() });
        }
        let lines: Vec<String> = self.observed().flat_map(lines).collect();
        let mut asked = Vec::new();
        for (list, Listed { at, field, values }) in self.listed(agent).into_iter().enumerate() {
            let things =
                answer.pointer(&at).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            let things: Vec<Vec<String>> =
                things.iter().map(|thing| identifying(thing, &field)).collect();
            for (place, thing) in shown_as(&things, &lines).into_iter().enumerate() {
                asked.push(Label {
                    at: format!("{at}/{place}/{field}"),
                    list,
                    field: field.clone(),
                    values: values.clone(),
                    thing,
                });
            }
        }
        asked.truncate(MOST);
        if asked.is_empty() {
            return None;
        }
        self.stage = Stage::Labels(Labels { answer: answer.clone(), asked, odds: Vec::new() });
        Some(Decision::default())
    }

    /// A list of which the results go on with more like it, and how many they have.
    fn cut_short(&self, agent: &Agent, answer: &Value) -> Option<(String, usize)> {
        self.listed(agent).into_iter().find_map(|Listed { at, field, .. }| {
            let things = answer.pointer(&at)?.as_array()?;
            self.observed().find_map(|text| {
                let lines = lines(text);
                let places =
                    things.iter().map(|thing| place_of(&identifying(thing, &field), &lines));
                let places: Vec<usize> = places.collect::<Option<_>>()?;
                let (first, last) = (places.first()?, places.last()?);
                let in_turn = places.windows(2).all(|two| two[0] + 1 == two[1]);
                let like = |line: &&String| form(line) == form(&lines[*first]);
                let more = lines[last + 1..].iter().take_while(like).count();
                let all = places.len() + more;
                (in_turn && more > 0 && all <= MOST).then(|| (at.clone(), all))
            })
        })
    }

    pub(super) fn ask_for_label(&self, agent: &Agent, labels: &Labels) -> (Vec<Message>, Form) {
        let Some(Label { field, values, thing, .. }) = labels.asked.get(labels.odds.len()) else {
            return (Vec::new(), Form::Text { stop: Vec::new() });
        };
        let words = words(values);
        (prompts::label(agent, thing, field, &words), Form::Choice(words))
    }

    /// A label was said. Once all are, they are put into the answer.
    pub(super) fn labelled(&mut self, mut labels: Labels, reply: &Reply) -> Decision {
        let Some(label) = labels.asked.get(labels.odds.len()) else { return given(labels.put()) };
        let words = words(&label.values);
        let said = |word: &String| if reply.content.trim() == *word { 1.0 } else { 0.0 };
        let odds = match reply.odds.len() == words.len() {
            true => reply.odds.clone(),
            false => words.iter().map(said).collect(),
        };
        labels.odds.push(odds.into_iter().map(|odds| odds.max(f32::MIN_POSITIVE).ln()).collect());
        if labels.odds.len() < labels.asked.len() {
            self.stage = Stage::Labels(labels);
            return Decision::default();
        }
        given(labels.put())
    }
}

impl Labels {
    /// The answer with its labels.
    fn put(self) -> Value {
        let Labels { mut answer, asked, mut odds } = self;
        let lists = asked.iter().map(|label| label.list).max().map_or(0, |last| last + 1);
        for list in 0..lists {
            let own: Vec<usize> = (0..asked.len()).filter(|at| asked[*at].list == list).collect();
            let written = |at: &usize| {
                let label = &asked[*at];
                let said = answer.pointer(&label.at)?;
                label.values.iter().position(|value| value == said)
            };
            let written: Vec<Option<usize>> = own.iter().map(written).collect();
            if written.windows(2).any(|two| two[0] != two[1]) {
                for (at, word) in own.iter().zip(written) {
                    word.into_iter().for_each(|word| odds[*at][word] += WRITTEN);
                }
            }
            let of_all: Vec<&Vec<f32>> = own.iter().map(|at| &odds[*at]).collect();
            for at in &own {
                let best = &asked[*at].values[likeliest(&odds[*at], &of_all)];
                if let Some(place) = answer.pointer_mut(&asked[*at].at) {
                    *place = best.clone();
                }
            }
        }
        answer
    }
}

/// Which word is likeliest of one thing, beside how likely the words are of all.
fn likeliest(own: &[f32], all: &[&Vec<f32>]) -> usize {
    let part = if all.len() >= SEVERAL { LEANING } else { 0.0 };
    let mean =
        |word: usize| all.iter().map(|odds| odds[word]).sum::<f32>() / all.len().max(1) as f32;
    let scores = own.iter().enumerate().map(|(word, odds)| (word, odds - part * mean(word)));
    scores.max_by(|(_, one), (_, other)| one.total_cmp(other)).map_or(0, |(word, _)| word)
}

/// The lists of a schema that list objects with a label and something else.
fn listed(schema: &Value) -> Vec<Listed> {
    let mut found = Vec::new();
    look(schema, "", &mut found);
    found
}

fn look(schema: &Value, at: &str, found: &mut Vec<Listed>) {
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        if name.contains(['/', '~']) {
            continue;
        }
        let at = format!("{at}/{name}");
        look(field, &at, found);
        let fields = field["items"]["properties"].as_object().into_iter().flatten();
        let labels: Vec<(&String, Vec<Value>)> =
            fields.clone().filter_map(|(name, field)| Some((name, values(field)?))).collect();
        let others = fields.count() - labels.len();
        let labels = labels.into_iter().filter(|_| others > 0);
        found.extend(labels.map(|(field, values)| Listed {
            at: at.clone(),
            field: field.clone(),
            values,
        }));
    }
}

/// What a label can be; none where the field is no label.
fn values(field: &Value) -> Option<Vec<Value>> {
    if field["type"] == "boolean" {
        return Some(vec![json!(true), json!(false)]);
    }
    let values = field["enum"].as_array()?;
    let text = values.iter().all(Value::is_string);
    (text && (2..=WORDS).contains(&values.len())).then(|| values.clone())
}

/// The words that a label is chosen among.
fn words(values: &[Value]) -> Vec<String> {
    let text = values.iter().map(|value| value.as_str().map(str::to_string));
    text.collect::<Option<_>>().unwrap_or_else(|| YES_NO.map(str::to_string).to_vec())
}

/// The lines of a result; of JSON, the objects that its lists hold.
fn lines(text: &str) -> Vec<String> {
    let Ok(value) = serde_json::from_str::<Value>(text.trim()) else {
        return text.lines().filter(|line| !line.trim().is_empty()).map(str::to_string).collect();
    };
    let mut found = Vec::new();
    objects(&value, false, &mut found);
    found
}

fn objects(value: &Value, listed: bool, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| objects(item, true, found)),
        Value::Object(_) if listed => found.push(value.to_string()),
        Value::Object(fields) => fields.values().for_each(|field| objects(field, false, found)),
        _ => {}
    }
}

/// What each thing is shown by: the line that has all its values, with those that follow up to the next thing's; or
/// else the values.
fn shown_as(things: &[Vec<String>], lines: &[String]) -> Vec<String> {
    let shown: Vec<String> = match in_turn(things, lines) {
        Some(places) => {
            let ends = places.iter().skip(1).copied();
            let longest = places.windows(2).map(|two| two[1] - two[0]).max().unwrap_or(1);
            let end = places.last().map_or(0, |last| (last + longest).min(lines.len()));
            let blocks = places.iter().zip(ends.chain([end]));
            blocks.map(|(place, end)| lines[*place..end].join("\n")).collect()
        }
        None => {
            let alone = |values: &Vec<String>| match place_of(values, lines) {
                Some(place) => lines[place].clone(),
                None => values.join(", "),
            };
            things.iter().map(alone).collect()
        }
    };
    shown.iter().map(|shown| text::head(shown, LINE).to_string()).collect()
}

/// The lines in which the things stand, where they follow each other in lines that begin alike: `Mail 1` and not the
/// first line with a 1 in it.
fn in_turn(things: &[Vec<String>], lines: &[String]) -> Option<Vec<usize>> {
    let (first, others) = things.split_first()?;
    let has = |values: &[String], at: &usize| {
        !values.is_empty() && values.iter().all(|value| stands_in(value, &lines[*at]))
    };
    (0..lines.len()).filter(|at| has(first, at)).find_map(|start| {
        let alike = |at: &usize| form(&lines[*at]) == form(&lines[start]);
        let mut places = vec![start];
        for values in others {
            let after = places.last()? + 1..lines.len();
            places.push({ after }.filter(alike).find(|at| has(values, at))?);
        }
        Some(places)
    })
}

/// The first line that has all of these values.
fn place_of(values: &[String], lines: &[String]) -> Option<usize> {
    let has_all = |line: &String| values.iter().all(|value| stands_in(value, line));
    lines.iter().position(has_all).filter(|_| !values.is_empty())
}

/// The values of a thing beside its label.
fn identifying(thing: &Value, label: &str) -> Vec<String> {
    let fields = thing.as_object().into_iter().flatten().filter(|(name, _)| *name != label);
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    fields.filter_map(|(_, value)| text(value)).collect()
}

/// What a line begins with: of `P-12, green` that is `a-0`.
fn form(line: &str) -> String {
    let start = line.split([' ', ',', ';', '\t']).next().unwrap_or_default();
    let mut form = String::new();
    for c in start.chars() {
        let kind = match c {
            c if c.is_alphabetic() => 'a',
            c if c.is_numeric() => '0',
            c => c,
        };
        if !form.ends_with(kind) {
            form.push(kind);
        }
    }
    form
}

/// Whether a value stands in a line, and not within a longer word or number.
fn stands_in(value: &str, line: &str) -> bool {
    let value = value.trim();
    let ends = |side: Option<char>| !side.is_some_and(char::is_alphanumeric);
    !value.is_empty()
        && line.match_indices(value).any(|(at, _)| {
            ends(line[..at].chars().next_back()) && ends(line[at + value.len()..].chars().next())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Value {
        json!({ "type": "object", "properties": {
            "rows": { "type": "array", "items": { "type": "object", "properties": {
                "id": { "type": "integer" },
                "kind": { "enum": ["good", "bad"] },
                "paid": { "type": "boolean" },
            }, "required": ["id", "kind", "paid"] }},
            "mood": { "enum": ["good", "bad"] },
            "words": { "type": "array", "items": { "type": "object", "properties": {
                "kind": { "enum": ["good", "bad"] },
            }}},
        }})
    }

    #[test]
    fn labels_are_those_of_things_that_have_something_else() {
        let found = listed(&schema());
        let found: Vec<(&str, &str)> = found.iter().map(|list| (&*list.at, &*list.field)).collect();
        assert_eq!(found, [("/rows", "kind"), ("/rows", "paid")]);
        assert_eq!(words(&[json!(true), json!(false)]), ["yes", "no"]);
    }

    #[test]
    fn what_a_model_leans_to_is_taken_off() {
        let ln = |odds: [f32; 2]| odds.map(f32::ln).to_vec();
        let all = [ln([0.95, 0.05]), ln([0.6, 0.4]), ln([0.9, 0.1])];
        let all: Vec<&Vec<f32>> = all.iter().collect();
        let found: Vec<usize> = all.iter().map(|own| likeliest(own, &all)).collect();
        assert_eq!(found, [0, 1, 0]);
        // Of two there is no telling.
        assert_eq!(likeliest(all[1], &all[..2]), 0);
        // What is sure stays what it is, also where it is said of all.
        let sure = [ln([0.99, 0.01]), ln([0.98, 0.02]), ln([0.99, 0.01])];
        let sure: Vec<&Vec<f32>> = sure.iter().collect();
        assert!(sure.iter().all(|own| likeliest(own, &sure) == 0));
    }

    #[test]
    fn what_was_written_counts_where_it_tells_things_apart() {
        let label = |place: usize| Label {
            at: format!("/rows/{place}/kind"),
            list: 0,
            field: "kind".to_string(),
            values: vec![json!("good"), json!("bad")],
            thing: String::new(),
        };
        let labels = |written: [&str; 3]| Labels {
            answer: json!({ "rows": written.map(|kind| json!({ "kind": kind })) }),
            asked: (0..3).map(label).collect(),
            odds: [[0.9, 0.1], [0.65, 0.35], [0.2, 0.8]]
                .map(|odds| odds.map(f32::ln).to_vec())
                .to_vec(),
        };
        let kinds = |answer: Value| {
            let rows = answer["rows"].as_array().cloned().unwrap_or_default();
            rows.iter().map(|row| row["kind"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(kinds(labels(["good", "bad", "bad"]).put()), ["good", "bad", "bad"]);
        assert_eq!(kinds(labels(["bad", "bad", "bad"]).put()), ["good", "good", "bad"]);
    }

    #[test]
    fn a_thing_is_shown_with_the_lines_below_it() {
        let shown = |text: &str, things: &[&str]| {
            let things: Vec<Vec<String>> = things.iter().map(|it| vec![it.to_string()]).collect();
            shown_as(&things, &lines(text))
        };
        let mails = "Letter 1\nFrom: Ida, door 2\nThe tap drips.\n\nLetter 2\nFrom: Bo, door 1\nMy bike is \
                     gone.\n\nLetter 3\nFrom: Al, door 3\nNo light.\nRegards, the office";
        let expected = [
            "Letter 1\nFrom: Ida, door 2\nThe tap drips.",
            "Letter 2\nFrom: Bo, door 1\nMy bike is gone.",
            "Letter 3\nFrom: Al, door 3\nNo light.",
        ];
        assert_eq!(shown(mails, &["1", "2", "3"]), expected);
        // A line each.
        let list = "id,text\n7,The tap drips\n8,No light\nEnd";
        assert_eq!(shown(list, &["7", "8"]), ["7,The tap drips", "8,No light"]);
        // Not in their order: each by itself.
        assert_eq!(shown(list, &["8", "7"]), ["8,No light", "7,The tap drips"]);
        assert_eq!(shown(list, &["9"]), ["9"]);
    }

    #[test]
    fn a_thing_is_found_by_its_values() {
        let thing = json!({ "id": 7, "who": "Ole", "kind": "good" });
        assert_eq!(identifying(&thing, "kind"), ["7", "Ole"]);
        assert_eq!(form("P-12, green"), "a-0");
        assert_eq!(form("#301 I forgot"), form("#7 My parcel"));
        assert_ne!(form("id,problem"), form("41,The tap drips"));
        assert!(stands_in("7", "#7 The tap drips"));
        assert!(!stands_in("7", "17 of them"));
        assert!(stands_in("Ole", "Ole, 31"));
        let json = r#"{"mails": [{"id": 1, "text": "a"}, {"id": 2, "text": "b"}], "count": 2}"#;
        assert_eq!(lines(json), [r#"{"id":1,"text":"a"}"#, r#"{"id":2,"text":"b"}"#]);
    }
}
