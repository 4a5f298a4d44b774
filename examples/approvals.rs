//! Approvals in code: an implementation of [`Person`] answers what the policy leaves to a person.
#![allow(clippy::print_stdout, missing_docs)]

use errand::agent_file::PermissionsTable;
use errand::{Action, AgentFile, Approval, Builder, Errand, Person, RunId};

/// Allows what writes below `out/`, and nothing else.
struct Rule;

#[async_trait::async_trait]
impl Person for Rule {
    async fn approve(&self, _: &RunId, action: &Action, reasons: &[String]) -> Option<Approval> {
        println!("{} {} ({})", action.tool, action.arguments, reasons.join("; "));
        let path = action.arguments["path"].as_str().unwrap_or_default();
        Some(match path.starts_with("out/") {
            true => Approval::Granted,
            false => Approval::Refused,
        })
    }
}

pub async fn example(errand: Builder, folder: &str) -> anyhow::Result<String> {
    let write = "files.write".to_string();
    let file = AgentFile {
        permissions: PermissionsTable {
            write: vec![".".into()],
            ask: vec![write.clone()],
            ..PermissionsTable::default()
        },
        ..AgentFile::new("writer", "Write `hello` into the file out/hello.txt.")
    };
    let errand = errand.approver(Rule).build()?;
    let agent = errand.agent(folder, &file.using([write]), &[])?;
    let finished = errand.start(agent).finished().await?;
    Ok(finished.map(|run| run.outcome.value.to_string()).unwrap_or_default())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    println!("{}", example(Errand::builder(), &folder.path().to_string_lossy()).await?);
    Ok(())
}
