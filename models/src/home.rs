//! Where everything that Errand keeps on this machine lies, and how a file gets there: staged in
//! `partial`, renamed into place when it is whole.
//!
//! ```text
//! ERRAND_HOME/models/NAME/        an imported model
//! ERRAND_HOME/files/NAME-HASH/    a fetched file: the runtime library, a tool
//! ERRAND_HOME/partial/            what is on its way
//! ```

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use guard::private;

use crate::catalog::Entry;
use crate::fetch::FetchError;

/// The folder that holds it all.
#[derive(Debug, Clone)]
pub struct Home {
    root: PathBuf,
}

impl Home {
    /// `ERRAND_HOME`, or `errand` in the data folder that the XDG base directory specification
    /// names. `env` looks a variable up. The folder need not be there yet.
    pub fn find(env: impl Fn(&str) -> Option<OsString>) -> Result<Self, FetchError> {
        let set = |name| env(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let root = set("ERRAND_HOME")
            .or_else(|| Some(set("XDG_DATA_HOME").filter(|p| p.is_absolute())?.join("errand")))
            .or_else(|| Some(set("HOME")?.join(".local/share/errand")))
            .ok_or(FetchError::NoHome)?;
        let root =
            std::path::absolute(&root).map_err(|source| FetchError::Home { path: root, source })?;
        Ok(Self { root })
    }

    /// A folder to use instead.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where an imported model lies.
    pub fn model(&self, name: &str) -> PathBuf {
        self.root.join("models").join(name)
    }

    /// Where a fetched file lies.
    pub fn file(&self, entry: &Entry) -> PathBuf {
        let hash = entry.sha256.get(..12).unwrap_or(&entry.sha256);
        self.root.join("files").join(format!("{}-{hash}", entry.name)).join(&entry.file)
    }

    /// Where a file with this SHA-256 is put together.
    pub(crate) fn partial(&self, sha256: &str) -> PathBuf {
        self.root.join("partial").join(sha256)
    }

    /// Bytes that this user can still write there; none where the system does not say.
    pub fn free(&self) -> Option<u64> {
        // The folder may not be there yet; then what is above it tells.
        let there = self.root.ancestors().find(|folder| folder.is_dir())?;
        let disk = rustix::fs::statvfs(there).ok()?;
        Some(disk.f_bavail.saturating_mul(disk.f_frsize))
    }

    /// Makes a folder, and its parents.
    pub(crate) fn folder(&self, path: &Path) -> Result<(), FetchError> {
        private::folder(path).map_err(|source| FetchError::home(path, source))
    }

    /// Waits until no other process works on `key`. `waiting` is called once if it has to wait.
    pub(crate) async fn lock(&self, key: &str, waiting: impl FnOnce()) -> Result<Lock, FetchError> {
        let mut waiting = Some(waiting);
        loop {
            if let Some(lock) = self.try_lock(key)? {
                return Ok(lock);
            }
            if let Some(waiting) = waiting.take() {
                waiting();
            }
            // A blocking lock would keep the process from ending when the wait is cancelled.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Takes `key`, unless another process works on it.
    pub(crate) fn try_lock(&self, key: &str) -> Result<Option<Lock>, FetchError> {
        let path = self.root.join("partial").join(format!("{key}.lock"));
        self.folder(&self.root.join("partial"))?;
        let failed = |source| FetchError::home(&path, source);
        let file = private::file(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock { _file: file })),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}

/// Held while one process fetches; the lock goes with the process, however it ends. The file
/// stays: removing it would let a third process lock a new file of the same name.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// Moves a finished file or folder to where it is used, in one step.
pub(crate) fn into_place(from: &Path, to: &Path) -> Result<(), FetchError> {
    let failed = |source: io::Error| FetchError::home(to, source);
    if let Some(folder) = to.parent() {
        private::folder(folder).map_err(failed)?;
    }
    private::tree(from).map_err(failed)?;
    if from.is_file() {
        File::open(from).and_then(|file| file.sync_all()).map_err(failed)?;
    }
    fs::rename(from, to).map_err(failed)
}

/// An amount of bytes for a person, rounded: `512 B`, `64 kB`, `1,117 MB`.
pub fn size(bytes: u64) -> String {
    let (amount, unit) = match bytes {
        0..1_000 => (bytes, "B"),
        1_000..1_000_000 => ((bytes + 500) / 1_000, "kB"),
        _ => (bytes / 1_000_000 + bytes % 1_000_000 / 500_000, "MB"),
    };
    let digits = amount.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|part| str::from_utf8(part).ok()).collect();
    format!("{} {unit}", groups.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_has_groups_of_three_digits() {
        let shown = [0, 999, 1_000, 1_499, 999_999, 1_117_320_768, 1_999_500_000].map(size);
        assert_eq!(shown, ["0 B", "999 B", "1 kB", "1 kB", "1,000 kB", "1,117 MB", "2,000 MB"]);
    }

    fn home(vars: &[(&str, &str)]) -> Result<PathBuf, FetchError> {
        let env = |name: &str| {
            vars.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
        };
        Home::find(env).map(|home| home.root().to_owned())
    }

    #[test]
    fn home_is_found_in_this_order() {
        let all = [("ERRAND_HOME", "/e"), ("XDG_DATA_HOME", "/x"), ("HOME", "/h")];
        assert_eq!(home(&all).unwrap(), Path::new("/e"));
        assert_eq!(home(&all[1..]).unwrap(), Path::new("/x/errand"));
        assert_eq!(home(&all[2..]).unwrap(), Path::new("/h/.local/share/errand"));
        assert!(matches!(home(&[("ERRAND_HOME", "")]), Err(FetchError::NoHome)));
    }
}
