//! What a program left behind: files that changed while it ran, by the digests of their bytes.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sha2::{Digest, Sha256};

/// The SHA-256 of each file in these that changed since. A program cannot set the time that counts here.
pub(super) async fn since(folders: &[PathBuf], at: SystemTime) -> Vec<String> {
    let folders = folders.to_vec();
    // The clock that files are stamped with may be a moment behind.
    let at =
        at.duration_since(UNIX_EPOCH).unwrap_or_default().saturating_sub(Duration::from_secs(1));
    let look = move || {
        let mut found = Vec::new();
        folders.iter().for_each(|folder| changed(folder, at, &mut found));
        found.iter().filter_map(|path| digest(path).ok()).collect()
    };
    tokio::task::spawn_blocking(look).await.unwrap_or_default()
}

fn changed(path: &Path, at: Duration, found: &mut Vec<PathBuf>) {
    let Ok(state) = fs::symlink_metadata(path) else { return };
    if state.is_dir() {
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        entries.for_each(|entry| changed(&entry.path(), at, found));
        return;
    }
    let seconds = u64::try_from(state.ctime()).unwrap_or_default();
    let nanoseconds = u32::try_from(state.ctime_nsec()).unwrap_or_default();
    if state.is_file() && Duration::new(seconds, nanoseconds) >= at {
        found.push(path.to_path_buf());
    }
}

fn digest(path: &Path) -> io::Result<String> {
    let mut hash = Sha256::new();
    io::copy(&mut File::open(path)?, &mut hash)?;
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
