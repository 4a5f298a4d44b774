//! The runs that are kept: found by their name or by what is known of them, told, removed.

use crate::STRATEGIES;
use agent_core::agent::Agent;
use agent_core::drive;
use agent_core::event::{Event, Outcome, Reason, RunId, What};
use agent_core::journal::{Journal, JournalError};
use agent_core::ledger::Spent;
use agent_core::model::Traits;
use agent_core::run::{Run, ended};
use store::{Drive, RunRow, Store, Which, Whose};

use super::Errand;

/// The word that stands for the run that began last.
const LATEST: &str = "latest";

/// The most runs that are named where a beginning could mean any of them.
const SHOWN: u32 = 5;

/// A run in a list.
#[derive(Debug, Clone)]
pub struct Listed {
    /// How it stands.
    pub row: RunRow,
    /// What it was asked to do.
    pub task: String,
    /// What it has taken so far.
    pub spent: Spent,
    /// What came of it, where it is over.
    pub outcome: Option<Outcome>,
}

impl Errand {
    /// The run that a person means: its name, the beginning of it that no other run has, or
    /// `latest`.
    ///
    /// # Errors
    /// There is none, or more than one; or the journal cannot be read.
    pub async fn find(&self, named: &str) -> anyhow::Result<RunId> {
        let store = self.store()?;
        if named == LATEST {
            // Of the latest, what was not begun by another run.
            let one = Which { limit: 1, whose: Whose::Own, ..Which::default() };
            let latest = store.list(&one).await?.pop();
            return latest.map(|row| row.id).ok_or_else(|| anyhow::anyhow!("there is no run yet"));
        }
        // The beginning of a run is that of its agents' runs too.
        let mut found = store.named(named, Whose::Own, SHOWN).await?;
        if found.is_empty() {
            found = store.named(named, Whose::All, SHOWN).await?;
        }
        if let Some(whole) = found.first().filter(|row| row.id.0 == named) {
            return Ok(whole.id.clone());
        }
        match &found[..] {
            [one] if !named.is_empty() => Ok(one.id.clone()),
            [] => told(Err(JournalError::Unknown(RunId(named.to_string())))),
            several => {
                let names: Vec<String> =
                    several.iter().map(|row| format!("`{}`", row.id)).collect();
                anyhow::bail!(
                    "`{named}` is the beginning of several runs\nhint: write more of it: {}",
                    names.join(", ")
                )
            }
        }
    }

    /// The latest runs of which this holds, with what can be said of each.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn runs(&self, which: &Which) -> anyhow::Result<Vec<Listed>> {
        let store = self.store()?;
        let mut listed = Vec::new();
        for row in store.list(which).await? {
            // A journal of another version, or one with a gap, is listed all the same.
            let events = store.events(&row.id).await.unwrap_or_default();
            listed.push(Listed {
                task: as_of(&row.id, &events).map(|agent| agent.task).unwrap_or_default(),
                spent: over(&row.id, &events).map(|run| *run.spent()).unwrap_or_default(),
                outcome: ended(&events).cloned(),
                row,
            });
        }
        Ok(listed)
    }

    /// All runs of which this holds that no other run began, without their events, and the bytes
    /// that each and the runs of its agents take.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn sizes(&self, which: &Which) -> anyhow::Result<Vec<(RunRow, u64)>> {
        let store = self.store()?;
        let mut sizes = Vec::new();
        for row in store.list(&Which { whose: Whose::Own, ..which.clone() }).await? {
            let bytes = store.bytes(&row.id).await?;
            sizes.push((row, bytes));
        }
        Ok(sizes)
    }

    /// Removes runs for good, with those of the agents that they called. Gives back which were;
    /// one that a process drives stays.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub async fn forget(&self, runs: &[RunId]) -> anyhow::Result<Vec<RunId>> {
        Ok(self.store()?.remove(runs).await?)
    }

    /// Ends a run for good that nothing drives. One that is over stays as it is.
    ///
    /// # Errors
    /// There is no such run, a process drives it, or the journal cannot be written.
    pub async fn cancel(&self, id: &RunId) -> anyhow::Result<()> {
        let store = self.store()?;
        let _driven = taken(&store, id).await?;
        let events = told(store.events(id).await)?;
        if ended(&events).is_some() {
            return Ok(());
        }
        let outcome = Outcome { reason: Some(Reason::Cancelled), ..Outcome::default() };
        let event = Event::new(super::now(), What::Ended { outcome });
        store.append(id, events.len() as u64, &event).await?;
        Ok(())
    }

    /// The runs of the agents that a run called.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn children(&self, id: &RunId) -> anyhow::Result<Vec<RunRow>> {
        Ok(self.store()?.children(id).await?)
    }

    /// The events of a run.
    ///
    /// # Errors
    /// There is no such run, or the journal cannot be read.
    pub async fn events(&self, id: &RunId) -> anyhow::Result<Vec<Event>> {
        told(self.store()?.events(id).await)
    }
}

/// A run for this process alone, with all that was said of it in its journal: what drove it before may
/// have been dropped with an event on its way there, which comes first.
pub(super) async fn taken(store: &Store, id: &RunId) -> anyhow::Result<Drive> {
    let driven = store.drive(id)?;
    store.sync(id).await?;
    Ok(driven)
}

/// The events of a run that the user named.
pub(super) fn told<T>(events: Result<T, JournalError>) -> anyhow::Result<T> {
    events.map_err(|error| match error {
        JournalError::Unknown(_) => {
            anyhow::anyhow!("{error}\nhint: `errand runs list` names the runs")
        }
        error => error.into(),
    })
}

/// The agent of a run, as it is at the end of these events.
pub(crate) fn as_of(id: &RunId, events: &[Event]) -> anyhow::Result<Agent> {
    let Some(What::Started { agent, .. }) = events.first().map(|event| &event.what) else {
        return Err(drive::Fault::NoBeginning(id.clone()).into());
    };
    let mut agent = (**agent).clone();
    for event in events {
        if let What::Resumed { model: Some(model) } = &event.what {
            agent.model = (**model).clone();
        }
    }
    Ok(agent)
}

/// A run that is no longer driven, so that it needs no model.
pub(crate) fn over(id: &RunId, events: &[Event]) -> anyhow::Result<Run> {
    let traits = Traits { constrained: false, ..as_of(id, events)?.model.provider.into() };
    Ok(drive::fold(id, events, &STRATEGIES, traits, Vec::new())?)
}
