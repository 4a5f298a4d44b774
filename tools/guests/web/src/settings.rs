//! What the host adds to the arguments of each call: what this guest has to know of the agent.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::provider::Search;

/// What this guest is set up with.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Settings {
    /// What robots are told apart by: `errand`.
    #[serde(default)]
    pub(crate) agent: String,
    /// Whether there is a browser for pages that need one.
    #[serde(default)]
    pub(crate) browser: bool,
    #[serde(default)]
    pub(crate) search: Search,
}

/// A call's own arguments, and the settings beside them.
pub(crate) fn apart<A: DeserializeOwned>(arguments: &str) -> Result<(A, Settings), String> {
    let broken = |error: serde_json::Error| error.to_string();
    let mut arguments: Value = serde_json::from_str(arguments).map_err(broken)?;
    let settings = arguments.as_object_mut().and_then(|fields| fields.remove("settings"));
    let settings = settings.map(serde_json::from_value).transpose().map_err(broken)?;
    Ok((serde_json::from_value(arguments).map_err(broken)?, settings.unwrap_or_default()))
}
