//! The values that a server is started or reached with: environment, headers, arguments, address, with
//! `${NAME}` replaced at the last moment. What an `mcpServers` file holds may be a secret, so it is read again here and
//! kept nowhere.

use std::collections::BTreeMap;
use std::path::Path;

use agent_core::mcp::{Program, filled as replaced};
use serde_json::Value;

/// The largest file of servers, in bytes.
const LARGEST: u64 = 1 << 20;

/// These values, ready to be handed over. `entry` and `key` are what the file calls them.
pub(super) fn resolved(
    texts: &BTreeMap<String, String>,
    from: Option<&Path>,
    entry: &str,
    key: &str,
) -> Result<BTreeMap<String, String>, String> {
    let file = from.map(|path| entries(path, entry, key)).transpose()?;
    let mut values = BTreeMap::new();
    for (name, text) in texts {
        let text = match &file {
            Some(file) => file.get(name).cloned().unwrap_or_default(),
            None => text.clone(),
        };
        values.insert(name.clone(), filled(&text)?);
    }
    Ok(values)
}

fn entries(path: &Path, entry: &str, key: &str) -> Result<BTreeMap<String, String>, String> {
    let unread = |reason: String| format!("`{}` cannot be read: {reason}", path.display());
    let bytes = guard::file::read(path, LARGEST).map_err(|error| unread(error.to_string()))?;
    // The error is of the form and holds nothing of the text.
    let servers = mcp_file::servers(&bytes).map_err(|error| unread(error.to_string()))?;
    let table = servers.get(entry).unwrap_or(&Value::Null)[key].as_object();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_string);
    Ok(table.into_iter().flatten().map(|(name, value)| (name.clone(), text(value))).collect())
}

/// A program as it is started.
pub(super) fn program(written: &Program) -> Result<Program, String> {
    let args = written.args.iter().map(|text| filled(text)).collect::<Result<_, _>>()?;
    Ok(Program { command: filled(&written.command)?, args, ..written.clone() })
}

/// The text with each `${NAME}` replaced by the environment variable.
pub(super) fn filled(text: &str) -> Result<String, String> {
    replaced(text, |name| std::env::var(name).ok())
        .map_err(|name| format!("the environment variable `{name}` is not set"))
}
