//! The events of a run as a stream, written to a client of a socket: one JSON a line.
#![allow(clippy::print_stdout, missing_docs)]

use errand::{Agent, Errand};
use futures::StreamExt;
use tokio::io::{AsyncWrite, AsyncWriteExt};

pub async fn example(
    errand: &Errand,
    agent: Agent,
    mut socket: impl AsyncWrite + Unpin,
) -> anyhow::Result<()> {
    let mut run = errand.start(agent);
    while let Some((id, event)) = run.next().await {
        let line = serde_json::json!({ "run": id, "event": event });
        if socket.write_all(format!("{line}\n").as_bytes()).await.is_err() {
            // The client is gone: the journal has what happened, and a resume goes on.
            run.cancel();
        }
    }
    run.finished().await?;
    Ok(())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("connect to {}", listener.local_addr()?);
    let (socket, _) = listener.accept().await?;
    let errand = Errand::open()?;
    let params = [("question".to_string(), "Which river is the longest?".to_string())];
    let agent = errand.load("examples/almanac/agent.toml".as_ref(), &params, None)?;
    example(&errand, agent, socket).await
}
