//! `errand runs`: what has been run, and going on with what was interrupted.

use std::process::ExitCode;

use agent_core::drive::{Person, Watch};
use agent_core::event::{RunId, What};
use agent_core::run::head;
use errand::{Approval, Errand};
use serde_json::json;

use super::json::print;
use super::live::{eprint, say};
use super::run::{How, code, open, runtime, watched};

/// The subcommands of `errand runs`.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// List the latest runs
    List {
        /// How many
        #[arg(long, default_value_t = 20)]
        limit: u32,
        /// Print one JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Show every event of a run
    Show {
        /// The run, as `errand runs list` names it
        id: String,
        /// Print one JSON object a line: the events as the journal holds them
        #[arg(long)]
        json: bool,
    },
    /// Go on with a run that was interrupted, or that waits for an approval
    Resume {
        /// The run, as `errand runs list` names it
        id: String,
        /// Allow the call, or the plan, that the run waits for, as it was named when it was shown
        #[arg(long, visible_alias = "yes", value_name = "CALL", conflicts_with = "deny",
              value_parser = clap::builder::NonEmptyStringValueParser::new())]
        approve: Option<String>,
        /// Refuse the call, or the plan, that the run waits for
        #[arg(long)]
        deny: bool,
        /// A sub-question to look into instead of the plan that the run waits with; may be repeated
        #[arg(long = "plan", value_name = "QUESTION", conflicts_with = "deny",
              value_parser = clap::builder::NonEmptyStringValueParser::new())]
        plan: Vec<String>,
        #[command(flatten)]
        how: How,
    },
}

pub(crate) fn main(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::List { limit, json } => list(limit, json),
        Command::Show { id, json } => show(&RunId(id), json),
        Command::Resume { id, approve, deny, plan, how } => {
            let approval = match (plan.is_empty(), approve, deny) {
                (false, ..) => Some(Approval::Planned(plan)),
                (_, Some(mark), _) => Some(Approval::Marked(mark)),
                (.., true) => Some(Approval::Refused),
                _ => None,
            };
            let errand = open(how)?;
            let id = RunId(id);
            let resume = async |watch: &dyn Watch, person: Option<&dyn Person>| {
                errand.resume(&id, approval.clone(), watch, person).await
            };
            Ok(code(&watched(how, resume)?))
        }
    }
}

fn list(limit: u32, json: bool) -> anyhow::Result<ExitCode> {
    let errand = Errand::open()?;
    let rows = runtime()?.block_on(errand.runs(limit as usize))?;
    if rows.is_empty() && !json {
        eprint("no runs yet; `errand run FILE` makes one");
    }
    for row in rows {
        if json {
            print(&json!({
                "run": row.id, "agent": row.agent, "status": row.status.as_str(),
                "parent": row.id.parent(), "created_ms": row.created, "updated_ms": row.updated, "events": row.events,
            }));
        } else {
            let called = row.id.parent().map(|run| format!(", called by run {run}"));
            say(&format!(
                "{}  {:<12} {:>5} events  {}{}",
                row.id,
                row.status.as_str(),
                row.events,
                row.agent,
                called.unwrap_or_default()
            ));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn show(id: &RunId, json: bool) -> anyhow::Result<ExitCode> {
    let errand = Errand::open()?;
    let runtime = runtime()?;
    let children = runtime.block_on(errand.children(id))?;
    for (seq, event) in runtime.block_on(errand.events(id))?.iter().enumerate() {
        let value = serde_json::to_value(event)?;
        if json {
            print(&value);
        } else {
            say(&format!("{seq:>4}  {}", line(&value)));
        }
        if let (What::Acting { call, .. }, false) = (&event.what, json) {
            let name = id.child(call);
            let again = format!("{name}_r");
            for row in &children {
                if row.id == name || row.id.0.starts_with(&again) {
                    let status = row.status.as_str();
                    say(&format!(
                        "      run {}  {status}, {} events  {}",
                        row.id, row.events, row.agent
                    ));
                }
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// An event on one line: its type, then what it holds.
fn line(event: &serde_json::Value) -> String {
    let kind = event["type"].as_str().unwrap_or_default();
    let rest: Vec<String> = event
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, _)| !matches!(key.as_str(), "type" | "at"))
        .map(|(key, value)| head(&format!("{key}={value}"), 300).replace('\n', " "))
        .collect();
    format!("{kind:<9} {}", rest.join(" "))
}
