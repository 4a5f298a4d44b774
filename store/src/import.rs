//! Runs from another journal: kept whole or not at all, and only to be looked at.

use std::collections::{BTreeMap, BTreeSet};

use agent_core::content::Content;
use agent_core::event::{Event, RunId, What};
use agent_core::journal::JournalError;
use agent_core::run::ended;

use crate::Store;
use crate::audit::{Kept, chained};
use crate::row::Status;
use crate::writer::{Entry, Job};

/// A run as another journal had it.
#[derive(Debug, Clone)]
pub struct Foreign {
    /// Its name.
    pub run: RunId,
    /// Its events.
    pub events: Vec<Kept>,
    /// The bytes of what its events name, by their SHA-256.
    pub blobs: BTreeMap<String, Content>,
}

impl Store {
    /// Keeps runs of another journal, all or none. Each has to be over and its chain has to hold. None of them is
    /// gone on with here: what its agent may do was not granted on this machine.
    ///
    /// # Errors
    /// A chain that does not hold, a run that is not over or is there already; or the database cannot be written.
    pub async fn import(&self, runs: &[Foreign]) -> Result<(), JournalError> {
        let mut entries = Vec::new();
        for Foreign { run, events, blobs } in runs {
            let broken = |problem: &str| JournalError::Read(format!("run `{run}`: {problem}"));
            chained(run, events).map_err(|problem| broken(&problem))?;
            let parsed: Result<Vec<Event>, String> =
                events.iter().map(|event| Event::parse(&event.json)).collect();
            let parsed = parsed.map_err(|problem| broken(&format!("an event {problem}")))?;
            let Some(What::Started { agent, .. }) = parsed.first().map(|event| &event.what) else {
                return Err(broken("it has no beginning"));
            };
            if ended(&parsed).is_none() {
                return Err(broken("it is not over, and only what is over can be taken in"));
            }
            let named: BTreeSet<&String> = parsed
                .iter()
                .flat_map(|event| event.what.parts())
                .map(|part| &part.sha256)
                .collect();
            if let Some(lacks) = named.iter().find(|named| !blobs.contains_key(**named)) {
                return Err(broken(&format!("the bytes {lacks} are not in the file")));
            }
            if blobs.len() > named.len() {
                return Err(broken("the file has bytes that no event names"));
            }
            let status = Status::of(&parsed).as_str();
            entries.extend(events.iter().map(|event| Entry {
                run: run.clone(),
                seq: event.seq,
                at: event.at,
                json: event.json.clone(),
                agent: (event.seq == 0).then(|| agent.name.clone()),
                status,
            }));
        }
        let driven: Vec<_> = runs.iter().map(|foreign| self.drive(&foreign.run)).collect();
        let _driven = driven.into_iter().collect::<Result<Vec<_>, _>>()?;
        // A run that is there already is refused below, and has what it had.
        for Foreign { run, blobs, .. } in runs.iter() {
            for (sha256, content) in blobs {
                self.keep_blob(run, sha256, content.clone()).await?;
            }
        }
        self.inner.writer.write(Job::Import(entries)).await
    }
}
