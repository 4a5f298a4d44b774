//! What the sandbox is to the loop: a permit in, a result out, and a gate for everything the
//! guest asks of the host meanwhile.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::action::{Capability, Permit};
use crate::agent::Budget;
use crate::content::ContentPart;
use crate::event::RunId;
use crate::journal::Writer;
use crate::ledger::Spent;
use crate::output::Part;
use crate::provenance::Origin;
use crate::replay_seed::Start;
use crate::subagent::BudgetLease;
use crate::tool::Guest;

/// Runs guests.
#[async_trait]
pub trait Sandbox: Send + Sync {
    /// Runs one permitted call in a fresh instance. Dropping the future stops the guest.
    async fn invoke(
        &self,
        permit: &Permit,
        guest: &Guest,
        gate: &dyn Gate,
    ) -> Result<Invocation, SandboxError>;
}

/// What an invocation gave and cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Invocation {
    /// The tool's result, or its own failure in words for the model. A limit that was hit is a
    /// failure too.
    pub result: Result<Value, String>,
    /// What it used.
    pub cost: Cost,
}

/// What an invocation used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Wall time, all of it.
    pub time: Duration,
    /// The most linear memory, in bytes.
    pub memory: u64,
    /// Bytes of result.
    pub output: u64,
    /// What an agent spent that did the work; it counts against the budget of its caller.
    #[serde(default, skip_serializing_if = "Spent::is_nothing")]
    pub spent: Spent,
}

/// Asked by the sandbox at every use, while the guest runs. The loop implements it: it judges,
/// writes the journal, and remembers.
#[async_trait]
pub trait Gate: Send + Sync {
    /// May the guest do this now? `Err` holds the reasons, for the guest to read. The host calls
    /// it before each file opened and each request sent, redirects included.
    async fn authorize(&self, capability: Capability) -> Result<Use, String>;

    /// What is behind a [`Use::Fresh`] has happened: the file was read, or written.
    async fn done(&self, mark: u64) -> Result<(), SandboxError>;

    /// The bytes that were read behind a mark, or are about to be written, by their SHA-256. What is
    /// known of their origins counts as read; what is written keeps the origins of all that the
    /// writer has read.
    async fn content(&self, _mark: u64, _sha256: &str) -> Result<(), SandboxError> {
        Ok(())
    }

    /// The origins that whatever the guest leaves behind now keeps.
    fn leaves(&self) -> Vec<Origin> {
        Vec::new()
    }

    /// A program reads what it likes in these folders: what earlier runs left there counts as read.
    async fn reads_all(&self, _folders: &[PathBuf]) -> Result<(), SandboxError> {
        Ok(())
    }

    /// A program writes without asking: what it leaves behind keeps the origins of all that was read,
    /// and these.
    async fn writer_began(
        &self,
        _writer: &Writer<'_>,
        _more: &[Origin],
    ) -> Result<(), SandboxError> {
        Ok(())
    }

    /// That program has ended.
    async fn writer_ended(&self, _run: &RunId, _name: &str) -> Result<(), SandboxError> {
        Ok(())
    }

    /// The run whose call it is.
    fn run(&self) -> RunId {
        RunId(String::new())
    }

    /// The guest calls another tool: planned, judged, journaled and run like any call.
    async fn call(&self, tool: &str, arguments: Value) -> Result<Value, String>;

    /// What the guest's clocks and random numbers begin with.
    fn start(&self) -> Start {
        Start::default()
    }

    /// The guest says something for the watcher. The host has cut it and taken out what a
    /// terminal would obey.
    fn emit(&self, _remark: Remark) {}

    /// A part of an earlier output that the model was not shown whole. The error is a sentence for
    /// the model.
    async fn output(&self, _call: &str, _part: u64) -> Result<Part, String> {
        Err("nothing is kept here".to_string())
    }

    /// Some of what the call gives back comes from here. A sandbox need not say so of what
    /// [`Gate::authorize`] was asked for.
    fn record_origin(&self, _origin: Origin) {}

    /// What the call gives back beside its text: the loop keeps its bytes and shows it to a model that
    /// takes it.
    fn attach(&self, _part: ContentPart) {}

    /// A part of the run's budget for an agent that does the work of this call, at most this much.
    /// The error says why there is none.
    async fn lease(&self, _most: Budget) -> Result<BudgetLease<'_>, String> {
        Err("there is no run to take a budget from".to_string())
    }
}

/// What a guest says while it works: for people, never for the model, and not in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remark {
    /// A line of its log.
    Log {
        /// How much it matters.
        level: Level,
        /// The line.
        text: String,
    },
    /// How far it is.
    Progress {
        /// What is done.
        done: u64,
        /// Of how much, where that is known.
        total: Option<u64>,
        /// What is being done.
        text: String,
    },
}

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// For the tool's author.
    Debug,
    /// For its user.
    Info,
    /// Something is not as it should be.
    Warn,
    /// Something failed.
    Error,
}

/// How a use goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Do it, then tell [`Gate::done`] with this mark.
    Fresh(u64),
    /// It happened before the run was interrupted: take it as done, do not repeat it.
    Recorded,
}

/// The sandbox itself broke; a fault of the run.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The component cannot be loaded.
    #[error("component `{component}` cannot be loaded: {reason}")]
    Component {
        /// Which one.
        component: String,
        /// Why.
        reason: String,
    },
    /// The journal could not be written, so the guest was stopped.
    #[error(transparent)]
    Journal(#[from] crate::journal::JournalError),
    /// The agent that does the work waits for a person.
    #[error("in run `{run}` {detail}")]
    Waiting {
        /// Its run.
        run: RunId,
        /// For what.
        detail: String,
        /// What a person names to say yes to it.
        mark: String,
    },
}
