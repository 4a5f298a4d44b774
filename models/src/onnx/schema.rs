//! JSON Schema on its way to the decoder: what the grammar cannot hold is refused by name, what
//! only annotates is dropped, and what is left open is narrowed to what a reader wants anyway.
//!
//! Narrowing keeps every reply valid: an object that lists its properties and says nothing of
//! others gets no others, and a number without bounds gets fifteen digits before the point.

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
pub(super) const REFUSED: [&str; 19] = [
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

/// The name of the definition of any value.
const ANYTHING: &str = "anything--at--all";

/// Fifteen digits.
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
    let mut schema = walk(schema, "#", open)?;
    if let Value::Object(map) = &mut schema {
        let mut any = Map::new();
        bound(&mut any, Open::Close);
        let definitions = map.entry("$defs").or_insert_with(|| json!({}));
        definitions[ANYTHING] = Value::Object(any);
    }
    Ok(schema)
}

fn walk(schema: &Value, at: &str, open: Open) -> Result<Value, String> {
    let map = match schema {
        Value::Bool(true) => return Ok(anything()),
        Value::Bool(false) => return Ok(Value::Bool(false)),
        Value::Object(map) => map,
        _ => return Err(format!("`{at}` is neither an object nor a boolean")),
    };
    let mut out = Map::new();
    for (key, value) in map {
        let here = format!("{at}/{key}");
        let idle = key == "uniqueItems" && *value == Value::Bool(false);
        if REFUSED.contains(&key.as_str()) && !idle {
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
    let silent = !["additionalProperties", "patternProperties", "anyOf", "oneOf", "$ref"]
        .iter()
        .any(|key| out.contains_key(*key));
    if open == Open::Close && silent && out.contains_key("properties") {
        out.insert("additionalProperties".to_string(), Value::Bool(false));
    }
    bound(&mut out, open);
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

/// Makes an end of digits, also of those in values that the schema says nothing of: `1e999` is
/// JSON, and no number that a program can hold.
fn bound(schema: &mut Map<String, Value>, open: Open) {
    let elsewhere = ["enum", "const", "$ref", "anyOf", "oneOf", "allOf"];
    if elsewhere.iter().any(|key| schema.contains_key(*key)) {
        return;
    }
    let kind = schema.get("type").cloned();
    let may = |name: &str| kind.as_ref().is_none_or(|kind| mentions_type(kind, name));
    // Joined with one another, definitions that refer to themselves have no end.
    let closes = open == Open::Close;
    if closes && may("array") && !schema.contains_key("items") {
        schema.insert("items".to_string(), anything());
    }
    if closes && may("object") && !schema.contains_key("additionalProperties") {
        schema.insert("additionalProperties".to_string(), anything());
    }
    if !may("integer") && !may("number") {
        return;
    }
    let lower = ["minimum", "exclusiveMinimum"];
    let upper = ["maximum", "exclusiveMaximum"];
    for (own, other, limit) in [(lower, upper, -WHOLE), (upper, lower, WHOLE)] {
        let bounded = own.iter().any(|key| schema.contains_key(*key));
        // A bound of the schema's own that lies beyond ours must not be shut in.
        let beyond = other
            .iter()
            .filter_map(|key| schema.get(*key).and_then(Value::as_f64))
            .any(|there| if limit < 0 { there <= limit as f64 } else { there >= limit as f64 });
        if !bounded && !beyond {
            schema.insert(own[0].to_string(), json!(limit));
        }
    }
}

/// Any value at all, by reference to a definition that [`prepared`] adds.
fn anything() -> Value {
    json!({"$ref": format!("#/$defs/{ANYTHING}")})
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
