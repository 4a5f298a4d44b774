//! How much a server may send that was not asked for. A client answers a request, and an answer that
//! its server does not read is kept: so a server that asks and does not read would fill this
//! process. Past these bounds nothing more of it is read, and it is stopped.
//!
//! What passes here is also known by its id: an error that names no request, as servers answer what they
//! could not make out, is the answer to the only one that waits for one.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rmcp::RoleClient;
use rmcp::model::{ClientRequest, JsonRpcMessage, RequestId, ServerResult};
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use tokio::sync::Notify;

use super::greeting;
use crate::plain::plain;

/// Requests of a server whose answers it has not taken.
const OWED: usize = 64;
/// Requests of ours that are remembered until they are answered.
const WAITING: usize = 64;
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
    /// The requests that wait for an answer.
    waiting: Mutex<Vec<RequestId>>,
    /// The handshake.
    greeting: OnceLock<RequestId>,
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

    /// Remembers a request that is sent.
    fn asked(&self, id: &RequestId) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.truncate(WAITING - 1);
        waiting.insert(0, id.clone());
    }

    /// Forgets the request that this answers, and says which one an error answers that names none.
    fn answered(&self, message: &mut RxJsonRpcMessage<RoleClient>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let JsonRpcMessage::Error(error) = message
            && error.id.as_ref().is_none_or(|id| !waiting.contains(id))
            && let [only] = &waiting[..]
        {
            error.id = Some(only.clone());
        }
        let id = match message {
            JsonRpcMessage::Response(response) => Some(&response.id),
            JsonRpcMessage::Error(error) => error.id.as_ref(),
            _ => None,
        };
        if let Some(id) = id {
            waiting.retain(|waits| waits != id);
        }
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
        if let JsonRpcMessage::Request(request) = &item {
            self.flow.asked(&request.id);
            if matches!(request.request, ClientRequest::InitializeRequest(_)) {
                let _first = self.flow.greeting.set(request.id.clone());
            }
        }
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
        let mut message = self.inner.receive().await?;
        self.flow.answered(&mut message);
        if let JsonRpcMessage::Response(response) = &mut message
            && self.flow.greeting.get() == Some(&response.id)
        {
            let said = std::mem::replace(&mut response.result, ServerResult::empty(()));
            response.result = greeting::whole(said);
        }
        let Some(over) = self.flow.past(&message) else { return Some(message) };
        let _first = self.flow.over.set(over);
        self.flow.stopped.notify_waiters();
        None
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.inner.close().await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::{Value, json};

    fn heard(flow: &Flow, message: Value) -> Value {
        let mut message = serde_json::from_value(message).unwrap();
        flow.answered(&mut message);
        serde_json::to_value(&message).unwrap()["id"].take()
    }

    #[test]
    fn an_error_that_names_no_request_answers_the_only_one_that_waits() {
        let error = |id: Value| json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32000, "message": "no"}});
        let flow = Flow::default();
        for id in [json!(null), json!("server-error"), json!(7)] {
            flow.asked(&RequestId::Number(7));
            assert_eq!(heard(&flow, error(id)), 7);
        }
        // With two of them it could be either.
        for id in [1, 2] {
            flow.asked(&RequestId::Number(id));
        }
        assert_eq!(heard(&flow, error(json!("server-error"))), "server-error");
        assert_eq!(heard(&flow, json!({"jsonrpc": "2.0", "id": 1, "result": {}})), 1);
        assert_eq!(heard(&flow, error(json!("server-error"))), 2);
    }
}
