//! A policy and a gate that let everything through, where what a tool does is tested or measured and
//! not what it may.

use agent_core::action::{Action, Capability, Decision, Verdict};
use agent_core::policy::Policy;
use agent_core::sandbox::{Gate, SandboxError, Use};
use agent_core::tool::ToolSpec;
use async_trait::async_trait;
use serde_json::Value;

pub(crate) struct Open;

impl Policy for Open {
    fn judge(&self, _: &Action) -> Verdict {
        Verdict { decision: Decision::Allow, reasons: Vec::new() }
    }

    fn narrow(&self, tools: &[ToolSpec]) -> Vec<ToolSpec> {
        tools.to_vec()
    }
}

#[async_trait]
impl Gate for Open {
    async fn authorize(&self, _: Capability) -> Result<Use, String> {
        Ok(Use::Fresh(0))
    }

    async fn done(&self, _: u64) -> Result<(), SandboxError> {
        Ok(())
    }

    async fn call(&self, _: &str, _: Value) -> Result<Value, String> {
        Err("no other tool".to_string())
    }
}
