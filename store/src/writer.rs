//! The one thread that writes. While a commit waits for the disk, more appends arrive; the next
//! transaction takes them all, so that a hundred runs pay for one sync.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use agent_core::event::RunId;
use agent_core::journal::JournalError;
use rusqlite::{Connection, params};
use tokio::sync::oneshot;

use crate::StoreError;
use crate::database::Database;

/// The most that one transaction takes, so that no append waits for all of a flood.
const MOST_ENTRIES: usize = 1024;
const MOST_BYTES: usize = 16 << 20;

/// An event to keep.
pub(crate) struct Entry {
    pub(crate) run: RunId,
    pub(crate) seq: u64,
    pub(crate) at: u64,
    pub(crate) json: String,
    /// The agent's name, from the event that starts a run.
    pub(crate) agent: Option<String>,
    pub(crate) status: &'static str,
}

type Answer = Result<(), JournalError>;

struct Waiting {
    entry: Entry,
    answer: oneshot::Sender<Answer>,
}

/// The thread, started by the first append.
pub(crate) struct Writer {
    database: Database,
    commits: Arc<AtomicU64>,
    thread: Mutex<Option<Thread>>,
}

struct Thread {
    queue: Sender<Waiting>,
    handle: JoinHandle<()>,
}

impl Writer {
    pub(crate) fn new(database: Database) -> Self {
        Self { database, commits: Arc::default(), thread: Mutex::default() }
    }

    pub(crate) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Returns once the entry is on disk.
    pub(crate) async fn append(&self, entry: Entry) -> Answer {
        let (answer, answered) = oneshot::channel();
        self.queue(Waiting { entry, answer })?;
        answered.await.unwrap_or_else(|_| Err(stopped()))
    }

    fn queue(&self, waiting: Waiting) -> Answer {
        let mut thread = self.thread.lock().unwrap_or_else(|broken| broken.into_inner());
        let running = match thread.take() {
            Some(running) => running,
            None => self.start()?,
        };
        let sent = running.queue.send(waiting).map_err(|_| stopped());
        *thread = Some(running);
        sent
    }

    fn start(&self) -> Result<Thread, JournalError> {
        let (queue, entries) = channel();
        let (database, commits) = (self.database.clone(), self.commits.clone());
        let handle = std::thread::Builder::new()
            .name("journal".to_string())
            .spawn(move || write(&database, &commits, &entries))
            .map_err(|error| JournalError::Write(format!("no thread to write it: {error}")))?;
        Ok(Thread { queue, handle })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let thread = self.thread.get_mut().unwrap_or_else(|broken| broken.into_inner());
        if let Some(Thread { queue, handle }) = thread.take() {
            drop(queue);
            let _ = handle.join();
        }
    }
}

fn stopped() -> JournalError {
    StoreError::Stopped("its writer is gone".to_string()).into()
}

fn write(database: &Database, commits: &AtomicU64, entries: &Receiver<Waiting>) {
    let mut connection: Option<Connection> = None;
    while let Ok(first) = entries.recv() {
        let mut bytes = first.entry.json.len();
        let mut group = vec![first];
        while group.len() < MOST_ENTRIES && bytes < MOST_BYTES {
            let Ok(next) = entries.try_recv() else { break };
            bytes += next.entry.json.len();
            group.push(next);
        }
        // A run's own events may have overtaken each other on their way here.
        group.sort_by(|a, b| (&a.entry.run, a.entry.seq).cmp(&(&b.entry.run, b.entry.seq)));
        let ready = match connection.take() {
            Some(ready) => Ok(ready),
            None => database.write(),
        };
        match ready {
            Ok(ready) => {
                keep(database, &ready, commits, group);
                connection = Some(ready);
            }
            Err(error) => {
                for waiting in group {
                    let _ = waiting.answer.send(Err(error.clone().into()));
                }
            }
        }
    }
}

/// Keeps a group in one transaction; where that fails, each by itself, so that an entry the disk
/// has no room for does not take the others with it.
fn keep(database: &Database, connection: &Connection, commits: &AtomicU64, group: Vec<Waiting>) {
    #[cfg(test)]
    database.limit(connection);
    let attempt = |entries: &[Waiting]| -> rusqlite::Result<Vec<Answer>> {
        let kept = transaction(connection, entries);
        match kept {
            Ok(_) => commits.fetch_add(1, Ordering::Relaxed),
            Err(_) if !connection.is_autocommit() => {
                let _ = connection.execute_batch("ROLLBACK");
                0
            }
            Err(_) => 0,
        };
        kept
    };
    let answers = match attempt(&group) {
        Ok(answers) => answers,
        Err(error) if group.len() == 1 => vec![Err(database.explain(&error).into())],
        Err(_) => group
            .chunks(1)
            .map(|alone| match attempt(alone) {
                Ok(mut answer) => answer.pop().unwrap_or(Ok(())),
                Err(error) => Err(database.explain(&error).into()),
            })
            .collect(),
    };
    for (waiting, answer) in group.into_iter().zip(answers) {
        let _ = waiting.answer.send(answer);
    }
}

/// An answer for each entry, or what broke the transaction.
fn transaction(connection: &Connection, group: &[Waiting]) -> rusqlite::Result<Vec<Answer>> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let inserted = group.iter().map(|waiting| insert(connection, &waiting.entry));
    let answers: Vec<Answer> = inserted.collect::<rusqlite::Result<_>>()?;
    connection.execute_batch("COMMIT")?;
    Ok(answers)
}

fn insert(connection: &Connection, entry: &Entry) -> rusqlite::Result<Answer> {
    let Entry { run, seq, at, json, agent, status } = entry;
    let next: i64 = connection
        .prepare_cached("SELECT coalesce(max(seq) + 1, 0) FROM events WHERE run = ?1")?
        .query_row([&run.0], |row| row.get(0))?;
    let (Ok(seq), Ok(at)) = (i64::try_from(*seq), i64::try_from(*at)) else {
        return Ok(Err(JournalError::Write(format!("event {seq} of run `{run}` is out of range"))));
    };
    if seq != next {
        let problem = if seq < next { "is there already" } else { "would leave a gap" };
        let reason = format!("event {seq} of run `{run}` {problem}: the next one is {next}");
        return Ok(Err(JournalError::Write(reason)));
    }
    connection
        .prepare_cached("INSERT INTO events (run, seq, at, json) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![run.0, seq, at, json])?;
    connection
        .prepare_cached(
            "INSERT INTO runs (id, created, updated, agent, status) VALUES (?1, ?2, ?2, ?3, ?4)
             ON CONFLICT (id) DO UPDATE SET updated = ?2, status = ?4",
        )?
        .execute(params![run.0, at, agent.as_deref().unwrap_or_default(), status])?;
    Ok(Ok(()))
}
