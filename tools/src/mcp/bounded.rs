//! How much a server may send that was not asked for. A client answers a request, and an answer that
//! its server does not read is kept: so a server that asks and does not read would fill this
//! process. Past these bounds nothing more of it is read, and it is stopped.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rmcp::RoleClient;
use rmcp::model::{JsonRpcMessage, RequestId};
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use tokio::sync::Notify;

use crate::plain::plain;

/// Requests of a server whose answers it has not taken.
const OWED: usize = 64;
/// Notifications since it last answered.
const TOLD: usize = 100_000;
/// The longest id of a request of its own, in bytes: it is kept until the answer is taken.
const ID: usize = 256;

/// How much of a line that is no message is shown, in letters.
const SHOWN: usize = 80;

/// The longest message, in bytes.
pub(super) const MESSAGE: usize = 4 << 20;

/// What a server has sent of itself.
#[derive(Default)]
pub(super) struct Flow {
    owed: AtomicUsize,
    told: AtomicUsize,
    over: OnceLock<String>,
    stopped: Notify,
    /// The beginning of the last line that is no message.
    odd: Mutex<Option<String>>,
}

impl Flow {
    /// Which bound it went past, if it did.
    pub(super) fn over(&self) -> Option<&str> {
        self.over.get().map(String::as_str)
    }

    /// Waits until it goes past one.
    pub(super) async fn stopped(&self) -> &str {
        loop {
            let stopped = self.stopped.notified();
            if let Some(over) = self.over() {
                return over;
            }
            stopped.await;
        }
    }

    /// Remembers a line that is no message.
    pub(super) fn garbled(&self, line: &[u8]) {
        let line = &line[..line.len().min(4 * SHOWN)];
        let line = plain(String::from_utf8_lossy(line).trim(), SHOWN);
        *self.odd.lock().unwrap_or_else(PoisonError::into_inner) = Some(line);
    }

    /// The last line that was no message, since this was asked last.
    pub(super) fn odd(&self) -> Option<String> {
        self.odd.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Which bound this message goes past.
    fn past(&self, message: &RxJsonRpcMessage<RoleClient>) -> Option<String> {
        match message {
            JsonRpcMessage::Request(request) => {
                if matches!(&request.id, RequestId::String(id) if id.len() > ID) {
                    return Some(format!("it sent a request whose id is longer than {ID} bytes"));
                }
                (self.owed.fetch_add(1, Ordering::Relaxed) >= OWED)
                    .then(|| format!("it sent requests and left {OWED} answers unread"))
            }
            JsonRpcMessage::Notification(_) => (self.told.fetch_add(1, Ordering::Relaxed) >= TOLD)
                .then(|| format!("it sent {TOLD} notifications and no answer")),
            _ => {
                self.told.store(0, Ordering::Relaxed);
                None
            }
        }
    }
}

/// A connection within these bounds.
pub(super) struct Bounded<T> {
    inner: T,
    flow: Arc<Flow>,
}

impl<T> Bounded<T> {
    pub(super) fn new(inner: T, flow: Arc<Flow>) -> Self {
        Self { inner, flow }
    }
}

impl<T: Transport<RoleClient>> Transport<RoleClient> for Bounded<T> {
    type Error = T::Error;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        let answers = matches!(item, JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_));
        let (sent, flow) = (self.inner.send(item), self.flow.clone());
        async move {
            let sent = sent.await;
            if answers {
                flow.owed.fetch_sub(1, Ordering::Relaxed);
            }
            sent
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        let message = self.inner.receive().await?;
        let Some(over) = self.flow.past(&message) else { return Some(message) };
        let _first = self.flow.over.set(over);
        self.flow.stopped.notify_waiters();
        None
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.inner.close().await
    }
}
