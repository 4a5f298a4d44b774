//! `errand runs list`: a line for each run.

use std::process::ExitCode;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use errand::{Errand, Listed, Usage, Which};
use serde_json::json;

use crate::cli::age::{self, ago};
use crate::cli::json::print;
use crate::cli::run::runtime;
use crate::cli::terminal::{self, eprint, say};

/// The most characters of a task, and of an answer, on a line.
const WIDTH: usize = 60;

/// How a run can stand.
pub(super) const STANDS: [&str; 11] = [
    "done",
    "running",
    "interrupted",
    "approval",
    "steps",
    "tokens",
    "time",
    "cost",
    "fault",
    "cancelled",
    "unsupported",
];

/// The arguments of `errand runs list`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many
    #[arg(long, default_value_t = 20)]
    limit: u32,
    /// Only the runs of the agent of this name
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// Only those that stand so: done, running, interrupted (can be resumed), approval (waits for
    /// one), or why they ended without an answer
    #[arg(long, value_parser = PossibleValuesParser::new(STANDS), hide_possible_values = true)]
    outcome: Option<String>,
    /// Only those that began within this time, such as `30m`, `12h` or `7d`
    #[arg(long, value_name = "AGE", value_parser = age::read)]
    since: Option<Duration>,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

pub(super) fn main(args: Args) -> anyhow::Result<ExitCode> {
    let Args { limit, agent, outcome, since, json } = args;
    let any = agent.is_none() && outcome.is_none() && since.is_none();
    let since = since.map_or(0, age::before);
    let which = Which { agent, status: outcome, since, limit: limit as usize, ..Which::default() };
    let listed = runtime()?.block_on(Errand::open()?.runs(&which))?;
    if listed.is_empty() && !json {
        eprint(match any {
            true => "no runs yet; `errand run FILE` makes one",
            false => "no such run; `errand runs list` lists them all",
        });
    }
    for listed in listed {
        match json {
            true => print(&object(&listed)),
            false => say(&line(&listed)),
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn object(listed: &Listed) -> serde_json::Value {
    let Listed { row, task, spent, outcome } = listed;
    json!({
        "run": row.id, "agent": row.agent, "status": row.status.as_str(),
        "parent": row.id.parent(), "created_ms": row.created, "updated_ms": row.updated,
        "events": row.events, "task": task,
        "outcome": outcome.as_ref().map(|outcome| &outcome.value),
        "usage": Usage::from(*spent),
    })
}

fn line(listed: &Listed) -> String {
    let Listed { row, task, spent, outcome } = listed;
    let mut line = format!(
        "{}  {:<11}  {:>8}  {:>7.1} s  {:>7} tokens",
        row.id,
        row.status.as_str(),
        ago(row.created),
        spent.time_ms as f64 / 1000.0,
        spent.input_tokens + spent.output_tokens,
    );
    if spent.cost_usd > 0.0 {
        line += &format!("  {:.4} USD", spent.cost_usd);
    }
    line += &format!("  {}: {}", row.agent, short(task));
    if let Some(answer) = outcome.as_ref().and_then(|outcome| terminal::text(&outcome.value)) {
        line += &format!(" → {}", short(&answer));
    }
    if let Some(run) = row.id.parent() {
        line += &format!(" (called by run {run})");
    }
    line
}

/// The beginning of a text on one line.
fn short(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ");
    match text.char_indices().nth(WIDTH) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
