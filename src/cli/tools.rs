//! `errand tools`: what an agent file can name.

mod build;
mod new;

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
    /// Begin a tool of your own: a project that builds, with a test
    New(new::Args),
    /// Build the component of a tool's project
    Build(build::Args),
}

pub(crate) fn main(command: Command) -> anyhow::Result<ExitCode> {
    let json = match command {
        Command::List { json } => json,
        Command::New(args) => return new::main(args),
        Command::Build(args) => return build::main(args),
    };
    for spec in tools::registry::known() {
        if json {
            print(&json!(spec));
        } else {
            say(&format!("{:<14} {}", spec.name, spec.description));
        }
    }
    Ok(ExitCode::SUCCESS)
}
