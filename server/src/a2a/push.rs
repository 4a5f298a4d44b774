//! What a client is told of a task at an address that it named: what the server asks of whatever sends it, and when
//! there is something to tell. Where the server may send, and what is kept, is for the one that it is asked of.

use std::sync::Arc;

use agent_core::event::RunId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::task;
use crate::error::ApiError;
use crate::launcher::{LaunchError, Look};
use crate::runs::launcher;
use crate::shared::Shared;

/// Where a client wants to be told of a task. It holds a secret, so it cannot be printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushConfig {
    /// Its name among those of its task.
    pub id: String,
    /// Where to.
    pub url: String,
    /// What the client knows the sender by.
    pub token: Option<String>,
    /// What the receiver lets the sender in with: a bearer token.
    pub credentials: Option<String>,
}

/// How far a task had come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Its state, as the protocol says it.
    pub state: String,
    /// How many events its run had.
    pub events: u64,
}

impl Mark {
    pub(super) fn of(look: &Look) -> Mark {
        Mark { state: task::state(look).to_string(), events: look.events }
    }

    /// Whether both are one standing of a task. One that works goes on doing so with each event.
    pub fn same(&self, other: &Mark) -> bool {
        self.state == other.state && (self.state == task::WORKING || self.events == other.events)
    }
}

/// How a task stands since a moment ago.
#[derive(Debug, Clone)]
pub struct Update {
    /// Its run.
    pub run: RunId,
    /// How far it has come.
    pub mark: Mark,
    /// Whether nothing can become of it any more.
    pub over: bool,
    /// The task.
    pub task: Value,
}

impl Update {
    /// Its run began, or goes on: after so many events, at this moment.
    pub(crate) fn working(run: &RunId, events: u64, at_ms: u64) -> Update {
        let mark = Mark { state: task::WORKING.to_string(), events };
        Update { run: run.clone(), mark, over: false, task: task::working(run, at_ms) }
    }

    /// Its run rests so; `None` where it does not, or not for long.
    pub(crate) fn rests(look: &Look) -> Option<Update> {
        (task::state(look) != task::WORKING).then(|| Update {
            run: RunId(look.id.clone()),
            mark: Mark::of(look),
            over: task::over(look),
            task: task::task(look),
        })
    }
}

/// Tells clients of their tasks, and keeps where.
pub trait Push: Send + Sync {
    /// Whether this address may be sent to.
    ///
    /// # Errors
    /// Why not, and where it is allowed.
    fn may(&self, url: &str) -> Result<(), String>;

    /// Keeps a config, in the place of one of the same name. Its client knows of the task what `known` says.
    ///
    /// # Errors
    /// There are too many, or it cannot be kept.
    fn set(&self, run: &RunId, config: PushConfig, known: Option<Mark>) -> Result<(), String>;

    /// The configs of a task, the oldest first.
    fn configs(&self, run: &RunId) -> Vec<PushConfig>;

    /// Removes the config of this name, or all of a task: what was not told yet is not.
    fn remove(&self, run: &RunId, id: Option<&str>);

    /// The tasks that have configs.
    fn tasks(&self) -> Vec<RunId>;

    /// Tells of a task on its own, each client after what it was told before, and none what it knows.
    fn tell(self: Arc<Self>, update: Update);
}

/// Tells of a task whose run has come to rest.
pub(crate) fn rested(shared: &Shared, look: &Look) {
    if let (Some(push), Some(update)) = (&shared.push, Update::rests(look)) {
        push.clone().tell(update);
    }
}

/// Tells what an earlier server had not told, and forgets tasks that are no more.
pub(crate) async fn tell_owed(shared: &Arc<Shared>) -> Result<(), ApiError> {
    let Some(push) = &shared.push else { return Ok(()) };
    for run in push.tasks() {
        let known = shared.accounts.iter().any(|account| account.user.owns(&run));
        match launcher(shared)?.look(&run).await {
            Ok(look) if known => rested(shared, &look),
            Ok(_) | Err(LaunchError::Missing(_)) => push.remove(&run, None),
            Err(error) => tracing::warn!("task `{run}` cannot be told of: {error}"),
        }
    }
    Ok(())
}
