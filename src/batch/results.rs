//! The file of results: a line for each row that is over, added when it is, and what says which batch
//! it is of. That is in a file beside it, `OUT.batch`, which is locked while somebody works on it.

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
use crate::Finished;

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

/// What a run took, as `errand run --json` says it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Model calls that led to an action or an answer.
    pub steps: u64,
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// US dollars.
    pub cost_usd: f64,
    /// Running time.
    pub seconds: f64,
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
            usage: Usage {
                steps: spent.steps,
                input_tokens: spent.input_tokens,
                output_tokens: spent.output_tokens,
                cost_usd: spent.cost_usd,
                seconds: spent.time_ms as f64 / 1000.0,
            },
        }
    }

    /// How the row ended.
    pub(super) fn end(&self) -> Ended {
        let (value, reason, detail) = (self.outcome.clone(), self.reason, self.detail.clone());
        let outcome = Outcome { value, reason, detail, waits: None };
        Ended {
            row: self.row,
            finished: Finished { run: self.run.clone(), outcome, spent: self.usage.spent() },
        }
    }
}

impl Usage {
    fn spent(self) -> Spent {
        Spent {
            steps: self.steps,
            input_tokens: self.input_tokens,
            output_tokens: self.output_tokens,
            cost_usd: self.cost_usd,
            time_ms: (self.seconds * 1000.0) as u64,
        }
    }
}

/// What a file of results is of.
#[derive(Serialize, Deserialize)]
struct Made {
    /// Names the batch: its runs are `BATCH_ROW`.
    batch: String,
    /// A digest of the agent.
    agent: String,
}

/// The results of a batch, open to be added to.
pub(super) struct Results {
    pub(super) batch: String,
    path: PathBuf,
    file: File,
    lines: BTreeMap<usize, Line>,
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
        let mut beside = out.as_os_str().to_owned();
        beside.push(".batch");
        let beside = PathBuf::from(beside);
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
        let before: Option<Made> = serde_json::from_str(&text).ok();
        let there = fs::metadata(out).ok().map(|there| there.len());
        let batch = match (before, there) {
            (Some(before), Some(_)) => {
                if before.agent != agent {
                    return Err(BatchError::Usage(format!(
                        "the agent is not the one that `{shown}` was begun with\nhint: name another \
                         `--out`, or take back what was changed in the agent file or with `--model`"
                    )));
                }
                before.batch
            }
            (None, Some(bytes)) if bytes > 0 => {
                return Err(BatchError::Usage(format!(
                    "`{shown}` is there, and no batch can go on with it: there is no `{}`\nhint: \
                     name another `--out`",
                    beside.display()
                )));
            }
            // Without its results a batch is a new one.
            _ => {
                let batch = crate::wire::new_id().0;
                let line = serde_json::json!(Made { batch: batch.clone(), agent: agent.into() });
                let write = || -> io::Result<()> {
                    made.set_len(0)?;
                    made.rewind()?;
                    made.write_all(format!("{line}\n").as_bytes())?;
                    made.sync_all()
                };
                let mut write = write;
                write().map_err(|error| broken(&beside, error))?;
                batch
            }
        };
        let lines = before_now(out, rows)?;
        let kept: BTreeMap<usize, Line> = match again {
            Again::Never => lines,
            Again::Failed => {
                let kept: BTreeMap<usize, Line> =
                    lines.into_iter().filter(|(_, line)| line.reason.is_none()).collect();
                let text: String = kept.values().map(written).collect();
                tools::whole::write(out, text.as_bytes()).map_err(|error| broken(out, error))?;
                kept
            }
        };
        let file = File::options().append(true).create(true).open(out);
        let file = file.map_err(|error| broken(out, error))?;
        Ok(Results { batch, path: out.to_path_buf(), file, lines: kept, _made: made })
    }

    /// Whether a row has its result.
    pub(super) fn over(&self, row: usize) -> bool {
        self.lines.contains_key(&row)
    }

    /// The results, by row.
    pub(super) fn lines(&self) -> impl Iterator<Item = &Line> {
        self.lines.values()
    }

    /// What they took.
    pub(super) fn spent(&self) -> Spent {
        let mut all = Spent::default();
        for line in self.lines.values() {
            let spent = line.usage.spent();
            all.input_tokens += spent.input_tokens;
            all.output_tokens += spent.output_tokens;
            all.cost_usd += spent.cost_usd;
        }
        all
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
        self.lines.insert(row.number, line);
        Ok(())
    }
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
