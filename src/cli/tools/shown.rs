//! A component as a person reads it before agreeing to it. Untrusted text is shown on one
//! line each, without anything that a terminal would obey.

use agent_core::component::Locked;
use agent_core::manifest::Manifest;
use agent_core::permission::Grants;
use agent_core::scope::{covers_net, covers_path};
use agent_core::tool::{Effect, ToolSpec};
use serde_json::Value;
use text::head;

/// All that the user agrees to.
pub(super) fn component(
    name: &str,
    locked: &Locked,
    granted: Option<(&Grants, &[String])>,
) -> String {
    let Locked { source, sha256, manifest } = locked;
    let mut lines = vec![format!("{name}  {}  sha256 {}", plain(source), &sha256[..16])];
    if !manifest.description.is_empty() {
        lines.push(format!("  {}", plain(&manifest.description)));
    }
    lines.extend(manifest.tools.iter().map(|spec| tool(name, spec)));
    lines.extend(wants(manifest, granted));
    lines.join("\n")
}

/// A tool on two lines.
pub(super) fn tool(component: &str, spec: &ToolSpec) -> String {
    let effect = effect(spec.effect);
    format!(
        "  {component}.{}({})  {effect}\n      {}",
        plain(&spec.name),
        parameters(&spec.input),
        plain(&spec.description)
    )
}

/// What a call does to the world, in words.
pub(super) fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Pure => "only computes",
        Effect::Reads => "only looks",
        Effect::Idempotent => "changes things; twice is once",
        Effect::Writes => "changes things",
    }
}

fn parameters(input: &Value) -> String {
    let required: Vec<&str> =
        input["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let properties = input["properties"].as_object();
    let shown = properties.into_iter().flatten().map(|(name, schema)| {
        let kind = schema["type"].as_str().unwrap_or("value");
        let optional = if required.contains(&name.as_str()) { "" } else { "?" };
        format!("{}{optional}: {}", plain(name), plain(kind))
    });
    shown.collect::<Vec<_>>().join(", ")
}

fn wants(manifest: &Manifest, granted: Option<(&Grants, &[String])>) -> Vec<String> {
    let wants = &manifest.wants;
    let mut lines = Vec::new();
    let mut line = |kind: &str, what: &str, key: &str, has: Option<bool>| {
        let missing = match has {
            Some(false) => format!("   not granted: {key}"),
            _ => String::new(),
        };
        lines.push(format!("  wants to {kind:<6} {}{missing}", plain(what)));
    };
    for rule in &wants.net {
        let has = granted.map(|(grants, _)| covers_net(&grants.net, rule));
        line("reach", &rule.to_string(), "[permissions] net", has);
    }
    for (kind, paths) in [("read", &wants.read), ("write", &wants.write)] {
        for path in paths {
            let has = granted.map(|(grants, _)| {
                let list = if kind == "read" { &grants.read } else { &grants.write };
                let whole = agent_core::path::resolve(&grants.root, path);
                let within = whole.is_ok_and(|whole| {
                    covers_path(list, &whole) || list.iter().any(|given| given.starts_with(&whole))
                });
                within || (path == "." && !list.is_empty())
            });
            line(kind, path, &format!("[permissions] {kind}"), has);
        }
    }
    for tool in &wants.tools {
        line("call", tool, "[tools] use", granted.map(|(grants, _)| grants.tools.contains(tool)));
    }
    for secret in &wants.secrets {
        let what = format!("{} in `{}` to {}", secret.name, secret.header, secret.host);
        let has = granted.map(|(_, secrets)| secrets.contains(&secret.name));
        line("send", &what, "[permissions] secrets", has);
    }
    if wants.kv {
        line("keep", "values of its own between calls", "", None);
    }
    if lines.is_empty() {
        lines.push("  wants nothing beyond its arguments".to_string());
    }
    lines
}

/// What is different now, one thing a line.
pub(super) fn changes(name: &str, before: &Manifest, after: &Manifest) -> Vec<String> {
    let mut lines = Vec::new();
    for spec in &after.tools {
        match before.tools.iter().find(|known| known.name == spec.name) {
            None => lines.push(format!("+ {}", tool(name, spec).trim_start())),
            Some(known) if known != spec => {
                lines.push(format!("- {}", tool(name, known).trim_start()));
                lines.push(format!("+ {}", tool(name, spec).trim_start()));
                if (&known.input, &known.output) != (&spec.input, &spec.output) {
                    lines.push(format!("  the schemas of `{name}.{}` changed", plain(&spec.name)));
                }
            }
            Some(_) => {}
        }
    }
    for spec in &before.tools {
        if !after.tools.iter().any(|known| known.name == spec.name) {
            lines.push(format!("- {}", tool(name, spec).trim_start()));
        }
    }
    let (old, new) = (wants(before, None), wants(after, None));
    lines.extend(
        old.iter().filter(|line| !new.contains(line)).map(|line| format!("- {}", line.trim())),
    );
    lines.extend(
        new.iter().filter(|line| !old.contains(line)).map(|line| format!("+ {}", line.trim())),
    );
    if before.description != after.description {
        lines.push(format!("  it now says of itself: {}", plain(&after.description)));
    }
    lines
}

/// On one line, without what acts on a terminal or hides there.
pub(super) fn plain(text: &str) -> String {
    let letter = |c: char| match c {
        c if c.is_control() => ' ',
        c if guard::hides(c) => '\u{fffd}',
        c => c,
    };
    head(text, 300).chars().map(letter).collect()
}
