//! Runs an agent file from a program of your own.
#![expect(clippy::print_stdout, reason = "an example prints")]

use errand::{Errand, run};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let params = [("question".to_string(), "Which river is the longest?".to_string())];
    let agent = Errand::open()?.load("examples/almanac/agent.toml".as_ref(), &params, None)?;
    let finished = run(agent).await?;
    println!("{}", finished.outcome.value);
    Ok(())
}
