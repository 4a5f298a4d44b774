//! MCP servers as an agent names them: how each is reached, and the tools it was seen to have when
//! the user agreed to them. The client of a server holds it to that list.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::tool::ToolSpec;

/// A server, and what was agreed to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Server {
    /// How it is reached.
    pub transport: Transport,
    /// How long one call may take without a sign of progress.
    pub timeout: Duration,
    /// The `mcpServers` file that it stands in. Environment variables and headers of such a file
    /// may be secrets: only their names are here, their values are read when a server is started.
    pub from: Option<PathBuf>,
    /// What that file calls it, where that is no name for a family of tools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
    /// Its tools.
    pub pinned: Pinned,
}

impl Server {
    /// Its tools by the names that an agent uses.
    pub fn specs(&self, server: &str) -> Vec<ToolSpec> {
        let named =
            |spec: &ToolSpec| ToolSpec { name: format!("{server}.{}", spec.name), ..spec.clone() };
        self.pinned.tools.iter().map(named).collect()
    }

    /// Whether it may read files of this machine beyond these folders.
    pub fn reads_beyond(&self, own: &[PathBuf]) -> bool {
        let Transport::Stdio(program) = &self.transport else { return false };
        let mut paths = program.read.iter().chain(&program.write);
        program.confinement == Confinement::Lifted
            || paths.any(|path| !own.iter().any(|own| path.starts_with(own)))
    }

    /// Whether it is a confined program that may write files.
    pub fn writes(&self) -> bool {
        matches!(&self.transport, Transport::Stdio(program)
            if program.confinement == Confinement::Required && !program.write.is_empty())
    }

    /// The environment variables that it is started or reached with, without which it cannot be.
    pub fn needs(&self) -> Vec<String> {
        let mut texts: Vec<String> = Vec::new();
        match &self.transport {
            Transport::Stdio(program) => {
                texts.push(program.command.clone());
                texts.extend(program.args.iter().chain(program.env.values()).cloned());
            }
            Transport::Http { url, headers } => {
                texts.push(written(url));
                texts.extend(headers.values().cloned());
            }
        }
        let needed = |text: &String| -> Vec<String> {
            let wanted = variables(text).filter(|variable| variable.default.is_none());
            wanted.map(|variable| variable.name.to_string()).collect()
        };
        texts.iter().flat_map(needed).collect()
    }
}

/// What a server offered when it was pinned, by bare names.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Pinned {
    /// SHA-256 of its list of tools.
    pub digest: String,
    /// What the server itself calls a tool whose name could not be given to a model, by the name that
    /// it has here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub own: BTreeMap<String, String>,
    /// Its tools.
    pub tools: Vec<ToolSpec>,
}

/// How a server is reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// A program of this machine, spoken to over its standard input and output.
    Stdio(Program),
    /// Streamable HTTP.
    Http {
        /// Its endpoint.
        url: Url,
        /// What every request carries; `${NAME}` stands for an environment variable.
        headers: BTreeMap<String, String>,
    },
}

/// A program, and how far it may go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Program {
    /// A name on the search path, or a path.
    pub command: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// All of its environment; `${NAME}` stands for an environment variable.
    pub env: BTreeMap<String, String>,
    /// The folder it runs in.
    pub root: PathBuf,
    /// What it may read beside the system's programs and libraries, absolute.
    pub read: Vec<PathBuf>,
    /// What it may read and write, absolute.
    pub write: Vec<PathBuf>,
    /// Which network it sees.
    pub network: Network,
    /// Whether it runs at all where it cannot be confined.
    pub confinement: Confinement,
}

/// Which network a program sees.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Network {
    /// None.
    #[default]
    None,
    /// All that this machine sees.
    Open,
}

/// Whether a program is confined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Confinement {
    /// It sees its own folders and network and nothing else, or it does not start.
    Required,
    /// It may do what its user may: the agent file says so.
    Lifted,
}

/// A place in a text that an environment variable is put into: `${NAME}`, `${NAME:-default}`, or
/// `${env:NAME}` as some programs write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable<'a> {
    /// The variable's name; what is no name is here as it was written.
    pub name: &'a str,
    /// What stands there where the variable is not set.
    pub default: Option<&'a str>,
}

impl<'a> Variable<'a> {
    fn of(inside: &'a str) -> Self {
        let inside = inside.strip_prefix("env:").unwrap_or(inside);
        match inside.split_once(":-") {
            Some((name, default)) => Self { name, default: Some(default) },
            None => Self { name: inside, default: None },
        }
    }

    /// As it would be written, without the default itself.
    pub fn bare(&self) -> String {
        let default = if self.default.is_some() { ":-" } else { "" };
        format!("${{{}{default}}}", self.name)
    }
}

/// The variables that a text refers to.
pub fn variables(text: &str) -> impl Iterator<Item = Variable<'_>> {
    let inside = text.split("${").skip(1).filter_map(|rest| rest.split_once('}'));
    inside.map(|(inside, _)| Variable::of(inside))
}

/// A text with each variable replaced by what `value` gives for it.
///
/// # Errors
/// The first that `value` has nothing for.
pub fn filled(text: &str, value: impl Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut parts = text.split("${");
    let mut filled = parts.next().unwrap_or_default().to_string();
    for part in parts {
        let Some((inside, rest)) = part.split_once('}') else {
            filled.push_str("${");
            filled.push_str(part);
            continue;
        };
        let variable = Variable::of(inside);
        let value = value(variable.name).or(variable.default.map(str::to_string));
        filled.push_str(&value.ok_or_else(|| variable.name.to_string())?);
        filled.push_str(rest);
    }
    Ok(filled)
}

/// An address as it was written: a variable in it is not escaped.
pub fn written(url: &Url) -> String {
    url.as_str().replace("%7B", "{").replace("%7D", "}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_filled_in_once_each_with_their_defaults() {
        let value = |name: &str| match name {
            "A" => Some("a ${B}".to_string()),
            _ => None,
        };
        assert_eq!(filled("x ${A} ${env:A}", value), Ok("x a ${B} a ${B}".to_string()));
        assert_eq!(filled("${B:-http://h:1/}/y", value), Ok("http://h:1//y".to_string()));
        assert_eq!(filled("${B:-}|$A|${", value), Ok("|$A|${".to_string()));
        assert_eq!(filled("${A}${B}", value), Err("B".to_string()));
        let bare: Vec<String> = variables("${A} ${B:-s3cret}").map(|v| v.bare()).collect();
        assert_eq!(bare, ["${A}", "${B:-}"]);
    }
}
