//! What a tool is: a name, a schema, and a plan of the capabilities a call wants.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::action::{Capability, Permit};
use crate::content::ContentPart;
use crate::manifest::SecretUse;
use crate::sandbox::{Gate, Invocation, SandboxError};

/// What is public of a tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// `files.read`: lower case, dots between words.
    pub name: String,
    /// One or two sentences, written for the model.
    pub description: String,
    /// JSON Schema (2020-12) of the arguments; always an object.
    pub input: Value,
    /// JSON Schema of the result.
    pub output: Value,
    /// What a call does to the world.
    pub effect: Effect,
}

/// What a call does to the world; it decides whether an unfinished call may run again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Nothing but its result.
    Pure,
    /// Looks at the world.
    Reads,
    /// Changes it, and doing it twice is doing it once.
    Idempotent,
    /// Changes it: twice is not once.
    Writes,
}

impl Effect {
    /// Whether a call that may not have finished can simply run again.
    pub fn may_repeat(self) -> bool {
        !matches!(self, Effect::Writes)
    }

    /// Whether a call may leave something changed.
    pub fn changes(self) -> bool {
        matches!(self, Effect::Idempotent | Effect::Writes)
    }
}

/// A tool. It says what a call means; it never executes anything itself.
pub trait Tool: Send + Sync {
    /// Its name and schemas, shared by all that call it.
    fn spec(&self) -> &Arc<ToolSpec>;

    /// The capabilities this call wants, every one named; for code an upper bound is not known,
    /// and each use is judged when it comes. `arguments` satisfy the input schema.
    /// An `Err` is an observation for the model: what is wrong with the arguments.
    fn plan(&self, arguments: &Value) -> Result<Vec<Capability>, String>;

    /// What its output schema is worth.
    fn promise(&self) -> Promise {
        Promise::Kept
    }

    /// Who does the work.
    fn work(&self) -> Work<'_>;

    /// Whether its guest may call this other tool: whether at all, since each such call is judged
    /// like any. What is part of Errand may call whatever the agent uses.
    fn calls(&self, _tool: &str) -> bool {
        true
    }

    /// What of a result is no text, taken out of it: an image that its guest read. The error is the
    /// call's failure, in words for the model.
    ///
    /// # Errors
    /// What it should take out is not what it says.
    fn parts(&self, _result: &mut Value) -> Result<Vec<ContentPart>, String> {
        Ok(Vec::new())
    }

    /// The result as the model reads it: a bare text or compact JSON.
    fn show(&self, result: &Value) -> String {
        match result {
            Value::String(text) => text.clone(),
            Value::Object(map) if map.len() == 1 => match map.values().next() {
                Some(Value::String(text)) => text.clone(),
                _ => result.to_string(),
            },
            _ => result.to_string(),
        }
    }
}

/// What a tool's output schema is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promise {
    /// A result that breaks it is a failure.
    Kept,
    /// A claim by another party: a result that breaks it is shown, with a remark.
    Claimed,
}

/// Who does a tool's work. Each gets a permit, and asks the gate at every use.
pub enum Work<'a> {
    /// A component, in the sandbox.
    Guest(&'a Guest),
    /// A worker outside of it.
    Worker(&'a dyn Worker),
}

/// Does a tool's work outside the sandbox: a server that is spoken to, another agent.
#[async_trait]
pub trait Worker: Send + Sync {
    /// Does one permitted call. Dropping the future stops it.
    ///
    /// # Errors
    /// Only what stops the run; a failure of the work itself is a result in words.
    async fn invoke(&self, permit: &Permit, gate: &dyn Gate) -> Result<Invocation, SandboxError>;

    /// How many bytes of a result a model is shown at once; the rest it can read in parts.
    fn at_once(&self) -> Option<u64> {
        None
    }

    /// What it lives on.
    fn means(&self) -> Means {
        Means::Own
    }
}

/// What a worker lives on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// Nothing of the run's.
    Own,
    /// A part of the run's budget: see [`Gate::lease`].
    Leased,
}

/// The component that does a tool's work, what it is lent, and how far it may go.
#[derive(Debug, Clone)]
pub struct Guest {
    /// The component's name in the agent: its tools are `NAME.TOOL` there, and bare names to
    /// itself. `None` for what comes with the runtime, which knows its tools by their whole names.
    pub name: Option<Arc<str>>,
    /// The wasm component.
    pub component: Component,
    /// What it is linked with.
    pub imports: Imports,
    /// The keys that its requests may carry.
    pub secrets: Arc<[SecretUse]>,
    /// What one call may use.
    pub limits: Limits,
    /// Fields that the host adds to the arguments of each call: what the guest has to know of the
    /// agent. Where it adds something, a call's own field of that name counts for nothing.
    pub adds: Arc<Map<String, Value>>,
}

impl Guest {
    /// A guest that comes with the runtime. It gets what it declares and no more, as an untrusted
    /// component does.
    pub fn builtin(component: Component, imports: Imports, limits: Limits) -> Self {
        Self {
            name: None,
            component,
            imports,
            secrets: Arc::default(),
            limits,
            adds: Arc::default(),
        }
    }

    /// An untrusted component under this name: nothing is lent to it until `imports` says so.
    pub fn untrusted(name: impl Into<Arc<str>>, component: Component, limits: Limits) -> Self {
        Self {
            name: Some(name.into()),
            component,
            imports: Imports::default(),
            secrets: Arc::default(),
            limits,
            adds: Arc::default(),
        }
    }

    /// The arguments of a call as the component gets them.
    pub fn arguments(&self, given: &Value) -> Value {
        let mut arguments = given.clone();
        if let Value::Object(fields) = &mut arguments {
            fields.extend(self.adds.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        arguments
    }

    /// A tool's name as the component knows it.
    pub fn bare<'a>(&self, tool: &'a str) -> &'a str {
        let below = |name: &Arc<str>| tool.strip_prefix(&**name)?.strip_prefix('.');
        self.name.as_ref().and_then(below).unwrap_or(tool)
    }
}

/// Which of the host's interfaces a component is linked with. `log` and `progress` always are; a
/// component that imports another one which is not here does not run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Imports {
    /// `errand:tool/files`
    pub files: bool,
    /// `errand:tool/http`
    pub http: bool,
    /// `errand:tool/kv`
    pub kv: bool,
    /// `errand:tool/pages`: never an untrusted component's.
    pub pages: bool,
    /// `errand:tool/tools`
    pub tools: bool,
}

/// Where a component comes from.
#[derive(Debug, Clone)]
pub enum Component {
    /// Part of the binary.
    Embedded {
        /// Its name, for errors and the cache.
        name: &'static str,
        /// The component.
        bytes: &'static [u8],
    },
    /// Part of the binary, compressed.
    Packed {
        /// Its name, for errors and the cache.
        name: &'static str,
        /// The SHA-256 of the component, as 64 hexadecimal digits: it is unpacked only where this is not compiled yet.
        sha256: &'static str,
        /// The component in a Zstandard frame, or as it is.
        packed: &'static [u8],
    },
    /// A file on this machine, whatever is in it.
    File(Arc<PathBuf>),
    /// A file that is only run while it is what the user agreed to.
    Pinned {
        /// Where it is.
        path: Arc<PathBuf>,
        /// The SHA-256 that it must have, as 64 hexadecimal digits.
        sha256: Arc<str>,
    },
}

/// What one call may use. Every limit is enforced by the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Linear memory, in bytes.
    pub memory: usize,
    /// Wall time of the guest's own work; waiting for the host does not count.
    pub time: Duration,
    /// Bytes of result that a model is shown at once: see [`Limits::whole`].
    pub output: usize,
    /// Instructions, roughly, before the guest is stopped: the same work always takes the same.
    /// Counting them makes a guest slower, so it is `None` unless asked for.
    pub fuel: Option<u64>,
    /// Calls of one component at once, at each depth of tools that call tools; more wait.
    pub calls: usize,
}

impl Limits {
    /// What an untrusted component may use unless configured otherwise.
    pub const DEFAULT: Self = Self {
        memory: 64 << 20,
        time: Duration::from_secs(5),
        output: 256 << 10,
        fuel: None,
        calls: 16,
    };

    /// Bytes of result that are taken at most: what a model is not shown at once it can read in
    /// parts, and what is more than this is a flood.
    pub fn whole(&self) -> usize {
        self.output.saturating_mul(16).min(self.output.max(16 << 20))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_knows_its_tools_by_bare_names() {
        let component = Component::Embedded { name: "weather", bytes: &[] };
        let guest = Guest::untrusted("weather", component.clone(), Limits::DEFAULT);
        assert_eq!(guest.bare("weather.forecast"), "forecast");
        assert_eq!(guest.bare("weathers.forecast"), "weathers.forecast");
        assert_eq!(guest.bare("forecast"), "forecast");
        let builtin = Guest::builtin(component, Imports::default(), Limits::DEFAULT);
        assert_eq!(builtin.bare("web.read"), "web.read");
    }
}
