//! `errand runs`: what has been run, going on with what was interrupted, and removing what is old.

mod audit;
mod list;
mod prune;
mod show;

use std::path::PathBuf;
use std::process::ExitCode;

use agent_core::drive::{Person, Watch};
use errand::Approval;

use super::run::{Shown, code, given, runtime};
use super::terminal::Usage;

/// The subcommands of `errand runs`.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// List the latest runs: how each stands, when it began, what it took and was about
    List(list::Args),
    /// Show every event of a run
    Show {
        /// The run: its name, a beginning of it that no other run has, or `latest`
        id: String,
        /// Print one JSON object a line: the events as the journal holds them
        #[arg(long)]
        json: bool,
    },
    /// Go on with a run that was interrupted, or that waits for an approval or an answer
    Resume {
        /// The run: its name, a beginning of it that no other run has, or `latest`
        id: String,
        /// Allow the call, or the plan, that the run waits for, as it was named when it was shown
        #[arg(long, visible_alias = "yes", value_name = "CALL", conflicts_with = "deny",
              num_args = 0..=1, default_missing_value = "")]
        approve: Option<String>,
        /// Refuse the call, or the plan, that the run waits for
        #[arg(long)]
        deny: bool,
        /// The answer to the question that the run waits with: a choice by its text or its number
        #[arg(long = "answer", value_name = "TEXT", conflicts_with_all = ["approve", "deny", "plan"],
              value_parser = clap::builder::NonEmptyStringValueParser::new())]
        said: Option<String>,
        /// A sub-question to look into instead of the plan that the run waits with; may be repeated
        #[arg(long = "plan", value_name = "QUESTION", conflicts_with = "deny",
              value_parser = clap::builder::NonEmptyStringValueParser::new())]
        plan: Vec<String>,
        /// Another model from here on: a catalog name, a path, or the endpoint's id
        #[arg(long, value_name = "NAME")]
        model: Option<String>,
        #[command(flatten)]
        shown: Shown,
    },
    /// Go through a run again that is over, without a model or a tool; or from an event on, as another run
    Replay(audit::Replay),
    /// Find out whether a run's journal is what was written
    Verify(audit::Verify),
    /// Write a run into a file, with those of the agents that it called
    Export {
        /// The run: its name, a beginning of it that no other run has, or `latest`
        id: String,
        /// The file, which must not be there yet
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Take in a run that `export` wrote, to be looked at
    Import {
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Remove runs for good, with those of the agents that they called
    Prune(prune::Args),
}

pub(crate) fn main(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::List(args) => list::main(args),
        Command::Show { id, json } => show::main(&id, json),
        Command::Prune(args) => prune::main(args),
        Command::Replay(args) => audit::replay(&args),
        Command::Verify(args) => audit::verify(&args),
        Command::Export { id, file } => audit::export(&id, &file),
        Command::Import { file } => audit::import(&file),
        Command::Resume { id, approve, deny, said, plan, model, shown } => {
            shown.answer.check()?;
            if approve.as_deref() == Some("") {
                return Err(unnamed(&id).into());
            }
            let approval = match (said, plan.is_empty(), approve, deny) {
                (Some(words), ..) => Some(Approval::Said(words)),
                (_, false, ..) => Some(Approval::Revised(plan)),
                (_, _, Some(mark), _) => Some(Approval::Marked(mark)),
                (.., true) => Some(Approval::Refused),
                _ => None,
            };
            let errand = shown.open()?;
            let id = runtime()?.block_on(errand.find(&id))?;
            let resume = async |watch: &dyn Watch, person: Option<&dyn Person>| {
                errand.resume(&id, approval.clone(), model.as_deref(), watch, person).await
            };
            Ok(code(&given(&shown, resume)?))
        }
    }
}

/// A yes is to one call that a person was shown, and not to whatever waits.
fn unnamed(id: &str) -> Usage {
    Usage(format!(
        "`--approve` takes the name of the call or plan that is approved, such as `c1-827ccfc89ade`\n\
         hint: `errand runs resume {id}` shows what waits, and its name"
    ))
}
