//! What `tools!` expands to: a function's specification, and a call of it.

use std::fmt::Display;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::errand::tool::manifest_types::{self, ToolSpec};
use crate::schema;

/// What a call does to the world, as `tools!` spells it.
#[allow(non_camel_case_types, reason = "they are written in lower case in `tools!`")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing but its result.
    pure,
    /// Looks at the world.
    reads,
    /// Changes it.
    writes,
    /// Sends something out into it.
    egress,
}

/// The specification of a function; its schemas come from its types.
pub fn spec<A, R, E>(
    name: &str,
    description: &str,
    effect: Effect,
    idempotent: bool,
    _tool: fn(A) -> Result<R, E>,
) -> ToolSpec
where
    A: DeserializeOwned + JsonSchema,
    R: Serialize + JsonSchema,
    E: Display,
{
    let (effect, harmless) = match effect {
        Effect::pure => (manifest_types::Effect::Pure, true),
        Effect::reads => (manifest_types::Effect::Reads, true),
        Effect::writes => (manifest_types::Effect::Writes, false),
        Effect::egress => (manifest_types::Effect::Egress, false),
    };
    ToolSpec {
        name: name.to_string(),
        description: description.to_string(),
        input: schema::input::<A>(),
        output: schema::output::<R>(),
        effect,
        idempotent: idempotent || harmless,
    }
}

/// One call: arguments and result are JSON.
///
/// # Errors
/// A sentence for the model.
pub fn run<A, R, E>(tool: fn(A) -> Result<R, E>, arguments: &str) -> Result<String, String>
where
    A: DeserializeOwned,
    R: Serialize,
    E: Display,
{
    let arguments = serde_json::from_str(arguments).map_err(|error| error.to_string())?;
    let result = tool(arguments).map_err(|error| error.to_string())?;
    serde_json::to_string(&result).map_err(|error| error.to_string())
}

/// The lines of a comment as one text.
pub fn description(lines: &[&str]) -> String {
    let lines: Vec<&str> = lines.iter().map(|line| line.trim()).collect();
    lines.join(" ").trim().to_string()
}

/// Whether the word after the effect says so. Any other word there is a mistake of whoever wrote
/// it, and shows when the component is asked for the first time.
pub fn idempotent(words: &[&str]) -> bool {
    match words {
        [] => false,
        ["idempotent"] => true,
        other => panic!("`{}`: the only word after an effect is `idempotent`", other.join(" ")),
    }
}
