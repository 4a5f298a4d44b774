//! Many runs of one agent file, one for each row of a table: with one model, under one budget, and
//! going on where it was after it was stopped, however that happened.
//!
//! The run of a row is named after the batch and the row before it begins. So a row whose run was
//! over before its result was written down is told again, not run again; one that was under way is
//! resumed; and none is lost.

mod line_ends;
mod purse;
mod quotes;
mod results;
mod rows;
mod source;

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use agent_core::agent::Agent;
use agent_core::drive::{Fault, Unseen};
use agent_core::event::{Outcome, Reason, RunId};
use agent_core::journal::JournalError;
use agent_core::ledger::Spent;
use agent_file::Invalid;
use futures::stream::{FuturesUnordered, StreamExt};
use store::{RunRow, Status, Whose};
use tokio::time::{Instant, timeout_at};

pub use purse::Limits;
pub use results::Line;
pub use rows::Row;

use crate::{Errand, Finished};
use purse::{Purse, Room};
use results::Results;
use source::Source;

/// So many runs that met a fault one after the other are taken for a fault of them all.
const FAULTS: usize = 5;
/// Rows at once where nothing is said of it.
const JOBS: usize = 4;
/// The most requests that a local model answers at once, each with memory for a conversation.
const SLOTS: usize = 8;

/// What is to be done.
#[derive(Debug, Clone)]
pub struct Order {
    /// The agent file.
    pub file: PathBuf,
    /// Another model than the file's.
    pub model: Option<String>,
    /// Parameters that all rows have in common.
    pub params: Vec<(String, String)>,
    /// The table: `.csv`, `.tsv`, or `.jsonl` with an object a line.
    pub inputs: PathBuf,
    /// The file that a line is added to for each row that is over.
    pub out: PathBuf,
    /// How many rows at once; `None`: four.
    pub jobs: Option<usize>,
    /// What all rows may spend together.
    pub limits: Limits,
    /// Whether rows that ended without an answer are run once more.
    pub again: Again,
}

/// What is done with rows that ended without an answer before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Again {
    /// They are over.
    #[default]
    Never,
    /// They are run once more.
    Failed,
}

/// What stops a batch before it begins, or keeps it from going on.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// What was asked for cannot be meant; a hint may be on a second line.
    #[error("{0}")]
    Usage(String),
    /// The agent file is wrong.
    #[error(transparent)]
    Agent(#[from] Invalid),
    /// Something outside broke.
    #[error(transparent)]
    Fault(#[from] anyhow::Error),
}

/// A row that came to an end, for now or for good.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Its number, from 1.
    pub row: usize,
    /// How.
    pub finished: Finished,
}

impl Ended {
    /// Whether this is the end of it: what met a fault or waits for an approval can go on.
    pub fn for_good(&self) -> bool {
        let reason = self.finished.outcome.reason;
        !matches!(reason, Some(Reason::Fault | Reason::Approval | Reason::Cancelled))
    }
}

/// Why rows were left that nothing is known to be wrong with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// What is left of the batch's budget is less than one run may take.
    Budget,
    /// The time of this invocation is up.
    Time,
    /// Several runs in a row met a fault.
    Faults,
}

/// What a batch came to.
#[derive(Debug, Clone, Default)]
pub struct Total {
    /// How many rows there are.
    pub rows: usize,
    /// Rows with an answer, those of earlier invocations among them.
    pub answered: usize,
    /// Rows without one, by number.
    pub failed: Vec<Ended>,
    /// Rows that did not come to an end, and why.
    pub left: Option<(Left, usize)>,
}

/// A batch that was looked at whole and can begin.
pub struct Batch {
    errand: Errand,
    results: Results,
    source: Source,
    /// Of the first row: what runs share is made ready with it.
    agent: Agent,
    rows: Vec<Row>,
    queue: VecDeque<(usize, RunId)>,
    purse: Purse,
    time: Option<Duration>,
    jobs: usize,
    /// Columns that are no parameter.
    pub carried: Vec<String>,
}

impl Batch {
    /// Reads everything and checks every row, before anything starts.
    ///
    /// # Errors
    /// The agent file, a row, or what earlier invocations left does not fit.
    pub async fn open(errand: &Errand, order: &Order) -> Result<Batch, BatchError> {
        let source = Source::read(errand, order)?;
        let rows = rows::read(&order.inputs)?;
        let mut carried: Vec<String> = Vec::new();
        for name in rows.iter().flat_map(|row| row.values.keys()) {
            if !source.takes(name) && !carried.contains(name) {
                carried.push(name.clone());
            }
        }
        let mut first = None;
        let mut problems = Vec::new();
        for row in &rows {
            match source.agent(errand, row) {
                Ok(agent) => first = first.or(Some(agent)),
                Err(invalid) => problems.push(row.refused(&order.inputs, &invalid)),
            }
        }
        if !problems.is_empty() {
            return Err(BatchError::Usage(rows::several(problems)));
        }
        let Some(agent) = first else {
            let shown = order.inputs.display();
            return Err(BatchError::Usage(format!("`{shown}` holds no row")));
        };
        let jobs = order.jobs.unwrap_or(JOBS).max(1);
        possible(order, &agent)?;
        let results = Results::open(&order.out, &source.digest(&agent), &rows, order.again)?;
        let errand = errand.clone().keeping(own_files(order)).slots(jobs.min(SLOTS));
        let begun = errand.begun(&results.batch).await?;
        let mut queue = VecDeque::new();
        for row in &rows {
            if !results.over(row.number) {
                queue.push_back((row.number, results.run(row.number, &begun, order.again)));
            }
        }
        let purse = Purse::new(order.limits, results.spent());
        let time = order.limits.time;
        Ok(Batch { errand, results, source, agent, rows, queue, purse, time, jobs, carried })
    }

    /// How many rows there are, and how many of them are over.
    pub fn rows(&self) -> (usize, usize) {
        (self.rows.len(), self.rows.len() - self.queue.len())
    }

    /// Runs what is left. `ended` is told of each row that comes to an end, after its result is on
    /// the disk.
    ///
    /// # Errors
    /// What the runs need cannot be had, or a result cannot be written.
    pub async fn run(mut self, mut ended: impl FnMut(&Ended)) -> Result<Total, BatchError> {
        let mut total = Total { rows: self.rows.len(), ..Total::default() };
        let mut left = None;
        if !self.queue.is_empty() {
            let ready = Arc::new(self.errand.prepare(&self.agent).await?);
            let budget = self.agent.budget;
            let until = self.time.map(|time| Instant::now() + time);
            let mut running = FuturesUnordered::new();
            let mut faults = 0;
            loop {
                if until.is_some_and(|until| until <= Instant::now()) {
                    left = Some(Left::Time);
                    break;
                }
                while running.len() < self.jobs && left.is_none() {
                    let Some((row, run)) = self.queue.front().cloned() else { break };
                    match self.purse.take(&budget) {
                        Room::Granted => {}
                        Room::Short if !running.is_empty() => break,
                        Room::Short => {
                            left = Some(Left::Budget);
                            break;
                        }
                    }
                    self.queue.pop_front();
                    let agent = self.source.agent(&self.errand, &self.rows[row - 1]);
                    let ready = ready.clone();
                    running.push(async move {
                        let end = match agent {
                            Ok(agent) => ready.run_as(&run, agent, &Unseen, None).await,
                            Err(invalid) => Err(invalid.into()),
                        };
                        (row, run, end)
                    });
                }
                let next = async {
                    match until {
                        Some(until) => timeout_at(until, running.next()).await,
                        None => Ok(running.next().await),
                    }
                };
                let (row, run, end) = match next.await {
                    Ok(Some(ended)) => ended,
                    Ok(None) => break,
                    // Those under way are dropped: they can be resumed.
                    Err(_) => {
                        left = Some(Left::Time);
                        break;
                    }
                };
                let finished = match end {
                    Err(error) if unwritten(&error) => return Err(error.into()),
                    end => end.unwrap_or_else(|error| broken(run, &error)),
                };
                let end = Ended { row, finished };
                self.purse.settle(&budget, &end.finished.spent);
                if end.for_good() {
                    self.results.add(&self.rows[row - 1], &end.finished)?;
                }
                faults = match end.finished.outcome.reason {
                    Some(Reason::Fault) => faults + 1,
                    _ => 0,
                };
                if faults >= FAULTS {
                    left = Some(Left::Faults);
                }
                ended(&end);
                if !end.for_good() {
                    total.failed.push(end);
                }
            }
        }
        total.answered = self.results.answered();
        total.failed.extend(self.results.failed().cloned());
        total.failed.sort_by_key(|end| end.row);
        let rest = total.rows - total.answered - total.failed.len();
        total.left = left.map(|left| (left, rest)).filter(|(_, rows)| *rows > 0);
        Ok(total)
    }
}

impl Errand {
    /// The runs of a batch that there are.
    async fn begun(&self, batch: &str) -> anyhow::Result<HashMap<String, RunRow>> {
        let rows = self.store()?.named(&format!("{batch}_"), Whose::Own, u32::MAX).await?;
        Ok(rows.into_iter().map(|row| (row.id.0.clone(), row)).collect())
    }
}

/// What a batch works with, which none of its agents writes.
fn own_files(order: &Order) -> [PathBuf; 3] {
    [order.inputs.clone(), order.out.clone(), results::beside(&order.out)]
}

/// Whether nothing of any run would be kept: that is no row's fault.
fn unwritten(error: &anyhow::Error) -> bool {
    let journal = error.downcast_ref::<JournalError>().or(match error.downcast_ref::<Fault>() {
        Some(Fault::Journal(error)) => Some(error),
        _ => None,
    });
    matches!(journal, Some(JournalError::Write(_)))
}

/// A row whose run cannot go on, for what is wrong with it.
fn broken(run: RunId, error: &anyhow::Error) -> Finished {
    let (reason, detail) = (Some(Reason::Fault), Some(format!("{error:#}")));
    let outcome = Outcome { reason, detail, ..Outcome::default() };
    Finished { run, outcome, spent: Spent::default() }
}

/// A limit that cannot be kept, or that lets not one run begin, is refused.
fn possible(order: &Order, agent: &Agent) -> Result<(), BatchError> {
    let (limits, budget, file) = (&order.limits, &agent.budget, order.file.display());
    let refused = |problem: String, hint: &str| {
        Err(BatchError::Usage(format!("{problem}\nhint: {hint} in {file}")))
    };
    match (limits.cost_usd, budget.cost_usd) {
        (Some(_), None) => {
            return refused(
                "a limit in dollars cannot be kept: a run has none of its own".to_string(),
                "add `cost_usd` to [budget]",
            );
        }
        (Some(most), Some(one)) if most < one => {
            return refused(
                format!("{most} USD are less than one run may take, {one} USD"),
                "lower `cost_usd` under [budget]",
            );
        }
        _ => {}
    }
    match limits.tokens {
        Some(most) if most < budget.tokens => refused(
            format!("{most} tokens are less than one run may take, {}", budget.tokens),
            "lower `tokens` under [budget]",
        ),
        _ => Ok(()),
    }
}

/// Whether a run that was begun is over without an answer, for good.
fn failed(row: &RunRow) -> bool {
    matches!(row.status, Status::Ended(reason) if reason != Reason::Approval)
}
