//! What a journal is to the loop: events, in order, on disk before anything follows from them.

use std::path::{Path, PathBuf};

use async_trait::async_trait;

use crate::content::{Content, ContentPart};
use crate::event::{Event, RunId};
use crate::provenance::Origin;

/// What events survive once they were appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lasting {
    /// The end of this process, however it ends.
    Process,
    /// A power cut.
    Power,
}

/// Keeps the events of a run.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Returns once event number `seq` (from 0) of this run would survive a power cut.
    async fn append(&self, run: &RunId, seq: u64, event: &Event) -> Result<(), JournalError> {
        self.append_all(run, seq, std::slice::from_ref(event), Lasting::Power).await
    }

    /// Returns once these events, of which the first is number `seq`, would survive that; all of them are
    /// kept, or none. What only survives the end of the process a power cut may take, with all that was
    /// appended to this run after it, until the next append of this run that survives one, or the next
    /// `sync`, has returned.
    async fn append_all(
        &self,
        run: &RunId,
        seq: u64,
        events: &[Event],
        lasting: Lasting,
    ) -> Result<(), JournalError>;

    /// Returns once all that was appended to this run would survive a power cut.
    async fn sync(&self, _run: &RunId) -> Result<(), JournalError> {
        Ok(())
    }

    /// All events of a run, in order, for one that goes on with it or takes its outcome for its own.
    async fn load(&self, run: &RunId) -> Result<Vec<Event>, JournalError>;

    /// Returns once the bytes of a part would survive a power cut, under their SHA-256, as long as the
    /// run is kept.
    ///
    /// # Errors
    /// There is no room for them, or this journal keeps text alone.
    async fn keep(&self, _run: &RunId, _part: &ContentPart) -> Result<(), JournalError> {
        Err(JournalError::Write("this journal keeps text alone".to_string()))
    }

    /// The bytes of a part that the run has kept.
    ///
    /// # Errors
    /// They are gone, or are not what was kept.
    async fn content(&self, _run: &RunId, part: &ContentPart) -> Result<Content, JournalError> {
        Err(JournalError::Read(format!("the bytes of {} are not kept", part.line())))
    }

    /// Returns once it is on disk that a run with these origins writes bytes of this SHA-256 here.
    async fn wrote(
        &self,
        _path: &Path,
        _sha256: &str,
        _origins: &[Origin],
    ) -> Result<(), JournalError> {
        Ok(())
    }

    /// The origins of bytes with this SHA-256, as far as a run has written them, or a [`Writer`] could
    /// have written this file; else none.
    async fn provenance(&self, _path: &Path, _sha256: &str) -> Result<Vec<Origin>, JournalError> {
        Ok(Vec::new())
    }

    /// Returns once it is on disk that a run put a file or a folder here that was elsewhere.
    async fn moved_to(&self, _path: &Path) -> Result<(), JournalError> {
        Ok(())
    }

    /// The origins of what runs have left in these folders, as far as it is still as it was.
    async fn left_in(&self, _folders: &[PathBuf]) -> Result<Vec<Origin>, JournalError> {
        Ok(Vec::new())
    }

    /// Returns once it is on disk that a program may write files without being asked for
    /// each: what changes there until it has ended keeps these origins, also where errand is killed
    /// meanwhile.
    async fn writer_began(
        &self,
        _writer: &Writer<'_>,
        _origins: &[Origin],
    ) -> Result<(), JournalError> {
        Ok(())
    }

    /// That program has ended.
    async fn writer_ended(&self, _run: &RunId, _name: &str) -> Result<(), JournalError> {
        Ok(())
    }
}

/// A program that is not asked before each write.
#[derive(Debug, Clone, Copy)]
pub struct Writer<'a> {
    /// The run that started it, or what else is driven under a name of its own.
    pub run: &'a RunId,
    /// What it is known by there.
    pub name: &'a str,
    /// Where it can write.
    pub folders: &'a [PathBuf],
    /// When it began, by the clock that files are stamped with, in milliseconds since 1970.
    pub since: u64,
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
    /// The run is another journal's: what it did and came to is what its file says.
    #[error("run `{0}` was imported: it can be looked at, not gone on with")]
    Imported(RunId),
    /// The disk is full, not writable, or gone.
    #[error("the journal cannot be written: {0}")]
    Write(String),
    /// What is there cannot be read.
    #[error("the journal cannot be read: {0}")]
    Read(String),
}
