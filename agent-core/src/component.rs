//! A component as an agent has it: which file, which bytes, what it said of itself when the user
//! agreed to it, and how far it may go. Plain data; running it is the sandbox's business.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::manifest::Manifest;
use crate::tool::ToolSpec;

/// Families of tools that are part of Errand: no component and no MCP server can be called so.
pub const RESERVED: [&str; 8] =
    ["files", "data", "web", "python", "ask", "agents", "output", "run"];

/// The largest component, in bytes.
pub const LARGEST: usize = 128 << 20;

/// SHA-256 in lower-case hex.
pub fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a lock says of one component: the bytes that were looked at, and what was agreed to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Locked {
    /// Where it came from: a path as it was given, or a URL.
    pub source: String,
    /// SHA-256 of its bytes, in lower-case hex.
    pub sha256: String,
    /// What it said of itself.
    pub manifest: Manifest,
}

/// A component of an agent, and all that a resume needs to know of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pinned {
    /// What its tools are called after.
    pub name: String,
    /// The file, absolute.
    pub file: PathBuf,
    /// SHA-256 of the only bytes that may run under this name.
    pub sha256: String,
    /// What it said of itself when it was added.
    pub manifest: Manifest,
    /// What the agent file says of its limits.
    #[serde(default)]
    pub bounds: Bounds,
}

/// Limits that an agent file sets for each call of a component; left out, the tools' own hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Bounds {
    /// Linear memory, in bytes.
    pub memory: Option<u64>,
    /// Wall time of the guest's own work.
    pub time: Option<Duration>,
    /// Bytes of result.
    pub output: Option<u64>,
    /// Units of wasm fuel, about one an instruction.
    pub fuel: Option<u64>,
    /// Calls that run at once, at each depth of tools that call tools.
    pub calls: Option<u32>,
}

impl Pinned {
    /// Its tools as the agent and its model name them: `weather.forecast`.
    pub fn specs(&self) -> impl Iterator<Item = ToolSpec> {
        let named =
            |spec: &ToolSpec| ToolSpec { name: qualified(&self.name, spec), ..spec.clone() };
        self.manifest.tools.iter().map(named)
    }
}

/// A tool's name in an agent.
pub fn qualified(component: &str, spec: &ToolSpec) -> String {
    format!("{component}.{}", spec.name)
}

/// Whether a component can be called so; the error is a sentence's end, after "`NAME`".
pub fn check_name(name: &str) -> Result<(), &'static str> {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if RESERVED.contains(&name) {
        Err("is the name of tools that come with errand")
    } else if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(legal) {
        Err("is no name for a component: use lower-case letters, digits and `-`, a letter first")
    } else if name.len() > 32 {
        Err("is longer than 32 characters")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_families_of_tools() {
        for name in ["weather", "a", "open-meteo2"] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        let long = "a".repeat(33);
        for name in ["", "-a", "2a", "Weather", "a_b", "a.b", "a/b", "files", "python", &long] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
