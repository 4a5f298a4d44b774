//! What lies between async-openai and the network: one request, one answer, never more bytes than
//! a reply may have. Retries are not its business, and async-openai's own are not used.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use crate::reason::reason;
use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use futures::StreamExt;
use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};

/// How much of an error's text is kept.
const HEAD: usize = 2048;

/// Sends requests for async-openai.
#[derive(Debug, Clone)]
pub(super) struct Wire {
    pub(super) client: reqwest::Client,
    pub(super) key: Option<http::HeaderValue>,
    /// The most bytes an answer may have.
    pub(super) limit: usize,
    /// Why the stream broke: what comes through async-openai no longer says.
    pub(super) broke: Arc<OnceLock<Broke>>,
}

/// Why a stream broke.
#[derive(Debug)]
pub(super) enum Broke {
    /// More bytes than the limit.
    TooLong(String),
    /// No byte for too long.
    Silent(String),
    /// The connection.
    Lost(String),
}

/// An answer that is no stream of a reply.
#[derive(Debug, thiserror::Error)]
#[error("{status}: {text}")]
pub(super) struct Refusal {
    pub(super) status: http::StatusCode,
    /// What the server asked to wait.
    pub(super) retry_after: Option<Duration>,
    /// The beginning of what it said.
    pub(super) text: String,
}

impl tower_service::Service<HttpRequestFactory> for Wire {
    type Response = reqwest::Response;
    type Error = OpenAIError;
    type Future = Pin<Box<dyn Future<Output = Result<reqwest::Response, OpenAIError>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), OpenAIError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: HttpRequestFactory) -> Self::Future {
        let wire = self.clone();
        Box::pin(async move {
            let mut request = request.build().await?;
            request.headers_mut().remove(AUTHORIZATION);
            if let Some(key) = &wire.key {
                request.headers_mut().insert(AUTHORIZATION, key.clone());
            }
            let response = wire.client.execute(request).await?;
            let kind = response.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
            let kind = kind.unwrap_or_default().to_lowercase();
            let other = ["application/json", "text/html"].iter().any(|t| kind.starts_with(t));
            match response.status().is_success() && !other {
                true => Ok(wire.limited(response)),
                false => Err(OpenAIError::Boxed(Box::new(refusal(response).await))),
            }
        })
    }
}

impl Wire {
    /// The same response, with a body that fails when it grows too long.
    fn limited(self, response: reqwest::Response) -> reqwest::Response {
        let (status, headers) = (response.status(), response.headers().clone());
        let (limit, mut seen) = (self.limit, 0);
        let body = response.bytes_stream().map(move |bytes| {
            let broke = match bytes {
                Ok(bytes) => {
                    seen += bytes.len();
                    if seen <= limit {
                        return Ok(bytes);
                    }
                    let size = limit >> 10;
                    Broke::TooLong(format!("it has more than {size} KiB, and was cut off"))
                }
                Err(error) if error.is_timeout() => Broke::Silent(reason(&error)),
                Err(error) => Broke::Lost(reason(&error)),
            };
            // Only the first reason counts.
            let _ = self.broke.set(broke);
            Err(std::io::Error::other("the stream broke"))
        });
        let mut response = http::Response::new(reqwest::Body::wrap_stream(body));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response.into()
    }
}

async fn refusal(response: reqwest::Response) -> Refusal {
    let status = response.status();
    let retry_after = retry_after(response.headers());
    let mut text = Vec::new();
    let mut body = response.bytes_stream();
    while let Some(Ok(bytes)) = body.next().await {
        text.extend(bytes);
        if text.len() > HEAD {
            text.truncate(HEAD);
            break;
        }
    }
    Refusal { status, retry_after, text: String::from_utf8_lossy(&text).into_owned() }
}

/// `retry-after` in seconds or, as OpenAI has it too, `retry-after-ms`. A date is not read: it
/// would need the server's clock to be right.
fn retry_after(headers: &http::HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok();
    let seconds =
        number("retry-after-ms").map(|ms| ms / 1000.0).or_else(|| number(RETRY_AFTER.as_str()))?;
    Duration::try_from_secs_f64(seconds).ok()
}
