//! JSON Schema made from Rust types, in the plain form that decoders and small models follow.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

/// The schema of a type: no references, no titles, no formats, and an optional field may be left
/// out but is never null.
pub fn of<T: JsonSchema>() -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.meta_schema = None;
    settings.inline_subschemas = true;
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    plain(&mut schema);
    // What is said of the type is for readers of the code; a tool has its own description.
    if let Value::Object(fields) = &mut schema {
        fields.shift_remove("description");
    }
    schema
}

fn plain(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            plain_object(fields);
            // Names of properties are not keywords: look only at what stands under them.
            for (keyword, value) in fields.iter_mut() {
                match (keyword.as_str(), value) {
                    ("properties", Value::Object(properties)) => {
                        properties.values_mut().for_each(plain);
                    }
                    ("const" | "enum" | "default" | "examples", _) => {}
                    (_, value) => plain(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(plain),
        _ => {}
    }
}

fn plain_object(fields: &mut Map<String, Value>) {
    fields.shift_remove("title");
    fields.shift_remove("format");
    if fields.get("default") == Some(&Value::Null) {
        fields.shift_remove("default");
    }
    if let Some(Value::Array(kinds)) = fields.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [kind] = kinds.as_slice() {
            let kind = kind.clone();
            fields.insert("type".to_string(), kind);
        }
    }
    // Numbers in the width of a Rust type say nothing to a model.
    if fields.get("minimum").and_then(Value::as_f64) == Some(0.0)
        && fields.get("type").is_some_and(|kind| kind == "integer")
    {
        fields.insert("minimum".to_string(), Value::from(0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::known;
    use serde_json::json;

    fn fails(tool: &str, arguments: Value, expected: &str) {
        let Some(spec) = known().iter().find(|spec| spec.name == tool) else { panic!("{tool}") };
        assert_eq!(agent_core::schema::check(&spec.input, &arguments), Err(expected.to_string()));
    }

    #[test]
    fn schemas_are_plain() {
        for spec in known() {
            let text = format!("{}{}", spec.input, spec.output);
            for word in ["$ref", "$schema", "\"title\":\"", "null", "format", "anyOf"] {
                assert!(!text.contains(word), "{}: {word} in {text}", spec.name);
            }
            assert_eq!(spec.input["additionalProperties"], false, "{}", spec.name);
            assert_eq!(spec.input["type"], "object");
        }
        let spec = &known()[2];
        assert_eq!(
            spec.input,
            json!({
                "type": "object",
                "properties": {
                    "path": {"description": "The file.", "type": "string"},
                    "start": {
                        "description": "First line of its text to read; 1 if left out.",
                        "type": "integer", "minimum": 1, "maximum": 1_000_000_000
                    },
                    "lines": {
                        "description": "How many lines; 200 if left out.",
                        "type": "integer", "minimum": 1, "maximum": 10_000
                    }
                },
                "additionalProperties": false,
                "required": ["path"],
            })
        );
    }

    #[test]
    fn errors_name_the_field() {
        fails("files.read", json!({}), "`path` is missing");
        fails("files.read", json!("x"), "it must be an object, not a string");
        fails("files.read", json!({"path": 1}), "`path` must be a string, not an integer");
        fails(
            "files.read",
            json!({"path": "a", "start": 0}),
            "`start` is less than the minimum of 1",
        );
        fails("files.read", json!({"path": "a", "file": "b"}), "there is no `file`");
        fails("web.read", json!({"url": null}), "`url` must be a string, not null");
    }
}
