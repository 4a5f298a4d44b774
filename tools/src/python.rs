//! `python`: CPython in a component, for code that models write. The component is made once on the
//! user's machine, from the program in `guests/python` and componentize-py.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use agent_core::tool::{Component, Effect, Guest, Imports, Limits, Tool, ToolSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::builtin::{self, Builtin};

mod build;

pub(crate) use build::RUN;
pub use build::{Build, BuildError, VERSION};

const LIMITS: Limits = Limits {
    memory: 512 << 20,
    time: Duration::from_secs(30),
    output: 1 << 20,
    fuel: None,
    calls: 128,
};

/// What a snippet wants of the web it has a tool of the agent read: code has no network.
const IMPORTS: Imports = Imports { files: true, http: false, kv: false, pages: false, tools: true };

/// Arguments of `python`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// Python code; what it prints and the value of a last expression are the result.
    code: String,
}

/// Result of `python`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Ran {
    /// What was printed.
    output: String,
    /// The value of the last line where that is an expression: as JSON where it can be, else as
    /// Python shows it. Left out for None.
    #[serde(default)]
    value: Value,
    /// The files that were written, each once.
    #[serde(default)]
    wrote: Vec<String>,
}

/// What the host adds to the arguments of each call: the tools that are functions in the code.
fn functions(tools: &[ToolSpec]) -> Map<String, Value> {
    let function = |spec: &ToolSpec| {
        let params: Vec<&String> =
            spec.input["properties"].as_object().into_iter().flat_map(|p| p.keys()).collect();
        json!({"name": spec.name, "params": params, "description": spec.description})
    };
    let tools: Vec<Value> = tools.iter().map(function).collect();
    Map::from_iter([("tools".to_string(), Value::Array(tools))])
}

pub(crate) fn specs() -> Vec<ToolSpec> {
    vec![spec()]
}

fn spec() -> ToolSpec {
    builtin::spec::<Arguments, Ran>(
        "python",
        "Runs Python code with the standard library and open() on the agent's files.",
        // What the code does to the world is done by its own calls, each recorded on its own.
        Effect::Reads,
    )
}

/// The tool, in whose code these other tools are functions.
pub fn tool(component: PathBuf, others: &[ToolSpec]) -> Arc<dyn Tool> {
    let guest = Guest {
        adds: Arc::new(functions(others)),
        ..Guest::builtin(Component::File(Arc::new(component)), IMPORTS, LIMITS)
    };
    Arc::new(Builtin::new(spec(), guest, |_: Accepted| Ok(Vec::new())).shown(show))
}

/// What was printed, then the last value, then what was written.
fn show(result: &Value) -> String {
    let output = result["output"].as_str().unwrap_or_default().trim_end();
    let value = match &result["value"] {
        Value::Null => String::new(),
        value => text(value),
    };
    let paths: Vec<&str> =
        result["wrote"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let wrote = match paths.is_empty() {
        true => String::new(),
        false => format!("wrote {}", paths.join(", ")),
    };
    let parts = [output, &value, &wrote];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    match parts.is_empty() {
        true => "nothing was printed".to_string(),
        false => parts.join("\n"),
    }
}

/// A text as it is, anything else as JSON.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_string)
}

/// What a call may hold after the runtime has added the tools.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Accepted {
    #[serde(rename = "code")]
    _code: String,
    #[serde(default, rename = "tools")]
    _tools: Vec<Value>,
}
