//! What a client has left unread, bounded: past it nothing more of it is read until it has taken some. So a
//! client that asks and takes no answer waits, and does not fill this process.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rmcp::RoleServer;
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use tokio::sync::Notify;

/// Messages on their way to a client at once.
const MOST: usize = 64;

/// A connection whose client is read only while it reads.
pub(super) struct Unread<T> {
    inner: T,
    sent: Arc<Sent>,
}

/// What is on its way.
#[derive(Default)]
struct Sent {
    count: AtomicUsize,
    taken: Notify,
}

/// One message on its way, until it was written or given up.
struct OnItsWay(Arc<Sent>);

impl OnItsWay {
    fn new(sent: &Arc<Sent>) -> OnItsWay {
        sent.count.fetch_add(1, Ordering::SeqCst);
        OnItsWay(sent.clone())
    }
}

impl Drop for OnItsWay {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::SeqCst);
        self.0.taken.notify_waiters();
    }
}

impl<T> Unread<T> {
    pub(super) fn new(inner: T) -> Unread<T> {
        Unread { inner, sent: Arc::default() }
    }
}

impl<T: Transport<RoleServer>> Transport<RoleServer> for Unread<T> {
    type Error = T::Error;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        let (sent, one) = (self.inner.send(item), OnItsWay::new(&self.sent));
        async move {
            let _one = one;
            sent.await
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        loop {
            // Made first: what is taken from here on wakes it.
            let taken = self.sent.taken.notified();
            if self.sent.count.load(Ordering::SeqCst) < MOST {
                break;
            }
            taken.await;
        }
        self.inner.receive().await
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.inner.close().await
    }
}
