//! The file of results: a line for each row that is over, added when it is, and what says which batch
//! it is of. That is in a file beside it, `OUT.batch`, which is locked while a process works on it.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use agent_core::event::{Outcome, Reason, RunId};
use agent_core::ledger::Spent;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::RunRow;

use super::{Again, BatchError, Ended, Row, failed};
use crate::{Finished, Usage};

/// A row's result, as it is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// The row's number, from 1.
    pub row: usize,
    /// What the row is recognized by.
    pub key: String,
    /// The row's values.
    pub input: BTreeMap<String, Value>,
    /// The run that gave it.
    pub run: RunId,
    /// The answer; null where there is none.
    pub outcome: Value,
    /// Why there is none.
    pub reason: Option<Reason>,
    /// More about the reason.
    pub detail: Option<String>,
    /// What it took.
    pub usage: Usage,
}

impl Line {
    fn of(row: &Row, finished: &Finished) -> Line {
        let Finished { run, outcome, spent } = finished;
        Line {
            row: row.number,
            key: row.key.clone(),
            input: row.values.clone(),
            run: run.clone(),
            outcome: outcome.value.clone(),
            reason: outcome.reason,
            detail: outcome.detail.clone(),
            usage: Usage::from(*spent),
        }
    }

    /// How the row ended.
    fn end(self) -> Ended {
        let (value, reason, detail) = (self.outcome, self.reason, self.detail);
        let outcome = Outcome { value, reason, detail, waits: None };
        Ended {
            row: self.row,
            finished: Finished { run: self.run, outcome, spent: self.usage.into() },
        }
    }
}

/// What a file of results is of: the last line of the file beside it.
#[derive(Serialize, Deserialize)]
struct Made {
    /// Names the batch: its runs are `BATCH_ROW`.
    batch: String,
    /// A digest of the agent.
    agent: String,
    /// What those took whose results were taken away to be run again.
    #[serde(default)]
    spent: Usage,
}

impl Made {
    fn add(&self, mut file: &File) -> io::Result<()> {
        // The line before may have been cut off.
        let begin = if file.metadata()?.len() > 0 { "\n" } else { "" };
        file.write_all(format!("{begin}{}\n", serde_json::json!(self)).as_bytes())?;
        file.sync_all()
    }
}

/// The file beside the results.
pub(super) fn beside(out: &Path) -> PathBuf {
    let mut beside = out.as_os_str().to_owned();
    beside.push(".batch");
    PathBuf::from(beside)
}

/// The results of a batch, open to be added to.
pub(super) struct Results {
    pub(super) batch: String,
    path: PathBuf,
    file: File,
    /// The rows that have a result; how it ended where there is no answer.
    over: BTreeMap<usize, Option<Ended>>,
    /// What all of it has taken up to now.
    spent: Usage,
    /// Locked as long as it is open.
    _made: File,
}

impl Results {
    /// Opens the file of a batch of this agent over these rows, or makes it.
    pub(super) fn open(
        out: &Path,
        agent: &str,
        rows: &[Row],
        again: Again,
    ) -> Result<Results, BatchError> {
        let shown = out.display();
        let broken = |path: &Path, error: io::Error| {
            BatchError::Usage(format!("`{}` cannot be written: {error}", path.display()))
        };
        let beside = beside(out);
        let foreign = || {
            Err(BatchError::Usage(format!(
                "`{shown}` is there, and no batch can go on with it: there is no `{}`\nhint: name \
                 another `--out`",
                beside.display()
            )))
        };
        let there = fs::metadata(out);
        if there.as_ref().is_ok_and(|there| !there.is_file()) {
            return Err(BatchError::Usage(format!(
                "`{shown}` is no file that results can be added to"
            )));
        }
        if there.is_ok_and(|there| there.len() > 0) && !beside.exists() {
            return foreign();
        }
        let mut made = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&beside)
            .map_err(|error| broken(&beside, error))?;
        match made.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(BatchError::Usage(format!(
                    "another process works on `{shown}`\nhint: wait for it, or name another `--out`"
                )));
            }
            Err(TryLockError::Error(error)) => return Err(broken(&beside, error)),
        }
        let mut text = String::new();
        made.read_to_string(&mut text).map_err(|error| broken(&beside, error))?;
        let before = text.lines().rev().find_map(|line| serde_json::from_str::<Made>(line).ok());
        let there = fs::metadata(out).ok().map(|there| there.len());
        let mut begun = match (before, there) {
            (Some(before), Some(_)) => {
                if before.agent != agent {
                    return Err(BatchError::Usage(format!(
                        "the agent is not the one that `{shown}` was begun with\nhint: name another \
                         `--out`, or take back what was changed in the agent file or with `--model`"
                    )));
                }
                before
            }
            (None, Some(bytes)) if bytes > 0 => return foreign(),
            // Without its results a batch is a new one.
            _ => {
                let batch = crate::runtime::new_id().0;
                let new = Made { batch, agent: agent.into(), spent: Usage::default() };
                let mut write = || {
                    made.set_len(0)?;
                    made.rewind()?;
                    new.add(&made)
                };
                write().map_err(|error| broken(&beside, error))?;
                new
            }
        };
        let mut lines = before_now(out, rows)?;
        let mut spent = begun.spent;
        lines.values().for_each(|line| add(&mut spent, &line.usage));
        if again == Again::Failed && lines.values().any(|line| line.reason.is_some()) {
            let failed = lines.values().filter(|line| line.reason.is_some());
            failed.for_each(|line| add(&mut begun.spent, &line.usage));
            // First what they took: killed in between, it counts twice rather than not at all.
            begun.add(&made).map_err(|error| broken(&beside, error))?;
            lines.retain(|_, line| line.reason.is_none());
            let text: String = lines.values().map(written).collect();
            tools::whole::write(out, text.as_bytes()).map_err(|error| broken(out, error))?;
        }
        let over = lines.into_iter();
        let over = over.map(|(row, line)| (row, line.reason.is_some().then(|| line.end())));
        let over = over.collect();
        let file = File::options().append(true).create(true).open(out);
        let file = file.map_err(|error| broken(out, error))?;
        let (batch, path) = (begun.batch, out.to_path_buf());
        Ok(Results { batch, path, file, over, spent, _made: made })
    }

    /// Whether a row has its result.
    pub(super) fn over(&self, row: usize) -> bool {
        self.over.contains_key(&row)
    }

    /// How many rows have an answer.
    pub(super) fn answered(&self) -> usize {
        self.over.values().filter(|end| end.is_none()).count()
    }

    /// The rows whose result is that there is no answer.
    pub(super) fn failed(&self) -> impl Iterator<Item = &Ended> {
        self.over.values().flatten()
    }

    /// What earlier invocations took, for results that are there and for those that were run again.
    pub(super) fn spent(&self) -> Spent {
        self.spent.into()
    }

    /// The run of a row that has no result: one that was begun, or the name of a new one.
    pub(super) fn run(&self, row: usize, begun: &HashMap<String, RunRow>, again: Again) -> RunId {
        let name = |attempt: usize| match attempt {
            1 => format!("{}_{row}", self.batch),
            attempt => format!("{}_{row}_r{attempt}", self.batch),
        };
        let mut attempt = 1;
        while begun.contains_key(&name(attempt + 1)) {
            attempt += 1;
        }
        if again == Again::Failed && begun.get(&name(attempt)).is_some_and(failed) {
            attempt += 1;
        }
        RunId(name(attempt))
    }

    /// Adds a row's result: it is on the disk when this returns.
    pub(super) fn add(&mut self, row: &Row, finished: &Finished) -> Result<(), BatchError> {
        let line = Line::of(row, finished);
        let mut add = || -> io::Result<()> {
            self.file.write_all(written(&line).as_bytes())?;
            self.file.sync_data()
        };
        add().map_err(|error| {
            let shown = self.path.display();
            anyhow::anyhow!(
                "`{shown}` cannot be written: {error}\nhint: nothing is lost; the same command goes on"
            )
        })?;
        self.over.insert(row.number, line.reason.is_some().then(|| line.end()));
        Ok(())
    }
}

fn add(all: &mut Usage, one: &Usage) {
    all.steps += one.steps;
    all.input_tokens += one.input_tokens;
    all.output_tokens += one.output_tokens;
    all.cost_usd += one.cost_usd;
    all.seconds += one.seconds;
}

fn written(line: &Line) -> String {
    format!("{}\n", serde_json::json!(line))
}

/// The results that are there. A last line that was not written to its end is taken away; its row is
/// not lost, since its run is in the journal.
fn before_now(out: &Path, rows: &[Row]) -> Result<BTreeMap<usize, Line>, BatchError> {
    let shown = out.display();
    let usage = BatchError::Usage;
    let text = match fs::read(out) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(usage(format!("`{shown}` cannot be read: {error}"))),
    };
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    if whole < text.len() {
        let cut = File::options().write(true).open(out).and_then(|file| {
            file.set_len(whole as u64)?;
            file.sync_all()
        });
        cut.map_err(|error| usage(format!("`{shown}` cannot be written: {error}")))?;
    }
    let mut lines = BTreeMap::new();
    for (number, text) in (1..).zip(text[..whole].split(|byte| *byte == b'\n')) {
        if text.is_empty() {
            continue;
        }
        let line: Line = serde_json::from_slice(text).map_err(|error| {
            usage(format!(
                "{shown}:{number}: no result of a batch: {error}\nhint: name another `--out`"
            ))
        })?;
        let same = rows.get(line.row.wrapping_sub(1)).is_some_and(|row| row.key == line.key);
        if !same {
            return Err(usage(format!(
                "row {} is not what it was when `{shown}` was written\nhint: rows may only be added at \
                 the end; name another `--out` for other inputs",
                line.row
            )));
        }
        lines.insert(line.row, line);
    }
    Ok(lines)
}
