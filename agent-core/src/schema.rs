//! JSON Schema (2020-12) as the host checks it, and what it says to whoever broke it.

use serde_json::Value;

/// The most problems named at once: a model reads the first ones.
const SHOWN: usize = 3;

/// Whether `value` satisfies `schema`. The error is a sentence for whoever wrote the value: each
/// problem with the place where it is.
pub fn check(schema: &Value, value: &Value) -> Result<(), String> {
    let validator = compile(schema)?;
    let problems: Vec<String> = validator
        .iter_errors(value)
        .take(SHOWN)
        .map(|problem| {
            let place = problem.instance_path().to_string();
            let place = place.trim_start_matches('/').replace('/', ".");
            if place.is_empty() { problem.to_string() } else { format!("`{place}`: {problem}") }
        })
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(problems.join("; ")) }
}

/// Whether this is a JSON Schema at all. References to other documents are refused: nothing is
/// ever fetched to check a value.
pub fn valid(schema: &Value) -> Result<(), String> {
    compile(schema).map(drop)
}

fn compile(schema: &Value) -> Result<jsonschema::Validator, String> {
    jsonschema::draft202012::new(schema).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn problems_are_named_with_their_place() {
        let schema = json!({
            "type": "object", "required": ["path"], "additionalProperties": false,
            "properties": {"path": {"type": "string"}, "lines": {"type": "integer"}}
        });
        assert_eq!(check(&schema, &json!({"path": "a"})), Ok(()));
        let said = check(&schema, &json!({"lines": "x"})).unwrap_err();
        assert!(said.contains("`lines`") && said.contains("\"path\" is a required"), "{said}");
    }

    #[test]
    fn a_schema_that_is_none_is_refused() {
        assert!(valid(&json!({"type": "strin"})).is_err());
        assert!(valid(&json!({"$ref": "https://example.org/other.json"})).is_err());
    }
}
