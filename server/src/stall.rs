//! A connection whose client has to read what it is sent: where it does not for too long, writing fails, and
//! the connection with what it holds is let go of.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// A connection that fails when its client does not read for too long.
pub(crate) struct Stall<S> {
    stream: S,
    most: Duration,
    timer: Pin<Box<Sleep>>,
    stalled: bool,
}

impl<S> Stall<S> {
    pub(crate) fn new(stream: S, most: Duration) -> Self {
        Self { stream, most, timer: Box::pin(sleep(most)), stalled: false }
    }

    fn watched<T>(
        &mut self,
        context: &mut Context<'_>,
        result: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if result.is_ready() {
            self.stalled = false;
            return result;
        }
        if !std::mem::replace(&mut self.stalled, true) {
            self.timer.as_mut().reset(Instant::now() + self.most);
        }
        match self.timer.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stall<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stall<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watched(context, result)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_flush(context);
        self.watched(context, result)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_shutdown(context);
        self.watched(context, result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn a_client_that_does_not_read_is_given_up() {
        let (mut client, server) = tokio::io::duplex(8);
        let mut stall = Stall::new(server, Duration::from_millis(30));
        stall.write_all(b"12345678").await.unwrap();
        // One that reads in time is not.
        let mut read = [0; 8];
        let (written, _) = tokio::join!(stall.write_all(b"abcdefgh"), client.read_exact(&mut read));
        written.unwrap();
        let error = stall.write_all(b"more").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
