//! The MCP servers of an agent file: its own tables, and an `mcpServers` file as other programs
//! have it. Refuses a server that cannot be reached either way or both, and one whose tools nobody
//! has looked at.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use serde_json::error::Category;
use url::Url;

use super::ground::{self, Wanted};
use super::problem::shortened;
use super::report::Report;
use super::source::child;
use super::{McpTable, ServerTable, duration};
use crate::agent::is_variable;
use crate::component::RESERVED;
use crate::mcp::{Confinement, Pinned, Program, Server, Transport, variables};

/// The longest `mcpServers` file, in bytes.
const LONGEST: usize = 1 << 20;

/// How long a call may take, where nothing is said.
const TIMEOUT: Duration = Duration::from_secs(60);

/// An `mcpServers` file. What it says beside this is for other programs.
#[derive(Deserialize)]
struct File {
    #[serde(rename = "mcpServers")]
    servers: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    command: Option<String>,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, Value>,
    url: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, Value>,
}

impl McpTable {
    /// Whether tools of this family may be a server's.
    pub(super) fn names(&self, family: &str) -> bool {
        self.file.is_some() || self.servers.contains_key(family)
    }
}

/// The servers. Without `pins` they are not looked for, and need not be there.
pub(super) fn servers(
    table: &McpTable,
    root: &Path,
    pins: Option<&BTreeMap<String, Pinned>>,
    report: &mut Report<'_>,
) -> BTreeMap<String, Server> {
    let mut tables: BTreeMap<String, (ServerTable, Option<PathBuf>, String)> = BTreeMap::new();
    for (name, own) in &table.servers {
        tables.insert(name.clone(), (own.clone(), None, child("/mcp/servers", name)));
    }
    if let Some((path, file)) = table.file.as_deref().and_then(|file| read(root, file, report)) {
        for (name, entry) in file.servers {
            let own = table.servers.get(&name).cloned().unwrap_or_default();
            let unread = |values: BTreeMap<String, Value>| {
                values.into_iter().map(|(name, value)| {
                    // Only which variables it wants is kept: the value may be a secret.
                    let text = value.as_str().unwrap_or_default();
                    let wants: Vec<String> =
                        variables(text).map(|name| format!("${{{name}}}")).collect();
                    (name, wants.concat())
                })
            };
            let merged = ServerTable {
                command: entry.command,
                args: entry.args,
                url: entry.url,
                env: unread(entry.env).collect(),
                headers: unread(entry.headers).collect(),
                ..own
            };
            let pointer = match table.servers.contains_key(&name) {
                true => child("/mcp/servers", &name),
                false => "/mcp/file".to_string(),
            };
            tables.insert(name, (merged, Some(path.clone()), pointer));
        }
    }
    let mut servers = BTreeMap::new();
    for (name, (table, from, pointer)) in tables {
        let checked = Checked { name: &name, table: &table, root, pointer: &pointer };
        if let Some(server) = checked.server(from, pins, report) {
            servers.insert(name, server);
        }
    }
    servers
}

fn read(root: &Path, file: &str, report: &mut Report<'_>) -> Option<(PathBuf, File)> {
    const FILE: &str = "/mcp/file";
    let found = ground::existing(root, file, Wanted::File)
        .and_then(|path| ground::read(&path, LONGEST).map(|bytes| (path, bytes)));
    match found {
        Ok((path, bytes)) => match serde_json::from_slice(&bytes) {
            Ok(file) => Some((path, file)),
            Err(error) => {
                // What stands there is not told: it may be a token.
                let what = match error.classify() {
                    Category::Data => "something is missing, or not of the type that is meant",
                    _ => "it is not JSON",
                };
                let (line, column) = (error.line(), error.column());
                let message = format!(
                    "`{file}` is no file of MCP servers: {what}, at line {line} column {column}"
                );
                report
                    .value(FILE, message)
                    .hint("it is JSON: `{\"mcpServers\": {\"NAME\": {\"command\": …}}}`");
                None
            }
        },
        Err(missing) => {
            report.value(FILE, missing.message).hint = missing.hint;
            None
        }
    }
}

struct Checked<'a> {
    name: &'a str,
    table: &'a ServerTable,
    root: &'a Path,
    pointer: &'a str,
}

impl Checked<'_> {
    fn server(
        &self,
        from: Option<PathBuf>,
        pins: Option<&BTreeMap<String, Pinned>>,
        report: &mut Report<'_>,
    ) -> Option<Server> {
        let (name, pointer) = (self.name, self.pointer);
        let before = report.problems.len();
        let mut letters = name.chars();
        let legal = letters.next().is_some_and(|c| c.is_ascii_lowercase())
            && letters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c));
        if !legal || name.len() > 32 {
            report
                .key(pointer, format!("a server cannot be called `{}` here", shortened(name)))
                .hint("begin with a small letter, and use those, digits, `-` and `_`");
        } else if RESERVED.contains(&name) {
            report
                .key(pointer, format!("a server cannot be called `{name}`: errand has such tools"))
                .hint("call it something else");
        }
        let transport = self.transport(report);
        for (key, texts) in [("env", &self.table.env), ("headers", &self.table.headers)] {
            for (at, text) in texts {
                if variables(text).any(|name| !is_variable(name)) {
                    let pointer = child(&format!("{pointer}/{key}"), at);
                    report
                        .key(&pointer, "between `${` and `}` comes an environment variable's name")
                        .hint("letters, digits and `_`, such as `${API_KEY}`");
                }
            }
        }
        let timeout = match self.table.timeout.as_deref().map(duration::read) {
            Some(Err(wanted)) => {
                report.value(&format!("{pointer}/timeout"), format!("`timeout` must be {wanted}"));
                TIMEOUT
            }
            Some(Ok(timeout)) => timeout,
            None => TIMEOUT,
        };
        let transport = transport.filter(|_| report.problems.len() == before)?;
        let pinned = match pins {
            None => Pinned::default(),
            Some(pins) => match pins.get(name) {
                Some(pinned) => pinned.clone(),
                None => {
                    report
                        .key(pointer, format!("nobody has looked at the tools of server `{name}`"))
                        .hint("`errand mcp pin FILE` shows them, and pins them in errand.lock");
                    return None;
                }
            },
        };
        Some(Server { transport, timeout, from, pinned })
    }

    fn transport(&self, report: &mut Report<'_>) -> Option<Transport> {
        let ServerTable { command, url, .. } = self.table;
        let pointer = self.pointer;
        match (command, url) {
            (Some(_), Some(_)) => {
                report
                    .key(pointer, format!("server `{}` has a `command` and a `url`", self.name))
                    .hint("keep one of the two");
                None
            }
            (None, None) => {
                report
                    .key(pointer, format!("server `{}` has no `command` and no `url`", self.name))
                    .hint("a program is started by `command`, an endpoint is reached at `url`");
                None
            }
            (None, Some(url)) => {
                let web = |url: &Url| {
                    matches!(url.scheme(), "http" | "https")
                        && url.has_host()
                        && url.username().is_empty()
                        && url.password().is_none()
                };
                match Url::parse(url).ok().filter(web) {
                    Some(url) => Some(Transport::Http { url, headers: self.table.headers.clone() }),
                    None => {
                        report
                            .key(&format!("{pointer}/url"), "`url` is no `http:` or `https:` URL")
                            .hint("keys belong in `headers`, as `${NAME}`");
                        None
                    }
                }
            }
            (Some(command), None) => Some(Transport::Stdio(Program {
                command: command.clone(),
                args: self.table.args.clone(),
                env: self.table.env.clone(),
                root: self.root.to_path_buf(),
                read: self.paths("read", &self.table.read, report),
                write: self.paths("write", &self.table.write, report),
                network: self.table.network.unwrap_or_default(),
                confinement: match self.table.unconfined {
                    true => Confinement::Lifted,
                    false => Confinement::Required,
                },
            })),
        }
    }

    fn paths(&self, key: &str, written: &[String], report: &mut Report<'_>) -> Vec<PathBuf> {
        let mut paths = Vec::new();
        for (at, written) in written.iter().enumerate() {
            match ground::existing(self.root, written, Wanted::Any) {
                Ok(path) => paths.push(path),
                Err(missing) => {
                    let pointer = format!("{}/{key}/{at}", self.pointer);
                    report.value(&pointer, missing.message).hint = missing.hint;
                }
            }
        }
        paths
    }
}
