//! The schemas of a manifest: JSON, small, shallow, and JSON Schema as the host checks it.

use agent_core::schema::Checker;
use agent_core::tool::ToolSpec;
use serde_json::Value;

use crate::limits::bytes;

const MOST_BYTES: usize = 32 << 10;

/// How deep a schema's JSON may nest. A level of a type is two or three of JSON.
const DEEPEST: usize = 80;

/// References are worked out where they stand: a few that refer to each other are a great many.
const MOST_REFERENCES: usize = 64;

/// The error is a sentence that names the tool.
pub(super) fn read(tool: &str, which: &str, text: &str) -> Result<Value, String> {
    let of = format!("the {which} schema of `{tool}`");
    if text.len() > MOST_BYTES {
        return Err(format!("{of} is over {}", bytes(MOST_BYTES as u64)));
    }
    serde_json::from_str(text).map_err(|error| format!("{of} is not JSON: {error}"))
}

/// Whether both are schemas that a value can be checked against.
pub(super) fn check(tool: &ToolSpec) -> Result<(), String> {
    for (which, schema) in [("input", &tool.input), ("output", &tool.output)] {
        let of = format!("the {which} schema of `{}`", tool.name);
        let mut references = 0;
        walk(schema, 0, &mut references).map_err(|reason| format!("{of} {reason}"))?;
        Checker::new(schema).map_err(|reason| format!("{of}: {reason}"))?;
    }
    if tool.input.get("type").and_then(Value::as_str) != Some("object") {
        return Err(format!("the input schema of `{}` is not of an object", tool.name));
    }
    Ok(())
}

fn walk(value: &Value, depth: usize, references: &mut usize) -> Result<(), String> {
    if depth == DEEPEST {
        return Err(format!("nests more than {DEEPEST} deep"));
    }
    match value {
        Value::Array(values) => values.iter().try_for_each(|it| walk(it, depth + 1, references)),
        Value::Object(map) => map.iter().try_for_each(|(key, it)| {
            *references += usize::from(key == "$ref" || key == "$dynamicRef");
            if *references > MOST_REFERENCES {
                return Err(format!("refers more than {MOST_REFERENCES} times"));
            }
            walk(it, depth + 1, references)
        }),
        _ => Ok(()),
    }
}
