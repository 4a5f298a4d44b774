//! Who drives a run: a lock on a file of its own, which the system lets go of when the process
//! dies, however it dies.

use std::collections::HashMap;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use agent_core::event::RunId;
use agent_core::journal::JournalError;
use guard::private;

/// A run that this process drives. Dropping it lets others.
#[derive(Debug)]
pub struct Drive {
    run: RunId,
    drives: Arc<Drives>,
}

impl Drop for Drive {
    fn drop(&mut self) {
        self.drives.release(&self.run);
    }
}

/// The runs in a home that some process drives at this moment.
///
/// # Errors
/// The folder cannot be read.
pub fn driven(home: &Path) -> io::Result<Vec<RunId>> {
    let files = match fs::read_dir(home.join("drives")) {
        Ok(files) => files,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let drives = Arc::new(Drives::in_folder(home));
    let mut found = Vec::new();
    for file in files {
        let run = RunId(file?.file_name().to_string_lossy().into_owned());
        if drives.driven(&run) {
            found.push(run);
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(found)
}

/// The runs that this store drives.
#[derive(Debug)]
pub(crate) struct Drives {
    folder: PathBuf,
    held: Mutex<HashMap<RunId, Held>>,
}

#[derive(Debug)]
struct Held {
    /// Locked as long as it is open.
    file: File,
    until: Until,
}

#[derive(Debug, PartialEq, Eq)]
enum Until {
    /// Its [`Drive`] is dropped.
    Dropped,
    /// The run has ended.
    Ended,
}

impl Drives {
    pub(crate) fn in_folder(home: &Path) -> Self {
        Self { folder: home.join("drives"), held: Mutex::default() }
    }

    /// Takes a run that no process drives, this store included.
    pub(crate) fn take(self: &Arc<Self>, run: &RunId) -> Result<Drive, JournalError> {
        let mut held = self.held();
        if held.contains_key(run) {
            return Err(JournalError::Busy(run.clone()));
        }
        held.insert(run.clone(), Held { file: self.lock(run)?, until: Until::Dropped });
        Ok(Drive { run: run.clone(), drives: self.clone() })
    }

    /// Makes sure that this store drives the run.
    pub(crate) fn keep(&self, run: &RunId) -> Result<(), JournalError> {
        let mut held = self.held();
        if !held.contains_key(run) {
            held.insert(run.clone(), Held { file: self.lock(run)?, until: Until::Ended });
        }
        Ok(())
    }

    /// The run has ended: no process needs to be kept from it, unless one holds a [`Drive`].
    pub(crate) fn ended(&self, run: &RunId) {
        let kept = self.held().get(run).is_some_and(|held| held.until == Until::Ended);
        if kept {
            self.release(run);
        }
    }

    /// Lets others drive the run.
    pub(crate) fn release(&self, run: &RunId) {
        let mut held = self.held();
        if let Some(Held { file, .. }) = held.remove(run) {
            // Removed while it is locked: a process that opened it before sees, in `lock`, that what it
            // locked is no longer what the path names.
            let _ = fs::remove_file(self.path(run));
            drop(file);
        }
    }

    /// Whether a process drives the run at this moment.
    pub(crate) fn driven(&self, run: &RunId) -> bool {
        if self.held().contains_key(run) {
            return true;
        }
        let Ok(file) = File::open(self.path(run)) else { return false };
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    }

    fn held(&self) -> MutexGuard<'_, HashMap<RunId, Held>> {
        self.held.lock().unwrap_or_else(|broken| broken.into_inner())
    }

    fn path(&self, run: &RunId) -> PathBuf {
        self.folder.join(&run.0)
    }

    fn lock(&self, run: &RunId) -> Result<File, JournalError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if run.0.is_empty() || !run.0.chars().all(plain) {
            return Err(JournalError::Unknown(run.clone()));
        }
        let path = self.path(run);
        let broken = |error: io::Error| {
            JournalError::Write(format!(
                "`{}`: {error}; set ERRAND_HOME to a folder you may write",
                path.display()
            ))
        };
        private::folder(&self.folder).map_err(broken)?;
        // A process that only looks (`driven`) holds the lock for an instant.
        for _ in 0..5 {
            let file = private::file(&path).map_err(broken)?;
            match file.try_lock() {
                Ok(()) if is(&file, &path) => return Ok(file),
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(2)),
                Err(TryLockError::Error(error)) => return Err(broken(error)),
            }
        }
        Err(JournalError::Busy(run.clone()))
    }
}

impl Drop for Drives {
    fn drop(&mut self) {
        let runs: Vec<RunId> = self.held().keys().cloned().collect();
        for run in runs {
            self.release(&run);
        }
    }
}

/// Whether this open file is the one that the path names.
#[cfg(unix)]
fn is(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), fs::metadata(path)) {
        (Ok(open), Ok(named)) => (open.dev(), open.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

// An open file cannot be removed there.
#[cfg(not(unix))]
fn is(_: &File, path: &Path) -> bool {
    path.exists()
}
