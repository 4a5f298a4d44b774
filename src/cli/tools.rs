//! `errand tools`: what an agent file can name.

use std::process::ExitCode;

use serde_json::json;

use super::json::print;
use super::live::say;

/// The subcommands of `errand tools`.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// List the built-in tools
    List {
        /// Print one JSON object a line, with the schemas of arguments and results
        #[arg(long)]
        json: bool,
    },
}

pub(crate) fn main(command: Command) -> anyhow::Result<ExitCode> {
    let Command::List { json } = command;
    for spec in tools::registry::known() {
        if json {
            print(&json!(spec));
        } else {
            say(&format!("{:<14} {}", spec.name, spec.description));
        }
    }
    Ok(ExitCode::SUCCESS)
}
