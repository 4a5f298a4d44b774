//! `errand tools list`: what there is.

use std::path::PathBuf;
use std::process::ExitCode;

use agent_core::tool::ToolSpec;
use serde_json::json;

use super::shown::plain;
use crate::cli::json::print;
use crate::cli::run::{How, open};
use crate::cli::terminal::say;

/// The arguments of `errand tools list`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// An agent file: list the tools of its components too
    #[arg(long, value_name = "FILE")]
    agent: Option<PathBuf>,
    /// Print one JSON object a line, with the schemas of arguments and results
    #[arg(long)]
    json: bool,
}

pub(crate) fn main(args: Args) -> anyhow::Result<ExitCode> {
    let show = |spec: &ToolSpec| match args.json {
        true => print(&json!(spec)),
        false => say(&format!("{:<14} {}", spec.name, plain(&spec.description))),
    };
    let agent = match &args.agent {
        Some(file) => {
            let errand = open(How { json: args.json, offline: true })?;
            Some(errand.check(file, &[])?.agent)
        }
        None => None,
    };
    tools::registry::known().iter().for_each(show);
    for pinned in agent.iter().flat_map(|agent| &agent.components) {
        pinned.specs().for_each(|spec| show(&spec));
    }
    Ok(ExitCode::SUCCESS)
}
