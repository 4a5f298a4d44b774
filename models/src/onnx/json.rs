//! JSON as Python writes it, which is how models saw it in training: one line, a space after
//! each comma and colon, every character as itself. Also how JSON reaches a template without
//! losing the order of its keys.

use std::fmt::Write;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, Value as Jinja, ValueKind};
use serde_json::Value;

/// Between two items.
pub(super) const ITEMS: &str = ", ";
/// Between a key and its value.
pub(super) const KEY: &str = ": ";

/// `json.dumps(value, ensure_ascii=False)`.
pub(super) fn python(value: &Value) -> String {
    dumps(&jinja(value), None)
}

/// A JSON value for a template, keys in their order.
pub(super) fn jinja(value: &Value) -> Jinja {
    match value {
        Value::Null => Jinja::from(()),
        Value::Bool(flag) => Jinja::from(*flag),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => Jinja::from(whole),
            (None, Some(whole)) => Jinja::from(whole),
            _ => Jinja::from(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => Jinja::from(text.as_str()),
        Value::Array(items) => items.iter().map(jinja).collect(),
        Value::Object(map) => Jinja::from_object(Record(
            map.iter().map(|(key, value)| (key.clone(), jinja(value))).collect(),
        )),
    }
}

/// A map that keeps its order.
#[derive(Debug)]
struct Record(Vec<(String, Jinja)>);

impl Object for Record {
    fn get_value(self: &Arc<Self>, key: &Jinja) -> Option<Jinja> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Jinja> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.0.iter().map(|(name, _)| Jinja::from(name.as_str())).collect())
    }
}

/// The `tojson` filter of Hugging Face's chat templates.
pub(super) fn dumps(value: &Jinja, indent: Option<usize>) -> String {
    let mut out = String::new();
    write(&mut out, value, indent, 0);
    out
}

fn write(out: &mut String, value: &Jinja, indent: Option<usize>, depth: usize) {
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => out.push_str("null"),
        ValueKind::String => out.push_str(&quoted(value.as_str().unwrap_or_default())),
        ValueKind::Seq | ValueKind::Iterable => {
            let items: Vec<Jinja> = value.try_iter().map(Iterator::collect).unwrap_or_default();
            block(out, ['[', ']'], items.len(), indent, depth, |out, place| {
                write(out, &items[place], indent, depth + 1);
            });
        }
        ValueKind::Map => {
            let keys: Vec<Jinja> = value.try_iter().map(Iterator::collect).unwrap_or_default();
            block(out, ['{', '}'], keys.len(), indent, depth, |out, place| {
                let key = &keys[place];
                out.push_str(&quoted(&key.to_string()));
                out.push_str(KEY);
                write(out, &value.get_item(key).unwrap_or_default(), indent, depth + 1);
            });
        }
        // Booleans and numbers print as JSON does.
        _ => {
            let _ = write!(out, "{value}");
        }
    }
}

fn block(
    out: &mut String,
    [open, close]: [char; 2],
    length: usize,
    indent: Option<usize>,
    depth: usize,
    mut item: impl FnMut(&mut String, usize),
) {
    let newline = |out: &mut String, depth: usize| {
        if let Some(width) = indent {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', width * depth));
        }
    };
    out.push(open);
    for place in 0..length {
        if place > 0 {
            out.push_str(if indent.is_some() { "," } else { ITEMS });
        }
        newline(out, depth + 1);
        item(out, place);
    }
    if length > 0 {
        newline(out, depth);
    }
    out.push(close);
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_is_written_as_python_writes_it() {
        let value = json!({"z": [1, 2.5, true, null, []], "a": {"é\n": "<\"'>"}, "e": {}});
        assert_eq!(
            python(&value),
            r#"{"z": [1, 2.5, true, null, []], "a": {"é\n": "<\"'>"}, "e": {}}"#
        );
        assert_eq!(
            dumps(&jinja(&json!({"b": [1], "a": 1.0})), Some(2)),
            "{\n  \"b\": [\n    1\n  ],\n  \"a\": 1.0\n}"
        );
    }
}
