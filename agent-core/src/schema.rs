//! JSON Schema (2020-12) as the host checks it, and what it says about a value that breaks it. A check never
//! leaves this machine, and its regular expressions run in linear time, whatever its author.

mod validation_cost;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{Draft, PatternOptions, ValidationError, Validator};
use serde_json::Value;

/// Schemas that are kept ready.
const MOST_SHARED: usize = 256;

/// The most problems named at once: a model reads the first ones.
const SHOWN: usize = 3;

/// Whether a value satisfies a schema. The error names the field and what is wrong with it.
pub fn check(schema: &Value, value: &Value) -> Result<(), String> {
    Checker::new(schema)?.check(value)
}

/// A schema made ready to check many values.
#[derive(Debug)]
pub struct Checker {
    schema: Value,
    validator: Validator,
}

/// How big an untrusted schema may be.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// As JSON.
    pub bytes: usize,
    /// Lists and objects in each other.
    pub deepest: usize,
}

impl Checker {
    /// For a schema that another party wrote: too big a one is refused before anything is made of
    /// it. The error goes on where "the schema" ends.
    pub fn of_untrusted(schema: &Value, bounds: Bounds) -> Result<Self, String> {
        shallow(schema, bounds.deepest)
            .ok_or_else(|| format!("nests more than {} deep", bounds.deepest))?;
        if schema.to_string().len() > bounds.bytes {
            return Err(format!("is longer than {} KiB", bounds.bytes >> 10));
        }
        closed(schema, schema)?;
        // What it asks at one place it asks of every value.
        validation_cost::bounded(schema, &Value::Null)?;
        Self::made(schema).map_err(|reason| format!("is not valid: {reason}"))
    }

    /// Refuses what is no JSON Schema, or refers to another document.
    pub fn new(schema: &Value) -> Result<Self, String> {
        Self::made(schema).map_err(|reason| format!("the schema is not valid: {reason}"))
    }

    /// As [`Checker::new`], made once in this process for all that check values by the same schema, as long as
    /// it is among those that were wanted last.
    pub fn shared(schema: &Value) -> Result<Arc<Self>, String> {
        static SHARED: Mutex<BTreeMap<String, Arc<Checker>>> = Mutex::new(BTreeMap::new());
        let shared = || SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        let text = schema.to_string();
        if let Some(known) = shared().get(&text) {
            return Ok(Arc::clone(known));
        }
        let made = Arc::new(Self::new(schema)?);
        let mut shared = shared();
        if shared.len() >= MOST_SHARED {
            shared.clear();
        }
        shared.insert(text, Arc::clone(&made));
        Ok(made)
    }

    fn made(schema: &Value) -> Result<Self, String> {
        dialect(schema)?;
        let validator = compile(schema).map_err(|error| short(error.to_string()))?;
        Ok(Self { schema: schema.clone(), validator })
    }

    /// Whether a value satisfies the schema. The error is for the author of the value: each
    /// problem with the place where it is.
    pub fn check(&self, value: &Value) -> Result<(), String> {
        validation_cost::bounded(&self.schema, value).map_err(|much| format!("it {much}"))?;
        let problems: Vec<String> =
            self.validator.iter_errors(value).take(SHOWN).map(|error| describe(&error)).collect();
        if problems.is_empty() { Ok(()) } else { Err(problems.join("; ")) }
    }
}

/// What the words of a schema mean is said by its dialect, and one that is not at hand is not
/// known. The older drafts are read as 2020-12, which has nearly all of their words.
pub fn dialect(schema: &Value) -> Result<(), String> {
    let Some(dialect) = schema.get("$schema").and_then(Value::as_str) else { return Ok(()) };
    let draft = dialect.split_once("://").is_some_and(|(_, at)| at.starts_with("json-schema.org/"));
    let mut inside = schema.get("$defs").and_then(Value::as_object).into_iter().flatten();
    if draft || inside.any(|(_, one)| one.get("$id").and_then(Value::as_str) == Some(dialect)) {
        return Ok(());
    }
    Err(format!("its `$schema` is `{}`, which is not known here", short(dialect.to_string())))
}

/// References to other documents are refused: nothing is ever fetched to check a value.
pub fn compile(schema: &Value) -> Result<Validator, ValidationError<'static>> {
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .offline()
        .with_pattern_options(PatternOptions::regex().size_limit(1 << 20))
        .build(schema)
}

/// `None` where lists and objects are deeper in each other than this.
fn shallow(value: &Value, deepest: usize) -> Option<()> {
    match value {
        Value::Array(items) => {
            let below = deepest.checked_sub(1)?;
            items.iter().try_for_each(|item| shallow(item, below))
        }
        Value::Object(fields) => {
            let below = deepest.checked_sub(1)?;
            fields.values().try_for_each(|field| shallow(field, below))
        }
        _ => Some(()),
    }
}

/// Whether each reference is a pointer to something in the schema itself: what else it could lead
/// to is not counted by [`effort`].
fn closed(root: &Value, value: &Value) -> Result<(), String> {
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| closed(root, item)),
        Value::Object(fields) => fields.iter().try_for_each(|(word, said)| match (&**word, said) {
            ("$ref" | "$dynamicRef", Value::String(to))
                if validation_cost::target(root, to).is_none() =>
            {
                Err(format!("refers to `{}`, which is no pointer into it", short(to.clone())))
            }
            ("$id", Value::String(id)) if !std::ptr::eq(root, value) => {
                Err(format!("holds another schema, `{}`", short(id.clone())))
            }
            _ => closed(root, said),
        }),
        _ => Ok(()),
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
    use serde_json::{Map, json};

    #[test]
    fn problems_are_named_with_their_place() {
        let schema = json!({
            "type": "object", "required": ["path"], "additionalProperties": false,
            "properties": {"path": {"type": "string"}, "lines": {"type": "integer"}}
        });
        assert_eq!(check(&schema, &json!({"path": "a"})), Ok(()));
        let said = check(&schema, &json!({"lines": "x"})).unwrap_err();
        assert_eq!(said, "`lines` must be an integer, not a string; `path` is missing");
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
        let dialect = json!({"$schema": "https://example.com/mine", "minimum": 1});
        assert!(check(&dialect, &json!(1)).is_err_and(|error| error.contains("not known here")));
        assert!(check(&json!([]), &json!(1)).is_err());
        // Small, and a great many schemas where each reference is followed.
        let next = |n: usize| json!({"$ref": format!("#/$defs/a{}", n + 1)});
        let mut defs: Map<String, Value> =
            (0..40).map(|n| (format!("a{n}"), json!({"allOf": [next(n), next(n)]}))).collect();
        defs.insert("a40".to_string(), json!({}));
        let doubling = json!({"$defs": defs, "$ref": "#/$defs/a0"});
        let bounds = Bounds { bytes: 32 << 10, deepest: 24 };
        let refused = |schema: &Value| Checker::of_untrusted(schema, bounds).map(drop).unwrap_err();
        assert_eq!(refused(&doubling), "takes more than 2000000 steps to check");
        assert!(check(&doubling, &json!(1)).is_err_and(|error| error.contains("steps to check")));
        assert_eq!(
            refused(&remote),
            "refers to `http://127.0.0.1:9/schema.json`, which is no pointer into it"
        );
        let inner = json!({"$defs": {"a": {"$id": "https://example.com/a", "$ref": "#"}}});
        assert_eq!(refused(&inner), "holds another schema, `https://example.com/a`");
        let deep = (0..30).fold(json!({}), |inner, _| json!({ "not": inner }));
        assert_eq!(refused(&deep), "nests more than 24 deep");
        assert!(refused(&json!({"type": "unheard"})).starts_with("is not valid: "));
        let name = "n".repeat(1 << 20);
        let schema = json!({"type": "object", "additionalProperties": false});
        assert!(check(&schema, &json!({ name: 1 })).is_err_and(|error| error.len() < 300));
    }
}
