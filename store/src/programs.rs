//! What programs leave behind that are not asked before each write, as MCP servers and what `run.program`
//! runs: while one runs, what changes in its folders may be its own; once it has ended, what changed
//! there meanwhile is kept like any file that a run wrote. A program whose process was killed with
//! errand is found here by the next run, and ended then.

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use agent_core::event::RunId;
use agent_core::journal::Writer;
use agent_core::provenance::Origin;
use guard::{Disk, disk_at};
use rusqlite::{Connection, params};

use crate::provenance::{digest, files, insert, texts};
use crate::{Store, StoreError};

/// How far another machine's clock, which stamps the files on its disks, may be behind, in milliseconds.
const BEHIND: u64 = 1000;

/// A folder in which a program of a run writes, since when, and an origin of all that.
struct Row {
    run: RunId,
    name: String,
    folder: PathBuf,
    since: u64,
    origin: String,
}

impl Row {
    /// A program cannot set the time that counts here.
    fn may_have_written(&self, path: &Path, state: &Metadata) -> bool {
        let milliseconds = state.ctime() * 1000 + state.ctime_nsec() / 1_000_000;
        let Ok(changed) = u64::try_from(milliseconds) else { return false };
        let near = || path.parent().is_some_and(|folder| disk_at(folder) == Disk::Near);
        changed >= self.since || changed + BEHIND >= self.since && !near()
    }
}

pub(crate) async fn began(
    store: &Store,
    writer: &Writer<'_>,
    origins: &[Origin],
) -> Result<(), StoreError> {
    let (run, name, origins) = (writer.run.0.clone(), writer.name.to_string(), texts(origins));
    let folders: Vec<PathBuf> = writer.folders.iter().map(|folder| guard::real(folder)).collect();
    let since = i64::try_from(writer.since).unwrap_or_default();
    // Whatever is here already needs no second sync.
    let (rows, known) = ((run.clone(), name.clone()), folders.len() * origins.len());
    let there = store.read_newest(move |connection| {
        let mut query = connection
            .prepare_cached("SELECT count(*) FROM writers WHERE run = ?1 AND name = ?2")?;
        query.query_row([rows.0, rows.1], |row| row.get::<_, i64>(0))
    });
    if usize::try_from(there.await?.unwrap_or_default()).is_ok_and(|there| there == known) {
        return Ok(());
    }
    store
        .change(move |change| {
            let mut add = change.prepare_cached(
                "INSERT OR IGNORE INTO writers (run, name, folder, since, origin)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?;
            for folder in &folders {
                for origin in &origins {
                    add.execute(params![run, name, folder.as_os_str().as_bytes(), since, origin])?;
                }
            }
            Ok(())
        })
        .await
}

/// The origins of what programs that run now may have written to this file.
pub(crate) fn writing(connection: &Connection, path: &Path) -> rusqlite::Result<Vec<String>> {
    let mut rows = rows(connection)?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let path = guard::real(path);
    let state = fs::symlink_metadata(&path).ok();
    rows.retain(|row| {
        path.starts_with(&row.folder)
            && state.as_ref().is_some_and(|state| row.may_have_written(&path, state))
    });
    Ok(rows.into_iter().map(|row| row.origin).collect())
}

/// This program of this run has ended.
pub(crate) async fn ended(store: &Store, run: &RunId, name: &str) -> Result<(), StoreError> {
    let (run, name) = (run.clone(), name.to_string());
    settle(store, move |row| row.run == run && row.name == name).await
}

/// All programs have ended whose runs, as far as can be seen, no process drives any more, and those of
/// this run.
pub(crate) async fn ended_with(store: &Store, over: Option<&RunId>) -> Result<(), StoreError> {
    let (over, drives) = (over.cloned(), store.inner.drives.clone());
    settle(store, move |row| {
        let mut first = row.run.clone();
        while let Some(parent) = first.parent() {
            first = parent;
        }
        over.as_ref() == Some(&first) || !drives.driven(&first)
    })
    .await
}

async fn settle(
    store: &Store,
    over: impl Fn(&Row) -> bool + Send + 'static,
) -> Result<(), StoreError> {
    let found = store.glance(rows).await?.unwrap_or_default();
    let found: Vec<Row> = found.into_iter().filter(over).collect();
    if found.is_empty() {
        return Ok(());
    }
    store
        .change(move |change| {
            insert(change, &changed(&found))?;
            let mut remove = change.prepare_cached(
                "DELETE FROM writers
                 WHERE run = ?1 AND name = ?2 AND folder = ?3 AND origin = ?4",
            )?;
            for row in &found {
                let folder = row.folder.as_os_str().as_bytes();
                remove.execute(params![row.run.0, row.name, folder, row.origin])?;
            }
            Ok(())
        })
        .await
}

/// The files that changed while these programs ran.
fn changed(rows: &[Row]) -> Vec<(PathBuf, String, Vec<String>)> {
    let mut folders: Vec<&PathBuf> = rows.iter().map(|row| &row.folder).collect();
    folders.sort();
    folders.dedup();
    let mut found = Vec::new();
    for folder in folders {
        files(folder, &mut |path, state| {
            let of = rows
                .iter()
                .filter(|row| row.folder == *folder && row.may_have_written(path, state));
            let origins: Vec<String> = of.map(|row| row.origin.clone()).collect();
            if let (false, Ok(sha256)) = (origins.is_empty(), digest(path)) {
                found.push((path.to_path_buf(), sha256, origins));
            }
        });
    }
    found
}

fn rows(connection: &Connection) -> rusqlite::Result<Vec<Row>> {
    let mut query =
        connection.prepare_cached("SELECT run, name, folder, since, origin FROM writers")?;
    let rows = query.query_map([], |row| {
        Ok(Row {
            run: RunId(row.get(0)?),
            name: row.get(1)?,
            folder: PathBuf::from(OsString::from_vec(row.get(2)?)),
            since: u64::try_from(row.get::<_, i64>(3)?).unwrap_or_default(),
            origin: row.get(4)?,
        })
    })?;
    rows.collect()
}
