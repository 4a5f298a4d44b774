//! Errand's sandbox, used as a run uses it: a pinned untrusted component with the limits that
//! it has unless configured otherwise, a permit, a gate, and a fresh instance for each call.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use agent_core::action::{Action, CallId, Capability, Decision, Permit, Verdict};
use agent_core::policy::Policy;
use agent_core::sandbox::{Gate, Sandbox, SandboxError, Use};
use agent_core::tool::{Component, Guest, Limits, ToolSpec};
use anyhow::{Context, Result, anyhow};
use async_trait::async_trait;
use sandbox::{Config, Wasm};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::runtime::Runtime;

use crate::{arguments, checked};

/// A sandbox with one tool in it.
pub(crate) struct Errand {
    runtime: Runtime,
    tool: Arc<Tool>,
}

/// What it takes to call it.
struct Tool {
    wasm: Wasm,
    guest: Guest,
    permit: Permit,
}

impl Errand {
    pub(crate) fn new(component: &Path, cache: &Path) -> Result<Errand> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let wasm = Wasm::new(Config::new("/", cache))?;
        let guest = guest(component)?;
        runtime.block_on(wasm.prepare(&guest.component))?;
        Ok(Errand { runtime, tool: Arc::new(Tool { wasm, guest, permit: permit()? }) })
    }

    /// Calls one after the other, each with its time.
    pub(crate) fn timed(&self, calls: usize) -> Result<Vec<Duration>> {
        let tool = Arc::clone(&self.tool);
        // As in a run: by a task of the runtime, not by the thread that waits for it.
        self.runtime.block_on(self.runtime.spawn(async move {
            let mut times = Vec::with_capacity(calls);
            for _ in 0..calls {
                let begun = Instant::now();
                let result = tool.call().await?;
                times.push(begun.elapsed());
                checked(&result)?;
            }
            Ok(times)
        }))?
    }

    /// Calls a second, as many at once as the tool's limits allow.
    pub(crate) fn rate(&self, time: Duration) -> Result<f64> {
        let begun = Instant::now();
        let callers: Vec<_> = (0..Limits::DEFAULT.calls)
            .map(|_| {
                let tool = Arc::clone(&self.tool);
                self.runtime.spawn(async move {
                    let mut calls = 0_u64;
                    while begun.elapsed() < time {
                        checked(&tool.call().await?)?;
                        calls += 1;
                    }
                    anyhow::Ok(calls)
                })
            })
            .collect();
        let mut calls = 0;
        for caller in callers {
            calls += self.runtime.block_on(caller)??;
        }
        Ok(calls as f64 / begun.elapsed().as_secs_f64())
    }
}

impl Tool {
    async fn call(&self) -> Result<Value> {
        call(&self.wasm, &self.guest, &self.permit).await
    }
}

/// One call, whatever the guest.
pub(crate) async fn call(wasm: &Wasm, guest: &Guest, permit: &Permit) -> Result<Value> {
    let called = wasm.invoke(permit, guest, &Closed).await?;
    called.result.map_err(|reason| anyhow!(reason))
}

/// An untrusted component, nothing lent to it.
pub(crate) fn guest(component: &Path) -> Result<Guest> {
    let bytes = fs::read(component).with_context(|| component.display().to_string())?;
    let sha256: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let path = Arc::new(component.to_path_buf());
    let component = Component::Pinned { path, sha256: sha256.into() };
    Ok(Guest::untrusted("ours", component, Limits::DEFAULT))
}

/// For a call of the tool.
pub(crate) fn permit() -> Result<Permit> {
    let action = Action {
        id: CallId("c1".to_string()),
        tool: "ours.count".to_string(),
        arguments: arguments(),
        capabilities: Vec::new(),
        taint: Vec::new(),
    };
    Permit::judge(&Everything, action).1.context("no permit")
}

struct Everything;

impl Policy for Everything {
    fn judge(&self, _: &Action) -> Verdict {
        Verdict { decision: Decision::Allow, reasons: Vec::new() }
    }

    fn narrow(&self, tools: &[ToolSpec]) -> Vec<ToolSpec> {
        tools.to_vec()
    }
}

/// The tool wants nothing of the host.
struct Closed;

#[async_trait]
impl Gate for Closed {
    async fn authorize(&self, capability: Capability) -> Result<Use, String> {
        Err(format!("may not {capability}"))
    }

    async fn done(&self, _: u64) -> Result<(), SandboxError> {
        Ok(())
    }

    async fn call(&self, tool: &str, _: Value) -> Result<Value, String> {
        Err(format!("no tool `{tool}`"))
    }
}
