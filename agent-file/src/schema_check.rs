//! The shape of an agent file: its keys and the types of their values, held against the JSON
//! Schema that [`AgentFile`](super::AgentFile) itself gives. What does not fit is reported and
//! taken out, so that everything else can still be checked.

use serde_json::{Map, Number, Value};

use super::problem::{Problem, shortened};
use super::source::{Source, child};
use super::suggest;

/// Reports what does not fit, and gives back what does.
pub(super) fn fit(schema: &Value, source: &Source, problems: &mut Vec<Problem>) -> Value {
    let mut fitting = Fitting { root: schema, source, problems };
    fitting.value(schema, "", &source.value).unwrap_or_default()
}

struct Fitting<'a> {
    root: &'a Value,
    source: &'a Source,
    problems: &'a mut Vec<Problem>,
}

impl<'a> Fitting<'a> {
    fn value(&mut self, schema: &'a Value, pointer: &str, value: &Value) -> Option<Value> {
        let schema = self.resolved(schema);
        if value.is_null() {
            // TOML has no null: this had no JSON form and was reported.
            return None;
        }
        if let Some(words) = words(schema) {
            return self.word(&words, pointer, value);
        }
        let Some(expected) = schema.get("type").and_then(Value::as_str) else {
            return Some(value.clone());
        };
        match (expected, value) {
            ("object", Value::Object(table)) => Some(self.table(schema, pointer, table)),
            ("array", Value::Array(items)) => {
                let item = schema.get("items").unwrap_or(&Value::Null);
                let items = items.iter().enumerate();
                let fitting =
                    items.filter_map(|(at, v)| self.value(item, &format!("{pointer}/{at}"), v));
                Some(Value::Array(fitting.collect()))
            }
            ("string", Value::String(text)) => self.text(schema, pointer, text),
            ("integer", Value::Number(number)) if !number.is_f64() => {
                self.number(schema, pointer, number)
            }
            ("number", Value::Number(number)) => self.number(schema, pointer, number),
            ("boolean", Value::Bool(_)) => Some(value.clone()),
            _ => {
                let message = format!(
                    "{} must be {}, not {}",
                    named(pointer),
                    article(expected),
                    kind_of(value)
                );
                // What is written for `secrets` may be one.
                let hint = match pointer.ends_with("/secrets") {
                    true => shown_example(schema).map(|example| format!("for example `{example}`")),
                    false => instead(schema, expected, value),
                };
                self.at_value(pointer, message, hint);
                None
            }
        }
    }

    fn table(&mut self, schema: &'a Value, pointer: &str, table: &Map<String, Value>) -> Value {
        let none = Map::new();
        let properties = schema.get("properties").and_then(Value::as_object);
        let others = schema.get("additionalProperties").filter(|others| others.is_object());
        let mut fitting = Map::new();
        for (key, value) in table {
            let pointer = child(pointer, key);
            let schema = properties.and_then(|properties| properties.get(key)).or(others);
            match schema {
                Some(schema) => {
                    if let Some(value) = self.value(schema, &pointer, value) {
                        fitting.insert(key.clone(), value);
                    }
                }
                // Any table at all, such as an output schema.
                None if properties.is_none() => {
                    fitting.insert(key.clone(), value.clone());
                }
                None => self.unknown(&pointer, key, properties.unwrap_or(&none)),
            }
        }
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        for key in required.filter_map(Value::as_str).filter(|key| !table.contains_key(*key)) {
            let property = properties.and_then(|properties| properties.get(key));
            let property = property.map(|property| self.resolved(property));
            let hint = property.map_or_else(
                || format!("add `{key} = …`"),
                |property| match (words(property), shown_example(property)) {
                    (Some(words), _) => {
                        format!("add `{key} = \"…\"`, one of {}", suggest::list(&words))
                    }
                    (None, Some(example)) => format!("add `{key} = {example}`"),
                    (None, None) => format!("add `{key} = …`, {}", described(property)),
                },
            );
            let message = match section(pointer) {
                Some(section) => format!("`{section}` has no `{key}`"),
                None => format!("there is no `{key}`"),
            };
            let mut problem = Problem::new(self.source.key(pointer), message);
            problem.hint(hint);
            self.problems.push(problem);
        }
        Value::Object(fitting)
    }

    fn unknown(&mut self, pointer: &str, key: &str, properties: &Map<String, Value>) {
        let parent = &pointer[..pointer.rfind('/').unwrap_or_default()];
        let mut problem = Problem::new(
            self.source.key(pointer),
            match section(parent) {
                Some(section) => format!("unknown key `{}` in `{section}`", shortened(key)),
                None => format!("unknown key `{}`", shortened(key)),
            },
        );
        let near = suggest::nearest(key, properties.keys().map(String::as_str));
        problem.hint(match (near, self.home(key)) {
            (Some(near), home) if near != key && home.is_none() => {
                format!("did you mean `{near}`?")
            }
            (_, Some("")) => {
                format!("`{key}` belongs at the top of the file, before the first `[table]`")
            }
            (_, Some(home)) => format!("`{key}` belongs in `[{home}]`"),
            (Some(near), None) => format!("did you mean `{near}`?"),
            (None, None) => suggest::hint(key, properties.keys().map(String::as_str)),
        });
        self.problems.push(problem);
    }

    /// The table in which there is such a key, empty for the top; `None` where there is none.
    fn home(&self, key: &str) -> Option<&'a str> {
        let top = self.root.get("properties")?.as_object()?;
        if top.contains_key(key) {
            return Some("");
        }
        let holds = |table: &'a Value| {
            let properties = self.resolved(table).get("properties").and_then(Value::as_object);
            properties.is_some_and(|properties| properties.contains_key(key))
        };
        top.iter().find(|(_, table)| holds(table)).map(|(name, _)| name.as_str())
    }

    fn word(&mut self, words: &[&str], pointer: &str, value: &Value) -> Option<Value> {
        if let Some(text) = value.as_str() {
            if words.contains(&text) {
                return Some(value.clone());
            }
            let message = format!("unknown {} `{}`", noun(pointer), shortened(text));
            let near = suggest::nearest(text, words.iter().copied());
            let hint = match near {
                Some(near) => {
                    format!("did you mean `{near}`? it is one of {}", suggest::list(words))
                }
                None => format!("it is one of {}", suggest::list(words)),
            };
            self.at_value(pointer, message, Some(hint));
        } else {
            let message = format!("{} must be a string, not {}", named(pointer), kind_of(value));
            let hint = format!("it is one of {}", suggest::list(words));
            self.at_value(pointer, message, Some(hint));
        }
        None
    }

    fn text(&mut self, schema: &Value, pointer: &str, text: &str) -> Option<Value> {
        let length = text.chars().count() as u64;
        let limit = |key| schema.get(key).and_then(Value::as_u64);
        if limit("minLength").is_some_and(|least| length < least) || {
            limit("minLength").is_some() && text.trim().is_empty()
        } {
            let hint = shown_example(schema).map(|example| format!("for example `{example}`"));
            self.at_value(pointer, format!("{} is empty", named(pointer)), hint);
            return None;
        }
        if let Some(most) = limit("maxLength").filter(|most| length > *most) {
            let message = format!("{} has {length} characters, at most {most} fit", named(pointer));
            self.at_value(pointer, message, None);
            return None;
        }
        Some(Value::from(text))
    }

    fn number(&mut self, schema: &Value, pointer: &str, number: &Number) -> Option<Value> {
        let value = number.as_f64().unwrap_or_default();
        let past = |key: &str, past: fn(f64, f64) -> bool| {
            schema.get(key).filter(|limit| limit.as_f64().is_some_and(|limit| past(value, limit)))
        };
        let wanted = if let Some(least) = past("exclusiveMinimum", |value, limit| value <= limit) {
            format!("above {}", plain(least))
        } else if let Some(least) = past("minimum", |value, limit| value < limit) {
            format!("at least {}", plain(least))
        } else if let Some(most) = past("maximum", |value, limit| value > limit) {
            format!("at most {}", plain(most))
        } else {
            return Some(Value::Number(number.clone()));
        };
        let message = format!("{} must be {wanted}, not {number}", named(pointer));
        self.at_value(pointer, message, None);
        None
    }

    fn at_value(&mut self, pointer: &str, message: String, hint: Option<String>) {
        let mut problem = Problem::new(self.source.value(pointer), message);
        problem.hint = hint;
        self.problems.push(problem);
    }

    /// The schema behind a `$ref`.
    fn resolved(&self, schema: &'a Value) -> &'a Value {
        let reference = schema.get("$ref").and_then(Value::as_str);
        let target = reference.and_then(|r| self.root.pointer(r.trim_start_matches('#')));
        target.unwrap_or(schema)
    }
}

/// The words that a value must be one of.
fn words(schema: &Value) -> Option<Vec<&str>> {
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        return words.iter().map(Value::as_str).collect();
    }
    let words = schema.get("oneOf")?.as_array()?.iter();
    words.map(|word| word.get("const").and_then(Value::as_str)).collect()
}

/// The table at this pointer, as its header is written: `[budget]`, `[[tools.component]]`.
fn section(pointer: &str) -> Option<String> {
    let pointer = pointer.strip_prefix('/')?;
    let named = |path: &str| path.replace('/', ".").replace("~1", "/");
    Some(match pointer.rsplit_once('/') {
        Some((list, at)) if at.parse::<usize>().is_ok() => format!("[[{}]]", named(list)),
        _ => format!("[{}]", named(pointer)),
    })
}

fn named(pointer: &str) -> String {
    let mut parts = pointer.rsplit('/');
    match (parts.next(), parts.next()) {
        (Some(at), Some(list)) if at.parse::<usize>().is_ok() => format!("an entry of `{list}`"),
        (Some(key), _) if !key.is_empty() => format!("`{}`", shortened(key)),
        _ => "the file".to_string(),
    }
}

fn noun(pointer: &str) -> &str {
    match pointer.rsplit('/').next().unwrap_or_default() {
        "type" => "parameter type",
        "act" => "way to act",
        key => key,
    }
}

fn article(kind: &str) -> &'static str {
    match kind {
        "object" => "a table",
        "array" => "a list",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "`true` or `false`",
        _ => "a string",
    }
}

/// What a value is, in TOML's words.
pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Object(_) => "a table",
        Value::Array(_) => "a list",
        Value::Number(number) if number.is_f64() => "a fraction",
        Value::Number(_) => "a whole number",
        Value::Bool(_) => "a truth value",
        Value::String(_) => "a string",
        Value::Null => "nothing",
    }
}

/// `1000000.0` reads better without its fraction.
fn plain(limit: &Value) -> String {
    limit.as_f64().map(|limit| limit.to_string()).unwrap_or_default()
}

fn shown_example(schema: &Value) -> Option<String> {
    schema.get("examples")?.as_array()?.first().map(Value::to_string)
}

fn described(schema: &Value) -> String {
    let description = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    let end = description.find(['.', ':']).unwrap_or(description.len());
    description[..end].replace('\n', " ").to_lowercase()
}

/// What to write instead of a value of the wrong type.
fn instead(schema: &Value, expected: &str, value: &Value) -> Option<String> {
    match (expected, value) {
        ("array", Value::String(text)) => {
            Some(format!("write `[{}]`", Value::from(shortened(text))))
        }
        ("integer" | "number" | "boolean", Value::String(text)) => {
            let plain = text.trim().replace(',', "");
            let fits = match expected {
                "integer" => plain.parse::<i64>().is_ok(),
                "number" => plain.parse::<f64>().is_ok_and(f64::is_finite),
                _ => matches!(plain.as_str(), "true" | "false"),
            };
            fits.then(|| format!("write `{plain}`, without quotes"))
        }
        _ => shown_example(schema).map(|example| format!("for example `{example}`")),
    }
}
