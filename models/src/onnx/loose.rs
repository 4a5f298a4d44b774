//! A tool's schema as far as the decoder can hold it. Who wrote the tool is not there to change it; the
//! host checks every call against the whole schema.

use serde_json::{Map, Value, json};

use super::schema::REFUSED;

/// What may be left out, from least to most.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd)]
enum Loss {
    /// What no grammar holds.
    Unheld,
    /// What some grammars hold: patterns, formats, multiples, joined schemas.
    Unsure,
}

/// Schemas that take all that this one takes and more, the nearest first.
pub(super) fn loosened(schema: &Value) -> impl Iterator<Item = Value> {
    let whole = schema.is_object().then(|| json!({ "type": schema["type"].clone() }));
    let any = whole.filter(|any| any["type"].is_string() || any["type"].is_array());
    [Loss::Unheld, Loss::Unsure]
        .map(|loss| walk(schema, loss))
        .into_iter()
        .chain([any.unwrap_or(Value::Bool(true))])
}

fn walk(schema: &Value, loss: Loss) -> Value {
    let Value::Object(map) = schema else { return schema.clone() };
    let mut out = Map::new();
    for (key, value) in map {
        if gone(key, value, loss) {
            continue;
        }
        let value = match (key.as_str(), value) {
            (
                "properties" | "patternProperties" | "$defs" | "definitions",
                Value::Object(named),
            ) => named.iter().map(|(name, inner)| (name.clone(), walk(inner, loss))).collect(),
            ("anyOf" | "oneOf" | "allOf" | "prefixItems" | "items", Value::Array(list)) => {
                list.iter().map(|inner| walk(inner, loss)).collect()
            }
            ("items" | "additionalItems" | "additionalProperties", inner) => walk(inner, loss),
            _ => value.clone(),
        };
        // One of several is at least one of them.
        let key = if key == "oneOf" && !map.contains_key("anyOf") { "anyOf" } else { key };
        out.insert(key.to_string(), value);
    }
    Value::Object(out)
}

fn gone(key: &str, value: &Value, loss: Loss) -> bool {
    const UNSURE: [&str; 6] =
        ["pattern", "patternProperties", "format", "multipleOf", "allOf", "oneOf"];
    let outside = key == "$ref" && !value.as_str().is_some_and(|target| target.starts_with('#'));
    outside || REFUSED.contains(&key) || (loss == Loss::Unsure && UNSURE.contains(&key))
}
