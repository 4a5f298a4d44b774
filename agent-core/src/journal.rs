//! What a journal is to the loop: events, in order, on disk before anything follows from them.

use async_trait::async_trait;

use crate::event::{Event, RunId};

/// Keeps the events of a run.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Returns once event number `seq` (from 0) of this run would survive a power cut.
    async fn append(&self, run: &RunId, seq: u64, event: &Event) -> Result<(), JournalError>;

    /// All events of a run, in order.
    async fn load(&self, run: &RunId) -> Result<Vec<Event>, JournalError>;
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
