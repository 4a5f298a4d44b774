//! The MCP servers of an agent file: its own tables, and a file of servers as other programs have it.
//! Refuses a server that an agent uses and that cannot be reached either way or both, and one whose
//! tools that are not pinned. What an agent does not use is nothing to it.

mod pasted;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use url::Url;

pub(super) use self::pasted::family;
use self::pasted::{Entry, FILE, LONGEST_NAME, Pasted};
use super::disk::{self, Wanted};
use super::problem::{Problem, shortened};
use super::report::Report;
use super::source::child;
use super::{McpTable, ServerTable, duration, grants};
use agent_core::agent::is_variable;
use agent_core::component::RESERVED;
use agent_core::mcp::{Confinement, Pinned, Program, Server, Transport, variables};

/// How long a call may take, where nothing is said.
const TIMEOUT: Duration = Duration::from_secs(60);

impl McpTable {
    /// Whether tools of this family may be a server's.
    pub(super) fn names(&self, family: &str) -> bool {
        self.file.is_some() || self.servers.keys().any(|name| name == family)
    }
}

/// Whether `[tools] use` names a tool of this server.
pub(super) fn is_used(using: &[String], server: &str) -> bool {
    using.iter().any(|tool| {
        let named = tool.split('.').next().unwrap_or_default();
        named == server || family(named) == server
    })
}

/// Why the servers are read.
#[derive(Clone, Copy)]
pub(super) enum Purpose<'a> {
    /// To run with those that are used, each as it was agreed to.
    Run {
        /// What was agreed to.
        pins: &'a BTreeMap<String, Pinned>,
        /// `[tools] use`.
        using: &'a [String],
    },
    /// To look at them, whether they are used or not.
    Look,
}

/// What there is of servers.
#[derive(Default)]
pub(super) struct Servers {
    pub(super) servers: BTreeMap<String, Server>,
    /// Those of the file that are of no use, and why.
    pub(super) broken: BTreeMap<String, String>,
}

/// A server as it is written.
struct Row {
    table: ServerTable,
    from: Option<PathBuf>,
    entry: String,
    pointer: String,
    broken: Option<String>,
}

/// The servers. To be looked at they need not be pinned; to be run with, those that are not used
/// need not be there.
pub(super) fn servers(
    table: &McpTable,
    root: &Path,
    purpose: Purpose<'_>,
    report: &mut Report<'_>,
) -> Servers {
    let mut all = Servers::default();
    for (name, row) in rows(table, root, &mut all, report) {
        let (pins, used) = match purpose {
            Purpose::Run { pins, using } => (Some(pins), is_used(using, &name)),
            Purpose::Look => (None, true),
        };
        let checked = Checked {
            name: &name,
            entry: &row.entry,
            table: &row.table,
            root,
            pointer: &row.pointer,
        };
        let before = report.problems.len();
        let server = match row.broken {
            Some(reason) if pins.is_some() && used => {
                report.key(&row.pointer, format!("server `{name}` cannot be used: {reason}"));
                None
            }
            Some(reason) => {
                all.broken.insert(name.clone(), reason);
                None
            }
            None => checked.server(row.from.clone(), pins.filter(|_| used), report),
        };
        // What the agent file itself says is checked all the same.
        if row.from.is_some() && (pins.is_none() || !used) {
            let problems = report.problems.split_off(before);
            if !problems.is_empty() {
                all.broken.insert(name.clone(), told(problems));
            }
        }
        if used && let Some(server) = server {
            all.servers.insert(name, server);
        }
    }
    all
}

fn told(problems: Vec<Problem>) -> String {
    let one = |problem: Problem| match problem.hint {
        Some(hint) => format!("{} ({hint})", problem.message),
        None => problem.message,
    };
    problems.into_iter().map(one).collect::<Vec<_>>().join("; ")
}

/// The servers of the file and of the tables, by what their tools are called after.
fn rows(
    table: &McpTable,
    root: &Path,
    all: &mut Servers,
    report: &mut Report<'_>,
) -> BTreeMap<String, Row> {
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    for (name, own) in &table.servers {
        let pointer = child("/mcp/servers", name);
        let row =
            Row { table: own.clone(), from: None, entry: name.clone(), pointer, broken: None };
        rows.insert(name.clone(), row);
    }
    let file = table.file.as_deref().and_then(|file| pasted::read(root, file, report));
    let Some((path, pasted)) = file else { return rows };
    for Pasted { entry, what } in pasted {
        let name = if is_name(&entry) { entry.clone() } else { family(&entry) };
        if name.is_empty() || rows.get(&name).is_some_and(|row| row.from.is_some()) {
            let reason = match name.is_empty() {
                true => "its name has no letter from a to z".to_string(),
                false => format!("another one is called `{name}` too"),
            };
            all.broken.insert(shortened(&entry), reason);
            continue;
        }
        // A table may call it as the file does, or as its tools are called.
        let (own, pointer) = match rows.remove(&entry).or_else(|| rows.remove(&name)) {
            Some(row) => (row.table, row.pointer),
            None => (ServerTable::default(), FILE.to_string()),
        };
        let (table, broken) = match what {
            Ok(entry) => (merged(entry, own), None),
            Err(reason) => (own, Some(reason)),
        };
        rows.insert(name, Row { table, from: Some(path.clone()), entry, pointer, broken });
    }
    rows
}

fn merged(entry: Entry, own: ServerTable) -> ServerTable {
    let unread = |values: BTreeMap<String, Value>| {
        values.into_iter().map(|(name, value)| {
            // Only which variables it wants is kept: the value may be a secret.
            let text = value.as_str().unwrap_or_default();
            (name, variables(text).map(|variable| variable.bare()).collect::<String>())
        })
    };
    ServerTable {
        command: entry.command,
        args: entry.args,
        cwd: entry.cwd.or(own.cwd),
        url: entry.url,
        env: unread(entry.env).collect(),
        headers: unread(entry.headers).collect(),
        ..own
    }
}

fn is_name(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|c| c.is_ascii_lowercase())
        && letters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c))
        && name.len() <= LONGEST_NAME
        && !RESERVED.contains(&name)
}

struct Checked<'a> {
    name: &'a str,
    /// What it is called where it is written.
    entry: &'a str,
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
        if RESERVED.contains(&name) {
            report
                .key(pointer, format!("a server cannot be called `{name}`: errand has such tools"))
                .hint("call it something else");
        } else if !is_name(name) {
            report
                .key(pointer, format!("a server cannot be called `{}` here", shortened(name)))
                .hint("begin with a small letter, and use those, digits, `-` and `_`");
        }
        let transport = self.transport(report);
        self.variables(report);
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
                        .key(pointer, format!("the tools of server `{name}` are not pinned"))
                        .hint("`errand mcp pin FILE` shows them, and pins them in errand.lock");
                    return None;
                }
            },
        };
        let entry = Some(self.entry.to_string()).filter(|entry| from.is_some() && entry != name);
        Some(Server { transport, timeout, from, entry, pinned })
    }

    /// Whatever stands for a variable has to be one that there can be.
    fn variables(&self, report: &mut Report<'_>) {
        let ServerTable { command, args, url, env, headers, .. } = self.table;
        let single = [("command", command), ("url", url)];
        let single =
            single.into_iter().filter_map(|(key, text)| Some((key.to_string(), text.as_ref()?)));
        let args = args.iter().enumerate().map(|(at, text)| (format!("args/{at}"), text));
        let named = [("env", env), ("headers", headers)];
        let named = named
            .into_iter()
            .flat_map(|(key, texts)| texts.iter().map(move |(at, text)| (child(key, at), text)));
        for (at, text) in single.chain(args).chain(named) {
            for variable in variables(text).filter(|variable| !is_variable(variable.name)) {
                report
                    .key(
                        &format!("{}/{at}", self.pointer),
                        format!(
                            "`${{{}}}` stands for no environment variable",
                            shortened(variable.name)
                        ),
                    )
                    .hint(
                        "between `${` and `}` comes its name, of letters, digits and `_`, such as \
                         `${API_KEY}`",
                    );
            }
        }
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
                if !has_host(url) {
                    report
                        .key(&format!("{pointer}/url"), "the host of `url` is not written out")
                        .hint("variables can stand in the path and the query of an address");
                    return None;
                }
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
                root: self.folder(report),
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

    /// What it runs in.
    fn folder(&self, report: &mut Report<'_>) -> PathBuf {
        let Some(cwd) = &self.table.cwd else { return self.root.to_path_buf() };
        let pointer = format!("{}/cwd", self.pointer);
        match disk::existing(self.root, cwd, Wanted::Any) {
            Ok(path) if path.is_dir() => return path,
            Ok(_) => {
                report.value(&pointer, format!("`cwd` is no folder: `{}`", shortened(cwd)));
            }
            Err(missing) => {
                report.value(&pointer, format!("`cwd`: {}", missing.message)).hint = missing.hint;
            }
        }
        self.root.to_path_buf()
    }

    fn paths(&self, key: &str, written: &[String], report: &mut Report<'_>) -> Vec<PathBuf> {
        grants::existing(self.root, &format!("{}/{key}", self.pointer), written, report)
    }
}

/// Whether no variable stands before the path of an address: which host it is must be seen here.
fn has_host(url: &str) -> bool {
    let variable = url.find("${").unwrap_or(usize::MAX);
    let host = url.find("://").map_or(0, |at| at + 3);
    let path = url[host..].find(['/', '?', '#']).map_or(usize::MAX, |at| host + at);
    variable > path || variable == usize::MAX
}
