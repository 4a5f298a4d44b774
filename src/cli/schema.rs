//! `errand schema`: every key of an agent file, for people and for editors.

use std::process::ExitCode;

use agent_file::AgentFile;
use errand::STRATEGIES;

use super::terminal::say;

pub(crate) fn main() -> anyhow::Result<ExitCode> {
    say(&format!("{:#}", AgentFile::schema(Some(&STRATEGIES))));
    Ok(ExitCode::SUCCESS)
}
