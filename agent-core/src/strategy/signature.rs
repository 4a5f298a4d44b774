//! How a tool is written for a model that reads it as a function.

use serde_json::Value;

use crate::tool::ToolSpec;

/// How a tool looks as a Python function: `files.read(path: str, lines: int = …) – what it does`.
pub fn signature(spec: &ToolSpec) -> String {
    format!("{} – {}", shape(spec), spec.description)
}

/// A tool's name and what it takes: `files.read(path: str, lines: int = None)`.
pub fn shape(spec: &ToolSpec) -> String {
    let required: Vec<&str> = spec.input["required"]
        .as_array()
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let parameters: Vec<String> = spec.input["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, schema)| {
            let kind = match schema["type"].as_str() {
                Some("integer") => "int",
                Some("number") => "float",
                Some("boolean") => "bool",
                Some("array") => "list",
                Some("object") => "dict",
                _ => "str",
            };
            match required.contains(&name.as_str()) {
                true => format!("{name}: {kind}"),
                false => format!("{name}: {kind} = None"),
            }
        })
        .collect();
    format!("{}({})", spec.name, parameters.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_tool_reads_as_a_function() {
        let spec = ToolSpec {
            name: "files.read".into(),
            description: "reads a file".into(),
            input: json!({"type": "object", "required": ["path"], "properties": {
                "path": {"type": "string"}, "lines": {"type": "integer"}}}),
            output: json!({}),
            effect: crate::tool::Effect::Reads,
        };
        assert_eq!(signature(&spec), "files.read(path: str, lines: int = None) – reads a file");
    }
}
