//! One request, one answer, never more bytes than a reply may have.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use http::header::{ACCEPT, LOCATION, RETRY_AFTER};
use serde_json::Value;

use super::retry::Failure;
use super::said::Said;
use http_client::reason;

/// How much of an error's text is kept.
const HEAD: usize = 16 << 10;
/// The most bytes of a list of models.
const LIST: usize = 4 << 20;
/// A list of models comes at once or is done without.
const PATIENCE: Duration = Duration::from_secs(5);

/// Sends requests to one server.
#[derive(Debug, Clone)]
pub(super) struct Wire {
    pub(super) client: reqwest::Client,
    /// What tells the server who asks, and the like.
    pub(super) headers: http::HeaderMap,
    /// The longest that it may be silent.
    pub(super) timeout: Duration,
}

/// The body of an answer.
pub(super) struct Body {
    bytes: BoxStream<'static, reqwest::Result<bytes::Bytes>>,
    left: usize,
    limit: usize,
    timeout: Duration,
}

impl Wire {
    /// Sends a request; the answer may have so many bytes.
    pub(super) async fn post(
        &self,
        address: &str,
        body: &Value,
        limit: usize,
    ) -> Result<Body, Failure> {
        let accepted =
            if body["stream"] == true { "text/event-stream" } else { "application/json" };
        let request = self
            .client
            .post(address)
            .headers(self.headers.clone())
            .header(ACCEPT, accepted)
            .json(body);
        let timeout = self.timeout;
        let response = request.send().await.map_err(|error| lost(&error, timeout))?;
        match response.status().is_success() {
            true => {
                Ok(Body { bytes: response.bytes_stream().boxed(), left: limit, limit, timeout })
            }
            false => Err(refusal(response).await),
        }
    }

    /// The JSON that lies at an address; none where there is none at once.
    pub(super) async fn get(&self, address: &str) -> Option<Value> {
        let request = self.client.get(address).headers(self.headers.clone()).timeout(PATIENCE);
        let response = request.send().await.ok().filter(|answer| answer.status().is_success())?;
        serde_json::from_slice(&beginning(response, LIST).await).ok()
    }
}

impl Body {
    /// The next bytes; none at the end.
    pub(super) async fn next(&mut self) -> Option<Result<bytes::Bytes, Failure>> {
        let bytes = match self.bytes.next().await? {
            Ok(bytes) => bytes,
            Err(error) => return Some(Err(lost(&error, self.timeout))),
        };
        self.left = match self.left.checked_sub(bytes.len()) {
            Some(left) => left,
            None => {
                let reason = format!("it has more than {} KiB, and was cut off", self.limit >> 10);
                return Some(Err(Failure::new(reason)));
            }
        };
        Some(Ok(bytes))
    }
}

/// No answer came, or no more of it. A server that was silent for the whole timeout is not asked to be
/// so again.
fn lost(error: &reqwest::Error, timeout: Duration) -> Failure {
    match error.is_timeout() && !error.is_connect() {
        true => {
            let seconds = timeout.as_secs_f64();
            Failure::new(format!("it was silent for {seconds} s, its `timeout`"))
        }
        false => Failure::new(reason(error)).again(),
    }
}

async fn refusal(response: reqwest::Response) -> Failure {
    let (status, wait) = (response.status(), retry_after(response.headers()));
    let location = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
    let location = location.map(str::to_string);
    let text = beginning(response, HEAD).await;
    let said = Said::of_text(&String::from_utf8_lossy(&text));
    Failure { location, ..Failure::refused(status, said, wait) }
}

async fn beginning(response: reqwest::Response, most: usize) -> Vec<u8> {
    let mut text = Vec::new();
    let mut body = response.bytes_stream();
    while let Some(Ok(bytes)) = body.next().await {
        text.extend(bytes);
        if text.len() > most {
            text.truncate(most);
            break;
        }
    }
    text
}

/// `retry-after` in seconds or, as OpenAI has it too, `retry-after-ms`. A date is not read: it
/// would need the server's clock to be right.
fn retry_after(headers: &http::HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok();
    let seconds =
        number("retry-after-ms").map(|ms| ms / 1000.0).or_else(|| number(RETRY_AFTER.as_str()))?;
    Duration::try_from_secs_f64(seconds).ok()
}
