//! The one connection that writes, and its thread. While a commit waits for the disk, more appends arrive; the
//! next transaction takes them all, so that a hundred runs pay for one sync. A group is synced where one of
//! its entries asks for that, and with it all that was committed before. What waits for no disk is written by
//! the one that appends it, where nothing else is being written.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use agent_core::event::RunId;
use agent_core::journal::{JournalError, Lasting};
use tokio::sync::oneshot;

use crate::StoreError;
use crate::database::Database;
use crate::pen::Pen;

/// The most that one transaction takes, so that no append waits for all of a flood.
const MOST_ENTRIES: usize = 1024;
const MOST_BYTES: usize = 16 << 20;

/// The most of an append that is not handed to the thread.
const BRIEF: usize = 64 << 10;

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
    /// Events of one run, one after the other.
    Append(Vec<Entry>, Lasting),
    /// All events of runs that were in another journal.
    Import(Vec<Entry>),
    /// Nothing; but what was appended to this run before is to survive a power cut.
    Sync(RunId),
}

impl Job {
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Job::Append(entries, _) | Job::Import(entries) => {
                entries.iter().map(|entry| entry.json.len()).sum()
            }
            Job::Sync(_) => 0,
        }
    }

    /// By run, then in the order of its events.
    fn place(&self) -> Option<(&RunId, u64)> {
        match self {
            Job::Append(entries, _) => entries.first().map(|entry| (&entry.run, entry.seq)),
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
    shared: Arc<Shared>,
    thread: Mutex<Option<Thread>>,
}

/// What the thread shares with those that append.
#[derive(Default)]
struct Shared {
    /// Taken up by the thread.
    pen: Mutex<Option<Pen>>,
    /// Jobs that the thread was given and has not answered.
    queued: AtomicUsize,
    commits: AtomicU64,
}

struct Thread {
    queue: Sender<Waiting>,
    handle: JoinHandle<()>,
}

impl Writer {
    pub(crate) fn new(database: Database) -> Self {
        Self { database, shared: Arc::default(), thread: Mutex::default() }
    }

    pub(crate) fn commits(&self) -> u64 {
        self.shared.commits.load(Ordering::Relaxed)
    }

    /// Returns once it is done.
    pub(crate) async fn write(&self, job: Job) -> Answer {
        if let Some(answer) = self.shared.at_once(&job) {
            return answer;
        }
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
        self.shared.queued.fetch_add(1, Ordering::SeqCst);
        let sent = running.queue.send(waiting).map_err(|_| stopped());
        *thread = Some(running);
        sent
    }

    fn start(&self) -> Result<Thread, JournalError> {
        let (queue, entries) = channel();
        let (database, shared) = (self.database.clone(), self.shared.clone());
        let handle = std::thread::Builder::new()
            .name("journal".to_string())
            .spawn(move || write(&database, &shared, &entries))
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

impl Shared {
    /// Writes what waits for no disk, where nothing else is being written: that takes microseconds, and less than to
    /// have the thread do it. `None`: the thread has to.
    fn at_once(&self, job: &Job) -> Option<Answer> {
        let brief = job.lasting() == Lasting::Process && job.bytes() <= BRIEF;
        if !brief || self.queued.load(Ordering::SeqCst) > 0 {
            return None;
        }
        self.pen.try_lock().ok()?.as_mut()?.keep_at_once(&self.commits, job)
    }
}

fn stopped() -> JournalError {
    StoreError::Stopped("its writer is gone".to_string()).into()
}

fn write(database: &Database, shared: &Shared, jobs: &Receiver<Waiting>) {
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
        let mut pen = shared.pen.lock().unwrap_or_else(PoisonError::into_inner);
        let ready = match pen.take() {
            Some(ready) => Ok(ready),
            None => Pen::take_up(database),
        };
        let answers = match ready {
            Ok(ready) => pen.insert(ready).keep(&shared.commits, &jobs),
            Err(error) => jobs.iter().map(|_| Err(error.clone().into())).collect(),
        };
        shared.queued.fetch_sub(waiting.len(), Ordering::SeqCst);
        for (waiting, answer) in waiting.into_iter().zip(answers) {
            let _ = waiting.send(answer);
        }
        if let Some(pen) = pen.as_mut() {
            pen.empty_log();
        }
    }
}
