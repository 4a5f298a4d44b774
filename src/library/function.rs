//! A tool that is a function of the program errand is part of.

use std::sync::Arc;
use std::time::Instant;

use agent_core::action::{Capability, Permit};
use agent_core::provenance::Origin;
use agent_core::sandbox::{Cost, Gate, Invocation, SandboxError};
use agent_core::tool::{Effect, Tool, ToolSpec, Work, Worker};
use async_trait::async_trait;
use futures::future::BoxFuture;
use schemars::{JsonSchema, schema_for};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

type Plan = dyn Fn(&Value) -> Result<Vec<Capability>, String> + Send + Sync;
type Body = dyn Fn(Value) -> BoxFuture<'static, Result<Value, String>> + Send + Sync;

/// An async function as a tool. It is trusted code of this program and runs outside the sandbox: what
/// its plan names is judged before each call, and nothing holds it to that plan.
///
/// The schemas come from the types of its argument, a struct, and of its result. A call counts as one
/// that changes something and must not be repeated, until [`FnTool::effect`] says otherwise.
#[derive(Clone)]
pub struct FnTool {
    spec: Arc<ToolSpec>,
    plan: Arc<Plan>,
    body: Arc<Body>,
}

impl FnTool {
    /// A tool of this name (`family.word`, lower case) with what a model is told of it. An error of
    /// the function is told to the model, which may call it otherwise.
    pub fn new<A, R, E, F>(
        name: &str,
        description: &str,
        function: impl Fn(A) -> F + Send + Sync + 'static,
    ) -> FnTool
    where
        A: DeserializeOwned + JsonSchema,
        R: Serialize + JsonSchema,
        E: std::fmt::Display,
        F: Future<Output = Result<R, E>> + Send + 'static,
    {
        let body = move |arguments: Value| -> BoxFuture<'static, Result<Value, String>> {
            let called = serde_json::from_value::<A>(arguments).map(&function);
            Box::pin(async move {
                let result = called.map_err(|error| error.to_string())?.await;
                let result = result.map_err(|error| format!("{error:#}"))?;
                serde_json::to_value(result).map_err(|error| error.to_string())
            })
        };
        FnTool {
            spec: Arc::new(ToolSpec {
                name: name.to_string(),
                description: description.to_string(),
                input: schema_for!(A).to_value(),
                output: schema_for!(R).to_value(),
                effect: Effect::Writes,
            }),
            plan: Arc::new(|_| Ok(Vec::new())),
            body: Arc::new(body),
        }
    }

    /// What a call does to the world: whether one that was cut off may run again.
    #[must_use]
    pub fn effect(mut self, effect: Effect) -> FnTool {
        Arc::make_mut(&mut self.spec).effect = effect;
        self
    }

    /// What a call with these arguments reaches: files, hosts. Each is judged by the agent's policy
    /// before the function runs, and what it gives back counts as read from there. The error is for the model that wrote the arguments.
    #[must_use]
    pub fn plan<A: DeserializeOwned>(
        mut self,
        plan: impl Fn(A) -> Result<Vec<Capability>, String> + Send + Sync + 'static,
    ) -> FnTool {
        self.plan = Arc::new(move |arguments| {
            plan(A::deserialize(arguments).map_err(|error| error.to_string())?)
        });
        self
    }

    pub(super) fn name(&self) -> &str {
        &self.spec.name
    }
}

impl Tool for FnTool {
    fn spec(&self) -> &Arc<ToolSpec> {
        &self.spec
    }

    fn plan(&self, arguments: &Value) -> Result<Vec<Capability>, String> {
        (self.plan)(arguments)
    }

    fn work(&self) -> Work<'_> {
        Work::Worker(self)
    }
}

#[async_trait]
impl Worker for FnTool {
    async fn invoke(&self, permit: &Permit, gate: &dyn Gate) -> Result<Invocation, SandboxError> {
        let began = Instant::now();
        for wanted in &permit.action().capabilities {
            match wanted {
                Capability::Read(path) => gate.record_origin(Origin::File(path.clone())),
                Capability::Fetch { url, .. } => gate.record_origin(Origin::Web(url.clone())),
                Capability::Run { program, .. } => {
                    gate.record_origin(Origin::Program(program.clone()));
                }
                Capability::Write(_) | Capability::Delete(_) => {}
            }
        }
        let result = (self.body)(permit.action().arguments.clone()).await;
        let output = result.as_ref().map_or(0, |value| value.to_string().len() as u64);
        Ok(Invocation { result, cost: Cost { time: began.elapsed(), output, ..Cost::default() } })
    }
}
