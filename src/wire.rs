//! The one place where an `Agent` becomes concrete types: which model, which tools, which policy,
//! which sandbox, which journal.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use agent_core::act::Style;
use agent_core::agent::{Agent, Provider};
use agent_core::agent_file::Known;
use agent_core::drive::{self, Parts, Person, Watch};
use agent_core::event::{Event, Outcome, RunId, What};
use agent_core::ledger::Spent;
use agent_core::model::Model;
use agent_core::policy::Policy;
use agent_core::run::{Run, Step};
use agent_core::tool::{Tool, ToolSpec};
use anyhow::Context;
use policies::Cedar;
use sandbox::Wasm;
use store::Store;

/// Everything a run needs around it: where files are kept, and who is told how far things are.
pub struct Errand {
    home: models::home::Home,
}

/// How a run ended, for now or for good.
#[derive(Debug, Clone)]
pub struct Finished {
    /// Which run.
    pub run: RunId,
    /// What came of it.
    pub outcome: Outcome,
    /// What it took.
    pub spent: Spent,
}

/// A person's answer to the call that a run waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approval {
    /// It may happen.
    Granted,
    /// It may not.
    Refused,
}
