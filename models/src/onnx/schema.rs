//! JSON Schema on its way to the decoder: what the grammar cannot hold is refused by name, what
//! only annotates is dropped, and what is left open is narrowed to what a reader wants anyway.
//!
//! Narrowing keeps every reply valid: an object that lists its properties and says nothing of
//! others gets no others, and a whole number without bounds gets fifteen digits.

use serde_json::{Map, Value, json};

/// Keywords that the grammar builder understands.
const HELD: [&str; 32] = [
    "$ref",
    "$defs",
    "definitions",
    "$schema",
    "$id",
    "$anchor",
    "anyOf",
    "oneOf",
    "allOf",
    "const",
    "enum",
    "type",
    "items",
    "additionalItems",
    "prefixItems",
    "minItems",
    "maxItems",
    "properties",
    "additionalProperties",
    "patternProperties",
    "required",
    "minProperties",
    "maxProperties",
    "minLength",
    "maxLength",
    "pattern",
    "format",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
];

/// Keywords that decide whether a value is valid and that the grammar builder cannot hold.
const REFUSED: [&str; 19] = [
    "not",
    "if",
    "then",
    "else",
    "uniqueItems",
    "contains",
    "minContains",
    "maxContains",
    "dependentRequired",
    "dependentSchemas",
    "dependencies",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
    "$dynamicRef",
    "$dynamicAnchor",
    "$recursiveRef",
    "$recursiveAnchor",
    "$vocabulary",
];

/// Formats that the grammar builder knows; any other is an annotation.
const FORMATS: [&str; 10] =
    ["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid", "uri"];

const WHOLE: i64 = 999_999_999_999_999;

/// What becomes of objects that do not say whether they take more properties.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Open {
    /// They take none.
    Close,
    /// They stay as they are.
    Keep,
}

/// The schema as the grammar builder takes it, or the keyword that it cannot hold and where.
pub(super) fn prepared(schema: &Value, open: Open) -> Result<Value, String> {
    // Closing one part of an intersection would forbid what the other part asks for.
    let open = if mentions(schema, "allOf") { Open::Keep } else { open };
    walk(schema, "#", open)
}

fn walk(schema: &Value, at: &str, open: Open) -> Result<Value, String> {
    let map = match schema {
        Value::Bool(true) => return Ok(json!({})),
        Value::Bool(false) => return Ok(Value::Bool(false)),
        Value::Object(map) => map,
        _ => return Err(format!("`{at}` is neither an object nor a boolean")),
    };
    let mut out = Map::new();
    for (key, value) in map {
        let here = format!("{at}/{key}");
        if REFUSED.contains(&key.as_str()) && *value != Value::Bool(false) {
            return Err(format!("it cannot hold `{key}` at `{at}`"));
        }
        if !HELD.contains(&key.as_str()) {
            continue;
        }
        let value = match key.as_str() {
            "properties" | "patternProperties" | "$defs" | "definitions" => {
                each_named(value, &here, open)?
            }
            "anyOf" | "oneOf" | "allOf" | "prefixItems" => {
                each_listed(value, &here, branches(map, key, open))?
            }
            "items" if value.is_array() => each_listed(value, &here, open)?,
            "items" | "additionalItems" | "additionalProperties" => walk(value, &here, open)?,
            "$ref" if !value.as_str().is_some_and(|target| target.starts_with('#')) => {
                return Err(format!("it cannot follow `$ref` {value} at `{at}` out of the schema"));
            }
            "format" if !value.as_str().is_some_and(|name| FORMATS.contains(&name)) => continue,
            _ => value.clone(),
        };
        out.insert(key.clone(), value);
    }
    // Where there is no text, a format says nothing.
    if out.get("type").is_some_and(|kind| !mentions_type(kind, "string")) {
        out.remove("format");
    }
    bound(&mut out);
    let silent = !["additionalProperties", "patternProperties", "anyOf", "oneOf", "$ref"]
        .iter()
        .any(|key| out.contains_key(*key));
    if open == Open::Close && silent && out.contains_key("properties") {
        out.insert("additionalProperties".to_string(), Value::Bool(false));
    }
    Ok(Value::Object(out))
}

/// A branch that is joined with properties beside it stays open.
fn branches(map: &Map<String, Value>, key: &str, open: Open) -> Open {
    let beside = ["properties", "required", "additionalProperties", "$ref"];
    if key != "prefixItems" && beside.iter().any(|key| map.contains_key(*key)) {
        return Open::Keep;
    }
    open
}

fn each_named(value: &Value, at: &str, open: Open) -> Result<Value, String> {
    let map = value.as_object().ok_or_else(|| format!("`{at}` is not an object"))?;
    map.iter()
        .map(|(name, schema)| Ok((name.clone(), walk(schema, &format!("{at}/{name}"), open)?)))
        .collect::<Result<Map<_, _>, String>>()
        .map(Value::Object)
}

fn each_listed(value: &Value, at: &str, open: Open) -> Result<Value, String> {
    let list = value.as_array().ok_or_else(|| format!("`{at}` is not a list"))?;
    list.iter()
        .enumerate()
        .map(|(place, schema)| walk(schema, &format!("{at}/{place}"), open))
        .collect()
}

/// Digits end.
fn bound(schema: &mut Map<String, Value>) {
    let whole = schema
        .get("type")
        .is_some_and(|kind| mentions_type(kind, "integer") && !mentions_type(kind, "number"));
    let fixed = ["enum", "const", "$ref"].iter().any(|key| schema.contains_key(*key));
    if !whole || fixed {
        return;
    }
    for (keys, limit) in
        [(["minimum", "exclusiveMinimum"], -WHOLE), (["maximum", "exclusiveMaximum"], WHOLE)]
    {
        if !keys.iter().any(|key| schema.contains_key(*key)) {
            let other: [&str; 2] = if limit < 0 {
                ["maximum", "exclusiveMaximum"]
            } else {
                ["minimum", "exclusiveMinimum"]
            };
            // A bound of the schema's own beyond ours leaves room only where there is none.
            let beyond = other
                .iter()
                .filter_map(|key| schema.get(*key).and_then(Value::as_f64))
                .any(|own| if limit < 0 { own <= limit as f64 } else { own >= limit as f64 });
            if !beyond {
                schema.insert(keys[0].to_string(), json!(limit));
            }
        }
    }
}

fn mentions_type(kind: &Value, name: &str) -> bool {
    match kind {
        Value::String(kind) => kind == name,
        Value::Array(kinds) => kinds.iter().any(|kind| kind == name),
        _ => false,
    }
}

fn mentions(value: &Value, key: &str) -> bool {
    match value {
        Value::Object(map) => {
            map.contains_key(key) || map.values().any(|inner| mentions(inner, key))
        }
        Value::Array(items) => items.iter().any(|inner| mentions(inner, key)),
        _ => false,
    }
}
