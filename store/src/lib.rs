//! SQLite under ERRAND_HOME: the journal of every run, and beside it the bytes of what is no text.
//!
//! One database, `errand.db`, in WAL mode. One thread writes, and commits what many runs append at the
//! same time together; a commit is synced where an event in it has to survive a power cut, and with it
//! all before it. Reads have a connection of their own.
//! Nothing is created before the first write. One process drives a run at a time.
//!
//! Refuses a database that a newer version wrote, and an event that would leave a gap.

mod audit;
mod blobs;
mod chain;
mod database;
mod drive;
mod import;
mod journal;
mod pen;
mod programs;
mod provenance;
mod row;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use agent_core::event::RunId;
use agent_core::journal::JournalError;

pub use crate::audit::{Audit, Kept, chained, hex};
use crate::blobs::Blobs;
use crate::database::Database;
use crate::drive::Drives;
pub use crate::drive::{Drive, driven};
pub use crate::import::Foreign;
pub use crate::row::{RunRow, Status, Which, Whose};
use crate::writer::Writer;

/// What runs leave behind. Clones share the writer.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    database: Database,
    drives: Arc<Drives>,
    reader: Mutex<Option<rusqlite::Connection>>,
    /// Whether the database was seen to have the newest format.
    newest: AtomicBool,
    writer: Writer,
}

impl Store {
    /// The store in this folder, `ERRAND_HOME`. A database that is there is checked; one that is
    /// not is made by the first write.
    pub fn open(home: &Path) -> Result<Store, StoreError> {
        Self::with(Database::in_folder(home))
    }

    fn with(database: Database) -> Result<Store, StoreError> {
        let reader = database.read()?;
        let drives = Arc::new(Drives::in_folder(database.home()));
        let writer = Writer::new(database.clone());
        Ok(Store {
            inner: Arc::new(Inner {
                database,
                drives,
                reader: Mutex::new(reader),
                newest: AtomicBool::new(false),
                writer,
            }),
        })
    }

    /// Takes a run for this process, until the guard is dropped or the process dies, however it
    /// dies. An append without it takes the run by itself, and keeps it until the run has ended or
    /// the store is closed; a resume takes it first, so that no other process appends after its load.
    pub fn drive(&self, run: &RunId) -> Result<Drive, JournalError> {
        self.inner.drives.take(run)
    }

    /// The latest runs, newest first.
    pub async fn list(&self, which: &Which) -> Result<Vec<RunRow>, StoreError> {
        let asked = which.clone();
        let rows = self.read(move |connection| row::list(connection, &asked)).await?;
        let mut rows = self.stand(rows.unwrap_or_default());
        if let Some(status) = &which.status {
            rows.retain(|row| row.status.as_str() == status);
        }
        rows.truncate(which.limit);
        Ok(rows)
    }

    /// The runs whose names begin so, at most so many: the one of that very name, then the latest.
    pub async fn named(
        &self,
        begin: &str,
        whose: Whose,
        most: u32,
    ) -> Result<Vec<RunRow>, StoreError> {
        let begin = begin.to_string();
        let rows = self.read(move |connection| row::named(connection, &begin, whose, most)).await?;
        Ok(self.stand(rows.unwrap_or_default()))
    }

    /// Bytes of the events of a run and of what they name, and of the runs that do the work of its calls.
    pub async fn bytes(&self, run: &RunId) -> Result<u64, StoreError> {
        let (run, blobs) = (run.clone(), self.blobs());
        let bytes =
            self.read(move |connection| Ok(row::bytes(connection, &run)? + blobs.bytes(&run)));
        Ok(bytes.await?.unwrap_or_default())
    }

    /// Removes runs for good, with those that do the work of their calls; those that a process
    /// drives stay. Gives back which were removed, and makes the file smaller by them unless a run
    /// is driven meanwhile: it would wait, and wait longer the more there is.
    pub async fn remove(&self, runs: &[RunId]) -> Result<Vec<RunId>, StoreError> {
        let (runs, inner) = (runs.to_vec(), self.inner.clone());
        let work = move || {
            let connection = inner.database.write()?;
            let blobs = Blobs::in_folder(inner.database.home());
            let explain = |error| inner.database.explain(&error);
            let unusable = |error: std::io::Error| StoreError::Home {
                path: inner.database.home().to_path_buf(),
                reason: error.to_string(),
            };
            let mut removed = Vec::new();
            for run in runs {
                // Held until it is gone, so that no other process takes it up meanwhile.
                let Ok(_driven) = inner.drives.take(&run) else { continue };
                let change = connection.unchecked_transaction().map_err(explain)?;
                row::remove(&change, &run).and_then(|()| change.commit()).map_err(explain)?;
                blobs.remove(&run).map_err(unusable)?;
                removed.push(run);
            }
            // Of a run that was removed by a process that was killed between the two.
            for run in blobs.runs() {
                let Ok(_driven) = inner.drives.take(&run) else { continue };
                if !row::there(&connection, &run).map_err(explain)? {
                    blobs.remove(&run).map_err(unusable)?;
                }
            }
            let idle = || driven(inner.database.home()).is_ok_and(|driven| driven.is_empty());
            if !removed.is_empty() && idle() {
                // The runs are gone; should another process write just now, the room is not.
                let _ = connection.execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)");
            }
            Ok(removed)
        };
        tokio::task::spawn_blocking(work)
            .await
            .unwrap_or_else(|stopped| Err(StoreError::Stopped(stopped.to_string())))
    }

    /// The runs that do the work of this run's calls, oldest first.
    pub async fn children(&self, run: &RunId) -> Result<Vec<RunRow>, StoreError> {
        let parent = run.clone();
        let rows = self.read(move |connection| row::children(connection, &parent)).await?;
        Ok(self.stand(rows.unwrap_or_default()))
    }

    /// A run that has not ended is interrupted where no process drives it.
    fn stand(&self, mut rows: Vec<RunRow>) -> Vec<RunRow> {
        let drives = &self.inner.drives;
        for row in rows.iter_mut().filter(|row| row.status == Status::Running) {
            if !drives.driven(&row.id) {
                row.status = Status::Interrupted;
            }
        }
        rows
    }

    /// How many transactions this store has committed; fewer than the events it was given.
    pub fn commits(&self) -> u64 {
        self.inner.writer.commits()
    }

    /// Notes what programs left behind that are not asked before each write: those of this run, which is
    /// over, and those of runs that were killed.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub async fn programs_ended(&self, of: Option<&RunId>) -> Result<(), StoreError> {
        programs::ended_with(self, of).await
    }

    /// Changes the database in one transaction, on a thread that may block; returns once that is on disk.
    async fn change(
        &self,
        make: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<()> + Send + 'static,
    ) -> Result<(), StoreError> {
        let inner = self.inner.clone();
        let work = move || {
            let connection = inner.database.write()?;
            let explain = |error| inner.database.explain(&error);
            let change = connection.unchecked_transaction().map_err(explain)?;
            make(&change).and_then(|()| change.commit()).map_err(explain)
        };
        tokio::task::spawn_blocking(work)
            .await
            .unwrap_or_else(|stopped| Err(StoreError::Stopped(stopped.to_string())))
    }

    /// As [`Store::read_newest`], for what is a row or two: where the connection is free it is read here and
    /// now, which takes microseconds; to hand it to another thread and back takes longer.
    async fn glance<T: Send + 'static>(
        &self,
        query: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<Option<T>, StoreError> {
        if self.inner.newest.load(Ordering::Relaxed)
            && let Ok(reader) = self.inner.reader.try_lock()
            && let Some(connection) = reader.as_ref()
        {
            return query(connection)
                .map(Some)
                .map_err(|error| self.inner.database.explain(&error));
        }
        self.read_newest(query).await
    }

    /// Reads what the newest format has. `None`: there is no database yet, or one of an older format,
    /// which the next write brings up to date.
    async fn read_newest<T: Send + 'static>(
        &self,
        query: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<Option<T>, StoreError> {
        let inner = self.inner.clone();
        let found = self.read(move |connection| {
            if !database::is_newest(connection)? {
                return Ok(None);
            }
            // No database goes back to an older format.
            inner.newest.store(true, Ordering::Relaxed);
            query(connection).map(Some)
        });
        Ok(found.await?.flatten())
    }

    /// Reads on a thread that may block. `None`: there is no database yet.
    async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<Option<T>, StoreError> {
        let inner = self.inner.clone();
        let work = move || {
            let mut reader = inner.reader.lock().unwrap_or_else(|broken| broken.into_inner());
            if reader.is_none() {
                *reader = inner.database.read()?;
            }
            let Some(connection) = reader.as_ref() else { return Ok(None) };
            query(connection).map(Some).map_err(|error| inner.database.explain(&error))
        };
        tokio::task::spawn_blocking(work)
            .await
            .unwrap_or_else(|stopped| Err(StoreError::Stopped(stopped.to_string())))
    }
}

/// The store cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The folder cannot be made or used.
    #[error("`{}` cannot hold the journal: {reason}; set ERRAND_HOME to a folder you may write", path.display())]
    Home {
        /// ERRAND_HOME.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// A newer version wrote the database.
    #[error("`{}` was written by a newer version (format {found}, this one knows {known}): update errand, or set ERRAND_HOME to another folder", path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// The format it has.
        found: i64,
        /// The newest format known here.
        known: i64,
    },
    /// What is there is no database, or not whole.
    #[error("`{}` is damaged ({reason}): restore it, or move it away to begin anew", path.display())]
    Damaged {
        /// The database.
        path: PathBuf,
        /// SQLite's words.
        reason: String,
    },
    /// No room.
    #[error("the disk that holds `{}` is full: make room, then resume", path.display())]
    Full {
        /// The database.
        path: PathBuf,
    },
    /// Anything else that SQLite says.
    #[error("`{}`: {reason}", path.display())]
    Database {
        /// The database.
        path: PathBuf,
        /// SQLite's words.
        reason: String,
    },
    /// The thread that does the work is gone.
    #[error("the store was closed: {0}")]
    Stopped(String),
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use agent_core::event::{Event, What};
    use agent_core::journal::Journal;

    use super::*;

    fn planned(bytes: usize) -> Event {
        Event::new(1, What::Planned { plan: "x".repeat(bytes) })
    }

    #[tokio::test]
    async fn an_event_without_room_does_not_take_others_with_it() {
        let home = tempfile::tempdir().unwrap();
        let database = Database::in_folder(home.path());
        let store = Store::with(database.clone()).unwrap();
        let (a, b, c) = (RunId("a".into()), RunId("b".into()), RunId("c".into()));
        store.append(&a, 0, &planned(10)).await.unwrap();
        database.most_pages.store(40, Ordering::Relaxed);
        let (small, large) = (planned(10), planned(1 << 20));
        let (first, second, third) = futures::join!(
            store.append(&a, 1, &small),
            store.append(&b, 0, &large),
            store.append(&c, 0, &small),
        );
        first.unwrap();
        third.unwrap();
        assert_eq!(
            second.unwrap_err().to_string(),
            format!(
                "the journal cannot be written: the disk that holds `{}` is full: make room, \
                 then resume",
                home.path().join("errand.db").display()
            )
        );
        assert!(matches!(store.load(&b).await, Err(JournalError::Unknown(_))));
        // With room again, the same event is kept.
        database.most_pages.store(1 << 20, Ordering::Relaxed);
        store.append(&b, 0, &large).await.unwrap();
        assert_eq!(store.load(&b).await.unwrap(), [large]);
        assert_eq!(store.load(&a).await.unwrap().len(), 2);
    }
}
