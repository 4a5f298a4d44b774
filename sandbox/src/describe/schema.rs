//! The schemas of a manifest: JSON, small, shallow, and JSON Schema as the host checks it.

use agent_core::schema::{Bounds, Checker};
use agent_core::tool::ToolSpec;
use serde_json::Value;

use crate::limits::bytes;

const MOST_BYTES: usize = 32 << 10;

/// How deep a schema's JSON may nest. A level of a type is two or three of JSON.
const DEEPEST: usize = 80;

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
    let bounds = Bounds { bytes: MOST_BYTES, deepest: DEEPEST };
    for (which, schema) in [("input", &tool.input), ("output", &tool.output)] {
        Checker::of_untrusted(schema, bounds)
            .map_err(|reason| format!("the {which} schema of `{}` {reason}", tool.name))?;
    }
    if tool.input.get("type").and_then(Value::as_str) != Some("object") {
        return Err(format!("the input schema of `{}` is not of an object", tool.name));
    }
    Ok(())
}
