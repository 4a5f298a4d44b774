//! The way from a guest to its gate. A guest's host functions outlive no borrow, so they knock
//! here, and the call that holds the gate answers while the guest waits.

use std::future::Future;
use std::pin::pin;

use agent_core::action::Capability;
use agent_core::provenance::Origin;
use agent_core::sandbox::{Gate, Remark, SandboxError, Use};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use crate::concurrency::Depth;

/// The guest's side.
#[derive(Clone)]
pub(crate) struct GateChannel {
    asks: mpsc::Sender<Ask>,
}

/// The gate's side.
pub(crate) struct Asked {
    asks: mpsc::Receiver<Ask>,
}

enum Ask {
    May(Capability, oneshot::Sender<Result<Use, String>>),
    Done(u64, oneshot::Sender<()>),
    Content(u64, String, oneshot::Sender<()>),
    Saw(Vec<Origin>, oneshot::Sender<()>),
    Leaves(oneshot::Sender<Vec<Origin>>),
    Call(String, Value, oneshot::Sender<Result<Value, String>>),
    Said(Remark),
}

impl GateChannel {
    pub(crate) fn new() -> (GateChannel, Asked) {
        let (sender, receiver) = mpsc::channel(1);
        (GateChannel { asks: sender }, Asked { asks: receiver })
    }

    /// See [`Gate::authorize`]. The outer error stops the guest: there is no one to answer.
    pub(crate) async fn authorize(
        &self,
        capability: Capability,
    ) -> wasmtime::Result<Result<Use, String>> {
        self.ask(|answer| Ask::May(capability, answer)).await
    }

    /// See [`Gate::done`].
    pub(crate) async fn done(&self, mark: u64) -> wasmtime::Result<()> {
        self.ask(|answer| Ask::Done(mark, answer)).await
    }

    /// See [`Gate::content`].
    pub(crate) async fn content(&self, mark: u64, sha256: String) -> wasmtime::Result<()> {
        self.ask(|answer| Ask::Content(mark, sha256, answer)).await
    }

    /// See [`Gate::record_origin`].
    pub(crate) async fn record_origin(&self, origins: Vec<Origin>) -> wasmtime::Result<()> {
        self.ask(|answer| Ask::Saw(origins, answer)).await
    }

    /// See [`Gate::leaves`].
    pub(crate) async fn leaves(&self) -> wasmtime::Result<Vec<Origin>> {
        self.ask(Ask::Leaves).await
    }

    /// See [`Gate::call`].
    pub(crate) async fn call(
        &self,
        tool: String,
        arguments: Value,
    ) -> wasmtime::Result<Result<Value, String>> {
        self.ask(|answer| Ask::Call(tool, arguments, answer)).await
    }

    /// See [`Gate::emit`]. No answer is waited for.
    pub(crate) async fn emit(&self, remark: Remark) -> wasmtime::Result<()> {
        self.asks.send(Ask::Said(remark)).await.map_err(|_| gone())
    }

    async fn ask<A>(&self, ask: impl FnOnce(oneshot::Sender<A>) -> Ask) -> wasmtime::Result<A> {
        let (sender, receiver) = oneshot::channel();
        self.asks.send(ask(sender)).await.map_err(|_| gone())?;
        receiver.await.map_err(|_| gone())
    }
}

fn gone() -> wasmtime::Error {
    wasmtime::Error::msg("the call is over")
}

impl Asked {
    /// Runs the guest and answers what it asks. An error of the journal ends the call, guest and
    /// all.
    pub(crate) async fn serve<T>(
        mut self,
        guest: impl Future<Output = T>,
        gate: &dyn Gate,
        depth: Depth,
    ) -> Result<T, SandboxError> {
        let mut guest = pin!(guest);
        loop {
            tokio::select! {
                biased;
                outcome = &mut guest => {
                    // The last it said, for which it did not wait.
                    while let Ok(Ask::Said(remark)) = self.asks.try_recv() {
                        gate.emit(remark);
                    }
                    return Ok(outcome);
                }
                Some(ask) = self.asks.recv() => answer(ask, gate, depth).await?,
            }
        }
    }
}

/// The guest waits meanwhile. That it no longer does is not an error.
async fn answer(ask: Ask, gate: &dyn Gate, depth: Depth) -> Result<(), SandboxError> {
    match ask {
        Ask::May(capability, answer) => {
            let _ = answer.send(gate.authorize(capability).await);
        }
        Ask::Done(mark, answer) => {
            gate.done(mark).await?;
            let _ = answer.send(());
        }
        Ask::Content(mark, sha256, answer) => {
            gate.content(mark, &sha256).await?;
            let _ = answer.send(());
        }
        Ask::Saw(origins, answer) => {
            origins.into_iter().for_each(|origin| gate.record_origin(origin));
            let _ = answer.send(());
        }
        Ask::Leaves(answer) => {
            let _ = answer.send(gate.leaves());
        }
        Ask::Said(remark) => gate.emit(remark),
        Ask::Call(tool, arguments, answer) => {
            let _ = answer.send(depth.below(gate.call(&tool, arguments)).await);
        }
    }
    Ok(())
}
