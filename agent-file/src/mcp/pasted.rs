//! A file of MCP servers as other programs have it (`mcp_file`), pasted as it is: names as people write
//! them, keys that only those programs know. One entry that cannot be meant says so where its server is
//! wanted, and is nothing to the others.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::super::disk::{self, Wanted};
use super::super::report::Report;
use agent_core::component::RESERVED;

/// The longest file, in bytes.
const LONGEST: usize = 1 << 20;

/// The longest name of a server, in letters.
pub(super) const LONGEST_NAME: usize = 32;

/// Where an agent file names it.
pub(super) const FILE: &str = "/mcp/file";

/// What stands in the file for one server.
#[derive(Default, Deserialize)]
pub(super) struct Entry {
    pub(super) command: Option<String>,
    #[serde(default)]
    pub(super) args: Vec<String>,
    pub(super) cwd: Option<String>,
    #[serde(default)]
    pub(super) env: BTreeMap<String, Value>,
    #[serde(alias = "serverUrl", alias = "httpUrl")]
    pub(super) url: Option<String>,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, Value>,
    #[serde(default)]
    disabled: bool,
}

/// One server of the file.
pub(super) struct Pasted {
    /// What the file calls it.
    pub(super) entry: String,
    /// What is there, or why it is of no use.
    pub(super) what: Result<Entry, String>,
}

/// The servers of a file, and where it is.
pub(super) fn read(
    root: &Path,
    file: &str,
    report: &mut Report<'_>,
) -> Option<(PathBuf, Vec<Pasted>)> {
    let found = disk::existing(root, file, Wanted::File)
        .and_then(|path| disk::read(&path, LONGEST).map(|bytes| (path, bytes)));
    let (path, bytes) = match found {
        Ok(found) => found,
        Err(missing) => {
            report.value(FILE, missing.message).hint = missing.hint;
            return None;
        }
    };
    match entries(&bytes) {
        Ok(entries) => Some((path, entries)),
        Err(what) => {
            let message = format!("`{file}` is no file of MCP servers: {what}");
            report
                .value(FILE, message)
                .hint("it is JSON: `{\"mcpServers\": {\"NAME\": {\"command\": …}}}`");
            None
        }
    }
}

fn entries(bytes: &[u8]) -> Result<Vec<Pasted>, mcp_file::Unread> {
    let servers = mcp_file::servers(bytes)?;
    let pasted = |(entry, value): (&String, &Value)| {
        let what = match Entry::deserialize(value) {
            Ok(known) if known.disabled => Err("the file says that it is disabled".to_string()),
            Ok(known) => Ok(known),
            Err(_) => Err("something is missing, or not of the type that is meant".to_string()),
        };
        Pasted { entry: entry.clone(), what }
    };
    Ok(servers.iter().map(pasted).collect())
}

/// What a server's tools are called after: its name in small letters, with `-` for whatever a name
/// cannot hold. Empty where nothing is left of it.
pub(in super::super) fn family(written: &str) -> String {
    let letter = |c: char| match c.to_ascii_lowercase() {
        c @ ('a'..='z' | '0'..='9' | '_') => c,
        _ => '-',
    };
    let words: String = written.chars().map(letter).collect();
    let words: Vec<&str> = words.split('-').filter(|word| !word.is_empty()).collect();
    let mut name = words.join("-");
    if name.starts_with(|c: char| !c.is_ascii_lowercase()) {
        name.insert_str(0, "mcp-");
    }
    name.truncate(LONGEST_NAME);
    name.truncate(name.trim_end_matches('-').len());
    if RESERVED.contains(&name.as_str()) { format!("{name}-mcp") } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_people_write_them() {
        for (written, name) in [
            ("GitHub", "github"),
            ("My  Slack (work)", "my-slack-work"),
            ("io.github.me/times", "io-github-me-times"),
            ("1password", "mcp-1password"),
            ("_x", "mcp-_x"),
            ("files", "files-mcp"),
            ("检索", ""),
            ("a-name-that-goes-on-and-on-and-on-and-on", "a-name-that-goes-on-and-on-and-o"),
        ] {
            assert_eq!(family(written), name, "{written}");
        }
    }
}
