//! The protocol over a pipe: one client, which started this program and is its user.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::http::StatusCode;
use rmcp::ServiceExt;
use rmcp::service::ServerInitializeError;
use rmcp::transport::async_rw::AsyncRwTransport;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::timeout;

use super::offered::Offered;
use super::unread::Unread;
use crate::error::ApiError;
use crate::shared::{Parts, Shared};

/// Serves the agents of these parts to the one who writes to `read`, as the first of their users, until it
/// ends or `stop` completes. A run that goes on then is interrupted: it can be resumed.
///
/// # Errors
/// There is no user, or the client does not begin as the protocol says.
pub async fn serve_pipe(
    read: impl AsyncRead + Send + Unpin + 'static,
    write: impl AsyncWrite + Send + Unpin + 'static,
    parts: Parts,
    stop: impl Future<Output = ()> + Send,
) -> Result<(), ApiError> {
    let broken =
        |message: String| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "protocol", message);
    let shared = Shared::new(parts);
    let account = shared.accounts.first().cloned();
    let account = account.ok_or_else(|| broken("there is no user".to_string()))?;
    let offered = Offered::new(&shared, &account, &Arc::new(()));
    let pipes = AsyncRwTransport::new(Ending { read, gone: offered.gone() }, write);
    let pipes = Unread::new(pipes.with_max_line_length(shared.limits.body));
    let serving = offered.clone().serve(pipes);
    tokio::pin!(stop);
    let running = tokio::select! {
        () = &mut stop => return Ok(()),
        running = serving => match running {
            Ok(running) => running,
            // It went before it had begun.
            Err(ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
            Err(error) => return Err(broken(format!("the client does not speak MCP: {error}"))),
        },
    };
    let over = running.cancellation_token();
    let waiting = running.waiting();
    tokio::pin!(waiting);
    tokio::select! {
        _ = &mut waiting => {}
        () = stop => {
            shared.stopping.send_replace(true);
            over.cancel();
            let _ = waiting.await;
        }
    }
    shared.active.drop_all();
    let _ = timeout(shared.limits.drain, shared.active.idle()).await;
    Ok(())
}

/// Notes that the client sends no more.
struct Ending<R> {
    read: R,
    gone: Arc<AtomicBool>,
}

impl<R: AsyncRead + Unpin> AsyncRead for Ending<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (before, room) = (buffer.filled().len(), buffer.remaining());
        let read = Pin::new(&mut self.read).poll_read(context, buffer);
        let ended = match &read {
            Poll::Ready(Ok(())) => room > 0 && buffer.filled().len() == before,
            Poll::Ready(Err(_)) => true,
            Poll::Pending => false,
        };
        if ended {
            self.gone.store(true, Ordering::Relaxed);
        }
        read
    }
}
