//! What the built-in tools have in common: Rust types for arguments and result, from which come the
//! schemas and the parsing of a call before it is planned.

use std::sync::Arc;

use agent_core::action::Capability;
use agent_core::content::ContentPart;
use agent_core::tool::{Effect, Guest, Tool, ToolSpec, Work};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::schema;

/// The guest of this name as `build.rs` leaves it.
macro_rules! packed {
    ($guest:literal) => {
        agent_core::tool::Component::Packed {
            name: $guest,
            sha256: include_str!(concat!(env!("OUT_DIR"), "/", $guest, ".sha256")),
            packed: include_bytes!(concat!(env!("OUT_DIR"), "/", $guest, ".packed")),
        }
    };
}
pub(crate) use packed;

/// Takes what is no text out of a result.
type Parts = fn(&mut Value) -> Result<Vec<ContentPart>, String>;

type Plan = dyn Fn(&Value) -> Result<Vec<Capability>, String> + Send + Sync;

pub(crate) struct Builtin {
    spec: Arc<ToolSpec>,
    guest: Guest,
    plan: Box<Plan>,
    show: fn(&Value) -> String,
    parts: Parts,
}

/// A specification whose schemas are those of `A` and `R`.
pub(crate) fn spec<A: JsonSchema, R: JsonSchema>(
    name: &str,
    description: &str,
    effect: Effect,
) -> ToolSpec {
    ToolSpec {
        name: name.to_string(),
        description: description.to_string(),
        input: schema::of::<A>(),
        output: schema::of::<R>(),
        effect,
    }
}

impl Builtin {
    pub(crate) fn new<A: DeserializeOwned>(
        spec: ToolSpec,
        guest: Guest,
        plan: impl Fn(A) -> Result<Vec<Capability>, String> + Send + Sync + 'static,
    ) -> Self {
        let plan = move |arguments: &Value| {
            plan(A::deserialize(arguments).map_err(|error| error.to_string())?)
        };
        let parts: Parts = |_| Ok(Vec::new());
        Self { spec: Arc::new(spec), guest, plan: Box::new(plan), show: Value::to_string, parts }
    }

    /// With a result that reads better than its JSON.
    pub(crate) fn shown(self, show: fn(&Value) -> String) -> Self {
        Self { show, ..self }
    }

    /// With results that may hold what is no text.
    pub(crate) fn parting(self, parts: Parts) -> Self {
        Self { parts, ..self }
    }
}

impl Tool for Builtin {
    fn spec(&self) -> &Arc<ToolSpec> {
        &self.spec
    }

    fn plan(&self, arguments: &Value) -> Result<Vec<Capability>, String> {
        (self.plan)(arguments)
    }

    fn work(&self) -> Work<'_> {
        Work::Guest(&self.guest)
    }

    fn parts(&self, result: &mut Value) -> Result<Vec<ContentPart>, String> {
        (self.parts)(result)
    }

    fn show(&self, result: &Value) -> String {
        (self.show)(result)
    }
}
