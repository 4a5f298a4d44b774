//! JSON-RPC 2.0, a message a line: what an editor sends, and what it is sent.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

/// The longest message, in bytes.
const LONGEST: u64 = 16 << 20;

/// The most bytes that wait for an editor that does not read, before nothing more of it is answered.
const UNREAD: usize = 1 << 20;

/// What came.
pub(super) enum Came {
    Request {
        id: Value,
        method: String,
        params: Value,
    },
    Notification {
        method: String,
        params: Value,
    },
    /// The answer to what was asked; `None` where it is an error.
    Response {
        id: u64,
        result: Option<Value>,
    },
}

/// Why a request has no result.
pub(super) struct Failed {
    code: i64,
    message: String,
}

impl Failed {
    pub(super) fn params(message: &str) -> Failed {
        Failed { code: -32602, message: message.to_string() }
    }

    pub(super) fn refused(message: &str) -> Failed {
        Failed { code: -32600, message: message.to_string() }
    }

    pub(super) fn broken(message: String) -> Failed {
        Failed { code: -32603, message }
    }

    pub(super) fn method(method: &str) -> Failed {
        let method: String = method.chars().take(100).collect();
        Failed { code: -32601, message: format!("there is no method `{method}`") }
    }

    fn unread() -> Failed {
        Failed { code: -32700, message: "this is no JSON-RPC message".to_string() }
    }
}

/// What an editor sends.
pub(super) struct Lines<R> {
    read: BufReader<R>,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(super) fn of(read: R) -> Self {
        Lines { read: BufReader::new(read) }
    }

    /// The next message; `None` once there are no more.
    pub(super) async fn next(&mut self) -> io::Result<Option<Result<Came, Failed>>> {
        loop {
            let mut line = Vec::new();
            let read = (&mut self.read).take(LONGEST).read_until(b'\n', &mut line).await?;
            if read == 0 {
                return Ok(None);
            }
            if read as u64 == LONGEST && !line.ends_with(b"\n") {
                return Err(io::Error::other("the editor sent a message that is too long"));
            }
            if !line.trim_ascii().is_empty() {
                return Ok(Some(came(&line)));
            }
        }
    }
}

fn came(line: &[u8]) -> Result<Came, Failed> {
    let mut message: Value = serde_json::from_slice(line).map_err(|_| Failed::unread())?;
    let params = message["params"].take();
    let id = message.get("id").cloned().filter(|id| !id.is_null());
    match (message["method"].as_str(), id) {
        (Some(method), Some(id)) => Ok(Came::Request { id, method: method.to_string(), params }),
        (Some(method), None) => Ok(Came::Notification { method: method.to_string(), params }),
        (None, Some(id)) => {
            let id = id.as_u64().ok_or_else(Failed::unread)?;
            Ok(Came::Response { id, result: message.get("result").cloned() })
        }
        (None, None) => Err(Failed::unread()),
    }
}

/// What is sent to an editor. Clones are the same.
#[derive(Clone)]
pub(super) struct Peer(Arc<Inner>);

struct Inner {
    lines: mpsc::UnboundedSender<String>,
    /// Bytes that were not written yet.
    unread: watch::Sender<usize>,
    asked: AtomicU64,
    waiting: Mutex<HashMap<u64, oneshot::Sender<Option<Value>>>>,
}

impl Peer {
    /// With what writes the lines, one after the other.
    pub(super) fn to(
        mut write: impl AsyncWrite + Send + Unpin + 'static,
    ) -> (Peer, JoinHandle<()>) {
        let (lines, mut written) = mpsc::unbounded_channel::<String>();
        let unread = watch::Sender::new(0_usize);
        let left = unread.clone();
        let writing = tokio::spawn(async move {
            while let Some(line) = written.recv().await {
                let sent = async {
                    write.write_all(line.as_bytes()).await?;
                    write.flush().await
                };
                // The editor is gone; reading ends as well.
                if sent.await.is_err() {
                    written.close();
                    left.send_replace(0);
                    return;
                }
                left.send_modify(|bytes| *bytes = bytes.saturating_sub(line.len()));
            }
        });
        let inner = Inner { lines, unread, asked: AtomicU64::new(0), waiting: Mutex::default() };
        (Peer(Arc::new(inner)), writing)
    }

    fn send(&self, message: &Value) {
        let line = format!("{message}\n");
        let bytes = line.len();
        // Before it can be written.
        self.0.unread.send_modify(|unread| *unread = unread.saturating_add(bytes));
        // An error says that the editor is gone: nothing waits for it.
        if self.0.lines.send(line).is_err() {
            self.0.unread.send_replace(0);
        }
    }

    /// Waits until the editor has read most of what it was sent.
    pub(super) async fn read(&self) {
        let mut unread = self.0.unread.subscribe();
        // It is never closed: this value has the sender.
        let _ = unread.wait_for(|unread| *unread < UNREAD).await;
    }

    pub(super) fn answer(&self, id: &Value, answer: Result<Value, Failed>) {
        self.send(&match answer {
            Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
            Err(Failed { code, message }) => json!({
                "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message },
            }),
        });
    }

    pub(super) fn notify(&self, method: &str, params: &Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// What the editor answers; `None` where that is an error, or nothing.
    pub(super) async fn ask(&self, method: &str, params: &Value) -> Option<Value> {
        let id = self.0.asked.fetch_add(1, Ordering::Relaxed);
        let (tell, told) = oneshot::channel();
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(id, tell);
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        told.await.ok()?
    }

    /// An answer came.
    pub(super) fn came(&self, id: u64, result: Option<Value>) {
        let waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        if let Some(tell) = waiting {
            let _ = tell.send(result);
        }
    }
}
