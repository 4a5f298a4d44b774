//! JSON Schema: made from Rust types in the plain form that decoders and small models follow, and
//! used to check what came from a model or a guest. A check never leaves this machine, and its
//! regular expressions run in linear time, whoever wrote the schema.

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{PatternOptions, ValidationError, Validator};
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

/// Whether a value satisfies a schema. The error names the field and what is wrong with it.
pub fn check(schema: &Value, value: &Value) -> Result<(), String> {
    Checker::new(schema)?.check(value)
}

/// A schema made ready to check many values.
#[derive(Debug)]
pub struct Checker {
    validator: Validator,
}

impl Checker {
    /// Refuses what is no JSON Schema, or refers to another document.
    pub fn new(schema: &Value) -> Result<Self, String> {
        let validator = jsonschema::options()
            .offline()
            .with_pattern_options(PatternOptions::regex().size_limit(1 << 20))
            .build(schema)
            .map_err(|error| format!("the schema is not valid: {}", short(error.to_string())))?;
        Ok(Self { validator })
    }

    /// Whether a value satisfies the schema.
    pub fn check(&self, value: &Value) -> Result<(), String> {
        self.validator.validate(value).map_err(|error| describe(&error))
    }
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

fn describe(error: &ValidationError<'_>) -> String {
    let field = field(error.instance_path().as_str());
    let at = |problem: String| match field.as_str() {
        "" => problem,
        field => format!("`{field}` {problem}"),
    };
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            let inner = if field.is_empty() { String::new() } else { format!(" in `{field}`") };
            format!("`{name}` is missing{inner}")
        }
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let names: Vec<String> = unexpected
                .iter()
                .take(3)
                .map(|name| format!("`{}`", short(name.clone())))
                .collect();
            let inner = if field.is_empty() { String::new() } else { format!(" in `{field}`") };
            format!("there is no {}{inner}", names.join(" and no "))
        }
        ValidationErrorKind::Type { kind: TypeKind::Single(kind) } => {
            let what = if field.is_empty() { "it " } else { "" };
            at(format!("{what}must be {}, not {}", article(&kind.to_string()), a(error.instance())))
        }
        ValidationErrorKind::Enum { options } => at(short(format!("must be one of {options}"))),
        _ if field.is_empty() => short(error.masked_with("it").to_string()),
        _ => short(error.masked_with(format!("`{field}`")).to_string()),
    }
}

/// `/items/0/name` as `items[0].name`.
fn field(pointer: &str) -> String {
    let mut field = String::new();
    for part in pointer.split('/').skip(1) {
        if part.bytes().all(|byte| byte.is_ascii_digit()) && !part.is_empty() {
            field.push_str(&format!("[{part}]"));
        } else {
            if !field.is_empty() {
                field.push('.');
            }
            field.push_str(&part.replace("~1", "/").replace("~0", "~"));
        }
    }
    short(field)
}

fn a(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a number",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn article(kind: &str) -> String {
    match kind {
        "null" => kind.to_string(),
        "array" => "a list".to_string(),
        "integer" | "object" => format!("an {kind}"),
        _ => format!("a {kind}"),
    }
}

/// Errors are read by models: a long value does not belong in one.
fn short(text: String) -> String {
    match text.char_indices().nth(200) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::known;
    use serde_json::json;

    fn fails(tool: &str, arguments: Value, expected: &str) {
        let Some(spec) = known().iter().find(|spec| spec.name == tool) else { panic!("{tool}") };
        assert_eq!(check(&spec.input, &arguments), Err(expected.to_string()));
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
                        "description": "First line to read; 1 if left out.",
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

    #[test]
    fn hostile_schemas_and_values_do_no_harm() {
        let remote = json!({"$ref": "http://127.0.0.1:9/schema.json"});
        assert!(check(&remote, &json!(1)).is_err_and(|error| error.contains("not valid")));
        let file = json!({"$ref": "file:///etc/passwd"});
        assert!(check(&file, &json!(1)).is_err());
        let slow = json!({"type": "string", "pattern": "^(a+)+$"});
        let text = format!("{}b", "a".repeat(50_000));
        assert!(check(&slow, &json!(text)).is_err_and(|error| error.len() < 300));
        let huge = json!({"type": "string", "pattern": "(((a{1000}){1000}){1000})"});
        assert!(check(&huge, &json!("a")).is_err());
        assert!(check(&json!({"type": "unheard"}), &json!(1)).is_err());
        assert!(check(&json!([]), &json!(1)).is_err());
        let name = "n".repeat(1 << 20);
        let schema = json!({"type": "object", "additionalProperties": false});
        assert!(check(&schema, &json!({ name: 1 })).is_err_and(|error| error.len() < 300));
    }
}
