//! What a component says of itself: the tools it brings, and what it wants from the host. It is
//! an untrusted claim: an upper bound of what its calls may do, never a grant.

use serde::{Deserialize, Serialize};

use crate::permission::NetRule;
use crate::tool::ToolSpec;

/// What a component brings and wants.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// One or two sentences for people.
    #[serde(default)]
    pub description: String,
    /// Its tools, by bare names: `forecast`. In an agent they are `COMPONENT.forecast`.
    pub tools: Vec<ToolSpec>,
    /// What its calls want beyond their arguments.
    #[serde(default)]
    pub wants: Wants,
}

/// What a component wants from the host. What is not here its calls do not get, whatever the
/// agent file grants.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Wants {
    /// Hosts to send requests to, as `[permissions] net` writes them.
    pub net: Vec<NetRule>,
    /// Files and folders to read, relative to the agent file; `.` for all that the agent may read.
    pub read: Vec<String>,
    /// Files and folders to write, likewise.
    pub write: Vec<String>,
    /// Other tools of the agent to call.
    pub tools: Vec<String>,
    /// Keys that the host puts into requests.
    pub secrets: Vec<SecretUse>,
    /// Whether it keeps values of its own between calls.
    pub kv: bool,
}

/// A key, and the one place where it goes. The component knows its name and never its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretUse {
    /// The environment variable, as `[permissions] secrets` names it.
    pub name: String,
    /// The only host whose requests carry it.
    pub host: NetRule,
    /// The only header that holds it.
    pub header: String,
}
