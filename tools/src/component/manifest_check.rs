//! Whether what a component says of itself can be taken in: names that are names, schemas that are
//! schemas, nothing endless. A manifest is untrusted, and a model will read it.

use std::collections::BTreeSet;

use agent_core::manifest::Manifest;
use agent_core::schema::{Bounds, Checker};
use agent_core::tool::ToolSpec;
use serde_json::Value;

/// The most tools of one component.
const TOOLS: usize = 64;
/// The longest description, in bytes.
const DESCRIPTION: usize = 4096;
/// How big a schema may be.
const BOUNDS: Bounds = Bounds { bytes: 64 << 10, deepest: 32 };
/// The most entries of one list of wants.
const WANTS: usize = 64;

/// Refuses a manifest that cannot be used; the error is a sentence.
pub fn check_manifest(manifest: &Manifest) -> Result<(), String> {
    described("the component", &manifest.description)?;
    if manifest.tools.is_empty() {
        return Err("the component brings no tools".to_string());
    }
    if manifest.tools.len() > TOOLS {
        return Err(format!("{} tools are too many: at most {TOOLS}", manifest.tools.len()));
    }
    let mut names = BTreeSet::new();
    for spec in &manifest.tools {
        tool(spec)?;
        // As functions of Python `a-b` and `a_b` would be one.
        if !names.insert(spec.name.replace('-', "_")) {
            return Err(format!("two tools are called `{}`", spec.name));
        }
    }
    let wants = &manifest.wants;
    let words = wants.read.iter().chain(&wants.write).chain(&wants.tools);
    let lists = [
        wants.read.len(),
        wants.write.len(),
        wants.tools.len(),
        wants.net.len(),
        wants.secrets.len(),
    ];
    if lists.into_iter().any(|length| length > WANTS) {
        return Err(format!("it wants more than {WANTS} things of a kind"));
    }
    for word in words {
        if word.is_empty() || word.len() > 1024 || word.chars().any(char::is_control) {
            return Err("it wants something that has no name".to_string());
        }
    }
    for secret in &wants.secrets {
        let variable = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let header = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        let fits = |word: &str, legal: &dyn Fn(char) -> bool| {
            !word.is_empty() && word.len() <= 128 && word.chars().all(legal)
        };
        if !fits(&secret.name, &variable) || !fits(&secret.header, &header) {
            return Err("it wants a secret by a name that is none".to_string());
        }
    }
    Ok(())
}

fn tool(spec: &ToolSpec) -> Result<(), String> {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    let name = &spec.name;
    if name.len() > 48
        || !name.starts_with(|c: char| c.is_ascii_lowercase())
        || !name.chars().all(legal)
    {
        let shown: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
        return Err(format!(
            "`{shown}` is no name for a tool: lower-case letters, digits, `-` and `_`, a letter \
             first, at most 48"
        ));
    }
    described(&format!("tool `{name}`"), &spec.description)?;
    for (what, schema) in [("input", &spec.input), ("output", &spec.output)] {
        let wrong = |why: String| format!("the {what} schema of `{name}` {why}");
        if !schema.is_object() {
            return Err(wrong("is no object".to_string()));
        }
        Checker::of_untrusted(schema, BOUNDS).map_err(wrong)?;
    }
    match spec.input.get("type").and_then(Value::as_str) {
        Some("object") => Ok(()),
        _ => Err(format!("the input schema of `{name}` must have the type `object`")),
    }
}

/// A description is shown on a terminal and read by a model: text, and not endless.
fn described(what: &str, text: &str) -> Result<(), String> {
    if text.len() > DESCRIPTION {
        return Err(format!("the description of {what} is longer than {DESCRIPTION} bytes"));
    }
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
        return Err(format!("the description of {what} holds control characters"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use agent_core::manifest::Wants;
    use agent_core::tool::Effect;
    use serde_json::json;

    fn with(change: impl FnOnce(&mut Manifest)) -> Result<(), String> {
        let spec = ToolSpec {
            name: "forecast".into(),
            description: String::new(),
            input: json!({"type": "object"}),
            output: json!({}),
            effect: Effect::Reads,
        };
        let mut manifest =
            Manifest { description: String::new(), tools: vec![spec], wants: Wants::default() };
        change(&mut manifest);
        check_manifest(&manifest)
    }

    #[track_caller]
    fn refused(change: impl FnOnce(&mut Manifest), expected: &str) {
        let said = with(change);
        assert!(said.as_ref().is_err_and(|said| said.contains(expected)), "{said:?}");
    }

    #[test]
    fn hostile_manifests_are_refused() {
        assert_eq!(with(|_| {}), Ok(()));
        refused(|m| m.tools.clear(), "brings no tools");
        refused(|m| m.tools = vec![m.tools[0].clone(); 65], "too many");
        refused(|m| m.tools.push(m.tools[0].clone()), "two tools");
        for name in ["", "Forecast", "a.b", "a/b", "../a", "a b", "é", "a\u{1b}[2J"] {
            refused(|m| m.tools[0].name = name.into(), "no name for a tool");
        }
        refused(|m| m.description = "\u{1b}[2Jhello".into(), "control characters");
        refused(|m| m.tools[0].description = "x".repeat(5000), "longer than 4096");
        refused(|m| m.tools[0].input = json!([]), "is no object");
        refused(|m| m.tools[0].input = json!({"type": "string"}), "the type `object`");
        refused(|m| m.tools[0].output = json!({"type": "unheard"}), "is not valid");
        refused(
            |m| m.tools[0].output = json!({"$ref": "file:///etc/passwd"}),
            "which is no pointer into it",
        );
        let mut deep = json!({});
        for _ in 0..2000 {
            deep = json!({"not": deep});
        }
        refused(|m| m.tools[0].output = deep, "nests more than 32 deep");
        let huge = json!({"type": "object", "description": "x".repeat(70_000)});
        refused(|m| m.tools[0].input = huge, "longer than 64 KiB");
        refused(|m| m.wants.read = vec!["a".into(); 65], "more than 64");
        refused(|m| m.wants.tools = vec!["\u{1b}".into()], "no name");
    }
}
