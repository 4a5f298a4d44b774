//! A server that is played: what it writes is given, and what that comes to is told. The client, its
//! transport and its bounds are the real ones; there is only no program. For tests and the fuzzer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use agent_core::event::RunId;
use agent_core::mcp::{Confinement, Network, Pinned, Program, Server, Transport};
use rmcp::service::ClientLifecycleMode;
use rmcp::transport::async_rw::AsyncRwTransport;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream};

use super::bounded::MESSAGE;
use super::connect::Failed;
use super::content::Promised;
use super::fault::Fault;
use super::mended::mended;
use super::{Client, McpError, Offered, asking};
use crate::process::Cells;

/// What a call came to: a result or, in words, why there is none.
pub type Called = Result<Value, String>;

/// What a server offers that answers each request with the next part of `said`, and what a call of its
/// first tool comes to, if it has one. Parts end at a zero byte; after the last one the server is gone.
///
/// # Errors
/// It cannot be understood.
pub async fn heard(said: &[u8], timeout: Duration) -> Result<(Offered, Option<Called>), McpError> {
    let (here, there) = tokio::io::duplex(64 << 10);
    let parts: Vec<Vec<u8>> = said.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect();
    let playing = tokio::spawn(play(there, parts));
    let ended = talk(here, timeout).await;
    playing.abort();
    ended
}

async fn talk(
    pipes: DuplexStream,
    timeout: Duration,
) -> Result<(Offered, Option<Called>), McpError> {
    let client = client(timeout);
    let (reader, writer) = tokio::io::split(pipes);
    let reader = mended(reader, Arc::default());
    let pipes = AsyncRwTransport::new(reader, writer).with_max_line_length(MESSAGE);
    let greeted = client.greeted(pipes, ClientLifecycleMode::Initialize).await;
    let live = greeted.map_err(|failed| match failed {
        Failed::Gone(reason) | Failed::Refused(reason) | Failed::Shut(_, reason) => {
            client.gone(reason)
        }
    })?;
    let offered = client.looked(&live).await?;
    let Some(tool) = offered.pinned.tools.first() else { return Ok((offered, None)) };
    let nothing = json!({});
    let called = asking::call(live.service(), &tool.name, &nothing, Promised::Structure);
    let called = match tokio::time::timeout(timeout, called).await {
        Ok(Ok(told)) => told,
        Ok(Err(error)) => Err(Fault::of_request(&error).said),
        Err(_) => Err("it does not answer".to_string()),
    };
    Ok((offered, Some(called.map(|given| given.value))))
}

fn client(timeout: Duration) -> Client {
    let program = Program {
        command: "played".to_string(),
        args: Vec::new(),
        env: BTreeMap::new(),
        root: "/".into(),
        read: Vec::new(),
        write: Vec::new(),
        network: Network::None,
        confinement: Confinement::Required,
    };
    let server = Server {
        transport: Transport::Stdio(program),
        timeout,
        from: None,
        entry: None,
        pinned: Pinned::default(),
    };
    let cells = Cells { confiner: None, kept: Arc::default() };
    Client::new("played", server, cells, RunId("r".to_string()))
}

/// Says the next part whenever it is asked for something.
async fn play(pipes: DuplexStream, parts: Vec<Vec<u8>>) {
    let (reader, mut writer) = tokio::io::split(pipes);
    let mut lines = BufReader::new(reader).lines();
    let mut parts = parts.into_iter();
    while let Ok(Some(line)) = lines.next_line().await {
        let asked: Value = serde_json::from_str(&line).unwrap_or_default();
        if asked["method"].is_null() || asked["id"].is_null() {
            continue;
        }
        let Some(part) = parts.next() else { return };
        if writer.write_all(&part).await.is_err() || writer.write_all(b"\n").await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(said: &[Value]) -> Result<(Offered, Option<Called>), McpError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let said: Vec<String> = said.iter().map(ToString::to_string).collect();
        runtime.block_on(heard(said.join("\0").as_bytes(), Duration::from_secs(5)))
    }

    fn greeting() -> Value {
        json!({"jsonrpc": "2.0", "id": 0, "result": {"protocolVersion": "2025-06-18",
            "capabilities": {"tools": {}}, "serverInfo": {"name": "odd", "version": "1"}}})
    }

    #[test]
    fn a_server_that_is_played_has_tools_and_a_result() {
        let tools = json!({"jsonrpc": "2.0", "id": 1, "result": {"tools": [
            {"name": "work", "inputSchema": {"type": "object"}}]}});
        let done = json!({"jsonrpc": "2.0", "id": 2, "result": {"content": [
            {"type": "text", "text": "done"}]}});
        let (offered, called) = told(&[greeting(), tools, done]).unwrap();
        assert_eq!(offered.pinned.tools[0].name, "work");
        assert_eq!(called, Some(Ok(json!("done"))));
    }

    #[test]
    fn a_server_that_ends_in_the_middle_is_gone() {
        assert!(matches!(told(&[greeting()]), Err(McpError::Gone { .. })));
        assert!(matches!(told(&[json!("what?")]), Err(McpError::Gone { .. })));
    }
}
