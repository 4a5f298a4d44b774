//! The connection that writes events, and what it knows of the runs it wrote to.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use agent_core::event::RunId;
use agent_core::journal::JournalError;
use rusqlite::{Connection, OptionalExtension, params};

use crate::StoreError;
use crate::chain::{Chain, Link};
use crate::database::Database;
use crate::row::Status;
use crate::writer::{Answer, Entry, Job, Lasting};

/// Writes groups of events.
pub(crate) struct Pen {
    database: Database,
    connection: Connection,
    /// Whether a commit waits for the disk now.
    lasting: Lasting,
    tails: HashMap<RunId, Tail>,
}

/// Where a run's journal goes on.
#[derive(Clone)]
struct Tail {
    next: u64,
    chain: Chain,
    status: &'static str,
}

/// What a group adds, known to hold once it is committed.
type Grown = HashMap<RunId, Tail>;

impl Pen {
    pub(crate) fn take_up(database: &Database) -> Result<Pen, StoreError> {
        let connection = database.write()?;
        let (database, tails) = (database.clone(), HashMap::new());
        Ok(Pen { database, connection, lasting: Lasting::Power, tails })
    }

    /// Keeps a group in one transaction; where that fails, each by itself, so that an entry the disk
    /// has no room for does not take the others with it.
    pub(crate) fn keep(&mut self, commits: &AtomicU64, group: &[Job]) -> Vec<Answer> {
        #[cfg(test)]
        self.database.limit(&self.connection);
        match self.attempt(commits, group) {
            Ok(answers) => answers,
            Err(error) if group.len() == 1 => vec![Err(self.database.explain(&error).into())],
            Err(_) => group
                .chunks(1)
                .map(|alone| match self.attempt(commits, alone) {
                    Ok(mut answer) => answer.pop().unwrap_or(Ok(())),
                    Err(error) => Err(self.database.explain(&error).into()),
                })
                .collect(),
        }
    }

    fn attempt(&mut self, commits: &AtomicU64, group: &[Job]) -> rusqlite::Result<Vec<Answer>> {
        match self.transaction(group) {
            Ok((answers, grown)) => {
                commits.fetch_add(1, Ordering::Relaxed);
                for (run, tail) in grown {
                    // A run that rests may be taken up by another process.
                    match tail.status == Status::Running.as_str() {
                        true => self.tails.insert(run, tail),
                        false => self.tails.remove(&run),
                    };
                }
                Ok(answers)
            }
            Err(error) => {
                if !self.connection.is_autocommit() {
                    let _ = self.connection.execute_batch("ROLLBACK");
                }
                Err(error)
            }
        }
    }

    /// An answer for each entry, or what broke the transaction.
    fn transaction(&mut self, group: &[Job]) -> rusqlite::Result<(Vec<Answer>, Grown)> {
        let power = group.iter().any(|job| job.lasting() == Lasting::Power);
        self.settle(if power { Lasting::Power } else { Lasting::Process })?;
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let mut grown = Grown::new();
        let mut answers = Vec::with_capacity(group.len());
        for job in group {
            answers.push(match job {
                Job::Append(entry, _) => self.insert(entry, &mut grown)?,
                Job::Sync(run) => self.touch(run)?,
                Job::Import(entries) => self.import(entries)?,
            });
        }
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        Ok((answers, grown))
    }

    /// In WAL mode a commit that is synced syncs all of the log, so those before it too.
    fn settle(&mut self, lasting: Lasting) -> rusqlite::Result<()> {
        if self.lasting != lasting {
            self.connection.execute_batch(match lasting {
                Lasting::Power => "PRAGMA synchronous = FULL",
                Lasting::Process => "PRAGMA synchronous = NORMAL",
            })?;
            self.lasting = lasting;
        }
        Ok(())
    }

    /// Writes what is there already: an empty transaction would not be synced.
    fn touch(&self, run: &RunId) -> rusqlite::Result<Answer> {
        self.connection
            .prepare_cached("UPDATE runs SET updated = updated WHERE id = ?1")?
            .execute([&run.0])?;
        Ok(Ok(()))
    }

    /// All or none: what follows is undone with the savepoint where one cannot be kept.
    fn import(&self, entries: &[Entry]) -> rusqlite::Result<Answer> {
        self.connection.execute_batch("SAVEPOINT import")?;
        let mut grown = Grown::new();
        for entry in entries {
            if let Err(error) = self.insert(entry, &mut grown)? {
                self.connection.execute_batch("ROLLBACK TO import; RELEASE import")?;
                return Ok(Err(error));
            }
        }
        for run in grown.keys() {
            self.connection
                .prepare_cached("UPDATE runs SET imported = 1 WHERE id = ?1")?
                .execute([&run.0])?;
        }
        self.connection.execute_batch("RELEASE import")?;
        Ok(Ok(()))
    }

    fn insert(&self, entry: &Entry, grown: &mut Grown) -> rusqlite::Result<Answer> {
        let Entry { run, seq, at, json, agent, status } = entry;
        let (Ok(number), Ok(moment)) = (i64::try_from(*seq), i64::try_from(*at)) else {
            let reason = format!("event {seq} of run `{run}` is out of range");
            return Ok(Err(JournalError::Write(reason)));
        };
        let known = grown.get(run).or_else(|| self.tails.get(run)).filter(|it| it.next == *seq);
        let tail = match known {
            Some(tail) => tail.clone(),
            None if self.imported(run)? => {
                return Ok(Err(JournalError::Imported(run.clone())));
            }
            None => self.tail(run)?,
        };
        if *seq != tail.next {
            let problem = if *seq < tail.next { "is there already" } else { "would leave a gap" };
            let reason =
                format!("event {seq} of run `{run}` {problem}: the next one is {}", tail.next);
            return Ok(Err(JournalError::Write(reason)));
        }
        let chain = tail.chain.then(run, &Link { seq: *seq, at: *at, json });
        self.connection
            .prepare_cached(
                "INSERT INTO events (run, seq, at, json, hash) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![run.0, number, moment, json, chain.hash()])?;
        if *seq == 0 || tail.status != *status || *status != Status::Running.as_str() {
            self.connection
                .prepare_cached(
                    "INSERT INTO runs (id, created, updated, agent, status, head)
                     VALUES (?1, ?2, ?2, ?3, ?4, ?5)
                     ON CONFLICT (id) DO UPDATE SET updated = ?2, status = ?4, head = ?5",
                )?
                .execute(params![
                    run.0,
                    moment,
                    agent.as_deref().unwrap_or_default(),
                    status,
                    chain.hash()
                ])?;
        }
        grown.insert(run.clone(), Tail { next: seq + 1, chain, status });
        Ok(Ok(()))
    }

    fn imported(&self, run: &RunId) -> rusqlite::Result<bool> {
        let mut query =
            self.connection.prepare_cached("SELECT imported FROM runs WHERE id = ?1")?;
        Ok(query.query_row([&run.0], |row| row.get(0)).optional()?.unwrap_or(false))
    }

    /// As the database has it.
    fn tail(&self, run: &RunId) -> rusqlite::Result<Tail> {
        let last = self
            .connection
            .prepare_cached(
                "SELECT seq, hash FROM events WHERE run = ?1 ORDER BY seq DESC LIMIT 1",
            )?
            .query_row([&run.0], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, Option<Vec<u8>>>(1)?))
            })
            .optional()?;
        // Of a status that no event has: the run's row is written again.
        let status = "";
        Ok(match last {
            None => Tail { next: 0, chain: Chain::begin(), status },
            Some((seq, hash)) => Tail {
                next: u64::try_from(seq).unwrap_or_default() + 1,
                chain: Chain::from(hash),
                status,
            },
        })
    }
}
