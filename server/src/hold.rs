//! A body that holds something for as long as it is being sent: a slot that is free again when the client has
//! all of it, or is gone.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use bytes::Bytes;

/// A body, and what is let go of with it.
pub(crate) struct Hold<T> {
    body: Body,
    _held: T,
}

impl<T: Send + Unpin + 'static> Hold<T> {
    pub(crate) fn on(body: Body, held: T) -> Body {
        Body::new(Hold { body, _held: held })
    }
}

impl<T: Unpin> HttpBody for Hold<T> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}
