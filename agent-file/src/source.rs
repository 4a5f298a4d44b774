//! The text of an agent file, and where in it each value was written. TOML becomes JSON here, so
//! that one schema, one set of types and one kind of pointer serve everything after it.

use std::collections::HashMap;
use std::ops::Range;

use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Place, Problem};
use text::utf8;

/// The longest agent file, in bytes.
pub(super) const LONGEST: usize = 1 << 20;

/// An agent file that is TOML.
pub(super) struct Source {
    pub(super) text: String,
    /// The file as JSON. Where a value has no JSON form there is null, and a problem.
    pub(super) value: Value,
    spans: HashMap<String, Span>,
}

#[derive(Clone, Default)]
struct Span {
    key: Option<Range<usize>>,
    value: Range<usize>,
}

impl Source {
    /// The text and what is wrong with it. Without a source there is at least one problem.
    pub(super) fn read(bytes: &[u8]) -> (String, Option<Source>, Vec<Problem>) {
        let text = match utf8::of(bytes) {
            Ok(text) => text.to_string(),
            Err(error) => {
                let (at, bytes) = (error.at, utf8::unmarked(bytes));
                let text = String::from_utf8_lossy(bytes).into_owned();
                let byte = bytes.get(at).copied().unwrap_or_default();
                let message = match error.utf16 {
                    true => error.to_string(),
                    false => format!("not UTF-8: byte 0x{byte:02x} cannot be here"),
                };
                let mut problem = Problem::new(Place::Span(at..at + 3), message);
                problem.hint("save the file as UTF-8");
                return (text, None, vec![problem]);
            }
        };
        if let Some(at) = text.find('\0') {
            let mut problem = Problem::new(Place::Span(at..at + 1), "a NUL byte");
            problem.hint("an agent file is text: remove it");
            return (text, None, vec![problem]);
        }
        let (table, errors) = DeTable::parse_recoverable(&text);
        if !errors.is_empty() {
            let mut problems: Vec<Problem> = Vec::new();
            let mut line_end = 0;
            for error in &errors {
                // After the first on a line the parser only stumbles on.
                let at = error.span().map_or(0, |span| span.start.min(text.len()));
                if problems.is_empty() || at > line_end {
                    problems.push(syntax(error, &text));
                    line_end = text
                        .get(at..)
                        .and_then(|rest| rest.find('\n'))
                        .map_or(text.len(), |end| at + end);
                }
            }
            return (text, None, problems);
        }
        let mut reader = Reader::default();
        let value = reader.table(String::new(), table.get_ref());
        let source = Source { text: text.clone(), value, spans: reader.spans };
        (text, Some(source), reader.problems)
    }

    /// The place of the value at this JSON pointer, or of what holds it where it has none.
    pub(super) fn value(&self, pointer: &str) -> Place {
        match self.near(pointer) {
            Some(span) => Place::Span(span.value.clone()),
            None => Place::File,
        }
    }

    /// The place of the key at this JSON pointer; of the value where it has none.
    pub(super) fn key(&self, pointer: &str) -> Place {
        match self.near(pointer) {
            Some(span) => Place::Span(span.key.clone().unwrap_or_else(|| span.value.clone())),
            None => Place::File,
        }
    }

    /// The place of a part of the string at this pointer, where the string stands in the text as
    /// it is; else of the string.
    pub(super) fn part(&self, pointer: &str, part: Range<usize>) -> Place {
        let whole = self.value(pointer);
        let (Place::Span(span), Some(string)) =
            (&whole, self.value.pointer(pointer).and_then(Value::as_str))
        else {
            return whole;
        };
        match self.text.get(span.clone()).and_then(|raw| raw.find(string)) {
            Some(at) => Place::Span(span.start + at + part.start..span.start + at + part.end),
            None => whole,
        }
    }

    fn near(&self, pointer: &str) -> Option<&Span> {
        let mut pointer = pointer;
        loop {
            if let Some(span) = self.spans.get(pointer) {
                return Some(span);
            }
            pointer = &pointer[..pointer.rfind('/')?];
        }
    }
}

/// The pointer of what is called `key` in what is at `pointer`.
pub(super) fn child(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// What the parser says, in plainer words where a slip is common.
fn syntax(error: &toml::de::Error, text: &str) -> Problem {
    let span = error.span().unwrap_or_default();
    let written = text.get(span.clone()).unwrap_or_default();
    let message = error.message().lines().next().unwrap_or_default();
    let before = text.get(..span.start).unwrap_or_default();
    let line = &before[before.rfind('\n').map_or(0, |at| at + 1)..];
    let line = text.get(span.start - line.len()..).and_then(|rest| rest.lines().next());
    let line = line.unwrap_or_default();
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let (message, hint) = if message.starts_with("duplicate key") {
        let key = super::problem::shortened(written);
        (format!("`{key}` is there twice"), Some("keep one of the two".to_string()))
    } else if message.contains("string, expected `\"`") || message.contains("string, expected `'`")
    {
        let hint =
            "close it with a quotation mark; several lines stand between `\"\"\"` and `\"\"\"`";
        ("not TOML: a string without an end".to_string(), Some(hint.to_string()))
    } else if message.starts_with("missing comma") && line.trim_start().starts_with(written) {
        let hint = "or a `]` is missing before this line";
        (format!("not TOML: {message}"), Some(hint.to_string()))
    } else if message.starts_with("string values must be quoted") {
        let rest = line.split_once('=').map_or("", |(_, rest)| rest).trim();
        let rest = rest.split(" #").next().unwrap_or_default().trim_end();
        let secret = line.contains("api_key") || line.contains("secret");
        let hint = match secret {
            true => "name an environment variable, in quotation marks".to_string(),
            false => format!("write `\"{}\"`", super::problem::shortened(rest)),
        };
        ("not TOML: text needs quotation marks".to_string(), Some(hint))
    } else {
        let yaml = line
            .trim_start()
            .split_once(':')
            .filter(|(key, _)| !key.is_empty() && key.trim_end().chars().all(word));
        let hint = yaml.map(|(key, _)| format!("in TOML it is `{} = …`", key.trim_end()));
        (format!("not TOML: {message}"), hint)
    };
    let mut problem = Problem::new(error.span().map_or(Place::File, Place::Span), message);
    problem.hint = hint;
    problem
}

#[derive(Default)]
struct Reader {
    spans: HashMap<String, Span>,
    problems: Vec<Problem>,
}

impl Reader {
    fn table(&mut self, pointer: String, table: &DeTable<'_>) -> Value {
        let mut entries: Vec<_> = table.iter().collect();
        // The parser sorts by name; people expect their own order, in an output schema most.
        entries.sort_by_key(|(key, _)| key.span().start);
        let mut object = Map::new();
        for (key, value) in entries {
            if key.get_ref().contains('\0') {
                self.nul(key.span());
            }
            let pointer = child(&pointer, key.get_ref());
            let json = self.value(pointer, Some(key.span()), value);
            object.insert(key.get_ref().to_string(), json);
        }
        Value::Object(object)
    }

    fn value(
        &mut self,
        pointer: String,
        key: Option<Range<usize>>,
        value: &Spanned<DeValue<'_>>,
    ) -> Value {
        let span = value.span();
        self.spans.insert(pointer.clone(), Span { key, value: span.clone() });
        match value.get_ref() {
            DeValue::String(text) => {
                if text.contains('\0') {
                    self.nul(span);
                }
                Value::String(text.to_string())
            }
            DeValue::Boolean(value) => Value::Bool(*value),
            DeValue::Integer(integer) => {
                match i64::from_str_radix(integer.as_str(), integer.radix()) {
                    Ok(integer) => Value::from(integer),
                    Err(_) => self.refuse(span, format!("`{integer}` is too large a number")),
                }
            }
            DeValue::Float(float) => {
                let number = float.as_str().parse::<f64>().ok().and_then(Number::from_f64);
                number.map_or_else(
                    || self.refuse(span, format!("`{float}` is no number to work with")),
                    Value::Number,
                )
            }
            DeValue::Datetime(date) => {
                let null = self.refuse(span, format!("a date, `{date}`, cannot be here"));
                if let Some(problem) = self.problems.last_mut() {
                    problem.hint(format!("write it as text, `\"{date}\"`"));
                }
                null
            }
            DeValue::Array(items) => {
                let items = items.iter().enumerate();
                let items =
                    items.map(|(at, item)| self.value(format!("{pointer}/{at}"), None, item));
                Value::Array(items.collect())
            }
            DeValue::Table(table) => self.table(pointer, table),
        }
    }

    fn nul(&mut self, span: Range<usize>) {
        let mut problem = Problem::new(Place::Span(span), "a NUL character");
        problem.hint("remove the escape that makes it");
        self.problems.push(problem);
    }

    fn refuse(&mut self, span: Range<usize>, message: String) -> Value {
        self.problems.push(Problem::new(Place::Span(span), message));
        Value::Null
    }
}
