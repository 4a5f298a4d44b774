//! Citations that cannot be made up: a string with `"format": "source"` in an output schema is a
//! file or page that the run has read. The decoder is offered nothing else, and the host checks.

use serde_json::{Value, json};

const FORMAT: &str = "source";

/// The schema with every source narrowed to these.
pub(crate) fn narrowed(schema: &Value, sources: &[String]) -> Value {
    let mut schema = schema.clone();
    if !sources.is_empty() {
        narrow(&mut schema, sources);
    }
    schema
}

fn narrow(schema: &mut Value, sources: &[String]) {
    match schema {
        Value::Object(map) => {
            if map.get("format").and_then(Value::as_str) == Some(FORMAT) {
                map.remove("format");
                map.insert("enum".to_string(), json!(sources));
            } else {
                map.values_mut().for_each(|value| narrow(value, sources));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| narrow(item, sources)),
        _ => {}
    }
}
