//! The end of what a guest wrote to stderr: enough to tell why it stopped, however much it wrote.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

const KEPT: usize = 2048;
const AT_ONCE: usize = 64 << 10;

/// A stream that takes everything and keeps the last of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Said {
    last: Arc<Mutex<VecDeque<u8>>>,
}

impl Said {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(self.last().make_contiguous()).into_owned()
    }

    fn take(&self, bytes: &[u8]) {
        let mut last = self.last();
        let new = &bytes[bytes.len().saturating_sub(KEPT)..];
        let stale = (last.len() + new.len()).saturating_sub(KEPT);
        last.drain(..stale);
        last.extend(new);
    }

    fn last(&self) -> MutexGuard<'_, VecDeque<u8>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl IsTerminal for Said {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Said {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait::async_trait]
impl Pollable for Said {
    async fn ready(&mut self) {}
}

impl OutputStream for Said {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.take(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(AT_ONCE)
    }
}

impl AsyncWrite for Said {
    fn poll_write(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.take(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_leaves_its_end() {
        let said = Said::default();
        for _ in 0..1000 {
            said.take(&[b'x'; 5000]);
        }
        said.take(b"panicked at the end");
        let text = said.text();
        assert_eq!(text.len(), KEPT);
        assert!(text.ends_with("xpanicked at the end"));
    }
}
