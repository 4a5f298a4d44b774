//! An agent that is described in code instead of a file. It is checked as a file is.
#![allow(clippy::print_stdout, missing_docs)]

use errand::agent_file::{BudgetTable, PermissionsTable};
use errand::{AgentFile, Builder, Errand};

pub async fn example(errand: Builder, folder: &str) -> anyhow::Result<String> {
    let file = AgentFile {
        permissions: PermissionsTable { read: vec![".".into()], ..PermissionsTable::default() },
        budget: BudgetTable { steps: Some(8), ..BudgetTable::default() },
        ..AgentFile::new("reader", "Which river is the longest?")
    };
    let errand = errand.build()?;
    let agent = errand.agent(folder, &file.using(["files.search", "files.read"]), &[])?;
    let finished = errand.start(agent).finished().await?;
    Ok(finished.map(|run| run.outcome.value.to_string()).unwrap_or_default())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    println!("{}", example(Errand::builder(), "examples/almanac/docs").await?);
    Ok(())
}
