//! Where what runs wrote came from, by the SHA-256 of its bytes, and at which paths it was put. It
//! outlives the runs: what is left of one does not lose its origins when the run is removed.

use std::collections::BTreeSet;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use agent_core::provenance::Origin;
use rusqlite::{Connection, params};
use sha2::{Digest, Sha256};

use crate::{Store, StoreError, programs};

/// The digest of no bytes, which say nothing of anything.
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Returns once it is on disk that bytes of this digest, where there is one, are written here.
pub(crate) async fn keep(
    store: &Store,
    path: &Path,
    written: Option<(&str, &[Origin])>,
) -> Result<(), StoreError> {
    let path = path.to_path_buf();
    let written = written.filter(|(sha256, _)| *sha256 != EMPTY);
    let written = written.map(|(sha256, origins)| (sha256.to_string(), texts(origins)));
    store
        .change(move |change| {
            let rows = written.map(|(sha256, origins)| (guard::real(&path), sha256, origins));
            match rows {
                Some(row) => insert(change, &[row]),
                None => place(change, &guard::real(&path)),
            }
        })
        .await
}

/// None where no run wrote these bytes, and no program that runs now may have written them here.
pub(crate) async fn find(
    store: &Store,
    path: &Path,
    sha256: &str,
) -> Result<Vec<Origin>, StoreError> {
    let (path, sha256) = (path.to_path_buf(), sha256.to_string());
    let found = store.glance(move |connection| {
        // As of one moment, and with one look at whether anything was written since.
        let _moment = connection.unchecked_transaction()?;
        let found = origins(connection, &sha256)?;
        if found.is_empty() { programs::writing(connection, &path) } else { Ok(found) }
    });
    Ok(parsed(&found.await?.unwrap_or_default()))
}

/// The origins of what runs put into these folders, and is there with the bytes that it had then.
pub(crate) async fn left_in(store: &Store, folders: &[PathBuf]) -> Result<Vec<Origin>, StoreError> {
    let folders: Vec<PathBuf> = folders.iter().map(|folder| guard::real(folder)).collect();
    let put = store.read_newest(move |connection| {
        let found = folders.iter().map(|folder| places(connection, folder));
        Ok(found.collect::<rusqlite::Result<Vec<_>>>()?.concat())
    });
    let Some(put) = put.await?.filter(|put| !put.is_empty()) else { return Ok(Vec::new()) };
    let digests = move || {
        let mut found = BTreeSet::new();
        let mut add = |file: &Path, _: &Metadata| found.extend(digest(file).ok());
        put.iter().for_each(|path| files(path, &mut add));
        found
    };
    let digests = tokio::task::spawn_blocking(digests)
        .await
        .map_err(|stopped| StoreError::Stopped(stopped.to_string()))?;
    let found = store.read_newest(move |connection| {
        let mut found = BTreeSet::new();
        for sha256 in digests {
            found.extend(origins(connection, &sha256)?);
        }
        Ok(found.into_iter().collect::<Vec<_>>())
    });
    Ok(parsed(&found.await?.unwrap_or_default()))
}

/// Adds files with their digests and origins.
pub(crate) fn insert(
    change: &Connection,
    written: &[(PathBuf, String, Vec<String>)],
) -> rusqlite::Result<()> {
    let mut add =
        change.prepare_cached("INSERT OR IGNORE INTO written (sha256, origin) VALUES (?1, ?2)")?;
    for (path, sha256, origins) in written {
        place(change, path)?;
        for origin in origins {
            add.execute(params![sha256, origin])?;
        }
    }
    Ok(())
}

fn place(change: &Connection, path: &Path) -> rusqlite::Result<()> {
    change
        .prepare_cached("INSERT OR IGNORE INTO places (path) VALUES (?1)")?
        .execute([path.as_os_str().as_bytes()])
        .map(drop)
}

/// The places in a folder, or above it: a folder that was moved holds what it held.
fn places(connection: &Connection, folder: &Path) -> rusqlite::Result<Vec<PathBuf>> {
    let mut known = connection.prepare_cached("SELECT 1 FROM places WHERE path = ?1")?;
    for path in folder.ancestors() {
        if known.exists([path.as_os_str().as_bytes()])? {
            return Ok(vec![folder.to_path_buf()]);
        }
    }
    let mut from = folder.as_os_str().as_bytes().to_vec();
    if from != b"/" {
        from.push(b'/');
    }
    let mut to = from.clone();
    // `0` comes right after `/`: all paths that begin with the folder's.
    to.pop();
    to.push(b'0');
    let mut query =
        connection.prepare_cached("SELECT path FROM places WHERE path > ?1 AND path < ?2")?;
    let rows = query.query_map([from, to], |row| row.get::<_, Vec<u8>>(0))?;
    rows.map(|path| Ok(PathBuf::from(std::ffi::OsString::from_vec(path?)))).collect()
}

fn origins(connection: &Connection, sha256: &str) -> rusqlite::Result<Vec<String>> {
    let mut query = connection.prepare_cached("SELECT origin FROM written WHERE sha256 = ?1")?;
    let rows = query.query_map([sha256], |row| row.get::<_, String>(0))?;
    rows.collect()
}

/// All plain files here, over no link.
pub(crate) fn files(path: &Path, visit: &mut dyn FnMut(&Path, &Metadata)) {
    let mut next = vec![path.to_path_buf()];
    while let Some(path) = next.pop() {
        let Ok(state) = fs::symlink_metadata(&path) else { continue };
        if state.is_dir() {
            let entries = fs::read_dir(&path).into_iter().flatten().flatten();
            next.extend(entries.map(|entry| entry.path()));
        } else if state.is_file() && state.len() > 0 {
            // One without a byte says nothing of anything.
            visit(&path, &state);
        }
    }
}

/// The SHA-256 of a file's bytes, as hexadecimal digits.
pub(crate) fn digest(path: &Path) -> io::Result<String> {
    let mut hash = Sha256::new();
    io::copy(&mut File::open(path)?, &mut hash)?;
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

pub(crate) fn texts(origins: &[Origin]) -> Vec<String> {
    origins.iter().filter_map(|origin| serde_json::to_string(origin).ok()).collect()
}

pub(crate) fn parsed(texts: &[String]) -> Vec<Origin> {
    texts.iter().filter_map(|text| serde_json::from_str(text).ok()).collect()
}
