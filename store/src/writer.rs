//! The one thread that writes. While a commit waits for the disk, more appends arrive; the next
//! transaction takes them all, so that a hundred runs pay for one sync. A group is synced where one of
//! its entries asks for that, and with it all that was committed before.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use agent_core::event::RunId;
use agent_core::journal::JournalError;
use tokio::sync::oneshot;

use crate::StoreError;
use crate::database::Database;
use crate::pen::Pen;

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

pub(crate) type Answer = Result<(), JournalError>;

/// What is to be written.
pub(crate) enum Job {
    /// An event.
    Append(Entry, Lasting),
    /// All events of runs that were in another journal.
    Import(Vec<Entry>),
    /// Nothing; but what was appended to this run before is to survive a power cut.
    Sync(RunId),
}

/// What an event survives once its append returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lasting {
    /// The end of this process, however it ends.
    Process,
    /// A power cut.
    Power,
}

impl Job {
    fn bytes(&self) -> usize {
        match self {
            Job::Append(entry, _) => entry.json.len(),
            Job::Import(entries) => entries.iter().map(|entry| entry.json.len()).sum(),
            Job::Sync(_) => 0,
        }
    }

    /// By run, then in the order of its events.
    fn place(&self) -> Option<(&RunId, u64)> {
        match self {
            Job::Append(entry, _) => Some((&entry.run, entry.seq)),
            Job::Sync(run) => Some((run, u64::MAX)),
            Job::Import(_) => None,
        }
    }

    pub(crate) fn lasting(&self) -> Lasting {
        match self {
            Job::Append(_, lasting) => *lasting,
            Job::Sync(_) | Job::Import(_) => Lasting::Power,
        }
    }
}

struct Waiting {
    job: Job,
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

    /// Returns once it is done.
    pub(crate) async fn write(&self, job: Job) -> Answer {
        let (answer, answered) = oneshot::channel();
        self.queue(Waiting { job, answer })?;
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

fn write(database: &Database, commits: &AtomicU64, jobs: &Receiver<Waiting>) {
    let mut pen: Option<Pen> = None;
    while let Ok(first) = jobs.recv() {
        let mut bytes = first.job.bytes();
        let mut group = vec![first];
        while group.len() < MOST_ENTRIES && bytes < MOST_BYTES {
            let Ok(next) = jobs.try_recv() else { break };
            bytes += next.job.bytes();
            group.push(next);
        }
        // A run's own events may have overtaken each other on their way here.
        group.sort_by(|a, b| a.job.place().cmp(&b.job.place()));
        let (jobs, waiting): (Vec<Job>, Vec<_>) =
            group.into_iter().map(|waiting| (waiting.job, waiting.answer)).unzip();
        let ready = match pen.take() {
            Some(ready) => Ok(ready),
            None => Pen::take_up(database),
        };
        let answers = match ready {
            Ok(mut ready) => {
                let answers = ready.keep(commits, &jobs);
                pen = Some(ready);
                answers
            }
            Err(error) => jobs.iter().map(|_| Err(error.clone().into())).collect(),
        };
        for (waiting, answer) in waiting.into_iter().zip(answers) {
            let _ = waiting.send(answer);
        }
    }
}
