//! Slips of the pen in an output schema. JSON Schema lets unknown keywords mean nothing, so
//! `requird` would be a rule without effect; what is near to a keyword is therefore refused, and
//! anything else, such as `x-source`, left alone.

use serde_json::Value;

use super::source::child;
use super::suggest;

const KEYWORDS: [&str; 52] = [
    "$schema",
    "$id",
    "$ref",
    "$defs",
    "$anchor",
    "$comment",
    "$dynamicRef",
    "$dynamicAnchor",
    "$vocabulary",
    "definitions",
    "type",
    "enum",
    "const",
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
    "format",
    "properties",
    "required",
    "additionalProperties",
    "patternProperties",
    "propertyNames",
    "minProperties",
    "maxProperties",
    "dependentRequired",
    "dependentSchemas",
    "unevaluatedProperties",
    "items",
    "prefixItems",
    "minItems",
    "maxItems",
    "uniqueItems",
    "contains",
    "minContains",
    "maxContains",
    "unevaluatedItems",
    "minLength",
    "maxLength",
    "pattern",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
];

/// More keywords, which are near to none of the others.
const REST: [&str; 6] =
    ["if", "then", "else", "contentEncoding", "contentMediaType", "contentSchema"];

/// Tells of each key that is nearly a keyword: its JSON pointer, the key, the keyword.
pub(super) fn slips(schema: &Value, tell: &mut dyn FnMut(&str, &str, &str)) {
    of_schema(schema, "", tell);
}

fn of_schema(schema: &Value, pointer: &str, tell: &mut dyn FnMut(&str, &str, &str)) {
    for (key, value) in schema.as_object().into_iter().flatten() {
        let pointer = child(pointer, key);
        match (key.as_str(), value) {
            // The keys in here are names, not keywords.
            (
                "properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas",
                Value::Object(named),
            ) => {
                for (name, schema) in named {
                    of_schema(schema, &child(&pointer, name), tell);
                }
            }
            // What is in here is data.
            ("enum" | "const" | "default" | "examples" | "required" | "dependentRequired", _) => {}
            (_, Value::Array(schemas)) if known(key) => {
                for (at, schema) in schemas.iter().enumerate() {
                    of_schema(schema, &format!("{pointer}/{at}"), tell);
                }
            }
            (_, schema) if known(key) => of_schema(schema, &pointer, tell),
            _ => {
                if let Some(near) = suggest::nearest(key, KEYWORDS) {
                    tell(&pointer, key, near);
                }
            }
        }
    }
}

fn known(key: &str) -> bool {
    KEYWORDS.contains(&key) || REST.contains(&key)
}
