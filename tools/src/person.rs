//! `ask.person`: a question to the person behind the run. Nothing here does any work: the policy has
//! a person asked, and what that person says is the call's observation.

use std::sync::Arc;

use agent_core::action::{Capability, Permit};
use agent_core::question::ASK;
use agent_core::sandbox::{Cost, Gate, Invocation, SandboxError};
use agent_core::tool::{Effect, Tool, ToolSpec, Work, Worker};
use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::builtin;
use crate::registry::Setup;

/// Arguments of `ask.person`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// One question, with all that the person needs to answer it.
    #[schemars(length(min = 1, max = 2000))]
    question: String,
    /// The answers to choose from; leave out where any answer will do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 20), inner(length(min = 1, max = 200)))]
    choices: Option<Vec<String>>,
}

/// Result of `ask.person`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Answer {
    /// What the person said.
    answer: String,
}

pub(crate) fn tools(_: &Setup) -> Vec<Arc<dyn Tool>> {
    let spec = builtin::spec::<Arguments, Answer>(
        ASK,
        "Asks the person a question that no other tool can answer, and waits for the answer.",
        Effect::Pure,
    );
    vec![Arc::new(Person { spec: Arc::new(spec) })]
}

struct Person {
    spec: Arc<ToolSpec>,
}

impl Tool for Person {
    fn spec(&self) -> &Arc<ToolSpec> {
        &self.spec
    }

    fn plan(&self, _: &Value) -> Result<Vec<Capability>, String> {
        Ok(Vec::new())
    }

    fn work(&self) -> Work<'_> {
        Work::Worker(self)
    }
}

#[async_trait]
impl Worker for Person {
    async fn invoke(&self, _: &Permit, _: &dyn Gate) -> Result<Invocation, SandboxError> {
        let result = Err("no answer was given".to_string());
        Ok(Invocation { result, cost: Cost::default() })
    }
}
