//! `output.read`: reading on in an output that was too long to be shown whole. The run keeps it; the
//! tool only asks for a part. No agent file names it: a model has it from when it is of use.

use std::sync::{Arc, OnceLock};

use agent_core::action::{Capability, Permit};
use agent_core::output::READ;
use agent_core::sandbox::{Cost, Gate, Invocation, SandboxError};
use agent_core::tool::{Effect, Tool, ToolSpec, Work, Worker};
use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::builtin;

/// Arguments of `output.read`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// The call whose output it is: `c2`.
    call: String,
    /// Which part of it.
    #[schemars(range(min = 1))]
    part: u64,
}

/// Result of `output.read`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Part {
    /// What the part says.
    text: String,
    /// Which part it is.
    part: u64,
    /// How many there are.
    parts: u64,
}

struct Read {
    spec: Arc<ToolSpec>,
}

/// What the tool says of itself.
pub fn spec() -> ToolSpec {
    builtin::spec::<Arguments, Part>(
        READ,
        "Reads a part of an output that was too long to be shown whole.",
        Effect::Reads,
    )
}

/// The tool, the same for all agents.
pub fn tool() -> Arc<dyn Tool> {
    static TOOL: OnceLock<Arc<Read>> = OnceLock::new();
    TOOL.get_or_init(|| Arc::new(Read { spec: Arc::new(spec()) })).clone()
}

impl Tool for Read {
    fn spec(&self) -> &Arc<ToolSpec> {
        &self.spec
    }

    fn plan(&self, _arguments: &Value) -> Result<Vec<Capability>, String> {
        Ok(Vec::new())
    }

    fn work(&self) -> Work<'_> {
        Work::Worker(self)
    }

    fn show(&self, result: &Value) -> String {
        let (part, parts) = (result["part"].as_u64(), result["parts"].as_u64());
        let text = result["text"].as_str().unwrap_or_default();
        match part.zip(parts) {
            Some((part, parts)) if part < parts => {
                format!("{text}\n[part {part} of {parts}; go on with part = {}]", part + 1)
            }
            Some((part, parts)) => format!("{text}\n[part {part} of {parts}; this is the end]"),
            None => text.to_string(),
        }
    }
}

#[async_trait]
impl Worker for Read {
    async fn invoke(&self, permit: &Permit, gate: &dyn Gate) -> Result<Invocation, SandboxError> {
        let result = match Arguments::deserialize(&permit.action().arguments) {
            Ok(Arguments { call, part }) => gate.output(&call, part).await,
            Err(error) => Err(error.to_string()),
        };
        let result =
            result.map(|part| json!({ "text": part.text, "part": part.part, "parts": part.parts }));
        let output =
            result.as_ref().map_or(0, |result| result["text"].as_str().map_or(0, str::len));
        let cost = Cost { output: output as u64, ..Cost::default() };
        Ok(Invocation { result, cost })
    }
}
