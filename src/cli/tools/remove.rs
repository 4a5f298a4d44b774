//! `errand tools remove`: an agent does without a component from now on.

use std::fs;
use std::process::ExitCode;

use serde_json::json;

use super::agent::{Files, Which};
use crate::cli::json::print;
use crate::cli::run::{How, open};
use crate::cli::terminal::say;

/// The arguments of `errand tools remove`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The component
    name: String,
    #[command(flatten)]
    which: Which,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn main(args: Args) -> anyhow::Result<ExitCode> {
    let files = Files::read(&args.which)?;
    let at = files.component(&args.name)?;
    let errand = open(How { json: args.json, offline: true })?;
    let text = tools::edit::remove(&files.text, &args.name)?;
    let mut lock = files.lock.clone();
    let locked = lock.components.remove(&args.name);
    files.replace(&errand, &text, &lock, None)?;
    // What `add` fetched is its own to remove; a file that the user made is not.
    let fetched = locked.is_some_and(|locked| locked.source.contains("://"));
    if fetched && at == files.folder.join(format!("tools/{}.wasm", args.name)) {
        fs::remove_file(&at)?;
    }
    match args.json {
        true => print(&json!({ "component": args.name, "removed": true })),
        false => say(&format!("removed {} from {}", args.name, files.file.display())),
    }
    Ok(ExitCode::SUCCESS)
}
