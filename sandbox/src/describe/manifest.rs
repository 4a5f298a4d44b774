//! A manifest as a component gives it, made ours: bounded, with legal names, hosts, paths and
//! headers. It is shown to people and to models, so it holds no control characters either.

use std::collections::HashSet;

use agent_core::manifest::{Manifest, SecretUse, Wants};
use agent_core::permission::NetRule;
use agent_core::tool::{Effect, ToolSpec};

use super::{inside, schema, wit};
use crate::host;

const MOST_TOOLS: usize = 64;
const MOST_WANTS: usize = 64;
const LONGEST_NAME: usize = 64;
const LONGEST_TEXT: usize = 2_000;
const LONGEST_WANT: usize = 500;

/// The error is a sentence that names what is wrong.
pub(super) fn read(said: wit::Manifest) -> Result<Manifest, String> {
    let wit::Manifest { description, tools, wants } = said;
    if tools.is_empty() {
        return Err("the manifest names no tool".to_string());
    }
    if tools.len() > MOST_TOOLS {
        return Err(format!("the manifest names more than {MOST_TOOLS} tools"));
    }
    let mut names = HashSet::new();
    if let Some(twice) = tools.iter().find(|tool| !names.insert(tool.name.clone())) {
        return Err(format!("the manifest names the tool `{}` twice", shown(&twice.name)));
    }
    let tools = tools.into_iter().map(tool).collect::<Result<_, _>>()?;
    Ok(Manifest {
        description: text("the description of the component", description)?,
        tools,
        wants: read_wants(wants)?,
    })
}

fn tool(said: wit::ToolSpec) -> Result<ToolSpec, String> {
    let wit::ToolSpec { name, description, input, output, effect, idempotent } = said;
    if !legal_tool(&name) {
        return Err(format!(
            "`{}` is no name of a tool: lower-case letters, digits, `-` and `_`, a letter first, at \
             most {LONGEST_NAME}",
            shown(&name)
        ));
    }
    let description = text(&format!("the description of `{name}`"), description)?;
    if description.trim().is_empty() {
        return Err(format!("the tool `{name}` has no description"));
    }
    let effect = match (effect, idempotent) {
        (wit::Effect::Pure, _) => Effect::Pure,
        (wit::Effect::Reads, _) => Effect::Reads,
        (wit::Effect::Writes | wit::Effect::Egress, true) => Effect::Idempotent,
        (wit::Effect::Writes | wit::Effect::Egress, false) => Effect::Writes,
    };
    let (input, output) =
        (schema::read(&name, "input", &input)?, schema::read(&name, "output", &output)?);
    Ok(ToolSpec { name, description, input, output, effect })
}

fn read_wants(said: wit::Wants) -> Result<Wants, String> {
    let wit::Wants { net, read, write, tools, secrets, kv } = said;
    let counts = [net.len(), read.len(), write.len(), tools.len(), secrets.len()];
    if counts.into_iter().any(|count| count > MOST_WANTS) {
        return Err(format!("the manifest wants more than {MOST_WANTS} things of one kind"));
    }
    if let Some(illegal) = tools.iter().find(|name| !legal_reference(name)) {
        return Err(format!("the manifest wants `{}`, which is no tool", shown(illegal)));
    }
    Ok(Wants {
        net: net.iter().map(|host| rule(host)).collect::<Result<_, _>>()?,
        read: paths(read)?,
        write: paths(write)?,
        tools,
        secrets: secrets.into_iter().map(secret).collect::<Result<_, _>>()?,
        kv,
    })
}

fn rule(written: &str) -> Result<NetRule, String> {
    if written.len() > LONGEST_WANT {
        return Err("the manifest wants a host with too long a name".to_string());
    }
    written.parse().map_err(|error| format!("the manifest wants {error}"))
}

fn paths(paths: Vec<String>) -> Result<Vec<String>, String> {
    let legal = |path: &String| {
        path.len() <= LONGEST_WANT && inside(path) && !path.chars().any(char::is_control)
    };
    match paths.iter().find(|path| !legal(path)) {
        Some(path) => Err(format!(
            "the manifest wants `{}`, which is no path in an agent's folder",
            shown(path)
        )),
        None => Ok(paths),
    }
}

fn secret(said: wit::Secret) -> Result<SecretUse, String> {
    let wit::Secret { name, host, header } = said;
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !name.starts_with(first) || !name.chars().all(legal) || name.len() > LONGEST_NAME {
        return Err(format!("the manifest wants the secret `{}`, which is no name", shown(&name)));
    }
    let host = rule(&host)?;
    if !matches!(host, NetRule::Host { .. }) {
        return Err(format!(
            "the manifest wants the secret `{name}` for `{host}`: a secret goes to one host"
        ));
    }
    host::may_hold_a_secret(&header)
        .map_err(|reason| format!("the manifest wants the secret `{name}`: {reason}"))?;
    Ok(SecretUse { name, host, header: header.to_ascii_lowercase() })
}

fn legal_tool(name: &str) -> bool {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    name.len() <= LONGEST_NAME
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(legal)
}

/// `files.read`, or `weather.*`.
fn legal_reference(name: &str) -> bool {
    let legal = match name.rsplit_once('.') {
        None => legal_tool(name),
        Some((family, last)) => {
            family.split('.').all(legal_tool) && (legal_tool(last) || last == "*")
        }
    };
    legal && name.len() <= 2 * LONGEST_NAME
}

fn text(what: &str, text: String) -> Result<String, String> {
    if text.len() > LONGEST_TEXT {
        return Err(format!("{what} is longer than {LONGEST_TEXT} bytes"));
    }
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
        return Err(format!("{what} holds control characters"));
    }
    Ok(text)
}

/// It is untrusted, and a terminal may show it.
fn shown(text: &str) -> String {
    text.chars().take(60).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_letters() {
        for legal in ["a", "forecast", "get-2_days"] {
            assert!(legal_tool(legal), "{legal}");
        }
        for illegal in ["", "A", "2a", "a.b", "a b", "a\n", "ä", &"a".repeat(65)] {
            assert!(!legal_tool(illegal), "{illegal}");
        }
        for legal in ["python", "files.read", "weather.*"] {
            assert!(legal_reference(legal), "{legal}");
        }
        for illegal in ["*", ".*", "a.", ".a", "a..b", "a.*.b"] {
            assert!(!legal_reference(illegal), "{illegal}");
        }
    }

    #[test]
    fn paths_stay_inside() {
        for legal in [".", "docs", "./docs/a.md"] {
            assert!(paths(vec![legal.to_string()]).is_ok(), "{legal}");
        }
        for illegal in ["", "/etc", "..", "docs/../../x", "a\nb"] {
            assert!(paths(vec![illegal.to_string()]).is_err(), "{illegal}");
        }
    }
}
