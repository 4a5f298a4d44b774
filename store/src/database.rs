//! The database file: where it is, how it is opened, which format it has, and what its errors mean.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use guard::private;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::StoreError;

/// Each step takes the format from its index to the next; a released step never changes.
const STEPS: [&str; 4] = [
    "
    CREATE TABLE runs (
        id      TEXT PRIMARY KEY,
        created INTEGER NOT NULL,
        updated INTEGER NOT NULL,
        agent   TEXT NOT NULL,
        status  TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX runs_by_age ON runs (created);
    CREATE TABLE events (
        run  TEXT NOT NULL,
        seq  INTEGER NOT NULL,
        at   INTEGER NOT NULL,
        json TEXT NOT NULL,
        PRIMARY KEY (run, seq)
    ) STRICT;
",
    "
    CREATE TABLE written (
        sha256 TEXT NOT NULL,
        origin TEXT NOT NULL,
        PRIMARY KEY (sha256, origin)
    ) STRICT, WITHOUT ROWID;
",
    "
    CREATE TABLE places (
        path BLOB PRIMARY KEY
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE writers (
        run    TEXT NOT NULL,
        name   TEXT NOT NULL,
        folder BLOB NOT NULL,
        since  INTEGER NOT NULL,
        origin TEXT NOT NULL,
        PRIMARY KEY (run, name, folder, origin)
    ) STRICT, WITHOUT ROWID;
",
    "
    ALTER TABLE events ADD COLUMN hash BLOB;
    ALTER TABLE runs ADD COLUMN head BLOB;
    ALTER TABLE runs ADD COLUMN imported INTEGER NOT NULL DEFAULT 0;
",
];

const FORMAT: i64 = STEPS.len() as i64;
/// The first format whose events are chained.
pub(crate) const CHAINED: i64 = 4;

/// How long to wait for another process's transaction.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Where the database is.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    home: PathBuf,
    path: PathBuf,
    #[cfg(test)]
    pub(crate) most_pages: std::sync::Arc<std::sync::atomic::AtomicI64>,
}

impl Database {
    pub(crate) fn in_folder(home: &Path) -> Self {
        Self {
            home: home.to_path_buf(),
            path: home.join("errand.db"),
            #[cfg(test)]
            most_pages: std::sync::Arc::default(),
        }
    }

    pub(crate) fn home(&self) -> &Path {
        &self.home
    }

    /// A connection that cannot write; `None` where there is nothing to read yet.
    pub(crate) fn read(&self) -> Result<Option<Connection>, StoreError> {
        match fs::metadata(&self.path) {
            Ok(found) if found.len() == 0 => return Ok(None),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.unusable(&error)),
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let open = || -> rusqlite::Result<(Connection, i64)> {
            let connection = Connection::open_with_flags(&self.path, flags)?;
            connection.busy_timeout(PATIENCE)?;
            let format = format(&connection)?;
            Ok((connection, format))
        };
        let (connection, format) = open().map_err(|error| self.explain(&error))?;
        self.check(format)?;
        // Another process may be about to create the tables, or an older version's format waits
        // for the next write to bring it up to date.
        Ok((format > 0).then_some(connection))
    }

    /// The connection that writes, with the folder and the tables made where they are missing.
    pub(crate) fn write(&self) -> Result<Connection, StoreError> {
        // SQLite gives the files beside the database the database's rights.
        private::folder(&self.home)
            .and_then(|()| private::made(&self.path))
            .map_err(|error| self.unusable(&error))?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let open = || -> rusqlite::Result<(Connection, i64)> {
            let connection = Connection::open_with_flags(&self.path, flags)?;
            connection.busy_timeout(PATIENCE)?;
            let format = format(&connection)?;
            Ok((connection, format))
        };
        let (mut connection, format) = open().map_err(|error| self.explain(&error))?;
        self.check(format)?;
        if format < FORMAT {
            self.migrate(&mut connection)?;
        }
        let settings = "PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864;";
        connection.execute_batch(settings).map_err(|error| self.explain(&error))?;
        #[cfg(test)]
        self.limit(&connection);
        Ok(connection)
    }

    /// What went wrong, in words that help.
    pub(crate) fn explain(&self, error: &rusqlite::Error) -> StoreError {
        let path = self.path.clone();
        let reason = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => StoreError::Full { path },
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                StoreError::Damaged { path, reason }
            }
            Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                StoreError::Home { path: self.home.clone(), reason }
            }
            _ => StoreError::Database { path, reason },
        }
    }

    fn unusable(&self, error: &io::Error) -> StoreError {
        StoreError::Home { path: self.home.clone(), reason: error.to_string() }
    }

    fn check(&self, found: i64) -> Result<(), StoreError> {
        if found > FORMAT {
            return Err(StoreError::Newer { path: self.path.clone(), found, known: FORMAT });
        }
        Ok(())
    }

    /// Two processes may start in an empty home at once: a file lock lets one go first, since
    /// SQLite does not wait while it switches to WAL.
    fn migrate(&self, connection: &mut Connection) -> Result<(), StoreError> {
        let turn = private::file(&self.home.join("errand.lock"))
            .and_then(|file| file.lock().map(|()| file))
            .map_err(|error| self.unusable(&error))?;
        let steps = |connection: &mut Connection| -> rusqlite::Result<()> {
            connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
            let change =
                connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            let from = format(&change)?;
            for step in STEPS.iter().skip(usize::try_from(from).unwrap_or(STEPS.len())) {
                change.execute_batch(step)?;
            }
            change.pragma_update(None, "user_version", FORMAT)?;
            change.commit()
        };
        let done = steps(connection).map_err(|error| self.explain(&error));
        drop(turn);
        done
    }

    #[cfg(test)]
    pub(crate) fn limit(&self, connection: &Connection) {
        let most = self.most_pages.load(std::sync::atomic::Ordering::Relaxed);
        if most > 0 {
            let _ =
                connection.query_row(&format!("PRAGMA max_page_count = {most}"), [], |_| Ok(()));
        }
    }
}

/// Whether a database has all that this version writes.
pub(crate) fn is_newest(connection: &Connection) -> rusqlite::Result<bool> {
    Ok(format(connection)? >= FORMAT)
}

fn format(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}
