//! Everything under `ERRAND_HOME`: how much it is, what of it nothing uses any more, and all of it
//! gone.
//!
//! Only what has a name that errand gives is ever removed, only while no process holds its lock, and no
//! link is followed. Models, runs and what tools keep are never called unused.

mod layout;
mod prune;
mod remove;

use std::path::PathBuf;

pub use layout::{Entry, Form, Kind};
pub use prune::{Extent, Pruned, Unused, Why};
pub use remove::Removed;

use crate::Errand;

/// What is on the disk.
#[derive(Debug, Clone)]
pub struct Usage {
    /// `ERRAND_HOME`, without links in its path.
    pub home: PathBuf,
    /// Everything in it, in the order of the kinds.
    pub entries: Vec<Entry>,
}

impl Usage {
    /// All bytes, or those of one kind.
    pub fn bytes(&self, kind: Option<Kind>) -> u64 {
        let of = self.entries.iter().filter(|entry| kind.is_none_or(|kind| entry.kind == kind));
        of.map(|entry| entry.bytes).sum()
    }
}

/// Why something in the home was not touched.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// A run goes on.
    #[error("run `{0}` goes on at this moment\nhint: try again when it has ended")]
    Run(String),
    /// Another process works with something.
    #[error("another process works with `{}`\nhint: try again when it has ended", .0.display())]
    Busy(PathBuf),
    /// The folder holds what errand did not put there.
    #[error("{}", foreign(.home, .found))]
    Foreign {
        /// The folder.
        home: PathBuf,
        /// What is not errand's.
        found: Vec<PathBuf>,
    },
    /// A file cannot be read or removed.
    #[error("`{}`: {error}", path.display())]
    Disk {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// What this version compiles cannot be told.
    #[error("compiled components cannot be told apart: {0}")]
    Engine(String),
}

fn foreign(home: &std::path::Path, found: &[PathBuf]) -> String {
    let shown: Vec<_> = found.iter().take(3).map(|path| format!("`{}`", path.display())).collect();
    let more = if found.len() > shown.len() { " and more" } else { "" };
    format!(
        "`{}` does not look like a folder of errand's: it did not put {}{more} there\nhint: check \
         `ERRAND_HOME`; what is not errand's must be moved away first",
        home.display(),
        shown.join(", ")
    )
}

fn disk(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> HomeError {
    let path = path.into();
    move |error| HomeError::Disk { path, error }
}

impl Errand {
    /// What is kept on this machine, and how much it is. A home that is not there is empty.
    ///
    /// # Errors
    /// A folder cannot be read.
    pub fn usage(&self) -> Result<Usage, HomeError> {
        let root = self.fetcher().home().root();
        let home = match root.canonicalize() {
            Ok(home) => home,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Usage { home: root.to_path_buf(), entries: Vec::new() });
            }
            Err(error) => return Err(disk(root)(error)),
        };
        let entries = layout::entries(&home)?;
        Ok(Usage { home, entries })
    }
}
