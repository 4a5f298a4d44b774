//! `errand tools call`: one call, under an agent's grants, through everything that a run's calls go
//! through but the model.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use agent_core::action::Action;
use agent_core::agent::Agent;
use agent_core::drive::{Person, Unseen, Watch};
use agent_core::event::{Event, RunId, Status};
use agent_core::message::ToolCall;
use agent_core::run::Run;
use agent_core::sandbox::Remark;
use serde_json::{Value, json};

use super::agent::{Which, alone};
use crate::cli::json::print;
use crate::cli::run::{How, open, runtime};
use crate::cli::terminal::{Live, Usage, data, eprint};

/// The arguments of `errand tools call`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A tool that the agent uses: `weather.forecast`; with `--component`, one of its own: `forecast`
    name: String,
    /// Its arguments, a JSON object
    #[arg(default_value = "{}")]
    arguments: String,
    #[command(flatten)]
    which: Which,
    /// A component that no agent has: it is granted nothing
    #[arg(long, value_name = "FILE", conflicts_with = "file")]
    component: Option<PathBuf>,
    /// Print one JSON object: status, result, text, origins, cost
    #[arg(long)]
    json: bool,
}

pub(crate) fn main(args: Args) -> anyhow::Result<ExitCode> {
    let arguments = match serde_json::from_str(&args.arguments) {
        Ok(arguments @ Value::Object(_)) => arguments,
        Ok(_) => {
            return Err(Usage(
                "the arguments must be a JSON object\nhint: write `{\"town\": \"Porto\"}`".into(),
            )
            .into());
        }
        Err(error) => {
            return Err(Usage(format!(
                "the arguments are not JSON: {error}\nhint: put them in single quotation marks"
            ))
            .into());
        }
    };
    let errand = open(How { json: args.json, offline: false })?;
    let (agent, name) = match &args.component {
        None => (errand.check(&args.which.file, &[])?.agent, args.name),
        Some(file) => {
            let (name, agent) = alone(&errand, file)?;
            (agent, format!("{name}.{}", args.name))
        }
    };
    used(&agent, &name)?;
    let call = ToolCall { id: "1".to_string(), name, arguments };
    let live = Live::new();
    let asks = !args.json && std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    let person: Option<&dyn Person> = if asks { Some(&live) } else { None };
    let said = Said(&live);
    let watch: &dyn Watch = if args.json { &Unseen } else { &said };
    let observation = runtime()?
        .block_on(async { errand.caller(agent).await?.call(&call, watch, person).await })?;
    live.clear();
    if args.json {
        print(&json!(observation));
    } else if observation.status == Status::Ok {
        data(&observation.text);
    } else {
        eprint(&format!("error: {}", observation.text));
    }
    Ok(match observation.status {
        Status::Ok => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

/// A tool that the agent does not use does not exist.
pub(super) fn used(agent: &Agent, name: &str) -> Result<(), Usage> {
    if agent.tools.iter().any(|tool| tool == name) {
        return Ok(());
    }
    let tools = agent.tools.join(", ");
    Err(Usage(match agent.tools.is_empty() {
        true => {
            format!("the agent does not use `{name}`\nhint: `[tools] use` in its file is empty")
        }
        false => {
            format!(
                "the agent does not use `{name}`\nhint: `[tools] use` in its file names: {tools}"
            )
        }
    }))
}

/// Shows what a tool says while it works, and nothing else.
struct Said<'a>(&'a Live);

impl Watch for Said<'_> {
    fn event(&self, _event: &Event, _run: &Run) {}

    fn emit(&self, run: &RunId, call: &Action, remark: &Remark) {
        self.0.emit(run, call, remark);
    }
}
