//! A server's schemas as errand checks them: an object's, of the dialect 2020-12, bounded. What older
//! drafts write otherwise is put into today's words first.

use agent_core::schema::{Bounds, Checker};
use serde_json::{Map, Value, json};

/// How big a schema may be.
const BOUNDS: Bounds = Bounds { bytes: 64 << 10, deepest: 24 };

/// The schema of a tool's arguments. A tool that gives none, or an empty one, takes an object.
///
/// # Errors
/// What it is instead.
pub(super) fn arguments(schema: &Value) -> Result<Value, String> {
    let schema = match schema {
        Value::Null => json!({"type": "object"}),
        Value::Object(_) => today(schema),
        _ => return Err("is no object".to_string()),
    };
    let schema = objects(schema).ok_or("is of something that is no object")?;
    Checker::of_untrusted(&schema, BOUNDS)?;
    Ok(schema)
}

/// The schema of a tool's result.
///
/// # Errors
/// What it is instead.
pub(super) fn result(schema: &Value) -> Result<Value, String> {
    if !schema.is_object() {
        return Err("is no object".to_string());
    }
    let schema = today(schema);
    Checker::of_untrusted(&schema, BOUNDS)?;
    Ok(schema)
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
    Value::Object(new)
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
    use super::*;

    #[test]
    fn whatever_stands_for_an_object_is_one() {
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
        let checker = |schema: &Value| Checker::new(&arguments(schema).unwrap_or_default());
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
    }
}
