//! The DevTools protocol over two pipes: JSON, each message with a NUL at its end.

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{ChildStdin, ChildStdout};

/// Bytes of one message. The largest is the page in the end.
const MOST: usize = 64 << 20;

pub(super) struct Pipe {
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    /// The message that is coming in.
    read: Vec<u8>,
    sent: u64,
    session: Option<String>,
}

/// The browser went away, or does not speak the protocol.
pub(super) struct Gone;

impl Pipe {
    pub(super) fn new(to: ChildStdin, from: ChildStdout) -> Pipe {
        Pipe { to, from: BufReader::new(from), read: Vec::new(), sent: 0, session: None }
    }

    /// What is sent from now on is for this page.
    pub(super) fn attach(&mut self, session: String) {
        self.session = Some(session);
    }

    /// Sends a command, and gives the number that its answer will have.
    pub(super) async fn send(&mut self, method: &str, params: Value) -> Result<u64, Gone> {
        self.sent += 1;
        let mut message = json!({ "id": self.sent, "method": method, "params": params });
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let message = format!("{message}\0");
        self.to.write_all(message.as_bytes()).await.map_err(|_| Gone)?;
        Ok(self.sent)
    }

    /// Sends a command and waits for its answer; what happens meanwhile is dropped.
    pub(super) async fn ask(&mut self, method: &str, params: Value) -> Result<Value, Gone> {
        let id = self.send(method, params).await?;
        loop {
            let mut message = self.next().await?;
            if message["id"] == json!(id) {
                return Ok(message["result"].take());
            }
        }
    }

    /// The next message. Dropped while it waits, it loses nothing.
    pub(super) async fn next(&mut self) -> Result<Value, Gone> {
        loop {
            let part = self.from.fill_buf().await.map_err(|_| Gone)?;
            if part.is_empty() {
                return Err(Gone);
            }
            let end = part.iter().position(|byte| *byte == 0);
            let taken = &part[..end.unwrap_or(part.len())];
            if self.read.len() + taken.len() > MOST {
                return Err(Gone);
            }
            self.read.extend_from_slice(taken);
            let used = taken.len() + usize::from(end.is_some());
            self.from.consume(used);
            if end.is_some() {
                let message = serde_json::from_slice(&self.read).map_err(|_| Gone);
                self.read.clear();
                return message;
            }
        }
    }
}
