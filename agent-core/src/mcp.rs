//! MCP servers as an agent names them: how each is reached, and the tools it was seen to have when
//! somebody agreed to them. Whoever speaks to a server holds it to that list.

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

    /// The environment variables that are put into its own, or into headers.
    pub fn needs(&self) -> Vec<String> {
        let texts = match &self.transport {
            Transport::Stdio(program) => &program.env,
            Transport::Http { headers, .. } => headers,
        };
        texts.values().flat_map(|text| variables(text)).map(str::to_string).collect()
    }
}

/// What a server offered when somebody looked, by bare names.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Pinned {
    /// SHA-256 of its list of tools.
    pub digest: String,
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

/// The variables that a text refers to as `${NAME}`.
pub fn variables(text: &str) -> impl Iterator<Item = &str> {
    text.split("${").skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
}
