//! Citations that cannot be made up: a string with `"format": "source"` in an output schema is a
//! file or page that the run has read. A local model's decoder is offered nothing else, and the
//! host checks every answer.

use serde_json::{Value, json};

const FORMAT: &str = "source";

/// The schema with every source narrowed to these: what a decoder holds an answer to.
pub fn narrowed(schema: &Value, sources: &[String]) -> Value {
    let mut schema = schema.clone();
    narrow(&mut schema, sources);
    schema
}

fn narrow(schema: &mut Value, sources: &[String]) {
    match schema {
        Value::Object(map) if is_source(map.get("format")) => {
            map.remove("format");
            if !sources.is_empty() {
                map.insert("enum".to_string(), json!(sources));
            }
        }
        Value::Object(map) => {
            let listed = map.get("items").is_some_and(|items| is_source(items.get("format")));
            if listed && !sources.is_empty() {
                // No grammar can say "each once", but it can say how many there are.
                let most = map.get("maxItems").and_then(Value::as_u64).unwrap_or(u64::MAX);
                map.insert("maxItems".to_string(), json!(most.min(sources.len() as u64)));
            }
            map.values_mut().for_each(|value| narrow(value, sources));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| narrow(item, sources)),
        _ => {}
    }
}

/// Whether an answer can be given: one that must cite needs something that was read.
pub(crate) fn answerable(schema: &Value, sources: &[String]) -> bool {
    !sources.is_empty() || !must_cite(schema)
}

fn must_cite(schema: &Value) -> bool {
    let property = |name: &Value| schema["properties"].get(name.as_str().unwrap_or_default());
    is_source(schema.get("format"))
        || schema["required"].as_array().into_iter().flatten().filter_map(property).any(must_cite)
        || (schema["minItems"].as_u64() > Some(0) && must_cite(&schema["items"]))
}

fn is_source(format: Option<&Value>) -> bool {
    format.and_then(Value::as_str) == Some(FORMAT)
}

/// Whether every source in a value is one of these. The error is a sentence for the model.
pub(crate) fn check(schema: &Value, value: &Value, sources: &[String]) -> Result<(), String> {
    match value {
        Value::String(cited) if is_source(schema.get("format")) => {
            if sources.contains(cited) {
                return Ok(());
            }
            Err(match sources.is_empty() {
                true => format!("`{cited}` is cited, and nothing has been read"),
                false => format!("`{cited}` was not read; cite one of: {}", sources.join(", ")),
            })
        }
        Value::Array(items) => {
            items.iter().try_for_each(|item| check(&schema["items"], item, sources))
        }
        Value::Object(map) => map.iter().try_for_each(|(key, value)| {
            check(schema["properties"].get(key).unwrap_or(&Value::Null), value, sources)
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Value {
        json!({"type": "object", "properties": {
            "answer": {"type": "string"},
            "sources": {"type": "array", "items": {"type": "string", "format": "source"}},
        }})
    }

    #[test]
    fn a_decoder_is_offered_what_was_read() {
        let narrowed = narrowed(&schema(), &["a.md".to_string()]);
        let expected = json!({"type": "string", "enum": ["a.md"]});
        assert_eq!(narrowed["properties"]["sources"]["items"], expected);
        assert_eq!(narrowed["properties"]["answer"], json!({"type": "string"}));
    }

    #[test]
    fn an_answer_that_must_cite_waits_until_something_was_read() {
        let mut schema = schema();
        assert!(answerable(&schema, &[]), "no source is no fault here");
        schema["required"] = json!(["answer", "sources"]);
        assert!(answerable(&schema, &[]), "an empty list will do");
        schema["properties"]["sources"]["minItems"] = json!(1);
        assert!(!answerable(&schema, &[]));
        assert!(answerable(&schema, &["a.md".to_string()]));
    }

    #[test]
    fn what_was_not_read_cannot_be_cited() {
        let answer = |cited: &str| json!({"answer": "x.md", "sources": [cited]});
        let read = ["a.md".to_string()];
        assert_eq!(check(&schema(), &answer("a.md"), &read), Ok(()));
        let said = check(&schema(), &answer("b.md"), &read).unwrap_err();
        assert_eq!(said, "`b.md` was not read; cite one of: a.md");
        assert!(check(&schema(), &answer("b.md"), &[]).is_err());
    }
}
