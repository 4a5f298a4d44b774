//! The schema of the outcome: where it is, that it is one, and that the decoder can hold it.

use std::path::Path;

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;
use serde_json::Value;

use super::disk::{self, Wanted};
use super::keyword;
use super::problem::shortened;
use super::report::Report;
use super::source::child;
use super::{Known, OutputTable};

/// The longest schema file, in bytes.
const LONGEST: usize = 1 << 20;

/// Whether the model writes by grammar, so that its decoder must be able to hold the schema.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Decoding {
    Constrained,
    Free,
}

/// The checked schema.
pub(super) fn schema(
    output: &OutputTable,
    root: &Path,
    decoding: Decoding,
    known: &Known<'_>,
    report: &mut Report<'_>,
) -> Option<Value> {
    const INLINE: &str = "/output/schema";
    const FILE: &str = "/output/schema_file";
    if output.schema.is_some() && output.schema_file.is_some() {
        let message = "there is a `schema` and a `schema_file`";
        report.key(FILE, message).hint("keep one of the two");
    }
    let (schema, base) = match (&output.schema, &output.schema_file) {
        (Some(schema), _) => (schema.clone(), INLINE),
        (None, Some(file)) => (read(root, file, report)?, FILE),
        (None, None) => return None,
    };
    let problems = report.problems.len();
    let place = |at: &str| match base {
        INLINE => format!("{INLINE}{at}"),
        _ => FILE.to_string(),
    };
    let told = |at: &str, message: String| match (base, at) {
        (INLINE, _) | (_, "") => message,
        (_, at) => format!("{message}, at `{at}`"),
    };
    if !schema.is_object() {
        report
            .value(base, "an output schema must be an object")
            .hint("begin with `type = \"object\"`");
        return None;
    }
    let meta = jsonschema::draft202012::meta::validator();
    for error in meta.iter_errors(&schema) {
        let at = error.instance_path().to_string();
        let (message, hint) = invalid(&at, &error);
        report.value(&place(&at), told(&at, message)).hint = hint;
    }
    keyword::slips(&schema, &mut |at, word, near| {
        report
            .key(
                &place(at),
                told(at, format!("`{}` is no keyword of JSON Schema", shortened(word))),
            )
            .hint(format!("did you mean `{near}`?"));
    });
    if report.problems.len() == problems
        && let Err(error) = agent_core::schema::compile(&schema)
    {
        let word = if matches!(error.kind(), ValidationErrorKind::Format { .. }) {
            "pattern"
        } else {
            "$ref"
        };
        let at = pointer_to(&schema, word, "").unwrap_or_default();
        let (message, hint) = invalid(&at, &error);
        report.value(&place(&at), told(&at, message)).hint = hint;
    }
    if report.problems.len() == problems
        && let Err(reason) = agent_core::schema::dialect(&schema)
    {
        report
            .value(&place("/$schema"), told("/$schema", reason))
            .hint("leave it out: a schema is read as JSON Schema 2020-12");
    }
    if report.problems.len() == problems
        && decoding == Decoding::Constrained
        && let Err(reason) = (known.decoder_holds)(&schema)
    {
        let at = named_in(&reason, &schema).unwrap_or_default();
        let message = told(&at, format!("a local model cannot be held to this schema: {reason}"));
        report
            .key(&place(&at), message)
            .hint("write the schema without it, or use a model with `provider = \"openai\"`");
    }
    Some(schema)
}

fn read(root: &Path, file: &str, report: &mut Report<'_>) -> Option<Value> {
    const FILE: &str = "/output/schema_file";
    let path = match disk::existing(root, file, Wanted::File) {
        Ok(path) => path,
        Err(missing) => {
            report.value(FILE, missing.message).hint = missing.hint;
            return None;
        }
    };
    let bytes = match disk::read(&path, LONGEST) {
        Ok(bytes) => bytes,
        Err(missing) => {
            report.value(FILE, format!("`{file}` cannot be read: {}", missing.message));
            return None;
        }
    };
    match serde_json::from_slice(text::utf8::unmarked(&bytes)) {
        Ok(schema) => Some(schema),
        Err(error) => {
            report.value(FILE, format!("`{file}` is not JSON: {error}"));
            None
        }
    }
}

/// Where in a schema the first keyword is that an error names in backticks.
fn named_in(reason: &str, schema: &Value) -> Option<String> {
    let mut words = reason.split(['`', '"']).skip(1).step_by(2);
    words.find_map(|word| pointer_to(schema, word, ""))
}

fn pointer_to(value: &Value, key: &str, pointer: &str) -> Option<String> {
    match value {
        Value::Object(object) if object.contains_key(key) => Some(child(pointer, key)),
        Value::Object(object) => {
            object.iter().find_map(|(name, value)| pointer_to(value, key, &child(pointer, name)))
        }
        Value::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(at, item)| pointer_to(item, key, &format!("{pointer}/{at}"))),
        _ => None,
    }
}

/// What the validator says of a schema, in plainer words where a slip is common.
fn invalid(at: &str, error: &ValidationError<'_>) -> (String, Option<String>) {
    const TYPES: &str =
        "a type is `object`, `array`, `string`, `integer`, `number`, `boolean` or `null`";
    match error.kind() {
        ValidationErrorKind::AnyOf { .. } if at.ends_with("/type") => {
            let written = match error.instance().as_ref() {
                Value::String(text) => shortened(text),
                other => shortened(&other.to_string()),
            };
            (format!("`{written}` is no type of JSON Schema"), Some(TYPES.to_string()))
        }
        ValidationErrorKind::Format { .. } => {
            (format!("not a regular expression: {}", in_backticks(error)), None)
        }
        ValidationErrorKind::Referencing(_) => (
            "`$ref` leads to nothing".to_string(),
            Some(
                "put what it means under `$defs`, and refer to it with `#/$defs/NAME`".to_string(),
            ),
        ),
        _ => (format!("not a valid JSON Schema: {}", in_backticks(error)), None),
    }
}

/// jsonschema quotes with `"`; the rest of Errand with backticks.
fn in_backticks(error: &ValidationError<'_>) -> String {
    shortened(&error.to_string().replace('"', "`"))
}
