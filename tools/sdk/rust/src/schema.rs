//! JSON Schema made from Rust types, in the plain form that models follow best.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

/// The schema of a tool's arguments.
pub(crate) fn input<T: JsonSchema>() -> String {
    of::<T>(SchemaSettings::draft2020_12().for_deserialize())
}

/// The schema of a tool's result.
pub(crate) fn output<T: JsonSchema>() -> String {
    of::<T>(SchemaSettings::draft2020_12().for_serialize())
}

fn of<T: JsonSchema>(mut settings: SchemaSettings) -> String {
    settings.meta_schema = None;
    settings.inline_subschemas = true;
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    plain(&mut schema);
    if let Value::Object(fields) = &mut schema {
        // What is said of the type is for readers of the code.
        fields.remove("description");
    }
    schema.to_string()
}

fn plain(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            plain_object(fields);
            for (keyword, value) in fields.iter_mut() {
                match (keyword.as_str(), value) {
                    // Names of properties are no keywords.
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

/// Titles and the widths of Rust's numbers say nothing to a model.
fn plain_object(fields: &mut Map<String, Value>) {
    fields.remove("title");
    let widths = ["int8", "int16", "int32", "int64", "uint", "uint8", "uint16", "uint32", "uint64"];
    let more = ["float", "double", "int", "int128", "uint128"];
    let width = |format: &Value| {
        format.as_str().is_some_and(|format| widths.contains(&format) || more.contains(&format))
    };
    if fields.get("format").is_some_and(width) {
        fields.remove("format");
    }
}
