//! Whether the values of an answer stem from what was observed: a number must stand in a result or
//! follow from few of its numbers, a short text must share its words and every number with them.
//! What is no value of the world – a choice from a list, yes or no – is the model's own judgement.

mod derived;
mod made_up;
mod numbers;

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use agent_core::schema;
use derived::Rows;
pub(super) use made_up::{made_up, says, stands_on};
pub(super) use numbers::integers;
use numbers::{date, numbers, parts, readings, slack, whole, written};
use text::rank;
use text::words::is_dense;

/// What stands for a text that nothing supports.
pub(super) const NOT_FOUND: &str = "not found";

/// Texts of more words than this are told in the model's own words.
const SHORT: usize = 8;
/// The most values that a decoder is offered.
pub(super) const OFFERED: usize = 240;
/// The longest of them.
const LONGEST: usize = 160;

/// What was observed, and what the task itself says.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    texts: Vec<String>,
    plain: String,
    digits: String,
    words: HashSet<String>,
    /// Each once, in the order in which they stand.
    numbers: Vec<f64>,
    rows: Rows,
    /// What follows from those of the rows.
    results: Vec<f64>,
}

impl Evidence {
    /// What the task says, and what was given back.
    pub(super) fn of<'a>(
        asked: impl IntoIterator<Item = &'a str>,
        observed: impl Iterator<Item = &'a str>,
    ) -> Evidence {
        let mut evidence = Evidence::default();
        let mut texts = Vec::new();
        for text in asked {
            evidence.rows.asked(text);
            texts.push(text);
        }
        for (number, text) in observed.enumerate() {
            evidence.rows.observed(number, text);
            texts.push(text);
        }
        // A long table has too many for a look at each of them for each.
        let mut had = HashSet::new();
        for text in texts {
            evidence.plain += &plain(text);
            evidence.plain.push(' ');
            evidence.digits.extend(text.chars().filter(char::is_ascii_digit));
            evidence.digits.push(' ');
            evidence.words.extend(rank::words(text));
            // Zero has two signs and is one number.
            let new = |number: &f64| had.insert((number + 0.0).to_bits());
            evidence.numbers.extend(numbers(text).into_iter().filter(new));
            evidence.texts.push(text.to_string());
        }
        evidence.results = evidence.rows.results();
        evidence
    }

    fn number(&self, wanted: f64) -> bool {
        let same = |have: f64| (have - wanted).abs() <= slack(wanted);
        if self.numbers.iter().any(|have| same(*have) || same(have / 100.0) || same(-have)) {
            return true;
        }
        self.counted(wanted) || self.results.iter().any(|have| same(*have))
    }

    /// Whether a number as it is written is known: read as one, or in each of its parts, as those of
    /// a date are.
    fn says(&self, written: &str) -> bool {
        let mut parts = parts(written).peekable();
        readings(written).into_iter().any(|number| self.number(number))
            || (parts.peek().is_some() && parts.all(|part| self.number(part)))
    }

    /// Whether there are so many lines, or rows that a word of the task is in: what a model may count
    /// by itself.
    fn counted(&self, wanted: f64) -> bool {
        let count = |text: &String| {
            let lines = text.lines().filter(|line| !line.trim().is_empty()).count();
            [lines, lines.saturating_sub(1)].into_iter().any(|lines| lines as f64 == wanted)
        };
        wanted >= 0.0
            && (self.texts.iter().any(count) || self.rows.named().any(|rows| rows as f64 == wanted))
    }

    fn text(&self, wanted: &str) -> bool {
        if self.texts.is_empty() {
            return false;
        }
        let wanted_plain = plain(wanted);
        if wanted_plain.is_empty() || self.plain.contains(&wanted_plain) {
            return true;
        }
        let digits: String = wanted.chars().filter(char::is_ascii_digit).collect();
        let known = digits.len() > 4 && self.digits.contains(&digits);
        // A month may be written in letters.
        let numbers_known = match date(wanted) {
            Some((year, day)) => self.number(year) && self.number(day),
            None => written(wanted).iter().all(|number| self.says(number)),
        };
        if !known && !numbers_known {
            return false;
        }
        let words = rank::words(wanted);
        // Where no space parts words, each is counted as the pairs of its letters.
        let each = if wanted.contains(is_dense) { 3 } else { 1 };
        if words.len() > each * SHORT {
            return true;
        }
        let named: Vec<&String> =
            words.iter().filter(|word| !word.starts_with(|c: char| c.is_ascii_digit())).collect();
        let held = named.iter().filter(|word| self.word(word)).count();
        2 * held >= named.len()
    }

    /// Whether a word stands somewhere, or one that begins like it.
    fn word(&self, word: &str) -> bool {
        if self.words.contains(word) {
            return true;
        }
        let stem: String =
            word.chars().take(word.chars().count().saturating_sub(2).max(4)).collect();
        stem.chars().count() >= 4 && self.words.iter().any(|own| own.starts_with(&stem))
    }
}

/// Where in an answer a value stands that nothing supports: a JSON pointer, and the value.
pub(super) type Unsupported = (String, Value);

/// The values of an answer that the evidence does not support.
pub(super) fn unsupported(schema: &Value, value: &Value, evidence: &Evidence) -> Vec<Unsupported> {
    let mut found = Vec::new();
    look(schema, value, evidence, String::new(), &mut found);
    found
}

fn look(
    schema: &Value,
    value: &Value,
    evidence: &Evidence,
    at: String,
    found: &mut Vec<Unsupported>,
) {
    let judged = ["enum", "const"].iter().any(|key| schema.get(*key).is_some());
    // A source is checked by itself.
    if judged || schema["format"] == "source" {
        return;
    }
    let supported = match value {
        Value::Number(number) => number.as_f64().is_none_or(|number| evidence.number(number)),
        Value::String(text) => nothing(text) || (fits(&at, text) && evidence.text(text)),
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                look(&schema["items"], item, evidence, format!("{at}/{place}"), found);
            }
            true
        }
        Value::Object(map) => {
            for (key, value) in map {
                let key_at = key.replace('~', "~0").replace('/', "~1");
                let schema = match schema["properties"].get(key) {
                    Some(schema) => schema,
                    None => &schema["additionalProperties"],
                };
                look(schema, value, evidence, format!("{at}/{key_at}"), found);
            }
            true
        }
        Value::Null | Value::Bool(_) => true,
    };
    if !supported {
        found.push((at, value.clone()));
    }
}

/// Whether a text can be what its field is called: a small model puts a date where a telephone number
/// is asked for.
fn fits(at: &str, text: &str) -> bool {
    let field = at.rsplit('/').find(|key| key.parse::<usize>().is_err()).unwrap_or_default();
    let field = field.to_lowercase();
    let named = |names: &[&str]| names.iter().any(|name| field.ends_with(name));
    if named(&["phone", "phone_number", "mobile", "fax"]) {
        let digits = text.chars().filter(char::is_ascii_digit).count();
        let letters = text.chars().filter(|c| c.is_alphabetic()).count();
        return digits >= 5 && 2 * letters <= digits;
    }
    if named(&["email", "e_mail", "e-mail"]) {
        return text.contains('@');
    }
    !named(&["url", "website", "homepage"]) || (text.contains('.') && !text.contains(' '))
}

/// The fields of an answer that say that there is nothing.
pub(super) fn unknown(value: &Value) -> Vec<String> {
    let empty = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => nothing(text),
        _ => false,
    };
    let fields = value.as_object().into_iter().flatten();
    fields.filter(|(_, value)| empty(value)).map(|(name, _)| name.clone()).collect()
}

/// The answer with null or "not found" where nothing supports a value, or without it; `None` where
/// the schema allows neither, or nothing would be left of a list.
pub(super) fn without(schema: &Value, value: &Value, left: &[Unsupported]) -> Option<Value> {
    let mut answer = value.clone();
    // Items of a list go from the end, so that places before them stay what they were.
    for (at, _) in left.iter().rev() {
        let replaced =
            [Some(Value::Null), Some(json!(NOT_FOUND)), None].into_iter().find_map(|by| {
                let mut tried = answer.clone();
                put(&mut tried, at, by)?;
                schema::check(schema, &tried).is_ok().then_some(tried)
            });
        answer = replaced?;
    }
    Some(answer)
}

fn put(value: &mut Value, at: &str, by: Option<Value>) -> Option<()> {
    let Some(by) = by else {
        let (parent, key) = at.rsplit_once('/')?;
        match value.pointer_mut(parent)? {
            Value::Object(map) => {
                map.shift_remove(&key.replace("~1", "/").replace("~0", "~"))?;
            }
            Value::Array(items) if items.len() > 1 => {
                items.remove(key.parse::<usize>().ok().filter(|place| *place < items.len())?);
            }
            _ => return None,
        }
        return Some(());
    };
    *value.pointer_mut(at)? = by;
    Some(())
}

/// The schema in which those values can only be what was observed, null or "not found".
pub(super) fn offered(schema: &Value, left: &[Unsupported], evidence: &Evidence) -> Value {
    let mut schema = schema.clone();
    for (at, value) in left {
        if let Some(Value::Object(there)) = place(&mut schema, at) {
            narrow(there, at, value, evidence);
        }
    }
    schema
}

/// The part of a schema that describes the value at a pointer, where no reference is in the way.
fn place<'a>(schema: &'a mut Value, at: &str) -> Option<&'a mut Value> {
    let mut there = schema;
    for key in at.split('/').skip(1) {
        let key = key.replace("~1", "/").replace("~0", "~");
        there = match there.get("items").is_some() {
            true => there.get_mut("items")?,
            false => there.get_mut("properties")?.get_mut(&key)?,
        };
    }
    Some(there)
}

fn narrow(schema: &mut Map<String, Value>, at: &str, value: &Value, evidence: &Evidence) {
    let own = Value::Object(schema.clone());
    let mut values: Vec<Value> = match value {
        Value::Number(_) => evidence.numbers.iter().filter_map(|number| whole(*number)).collect(),
        _ => {
            let texts = evidence.texts.iter().flat_map(|text| values(text));
            texts.filter(|text| fits(at, text)).map(Value::from).collect()
        }
    };
    values.truncate(OFFERED);
    values.extend([Value::Null, json!(NOT_FOUND)]);
    values.retain(|value| schema::check(&own, value).is_ok());
    values.dedup();
    if !values.is_empty() {
        *schema = Map::from_iter([("enum".to_string(), Value::Array(values))]);
    }
}

/// The texts among the values of a JSON result; of any other, what its parts are.
pub(super) fn values(text: &str) -> Vec<String> {
    fn leaves(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::String(text) if !text.is_empty() && text.chars().count() <= LONGEST => {
                found.push(text.clone());
            }
            Value::Array(items) => items.iter().for_each(|item| leaves(item, found)),
            Value::Object(fields) => fields.values().for_each(|value| leaves(value, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    match serde_json::from_str::<Value>(text) {
        Ok(value @ (Value::Object(_) | Value::Array(_))) => leaves(&value, &mut found),
        _ => found = spans(text),
    }
    found
}

/// Values that stand in a text: lines, cells, what follows a colon, what is in quotes.
fn spans(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut add = |span: &str| {
        let span = span.trim().trim_matches(['"', '\'', ',', ';', '*', '`']).trim();
        let fits = !span.is_empty() && span.chars().count() <= LONGEST;
        if fits && !found.iter().any(|had| had == span) && found.len() < OFFERED {
            found.push(span.to_string());
        }
    };
    for line in text.lines() {
        for (at, _) in line.match_indices(": ") {
            add(&line[at + 2..]);
        }
        line.split(['"', '|', '\t', ';']).chain(line.split(',')).for_each(&mut add);
        add(line);
    }
    found
}

/// A text without what tells two spellings of it apart.
fn plain(text: &str) -> String {
    let letters: String =
        text.to_lowercase().chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
    letters.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether an answer says nothing: no more than that it is not there, or of each thing that it is null.
pub(super) fn says_nothing(text: &str) -> bool {
    let mut sentences =
        text.split(['.', '!', '?', '\n']).map(plain).filter(|said| !said.is_empty());
    let empty = |said: String| {
        let null = said.split(' ').any(|word| word == "null");
        null || said.ends_with(" is not found") || said.ends_with(" are not found")
    };
    nothing(text) || sentences.all(empty)
}

/// Whether a text says that there is nothing.
pub(super) fn nothing(text: &str) -> bool {
    let said = plain(text);
    ["not found", "none", "unknown", "n a", "null", "nothing", ""].contains(&said.as_str())
        || said.starts_with("not found")
}

#[cfg(test)]
mod tests {
    use super::*;

    const INVOICE: &str = "Invoice 2031-114\nFrom: Moinho & Filhos, Lda.\nDate: 3 March 2031\n\
                           Total: 1.234,50 EUR\nPhone +351 21 555 0199\n";

    fn evidence() -> Evidence {
        Evidence::of([], [INVOICE].into_iter())
    }

    #[test]
    fn what_stands_there_is_supported() {
        let evidence = evidence();
        for number in [1234.5, 2031.0, 114.0, 3.0] {
            assert!(evidence.number(number), "{number}");
        }
        for text in [
            "Moinho & Filhos, Lda.",
            "moinho & filhos",
            "2031-03-03",
            "+351215550199",
            "EUR 1234.50",
            "not found",
        ] {
            assert!(nothing(text) || evidence.text(text), "{text}");
        }
    }

    #[test]
    fn what_does_not_is_not() {
        let evidence = evidence();
        for number in [12345.0, 999.0, 0.37] {
            assert!(!evidence.number(number), "{number}");
        }
        for text in ["Vendor Inc", "2031-03-17", "+351 21 555 0100", "USD 99"] {
            assert!(!evidence.text(text), "{text}");
        }
    }

    #[test]
    fn sums_of_columns_and_counts_are_worked_out() {
        let table = "name,count\na,17\nb,25\nc,101\n";
        let evidence = Evidence::of([], [table].into_iter());
        assert!(evidence.number(143.0) && evidence.number(3.0) && evidence.number(42.0));
        assert!(!evidence.number(144.0));
    }

    #[test]
    fn an_answer_of_nulls_says_nothing() {
        for empty in [
            "",
            "Not found.",
            "null",
            "The rent is null. The deposit is null.\n",
            "The phone number of Tom Reed is not found.",
        ] {
            assert!(says_nothing(empty), "{empty}");
        }
        for full in [
            "The rent is 700 euros. The deposit is null.",
            "Nobody wrote a.txt: it was not found in March.",
            "The state is `annulled`.",
        ] {
            assert!(!says_nothing(full), "{full}");
        }
    }

    #[test]
    fn what_is_not_supported_is_left_out() {
        let schema = json!({"type": "object", "required": ["vendor", "total"], "properties": {
            "vendor": {"type": "string"}, "total": {"type": ["number", "null"]},
            "kind": {"enum": ["bill", "letter"]}, "notes": {"type": "array", "items": {"type": "string", "minLength": 12}}}});
        let value = json!({"vendor": "Acme Corp", "total": 77.25, "kind": "letter",
            "notes": ["Phone +351 21 555 0199", "Ring the bell twice"]});
        let left = unsupported(&schema, &value, &evidence());
        let at: Vec<&str> = left.iter().map(|(at, _)| at.as_str()).collect();
        assert_eq!(at, ["/vendor", "/total", "/notes/1"]);
        let expected = json!({"vendor": NOT_FOUND, "total": null, "kind": "letter",
            "notes": ["Phone +351 21 555 0199"]});
        assert_eq!(without(&schema, &value, &left), Some(expected));
        let strict = json!({"type": "object", "required": ["total"],
            "properties": {"total": {"type": "number"}}});
        let list = json!({"type": "object", "properties": {"totals": {"type": "array",
            "items": {"type": "number"}}}});
        let value = json!({"totals": [77.25, 78.25]});
        assert_eq!(without(&list, &value, &unsupported(&list, &value, &evidence())), None);
        let value = json!({"total": 77.25});
        let left = unsupported(&strict, &value, &evidence());
        assert_eq!(without(&strict, &value, &left), None);
        let offered = offered(&strict, &left, &evidence());
        let numbers =
            offered["properties"]["total"]["enum"].as_array().cloned().unwrap_or_default();
        assert!(numbers.contains(&json!(1234.5)) && !numbers.contains(&Value::Null));
    }

    #[test]
    fn a_value_is_what_its_field_is_called() {
        for (at, text) in
            [("/phone", "+351 21 555 0199"), ("/office_email", "a@b"), ("/name", "3 May")]
        {
            assert!(fits(at, text), "{at} {text}");
        }
        for (at, text) in [
            ("/phone", "3 March"),
            ("/phone", "10 marzo 2033"),
            ("/office_email", "Ana"),
            ("/links/0/url", "the page"),
        ] {
            assert!(!fits(at, text), "{at} {text}");
        }
    }

    #[test]
    fn a_decoder_is_offered_values() {
        let spans = values("From: Moinho, Lda.\nid: \"A-7\"");
        for span in ["Moinho, Lda.", "A-7", "From: Moinho"] {
            assert!(spans.iter().any(|have| have == span), "{span} of {spans:?}");
        }
        assert_eq!(values("{\"id\":\"A-7\",\"who\":[\"Ana\"],\"n\":1}"), ["A-7", "Ana"]);
    }
}
