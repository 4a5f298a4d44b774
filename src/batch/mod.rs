//! Many runs of one agent file, one for each row of a table: with one model, under one budget, and
//! going on where it was after it was stopped, however that happened.
//!
//! The run of a row is named after the batch and the row before it begins. So a row whose run was
//! over before its result was written down is told again, not run again; one that was under way is
//! resumed; and none is lost.

mod purse;
mod results;
mod rows;

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use agent_core::agent::{Agent, Provider};
use agent_core::agent_file::{Invalid, digest};
use agent_core::drive::Watch;
use agent_core::event::{Event, Reason, RunId};
use agent_core::run::Run;
use futures::stream::{FuturesUnordered, StreamExt};
use store::{RunRow, Status};
use tokio::time::{Instant, timeout_at};

pub use purse::Limits;
pub use results::Line;
pub use rows::Row;

use crate::{Errand, Finished};
use purse::{Purse, Room};
use results::Results;

/// So many runs that met a fault one after the other are taken for a fault of them all.
const FAULTS: usize = 5;

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
    /// How many rows at once; `None`: one with a local model, four with another.
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
pub struct Batch<'a> {
    errand: &'a Errand,
    results: Results,
    agents: HashMap<usize, Agent>,
    rows: Vec<Row>,
    queue: VecDeque<(usize, RunId)>,
    purse: Purse,
    time: Option<Duration>,
    jobs: usize,
    /// Columns that are no parameter.
    pub carried: Vec<String>,
}

impl<'a> Batch<'a> {
    /// Reads everything and checks every row, before anything starts.
    ///
    /// # Errors
    /// The agent file, a row, or what earlier invocations left does not fit.
    pub async fn open(errand: &'a Errand, order: &Order) -> Result<Batch<'a>, BatchError> {
        let checked = errand.check(&order.file, &order.params)?;
        let rows = rows::read(&order.inputs)?;
        let names = checked.params();
        let mut carried: Vec<String> = Vec::new();
        for name in rows.iter().flat_map(|row| row.values.keys()) {
            if !names.contains_key(name) && !carried.contains(name) {
                carried.push(name.clone());
            }
        }
        let mut agents = HashMap::new();
        let mut problems = Vec::new();
        for row in &rows {
            let mut params = order.params.clone();
            params.extend(row.params().filter(|(name, _)| names.contains_key(name)));
            match errand.load(&order.file, &params, order.model.as_deref()) {
                Ok(agent) => {
                    agents.insert(row.number, agent);
                }
                Err(invalid) => problems.push(row.refused(&order.inputs, &invalid)),
            }
        }
        if !problems.is_empty() {
            return Err(BatchError::Usage(rows::several(problems)));
        }
        let Some(first) = agents.values().next() else {
            let shown = order.inputs.display();
            return Err(BatchError::Usage(format!("`{shown}` holds no row")));
        };
        let jobs = order.jobs.unwrap_or(match first.model.provider {
            Provider::Onnx => 1,
            Provider::Openai | Provider::Scripted => 4,
        });
        possible(order, first)?;
        let results = Results::open(&order.out, &made_of(order, first)?, &rows, order.again)?;
        let begun = errand.begun(&results.batch).await?;
        let mut queue = VecDeque::new();
        for row in &rows {
            if !results.over(row.number) {
                queue.push_back((row.number, results.run(row.number, &begun, order.again)));
            }
        }
        let purse = Purse::new(order.limits, results.spent());
        let (time, jobs) = (order.limits.time, jobs.max(1));
        Ok(Batch { errand, results, agents, rows, queue, purse, time, jobs, carried })
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
        if let Some((first, _)) = self.queue.front() {
            let ready = Arc::new(self.errand.prepare(&self.agents[first]).await?);
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
                    let agent = self.agents[&row].clone();
                    match self.purse.take(&agent.budget) {
                        Room::Granted => {}
                        Room::Short if !running.is_empty() => break,
                        Room::Short => {
                            left = Some(Left::Budget);
                            break;
                        }
                    }
                    self.queue.pop_front();
                    let (ready, budget) = (ready.clone(), agent.budget);
                    running.push(async move {
                        (row, budget, ready.run_as(&run, agent, &Unseen, None).await)
                    });
                }
                let next = async {
                    match until {
                        Some(until) => timeout_at(until, running.next()).await,
                        None => Ok(running.next().await),
                    }
                };
                let (row, budget, end) = match next.await {
                    Ok(Some(ended)) => ended,
                    Ok(None) => break,
                    // Those under way are dropped: they can be resumed.
                    Err(_) => {
                        left = Some(Left::Time);
                        break;
                    }
                };
                let end = Ended { row, finished: end? };
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
        total.answered = self.results.lines().filter(|line| line.reason.is_none()).count();
        total
            .failed
            .extend(self.results.lines().filter(|line| line.reason.is_some()).map(Line::end));
        total.failed.sort_by_key(|end| end.row);
        let rest = total.rows - total.answered - total.failed.len();
        total.left = left.map(|left| (left, rest)).filter(|(_, rows)| *rows > 0);
        Ok(total)
    }
}

impl Errand {
    /// The runs of a batch that there are.
    async fn begun(&self, batch: &str) -> anyhow::Result<HashMap<String, RunRow>> {
        let rows = self.store()?.named(&format!("{batch}_"), u32::MAX).await?;
        Ok(rows.into_iter().map(|row| (row.id.0.clone(), row)).collect())
    }
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

/// What a row's result depends on beside the row, as a digest: the agent file as it is written, what
/// else it comes to here, and what all rows have in common.
fn made_of(order: &Order, agent: &Agent) -> Result<String, BatchError> {
    let text = fs::read(&order.file).map_err(anyhow::Error::from)?;
    let mut agent = agent.clone();
    agent.params.clear();
    agent.task.clear();
    agent.instructions.clear();
    let made = serde_json::json!([agent, digest(&text), order.params]);
    Ok(digest(made.to_string().as_bytes()))
}

/// Whether a run that was begun is over without an answer, for good.
fn failed(row: &RunRow) -> bool {
    matches!(row.status, Status::Ended(reason) if reason != Reason::Approval)
}

/// Nobody looks at a single run.
struct Unseen;

impl Watch for Unseen {
    fn event(&self, _event: &Event, _run: &Run) {}
}
