//! A server's tool as a tool of an agent.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use agent_core::action::{Capability, Permit};
use agent_core::provenance::Origin;
use agent_core::sandbox::{Cost, Gate, Invocation, SandboxError};
use agent_core::tool::{Promise, Tool, ToolSpec, Work, Worker};
use async_trait::async_trait;
use serde_json::Value;

use super::client::Failure;
use super::content::Given;
use super::{Client, McpError};

/// The tools of a server, `SERVER.TOOL`.
pub fn tools(client: &Arc<Client>) -> Vec<Arc<dyn Tool>> {
    let specs = client.server().specs(client.name());
    let tool = |spec| {
        let (spec, client) = (Arc::new(spec), client.clone());
        Arc::new(McpTool { spec, client }) as Arc<dyn Tool>
    };
    specs.into_iter().map(tool).collect()
}

struct McpTool {
    spec: Arc<ToolSpec>,
    client: Arc<Client>,
}

impl Tool for McpTool {
    fn spec(&self) -> &Arc<ToolSpec> {
        &self.spec
    }

    /// Nothing of this host: what the server itself may was settled when it was started. Whether
    /// it may be called is the policy's to say.
    fn plan(&self, _arguments: &Value) -> Result<Vec<Capability>, String> {
        Ok(Vec::new())
    }

    /// The call was done by the time that its result is seen: to call it a failure would have it done
    /// again.
    fn promise(&self) -> Promise {
        Promise::Claimed
    }

    fn work(&self) -> Work<'_> {
        Work::Worker(self)
    }
}

#[async_trait]
impl Worker for McpTool {
    async fn invoke(&self, permit: &Permit, gate: &dyn Gate) -> Result<Invocation, SandboxError> {
        let begun = Instant::now();
        let server = self.client.name();
        // Whatever comes back, an error's words too, it is untrusted.
        gate.record_origin(Origin::Server(server.to_string()));
        self.watched(gate).await?;
        let bare = self.spec.name.strip_prefix(server).and_then(|name| name.strip_prefix('.'));
        let bare = bare.unwrap_or(&self.spec.name);
        let arguments = &permit.action().arguments;
        let mut called = self.client.call(bare, arguments).await;
        // Once more, where that changes nothing: the next call connects anew.
        if matches!(called, Err(Failure::Broken(_))) && self.spec.effect.may_repeat() {
            called = self.client.call(bare, arguments).await;
        }
        let result = match called {
            Ok(Given { value, parts }) => {
                parts.into_iter().for_each(|part| gate.attach(part));
                Ok(value)
            }
            Err(Failure::Unsent(error @ McpError::Changed { .. })) => {
                let reason = error.to_string();
                return Err(SandboxError::Component { component: server.to_string(), reason });
            }
            Err(Failure::Told(reason) | Failure::Broken(reason)) => Err(reason),
            Err(Failure::Unsent(error)) => Err(error.to_string()),
        };
        let output = result.as_ref().map_or(0, |value| value.to_string().len() as u64);
        let cost = Cost { time: begun.elapsed(), output, ..Cost::default() };
        Ok(Invocation { result, cost })
    }
}

impl McpTool {
    /// Whatever a confined program keeps or leaves behind may come from all that it can read and from all
    /// that it was ever given.
    async fn watched(&self, gate: &dyn Gate) -> Result<(), SandboxError> {
        let Some(program) = self.client.confined() else { return Ok(()) };
        let readable: Vec<PathBuf> = program.read.iter().chain(&program.write).cloned().collect();
        gate.reads_all(&readable).await?;
        let now = gate.leaves();
        let given = self.client.given(now.clone());
        let own = |origin: &Origin| match origin.source() {
            Origin::File(path) | Origin::Folder(path) => readable.contains(path),
            _ => false,
        };
        // What it can read itself is known of it, and counts as read from it.
        let others = given.iter().filter(|origin| !now.contains(origin) && !own(origin));
        others.for_each(|origin| gate.record_origin(origin.clone()));
        gate.writer_began(&self.client.writer(program).await, &given).await
    }
}
