//! The store as a journal.

use std::path::{Path, PathBuf};

use agent_core::content::{Content, ContentPart};
use agent_core::event::{Event, RunId, What};
use agent_core::journal::{Journal, JournalError, Lasting, Writer};
use agent_core::provenance::Origin;
use async_trait::async_trait;

use crate::row::Status;
use crate::writer::{Entry, Job};
use crate::{Store, StoreError};
use crate::{blobs, programs, provenance};

#[async_trait]
impl Journal for Store {
    /// An append that is no longer waited for is still made.
    async fn append_all(
        &self,
        run: &RunId,
        seq: u64,
        events: &[Event],
        lasting: Lasting,
    ) -> Result<(), JournalError> {
        self.inner.drives.keep(run)?;
        let mut entries = Vec::with_capacity(events.len());
        for (at, event) in events.iter().enumerate() {
            let status = match Status::after(event) {
                Some(status) => status,
                None => {
                    let mut all = if seq > 0 { self.load(run).await? } else { Vec::new() };
                    all.extend_from_slice(&events[..=at]);
                    Status::of(&all)
                }
            };
            entries.push(entry(run, seq + at as u64, event, status)?);
        }
        self.inner.writer.write(Job::Append(entries, lasting)).await?;
        if events.iter().any(|event| matches!(event.what, What::Ended { .. })) {
            self.inner.drives.ended(run);
        }
        Ok(())
    }

    async fn sync(&self, run: &RunId) -> Result<(), JournalError> {
        self.inner.writer.write(Job::Sync(run.clone())).await
    }

    async fn wrote(
        &self,
        path: &Path,
        sha256: &str,
        origins: &[Origin],
    ) -> Result<(), JournalError> {
        Ok(provenance::keep(self, path, Some((sha256, origins))).await?)
    }

    async fn moved_to(&self, path: &Path) -> Result<(), JournalError> {
        Ok(provenance::keep(self, path, None).await?)
    }

    async fn provenance(&self, path: &Path, sha256: &str) -> Result<Vec<Origin>, JournalError> {
        provenance::find(self, path, sha256).await.map_err(unread)
    }

    async fn left_in(&self, folders: &[PathBuf]) -> Result<Vec<Origin>, JournalError> {
        provenance::left_in(self, folders).await.map_err(unread)
    }

    async fn writer_began(
        &self,
        writer: &Writer<'_>,
        origins: &[Origin],
    ) -> Result<(), JournalError> {
        Ok(programs::began(self, writer, origins).await?)
    }

    async fn writer_ended(&self, run: &RunId, name: &str) -> Result<(), JournalError> {
        Ok(programs::ended(self, run, name).await?)
    }

    async fn keep(&self, run: &RunId, part: &ContentPart) -> Result<(), JournalError> {
        self.keep_blob(run, &part.sha256, blobs::content(part)?).await
    }

    async fn content(&self, run: &RunId, part: &ContentPart) -> Result<Content, JournalError> {
        self.blob(run, &part.sha256).await
    }

    async fn load(&self, run: &RunId) -> Result<Vec<Event>, JournalError> {
        match self.imported(run).await? {
            true => Err(JournalError::Imported(run.clone())),
            false => self.events(run).await,
        }
    }
}

impl Store {
    /// All events of a run, in order, to be looked at.
    ///
    /// # Errors
    /// There is no such run, or the database cannot be read.
    pub async fn events(&self, run: &RunId) -> Result<Vec<Event>, JournalError> {
        let events = self.events_from(run, 0).await?;
        if events.is_empty() {
            return Err(JournalError::Unknown(run.clone()));
        }
        Ok(events)
    }

    /// The events of a run from this number on, in order, to be looked at; none where there is no such run.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn events_from(&self, run: &RunId, from: u64) -> Result<Vec<Event>, JournalError> {
        let id = run.0.clone();
        let from = i64::try_from(from).unwrap_or(i64::MAX);
        let rows = self
            .read(move |connection| {
                let mut query = connection.prepare_cached(
                    "SELECT seq, json FROM events WHERE run = ?1 AND seq >= ?2 ORDER BY seq",
                )?;
                let rows = query.query_map(rusqlite::params![id, from], |row| {
                    let json: String = row.get(1)?;
                    Ok((row.get::<_, i64>(0)?, Event::parse(&json)))
                })?;
                rows.collect::<rusqlite::Result<Vec<_>>>()
            })
            .await
            .map_err(|error| JournalError::Read(error.to_string()))?
            .unwrap_or_default();
        let mut events = Vec::with_capacity(rows.len());
        for (expected, (seq, event)) in (from..).zip(rows) {
            if seq != expected {
                return Err(JournalError::Read(format!("event {expected} of run `{run}` is gone")));
            }
            events.push(event.map_err(|error| {
                JournalError::Read(format!("event {seq} of run `{run}` {error}"))
            })?);
        }
        Ok(events)
    }
}

fn entry(run: &RunId, seq: u64, event: &Event, status: Status) -> Result<Entry, JournalError> {
    let json = serde_json::to_string(event)
        .map_err(|error| JournalError::Write(format!("event {seq} is not JSON: {error}")))?;
    let agent = match &event.what {
        What::Started { agent, .. } => Some(agent.name.clone()),
        _ => None,
    };
    Ok(Entry { run: run.clone(), seq, at: event.at, json, agent, status: status.as_str() })
}

impl From<StoreError> for JournalError {
    fn from(error: StoreError) -> Self {
        JournalError::Write(error.to_string())
    }
}

fn unread(error: StoreError) -> JournalError {
    JournalError::Read(error.to_string())
}
