//! The values that a server is started with: environment and headers, with `${NAME}` replaced at
//! the last moment. What an `mcpServers` file holds may be a secret, so it is read again here and
//! kept nowhere.

use std::collections::BTreeMap;
use std::path::Path;

use agent_core::mcp::variables;
use serde_json::Value;

/// These values, ready to be handed over. `key` is what the file calls them.
pub(super) fn resolved(
    texts: &BTreeMap<String, String>,
    from: Option<&Path>,
    server: &str,
    key: &str,
) -> Result<BTreeMap<String, String>, String> {
    let file = from.map(|path| entries(path, server, key)).transpose()?;
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

fn entries(path: &Path, server: &str, key: &str) -> Result<BTreeMap<String, String>, String> {
    let unread = |reason: String| format!("`{}` cannot be read: {reason}", path.display());
    let bytes = std::fs::read(path).map_err(|error| unread(error.to_string()))?;
    // A `Value` may be anything: the error is of the form and holds nothing of the text.
    let value: Value = serde_json::from_slice(&bytes).map_err(|error| unread(error.to_string()))?;
    let table = value["mcpServers"][server][key].as_object();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_string);
    Ok(table.into_iter().flatten().map(|(name, value)| (name.clone(), text(value))).collect())
}

/// The text with each `${NAME}` replaced by the environment variable.
fn filled(text: &str) -> Result<String, String> {
    let mut filled = text.to_string();
    for name in variables(text) {
        let value = std::env::var(name)
            .map_err(|_| format!("the environment variable `{name}` is not set"))?;
        filled = filled.replace(&format!("${{{name}}}"), &value);
    }
    Ok(filled)
}
