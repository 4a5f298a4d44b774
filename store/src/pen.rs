//! The connection that writes events, and what it knows of the runs it wrote to.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use agent_core::event::RunId;
use agent_core::journal::{JournalError, Lasting};
use rusqlite::{Connection, OptionalExtension, params};

use crate::StoreError;
use crate::chain::{Chain, Link};
use crate::database::{Database, PATIENCE};
use crate::row::Status;
use crate::writer::{Answer, Entry, Job};

/// Writes groups of events.
pub(crate) struct Pen {
    database: Database,
    connection: Connection,
    /// Whether a commit waits for the disk now.
    lasting: Lasting,
    /// About how many pages of the log are not in the database yet.
    log: usize,
    tails: HashMap<RunId, Tail>,
}

/// How many pages the log may have until they are brought into the database, as SQLite does it by itself.
const LOG: usize = 1000;

/// Bytes of a page.
const PAGE: usize = 4096;

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
        // By itself SQLite would do it within any commit, also one that is not to wait for the disk.
        let by_hand = connection.execute_batch("PRAGMA wal_autocheckpoint = 0");
        by_hand.map_err(|error| database.explain(&error))?;
        let (database, tails) = (database.clone(), HashMap::new());
        Ok(Pen { database, connection, lasting: Lasting::Power, log: 0, tails })
    }

    /// Keeps what need not be on the disk, without waiting for anything. `None`: that is not possible now, and
    /// nothing was done.
    pub(crate) fn keep_at_once(&mut self, commits: &AtomicU64, job: &Job) -> Option<Answer> {
        if self.log >= LOG {
            return None;
        }
        #[cfg(test)]
        self.database.limit(&self.connection);
        self.connection.busy_timeout(Duration::ZERO).ok()?;
        let kept = self.attempt(commits, std::slice::from_ref(job)).ok();
        self.connection.busy_timeout(PATIENCE).ok()?;
        kept?.pop()
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

    /// Brings what is in the log into the database, once it is long. A reader that is in the way is not waited
    /// for: what is left goes the next time.
    pub(crate) fn empty_log(&mut self) {
        if self.log >= LOG {
            self.log = 0;
            let _ = self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        }
    }

    fn attempt(&mut self, commits: &AtomicU64, group: &[Job]) -> rusqlite::Result<Vec<Answer>> {
        match self.transaction(group) {
            Ok((answers, grown)) => {
                commits.fetch_add(1, Ordering::Relaxed);
                // A page for a table and one for its index, and what a long event takes.
                self.log += 2 + group.iter().map(Job::bytes).sum::<usize>() / PAGE;
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
                Job::Append(entries, _) => self.append(entries, &mut grown)?,
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

    /// All or none: what follows the first is kept wherever the first is, once all can be written down.
    fn append(&self, entries: &[Entry], grown: &mut Grown) -> rusqlite::Result<Answer> {
        if let Some(Err(error)) = entries.iter().map(numbers).find(Result::is_err) {
            return Ok(Err(error));
        }
        for entry in entries {
            if let Err(error) = self.insert(entry, grown)? {
                return Ok(Err(error));
            }
        }
        Ok(Ok(()))
    }

    fn insert(&self, entry: &Entry, grown: &mut Grown) -> rusqlite::Result<Answer> {
        let Entry { run, seq, at, json, agent, status } = entry;
        let (number, moment) = match numbers(entry) {
            Ok(numbers) => numbers,
            Err(error) => return Ok(Err(error)),
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

/// An event's number and moment as the database has them.
fn numbers(Entry { run, seq, at, .. }: &Entry) -> Result<(i64, i64), JournalError> {
    match (i64::try_from(*seq), i64::try_from(*at)) {
        (Ok(number), Ok(moment)) => Ok((number, moment)),
        _ => Err(JournalError::Write(format!("event {seq} of run `{run}` is out of range"))),
    }
}
