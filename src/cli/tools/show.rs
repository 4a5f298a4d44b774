//! `errand tools show`: a component as it was agreed to, or one tool with its schemas.

use std::process::ExitCode;

use agent_core::component::Locked;
use serde_json::json;

use super::agent::Which;
use super::shown;
use crate::cli::json::print;
use crate::cli::run::{How, open};
use crate::cli::terminal::{Usage, say};

/// The arguments of `errand tools show`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A component (`weather`) or a tool (`weather.forecast`, `files.read`)
    name: String,
    #[command(flatten)]
    which: Which,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn main(args: Args) -> anyhow::Result<ExitCode> {
    if let Some(spec) = tools::registry::known().iter().find(|spec| spec.name == args.name) {
        tool(spec, args.json);
        return Ok(ExitCode::SUCCESS);
    }
    let errand = open(How { json: args.json, offline: true })?;
    let agent = errand.check(&args.which.file, &[])?.agent;
    for pinned in &agent.components {
        if pinned.name == args.name {
            let scope = agent.grants.scopes.get(&pinned.name);
            if args.json {
                print(&json!({ "component": pinned, "scope": scope }));
                return Ok(ExitCode::SUCCESS);
            }
            let locked = Locked {
                source: agent_core::path::display(&agent.root, &pinned.file),
                sha256: pinned.sha256.clone(),
                manifest: pinned.manifest.clone(),
            };
            say(&shown::component(&args.name, &locked, Some((&agent.grants, &agent.secrets))));
            return Ok(ExitCode::SUCCESS);
        }
        if let Some(spec) = pinned.specs().find(|spec| spec.name == args.name) {
            tool(&spec, args.json);
            return Ok(ExitCode::SUCCESS);
        }
    }
    let hint = format!("`errand tools list --agent {}` names them", args.which.file.display());
    Err(Usage(format!("there is no tool and no component `{}`\nhint: {hint}", args.name)).into())
}

fn tool(spec: &agent_core::tool::ToolSpec, json: bool) {
    if json {
        return print(&json!(spec));
    }
    let (about, effect) = (shown::plain(&spec.description), shown::effect(spec.effect));
    say(&format!(
        "{}  {effect}\n  {about}\narguments {:#}\nresult {:#}",
        spec.name, spec.input, spec.output
    ));
}
