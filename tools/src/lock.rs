//! `errand.lock`, beside the agent file: for each component the bytes that the user reviewed, for
//! each MCP server the tools that it had, and what they agreed to. Written whole or not at all, and the same each time; a lock with a key that
//! is not known here is refused, since it may say something that would not be kept.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use agent_core::agreed::Agreed;
use agent_core::component::{Locked, check_name};
use agent_core::manifest::{Manifest, Wants};
use agent_core::mcp;
use agent_core::tool::{Effect, ToolSpec};
use serde::{Deserialize, Serialize};

use crate::component::check_manifest;
use crate::whole;

/// What the file is called.
pub const NAME: &str = "errand.lock";

/// The longest lock that is read, in bytes.
const LONGEST: u64 = 8 << 20;

/// The version of the form.
const VERSION: u32 = 1;

const HEAD: &str = "# Written by `errand tools add`, `errand tools update` and `errand mcp pin`: what was agreed to.\n";

/// The components and MCP servers of the agents in one folder.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lock {
    /// By name.
    pub components: BTreeMap<String, Locked>,
    /// By name.
    pub servers: BTreeMap<String, mcp::Pinned>,
}

/// The file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    version: u32,
    #[serde(default)]
    component: BTreeMap<String, Entry>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    mcp: BTreeMap<String, Offered>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    source: String,
    sha256: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    wants: Wants,
    tool: Vec<Tool>,
}

/// What an MCP server offered.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Offered {
    sha256: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    own: BTreeMap<String, String>,
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

impl Lock {
    /// Where the lock of a folder is.
    pub fn path(folder: &Path) -> PathBuf {
        folder.join(NAME)
    }

    /// The lock of a folder; an empty one where there is none.
    pub fn read(folder: &Path) -> Result<Self, LockError> {
        let path = Self::path(folder);
        let disk = |error| LockError::Disk { path: path.clone(), error };
        let file = match guard::file::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(disk(error)),
        };
        let mut text = String::new();
        file.take(LONGEST + 1).read_to_string(&mut text).map_err(disk)?;
        if text.len() as u64 > LONGEST {
            return Err(LockError::Wrong(format!("larger than {} MiB", LONGEST >> 20)));
        }
        Self::parse(text.strip_prefix('\u{feff}').unwrap_or(&text))
    }

    fn parse(text: &str) -> Result<Self, LockError> {
        let written: Written = toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            LockError::Wrong(format!("line {line}: {}", error.message()))
        })?;
        if written.version != VERSION {
            let wrong = format!("version {} is not one that this errand knows", written.version);
            return Err(LockError::Wrong(wrong));
        }
        let mut components = BTreeMap::new();
        for (name, entry) in written.component {
            check_name(&name).map_err(|why| LockError::Wrong(format!("`{name}` {why}")))?;
            let locked =
                entry.locked().map_err(|why| LockError::Wrong(format!("`{name}`: {why}")))?;
            components.insert(name, locked);
        }
        let mut servers = BTreeMap::new();
        for (name, offered) in written.mcp {
            let wrong = |why| LockError::Wrong(format!("server `{name}`: {why}"));
            digest(&offered.sha256).map_err(wrong)?;
            let tools = offered.tool.into_iter().map(Tool::spec).collect::<Result<_, _>>();
            let pinned = mcp::Pinned {
                digest: offered.sha256,
                own: offered.own,
                tools: tools.map_err(wrong)?,
            };
            servers.insert(name, pinned);
        }
        Ok(Self { components, servers })
    }

    /// The lock as text.
    pub fn render(&self) -> Result<String, LockError> {
        let component = self.components.iter();
        let component = component.map(|(name, locked)| (name.clone(), Entry::of(locked)));
        let offered = |pinned: &mcp::Pinned| Offered {
            sha256: pinned.digest.clone(),
            own: pinned.own.clone(),
            tool: pinned.tools.iter().cloned().map(Tool::of).collect(),
        };
        let written = Written {
            version: VERSION,
            component: component.collect(),
            mcp: self
                .servers
                .iter()
                .map(|(name, pinned)| (name.clone(), offered(pinned)))
                .collect(),
        };
        let text = toml::to_string_pretty(&written)
            .map_err(|error| LockError::Wrong(format!("it cannot be written: {error}")))?;
        Ok(format!("{HEAD}{text}"))
    }

    /// Puts the lock of a folder in place; a lock of nothing is removed.
    pub fn write(&self, folder: &Path) -> Result<(), LockError> {
        let path = Self::path(folder);
        let disk = |error| LockError::Disk { path: path.clone(), error };
        if *self == Self::default() {
            return match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(disk(error)),
                _ => Ok(()),
            };
        }
        whole::write(&path, self.render()?.as_bytes()).map_err(disk)
    }

    /// What an agent file is held against.
    pub fn agreed(self) -> Agreed {
        Agreed { components: self.components, servers: self.servers }
    }
}

impl Tool {
    fn of(spec: ToolSpec) -> Self {
        Self {
            name: spec.name,
            description: spec.description,
            effect: spec.effect,
            input: spec.input.to_string(),
            output: spec.output.to_string(),
        }
    }

    fn spec(self) -> Result<ToolSpec, String> {
        let json = |text: &str| {
            serde_json::from_str(text).map_err(|error| format!("a schema is not JSON: {error}"))
        };
        Ok(ToolSpec {
            input: json(&self.input)?,
            output: json(&self.output)?,
            name: self.name,
            description: self.description,
            effect: self.effect,
        })
    }
}

fn digest(text: &str) -> Result<(), String> {
    let hex = |c: char| c.is_ascii_digit() || matches!(c, 'a'..='f');
    match text.len() == 64 && text.chars().all(hex) {
        true => Ok(()),
        false => Err("its sha256 is none".to_string()),
    }
}

impl Entry {
    fn of(locked: &Locked) -> Self {
        let Manifest { description, tools, wants } = locked.manifest.clone();
        Self {
            source: locked.source.clone(),
            sha256: locked.sha256.clone(),
            description,
            wants,
            tool: tools.into_iter().map(Tool::of).collect(),
        }
    }

    fn locked(self) -> Result<Locked, String> {
        digest(&self.sha256)?;
        let tools = self.tool.into_iter().map(Tool::spec).collect::<Result<_, _>>()?;
        let manifest = Manifest { description: self.description, tools, wants: self.wants };
        check_manifest(&manifest)?;
        Ok(Locked { source: self.source, sha256: self.sha256, manifest })
    }
}

/// The lock is of no use.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// It cannot be read or written.
    #[error("`{}` cannot be read or written: {error}", path.display())]
    Disk {
        /// Where it is.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It is not what a lock is.
    #[error("`errand.lock` is damaged: {0}")]
    Wrong(String),
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use agent_core::manifest::SecretUse;
    use serde_json::json;

    fn lock() -> Lock {
        let spec = ToolSpec {
            name: "forecast".into(),
            description: "The weather.".into(),
            input: json!({"type": "object", "properties": {"town": {"type": "string", "enum": ["a", null, 1]}}}),
            output: json!({}),
            effect: Effect::Reads,
        };
        let wants = Wants {
            net: vec!["api.example.org".parse().unwrap()],
            secrets: vec![SecretUse {
                name: "KEY".into(),
                host: "api.example.org".parse().unwrap(),
                header: "authorization".into(),
            }],
            ..Wants::default()
        };
        let manifest = Manifest { description: String::new(), tools: vec![spec], wants };
        let locked = Locked {
            source: "weather.wasm".into(),
            sha256: "0123456789abcdef".repeat(4),
            manifest,
        };
        let offered = mcp::Pinned {
            digest: locked.sha256.clone(),
            own: BTreeMap::from([("forecast".into(), "fore/cast".into())]),
            tools: locked.manifest.tools.clone(),
        };
        Lock {
            components: BTreeMap::from([("weather".into(), locked)]),
            servers: BTreeMap::from([("times".into(), offered)]),
        }
    }

    #[test]
    fn a_lock_is_read_as_it_was_written_and_written_as_it_was_read() {
        let folder = tempfile::tempdir().unwrap();
        lock().write(folder.path()).unwrap();
        assert_eq!(Lock::read(folder.path()).unwrap(), lock());
        let first = fs::read(Lock::path(folder.path())).unwrap();
        Lock::read(folder.path()).unwrap().write(folder.path()).unwrap();
        assert_eq!(fs::read(Lock::path(folder.path())).unwrap(), first);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left");
        Lock::default().write(folder.path()).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        assert_eq!(Lock::read(folder.path()).unwrap(), Lock::default());
    }

    #[test]
    fn a_damaged_lock_says_where() {
        let text = lock().render().unwrap();
        for (from, to, expected) in [
            ("source = ", "sauce = ", "unknown field `sauce`"),
            ("version = 1", "version = 2", "version 2 is not one"),
            ("0123456789abcdef\"", "0123456789abcdeF\"", "its sha256 is none"),
            ("component.weather", "component.Weather", "`Weather` is no name"),
            ("name = \"forecast\"", "name = \"../x\"", "no name for a tool"),
            ("version = 1", "version = ", "line 2"),
        ] {
            let changed = text.replace(from, to);
            assert_ne!(changed, text, "{from}");
            let said = Lock::parse(&changed).unwrap_err().to_string();
            assert!(said.contains(expected), "{from}: {said}");
        }
    }
}
