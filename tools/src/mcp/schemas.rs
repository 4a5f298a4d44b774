//! A server's schemas as errand checks them: an object's, of the dialect 2020-12, bounded. What older
//! drafts write otherwise is put into today's words first.

use agent_core::schema::{Bounds, Checker};
use serde_json::{Map, Value, json};

/// How big a schema may be.
const BOUNDS: Bounds = Bounds { bytes: 64 << 10, deepest: 24 };

/// A schema as it is checked.
#[derive(Debug, PartialEq)]
pub(super) struct Taken {
    pub(super) schema: Value,
    /// Patterns that are not checked: other dialects of regular expressions look ahead and back.
    pub(super) without: Vec<String>,
}

/// The schema of a tool's arguments. A tool that gives none, or an empty one, takes an object.
///
/// # Errors
/// What it is instead.
pub(super) fn arguments(schema: &Value) -> Result<Taken, String> {
    let schema = match schema {
        Value::Null => json!({"type": "object"}),
        Value::Object(_) => today(schema),
        _ => return Err("is no object".to_string()),
    };
    let schema = objects(schema).ok_or("is of something that is no object")?;
    taken(schema)
}

/// The schema of a tool's result.
///
/// # Errors
/// What it is instead.
pub(super) fn result(schema: &Value) -> Result<Taken, String> {
    if !schema.is_object() {
        return Err("is no object".to_string());
    }
    taken(today(schema))
}

/// A schema that can be checked, if need be without the patterns that cannot: the server checks them
/// itself, and what is left out of a schema only lets more through.
fn taken(schema: Value) -> Result<Taken, String> {
    let Err(why) = Checker::of_untrusted(&schema, BOUNDS) else {
        return Ok(Taken { schema, without: Vec::new() });
    };
    let mut without = Vec::new();
    let schema = unpatterned(&schema, &mut without);
    if without.is_empty() || Checker::of_untrusted(&schema, BOUNDS).is_err() {
        return Err(why);
    }
    Ok(Taken { schema, without })
}

/// The same without patterns that are no regular expressions here.
fn unpatterned(schema: &Value, without: &mut Vec<String>) -> Value {
    match schema {
        Value::Object(keys) => {
            let mut kept = Map::new();
            for (key, value) in keys {
                match value.as_str().filter(|_| key == "pattern") {
                    Some(pattern) if !is_pattern(pattern) => without.push(pattern.to_string()),
                    _ if matches!(key.as_str(), "const" | "enum" | "default" | "examples") => {
                        kept.insert(key.clone(), value.clone());
                    }
                    _ => {
                        kept.insert(key.clone(), unpatterned(value, without));
                    }
                }
            }
            Value::Object(kept)
        }
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| unpatterned(item, without)).collect())
        }
        other => other.clone(),
    }
}

fn is_pattern(pattern: &str) -> bool {
    Checker::of_untrusted(&json!({"pattern": pattern}), BOUNDS).is_ok()
}

/// The same, saying that it is an object's; none where it is not.
fn objects(mut schema: Value) -> Option<Value> {
    let is_object = match &schema["type"] {
        Value::Null => true,
        Value::String(of) => of == "object",
        Value::Array(of) => of.iter().any(|of| of == "object"),
        _ => false,
    };
    schema["type"] = json!("object");
    is_object.then_some(schema)
}

/// A schema in the words of 2020-12. The dialect is always that here, whatever it says of itself.
fn today(schema: &Value) -> Value {
    let mut schema = modern(schema);
    if let Value::Object(object) = &mut schema {
        for own in ["$schema", "$id", "id"] {
            object.shift_remove(own);
        }
    }
    schema
}

fn modern(schema: &Value) -> Value {
    let Value::Object(old) = schema else { return schema.clone() };
    let mut new = Map::new();
    for (key, value) in old {
        // A key that is written as none: what made the schema has it for each that it knows.
        if value.is_null() && !matches!(key.as_str(), "const" | "default" | "example") {
            continue;
        }
        // What only describes, and not as it should, describes nothing.
        if describes_nothing(key, value) {
            continue;
        }
        let value = match key.as_str() {
            "properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas" => {
                each(value)
            }
            "items" if value.is_array() => {
                new.insert("prefixItems".to_string(), list(value));
                continue;
            }
            "additionalItems" => {
                if old.get("items").is_some_and(Value::is_array) {
                    new.insert("items".to_string(), modern(value));
                }
                continue;
            }
            "exclusiveMinimum" | "exclusiveMaximum" if value.is_boolean() => continue,
            // Draft 3 says so in the property; `properties` below has read it.
            "required" if value.is_boolean() => continue,
            "required" => once(value),
            "minimum" | "maximum" => {
                let exclusive = exclusive(key);
                if old.get(exclusive) == Some(&Value::Bool(true)) {
                    new.insert(exclusive.to_string(), value.clone());
                    continue;
                }
                value.clone()
            }
            "allOf" | "anyOf" | "oneOf" | "prefixItems" => list(value),
            "items"
            | "additionalProperties"
            | "not"
            | "if"
            | "then"
            | "else"
            | "contains"
            | "propertyNames"
            | "unevaluatedProperties"
            | "unevaluatedItems" => modern(value),
            _ => value.clone(),
        };
        new.insert(key.clone(), value);
    }
    let wanted = |(name, schema): (&String, &Value)| {
        (schema["required"] == true).then(|| Value::from(name.as_str()))
    };
    let wanted: Vec<Value> = old
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(wanted)
        .collect();
    if !wanted.is_empty()
        && let Value::Array(required) = new.entry("required").or_insert_with(|| json!([]))
    {
        required.extend(wanted);
        *required = std::mem::take(required).into_iter().fold(Vec::new(), with);
    }
    Value::Object(new)
}

/// Whether a key is one that only describes, with a value that it cannot have.
fn describes_nothing(key: &str, value: &Value) -> bool {
    match key {
        "title" | "description" | "$comment" | "format" => !value.is_string(),
        "examples" => !value.is_array(),
        "deprecated" | "readOnly" | "writeOnly" => !value.is_boolean(),
        _ => false,
    }
}

/// A list with each of its values once.
fn once(list: &Value) -> Value {
    let Value::Array(list) = list else { return list.clone() };
    Value::Array(list.iter().cloned().fold(Vec::new(), with))
}

fn with(mut list: Vec<Value>, value: Value) -> Vec<Value> {
    if !list.contains(&value) {
        list.push(value);
    }
    list
}

fn exclusive(key: &str) -> &'static str {
    if key == "minimum" { "exclusiveMinimum" } else { "exclusiveMaximum" }
}

fn each(schemas: &Value) -> Value {
    let Value::Object(schemas) = schemas else { return schemas.clone() };
    let known = schemas.iter().filter(|(_, schema)| !schema.is_null());
    Value::Object(known.map(|(name, schema)| (name.clone(), modern(schema))).collect())
}

fn list(schemas: &Value) -> Value {
    let Value::Array(schemas) = schemas else { return schemas.clone() };
    Value::Array(schemas.iter().map(modern).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn whatever_stands_for_an_object_is_one() {
        let arguments = |schema: &Value| arguments(schema).map(|taken| taken.schema);
        let object = json!({"type": "object"});
        for schema in [Value::Null, json!({}), json!({"type": ["object", "null"]})] {
            assert_eq!(arguments(&schema), Ok(object.clone()), "{schema}");
        }
        let nulls = json!({"type": "object", "properties": null, "required": null, "title": null});
        assert_eq!(arguments(&nulls), Ok(object));
        let union = json!({"anyOf": [{"properties": {"a": {"const": 1}}}]});
        assert_eq!(arguments(&union).map(|schema| schema["type"].clone()), Ok(json!("object")));
        assert!(arguments(&json!({"type": "string"})).is_err());
        assert!(arguments(&json!(true)).is_err());
        let misplaced = json!({"properties": {"a": {}, "required": ["a"]}});
        assert!(arguments(&misplaced).is_err());
        assert!(arguments(&json!({"properties": {"a": {"type": "int"}}})).is_err());
    }

    #[test]
    fn older_drafts_mean_what_they_said() {
        let pair = json!({
            "$schema": "http://json-schema.org/draft-07/schema#",
            "$id": "https://example.org/a.json",
            "type": "object",
            "properties": {"p": {"$ref": "#/definitions/P"}, "items": {"type": "string"}},
            "definitions": {
                "P": {"type": "array", "items": [{"type": "number"}], "additionalItems": false},
            },
        });
        let checker = |schema: &Value| Checker::new(&arguments(schema).unwrap().schema);
        let accepts = |schema: &Value, value: Value| {
            checker(schema).is_ok_and(|checker| checker.check(&value).is_ok())
        };
        assert!(accepts(&pair, json!({"p": [1], "items": "x"})));
        assert!(!accepts(&pair, json!({"p": [1, 2]})));
        assert!(!accepts(&pair, json!({"p": ["a"]})));
        let above = json!({"properties": {"n": {"minimum": 0, "exclusiveMinimum": true}}});
        assert!(accepts(&above, json!({"n": 1})) && !accepts(&above, json!({"n": 0})));
        let from = json!({"properties": {"n": {"maximum": 3, "exclusiveMaximum": false}}});
        assert!(accepts(&from, json!({"n": 3})) && !accepts(&from, json!({"n": 4})));
        let within = json!({"required": ["b", "b"], "properties": {
            "a": {"type": "string", "required": true}, "b": {"required": false}}});
        assert!(accepts(&within, json!({"a": "x", "b": 1})));
        assert!(!accepts(&within, json!({"b": 1})) && !accepts(&within, json!({"a": "x"})));
    }

    /// zod writes an e-mail address with a look-ahead.
    #[test]
    fn a_pattern_of_another_dialect_takes_nothing_else_away() {
        let address = r"^(?!\.)(?!.*\.\.)[\w.]+@[\w.]+$";
        let schema = json!({"properties": {
            "to": {"type": "string", "pattern": address},
            "pattern": {"type": "string", "pattern": "^[a-z]+$"}}});
        let taken = arguments(&schema).unwrap();
        assert_eq!(taken.without, [address]);
        let properties = json!({"to": {"type": "string"},
            "pattern": {"type": "string", "pattern": "^[a-z]+$"}});
        assert_eq!(taken.schema["properties"], properties);
        let other = json!({"properties": {"to": {"type": "int", "pattern": address}}});
        assert!(arguments(&other).is_err());
    }

    #[test]
    fn what_only_describes_is_no_reason_to_leave_a_tool_out() {
        let schema = json!({"type": "object", "title": 5, "properties": {
            "a": {"type": "string", "description": ["x"], "examples": "x", "readOnly": "no"}}});
        let properties = json!({"a": {"type": "string"}});
        assert_eq!(arguments(&schema).unwrap().schema["properties"], properties);
    }
}
