//! `errand.lock`, beside the agent file: the tools of each MCP server as somebody agreed to them, a
//! table `[mcp.SERVER]`. Other tables of the file are kept as they are.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use agent_core::mcp::Pinned;
use agent_core::tool::{Effect, ToolSpec};
use serde::{Deserialize, Serialize};

const NAME: &str = "errand.lock";
const VERSION: i64 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    sha256: String,
    #[serde(default)]
    tool: Vec<Tool>,
}

/// A schema is text here: TOML knows no null, and does not keep the order of keys.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tool {
    name: String,
    description: String,
    effect: Effect,
    input: String,
    output: String,
}

/// What was agreed to in this folder, by server.
pub fn pinned(folder: &Path) -> Result<BTreeMap<String, Pinned>, String> {
    let Some(mcp) = read(folder)?.remove("mcp") else { return Ok(BTreeMap::new()) };
    let entries: BTreeMap<String, Entry> = mcp.try_into().map_err(|error| wrong(&error))?;
    entries.into_iter().map(|(name, entry)| Ok((name, entry.pinned()?))).collect()
}

/// Keeps what was agreed to.
pub fn pin(folder: &Path, servers: &BTreeMap<String, Pinned>) -> Result<(), String> {
    let mut lock = read(folder)?;
    lock.entry("version").or_insert(toml::Value::Integer(VERSION));
    let mcp = lock.entry("mcp").or_insert_with(|| toml::Value::Table(toml::Table::new()));
    let Some(mcp) = mcp.as_table_mut() else { return Err(wrong(&"`mcp` is no table")) };
    for (name, pinned) in servers {
        let entry = toml::Value::try_from(Entry::of(pinned)).map_err(|error| wrong(&error))?;
        mcp.insert(name.clone(), entry);
    }
    let text = toml::to_string_pretty(&lock).map_err(|error| wrong(&error))?;
    let unwritten = |error: std::io::Error| format!("{NAME} cannot be written: {error}");
    // Whole or not at all.
    let passing = folder.join(format!(".{NAME}.{}", std::process::id()));
    let mut file = std::fs::File::create(&passing).map_err(unwritten)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(unwritten)?;
    std::fs::rename(&passing, folder.join(NAME)).map_err(unwritten)
}

fn read(folder: &Path) -> Result<toml::Table, String> {
    let text = match std::fs::read_to_string(folder.join(NAME)) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(toml::Table::new()),
        Err(error) => return Err(wrong(&error)),
    };
    text.parse().map_err(|error: toml::de::Error| wrong(&error.message()))
}

fn wrong(reason: &dyn std::fmt::Display) -> String {
    format!("{NAME} is not what errand writes: {reason}")
}

impl Entry {
    fn of(pinned: &Pinned) -> Self {
        let tool = |spec: &ToolSpec| Tool {
            name: spec.name.clone(),
            description: spec.description.clone(),
            effect: spec.effect,
            input: spec.input.to_string(),
            output: spec.output.to_string(),
        };
        Self { sha256: pinned.digest.clone(), tool: pinned.tools.iter().map(tool).collect() }
    }

    fn pinned(self) -> Result<Pinned, String> {
        let tools = self.tool.into_iter().map(|tool| {
            Ok(ToolSpec {
                name: tool.name,
                description: tool.description,
                effect: tool.effect,
                input: serde_json::from_str(&tool.input).map_err(|error| wrong(&error))?,
                output: serde_json::from_str(&tool.output).map_err(|error| wrong(&error))?,
            })
        });
        Ok(Pinned { digest: self.sha256, tools: tools.collect::<Result<_, String>>()? })
    }
}
