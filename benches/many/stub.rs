//! The model: it answers after a while, with a call until the last step, and costs next to nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use errand::message::{Role, ToolCall};
use errand::model::{Finish, Model, ModelError, Reply, Request, Tokens, Traits};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::CALLS;

/// Where a waiting agent waits.
const MIDDLE: u64 = CALLS / 2;

/// What it answers with.
#[derive(Clone, Copy)]
enum Calls {
    /// Reads the note.
    Read,
    /// Writes an effect down, under a key that no other call has.
    Effect,
}

pub(crate) struct Stub {
    latency: Duration,
    calls: Calls,
    gate: Option<Arc<Gate>>,
}

impl Stub {
    pub(crate) fn reading(latency: Duration) -> Stub {
        Stub { latency, calls: Calls::Read, gate: None }
    }

    pub(crate) fn effects(latency: Duration) -> Stub {
        Stub { latency, calls: Calls::Effect, gate: None }
    }

    pub(crate) fn waiting() -> (Stub, Arc<Gate>) {
        let gate = Arc::new(Gate::default());
        let stub =
            Stub { latency: Duration::ZERO, calls: Calls::Read, gate: Some(Arc::clone(&gate)) };
        (stub, gate)
    }

    fn call(&self, request: &Request) -> (String, Value) {
        match self.calls {
            Calls::Read => ("files.read".to_string(), json!({ "path": "note.md" })),
            Calls::Effect => {
                let task = request.messages.iter().find(|message| message.role == Role::User);
                let task = task.map(|message| message.content.trim()).unwrap_or_default();
                let key = format!("{task}-{}", request.call);
                ("effects.add".to_string(), json!({ "key": key }))
            }
        }
    }
}

#[async_trait::async_trait]
impl Model for Stub {
    fn name(&self) -> &str {
        "stub"
    }

    fn traits(&self) -> Traits {
        Traits { constrained: false, caches: false, context: 0 }
    }

    async fn think(
        &self,
        request: &Request,
        _on_text: &mut (dyn for<'t> FnMut(&'t str) + Send),
    ) -> Result<Reply, ModelError> {
        if !self.latency.is_zero() {
            tokio::time::sleep(self.latency).await;
        }
        if let Some(gate) = self.gate.as_ref().filter(|_| request.call == MIDDLE) {
            gate.pass().await;
        }
        let usage = Tokens::default();
        if request.call >= CALLS {
            return Ok(Reply::text("done", usage, Finish::Stop));
        }
        let (name, arguments) = self.call(request);
        let mut reply = Reply::text("", usage, Finish::Stop);
        reply.tool_calls = vec![ToolCall { id: format!("call-{}", request.call), name, arguments }];
        Ok(reply)
    }
}

/// Holds agents in the middle of their runs.
#[derive(Default)]
pub(crate) struct Gate {
    open: AtomicBool,
    held: AtomicUsize,
    opened: Notify,
    arrived: Notify,
}

impl Gate {
    async fn pass(&self) {
        let opened = self.opened.notified();
        if self.open.load(Ordering::SeqCst) {
            return;
        }
        self.held.fetch_add(1, Ordering::SeqCst);
        self.arrived.notify_one();
        opened.await;
    }

    pub(crate) fn open(&self) {
        self.open.store(true, Ordering::SeqCst);
        self.opened.notify_waiters();
    }

    pub(crate) fn close(&self) {
        self.open.store(false, Ordering::SeqCst);
    }

    /// Once so many are held.
    pub(crate) async fn held(&self, agents: usize) {
        while self.held.load(Ordering::SeqCst) < agents {
            self.arrived.notified().await;
        }
    }
}
