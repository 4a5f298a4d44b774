//! Whether a run's journal is what was written: each event held against the chain of its run.

use agent_core::event::{Event, RunId, What};
use agent_core::journal::JournalError;
use rusqlite::{Connection, OptionalExtension};

use crate::chain::{Chain, Link};
use crate::database::CHAINED;
use crate::row::Status;
use crate::{Store, StoreError};

/// What the chain of a run says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audit {
    /// Every event is there, as it was written.
    Whole {
        /// How many there are.
        events: u64,
        /// The hash of the last, in hex: it stands for all of them.
        head: String,
    },
    /// The run began before there were chains.
    Unchained {
        /// How many events there are.
        events: u64,
    },
    /// Something was changed.
    Changed {
        /// A sentence that says what, with the number of the event.
        problem: String,
    },
}

/// An event as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its number, from 0.
    pub seq: u64,
    /// Its moment, in milliseconds since 1970.
    pub at: u64,
    /// Its JSON.
    pub json: String,
    /// What the chain comes to with it; `None` where the run has none.
    pub hash: Option<Vec<u8>>,
}

/// A run as it is kept.
struct Whole {
    events: Vec<Kept>,
    status: String,
    head: Option<Vec<u8>>,
    chained: bool,
}

impl Store {
    /// Holds a run against its chain.
    ///
    /// # Errors
    /// There is no such run, or the database cannot be read.
    pub async fn audit(&self, run: &RunId) -> Result<Audit, JournalError> {
        let whole = self.whole(run).await?;
        let bare = whole.head.is_none() && whole.events.iter().all(|event| event.hash.is_none());
        if !whole.chained || bare {
            return Ok(Audit::Unchained { events: whole.events.len() as u64 });
        }
        let head = match chained(run, &whole.events) {
            Ok(head) => head,
            Err(problem) => return Ok(Audit::Changed { problem }),
        };
        let (blobs, of) = (self.blobs(), run.clone());
        let looked = tokio::task::spawn_blocking(move || {
            let lacks = blobs.whole(&of, &whole.events).err();
            (whole, lacks)
        });
        let (whole, lacks) =
            looked.await.map_err(|stopped| JournalError::Read(stopped.to_string()))?;
        Ok(match whole.told(&head).or(lacks) {
            Some(problem) => Audit::Changed { problem },
            None => Audit::Whole { events: whole.events.len() as u64, head: hex(&head) },
        })
    }

    /// Whether a run was another journal's.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn imported(&self, run: &RunId) -> Result<bool, JournalError> {
        let id = run.0.clone();
        let read = self.read_newest(move |connection| {
            let mut query = connection.prepare_cached("SELECT imported FROM runs WHERE id = ?1")?;
            query.query_row([id], |row| row.get(0)).optional()
        });
        let read = read.await.map_err(|error| JournalError::Read(error.to_string()))?;
        Ok(read.flatten().unwrap_or(false))
    }

    /// The events of a run as they are kept, byte for byte.
    ///
    /// # Errors
    /// There is no such run, or the database cannot be read.
    pub async fn kept(&self, run: &RunId) -> Result<Vec<Kept>, JournalError> {
        Ok(self.whole(run).await?.events)
    }

    async fn whole(&self, run: &RunId) -> Result<Whole, JournalError> {
        let id = run.0.clone();
        let read = self.read(move |connection| whole(connection, &id)).await;
        let read = read.map_err(|error: StoreError| JournalError::Read(error.to_string()))?;
        read.flatten().ok_or_else(|| JournalError::Unknown(run.clone()))
    }
}

/// The head of a chain that holds. The error says what does not.
///
/// # Errors
/// A sentence: which event is not what was written.
pub fn chained(run: &RunId, events: &[Kept]) -> Result<Vec<u8>, String> {
    let mut chain = Chain::begin();
    for (expected, event) in (0..).zip(events) {
        let Kept { seq, at, json, hash } = event;
        if *seq != expected {
            return Err(format!("event {expected} is gone"));
        }
        chain = chain.then(run, &Link { seq: *seq, at: *at, json });
        if chain.hash() != hash.as_deref() {
            return Err(format!("event {seq} is not what was written, or not where it was"));
        }
        if Event::parse(json).is_ok_and(|event| event.at != *at) {
            return Err(format!("event {seq} happened at another moment than its row says"));
        }
    }
    Ok(chain.hash().unwrap_or_default().to_vec())
}

impl Whole {
    /// What the run's row says that its events do not: those that were cut off at the end are
    /// missing from no chain.
    fn told(&self, head: &[u8]) -> Option<String> {
        let known = self.head.as_deref()?;
        let is = |event: &Kept| event.hash.as_deref() == Some(known);
        if !self.events.iter().any(is) {
            let last = self.events.len().saturating_sub(1);
            return Some(format!("what came after event {last} is gone: the run was cut short"));
        }
        let rests = self.status != Status::Running.as_str();
        if rests && known != head {
            return Some(format!("the run is said to be `{}`, and goes on after", self.status));
        }
        let ended = self.events.last().and_then(|event| Event::parse(&event.json).ok());
        let ended = ended.is_some_and(|event| matches!(event.what, What::Ended { .. }));
        (!rests && ended).then(|| "the run has ended, and its row says that it has not".to_string())
    }
}

fn whole(connection: &Connection, run: &str) -> rusqlite::Result<Option<Whole>> {
    // Of a database that was not written to since there are chains.
    let format: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let chained = format >= CHAINED;
    let hash = if chained { "hash" } else { "NULL" };
    let head = if chained { "head" } else { "NULL" };
    let row = connection
        .query_row(&format!("SELECT status, {head} FROM runs WHERE id = ?1"), [run], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, Option<Vec<u8>>>(1)?))
        })
        .optional()?;
    let mut query = connection.prepare(&format!(
        "SELECT seq, at, json, {hash} FROM events WHERE run = ?1 ORDER BY seq"
    ))?;
    let number = |row: &rusqlite::Row<'_>, column| {
        row.get::<_, i64>(column).map(|number| u64::try_from(number).unwrap_or(0))
    };
    let events = query.query_map([run], |row| {
        let (seq, at, json, hash) = (number(row, 0)?, number(row, 1)?, row.get(2)?, row.get(3)?);
        Ok(Kept { seq, at, json, hash })
    })?;
    let events = events.collect::<rusqlite::Result<Vec<_>>>()?;
    let Some((status, head)) = row else { return Ok(None) };
    Ok(Some(Whole { events, status, head, chained }))
}

/// In hex.
pub fn hex(hash: &[u8]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}
