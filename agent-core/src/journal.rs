//! What a journal is to the loop: events, in order, on disk before anything follows from them.

use async_trait::async_trait;

use crate::event::{Event, RunId};
use crate::provenance::Origin;

/// Keeps the events of a run.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Returns once event number `seq` (from 0) of this run would survive a power cut.
    async fn append(&self, run: &RunId, seq: u64, event: &Event) -> Result<(), JournalError>;

    /// Returns once event number `seq` would survive the end of this process, however it ends. A power
    /// cut may take it, with all that was appended to this run after it, until the next `append` or
    /// `sync` of this run has returned.
    async fn append_unsynced(
        &self,
        run: &RunId,
        seq: u64,
        event: &Event,
    ) -> Result<(), JournalError> {
        self.append(run, seq, event).await
    }

    /// Returns once all that was appended to this run would survive a power cut.
    async fn sync(&self, _run: &RunId) -> Result<(), JournalError> {
        Ok(())
    }

    /// All events of a run, in order.
    async fn load(&self, run: &RunId) -> Result<Vec<Event>, JournalError>;

    /// Returns once it is on disk that a run with these origins writes bytes of this SHA-256.
    async fn wrote(&self, _sha256: &str, _origins: &[Origin]) -> Result<(), JournalError> {
        Ok(())
    }

    /// The origins of bytes with this SHA-256, as far as a run has written them; else none.
    async fn provenance(&self, _sha256: &str) -> Result<Vec<Origin>, JournalError> {
        Ok(Vec::new())
    }
}

/// The journal could not keep or give back an event.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Nothing is known of this run.
    #[error("there is no run `{0}`")]
    Unknown(RunId),
    /// Another process drives this run.
    #[error("run `{0}` is being driven by another process")]
    Busy(RunId),
    /// The disk is full, not writable, or gone.
    #[error("the journal cannot be written: {0}")]
    Write(String),
    /// What is there cannot be read.
    #[error("the journal cannot be read: {0}")]
    Read(String),
}
