//! What failed, whether it may be tried again, and when.

use std::time::Duration;

use async_openai::error::OpenAIError;
use rand::Rng;
use serde_json::Value;

use super::reply::Draft;
use super::wire::{Broke, Refusal};
use crate::reason::reason;

/// The longest wait of our own making.
const LONGEST_BACKOFF: Duration = Duration::from_secs(20);
/// A server that asks for more than this is as good as gone.
const LONGEST_ASKED: Duration = Duration::from_secs(60);
/// How much of a server's words are repeated.
const WORDS: usize = 300;

/// One request that failed.
#[derive(Debug)]
pub(super) struct Failure {
    /// A sentence.
    pub(super) reason: String,
    /// Whether some of the reply has been shown.
    pub(super) begun: bool,
    /// The prompt's tokens and what the model holds, if that is what is wrong.
    pub(super) too_long: Option<(u64, u64)>,
    again: bool,
    wait: Option<Duration>,
}

impl Failure {
    /// Trying again is of no use.
    pub(super) fn new(reason: String) -> Self {
        Self { reason, begun: false, too_long: None, again: false, wait: None }
    }

    /// Trying again may help.
    pub(super) fn again(self) -> Self {
        Self { again: true, ..self }
    }

    /// Some of the reply has been shown.
    pub(super) fn begun(self) -> Self {
        Self { begun: true, ..self }
    }

    /// It failed at this point of the reply.
    pub(super) fn after(self, draft: &Draft) -> Self {
        match draft.begun() {
            true => {
                let reason = format!("the reply broke off: {}", self.reason);
                Self { reason, begun: true, ..self }
            }
            false => self,
        }
    }
}

impl From<&Broke> for Failure {
    fn from(broke: &Broke) -> Self {
        match broke {
            Broke::TooLong(reason) | Broke::Silent(reason) => Self::new(reason.clone()),
            Broke::Lost(reason) => Self::new(reason.clone()).again(),
        }
    }
}

impl From<OpenAIError> for Failure {
    fn from(error: OpenAIError) -> Self {
        match error {
            OpenAIError::Boxed(error) => match error.downcast::<Refusal>() {
                Ok(refusal) => Self::from(*refusal),
                Err(error) => Self::new(error.to_string()),
            },
            OpenAIError::Reqwest(error) => {
                // A server that was silent for the whole timeout is not asked to be so again.
                let again = error.is_connect() || !error.is_timeout();
                let failure = Self::new(reason(&error));
                if again { failure.again() } else { failure }
            }
            OpenAIError::JSONDeserialize(error, content) => {
                Self::new(format!("it sent `{}`, which is no reply: {error}", words(&content)))
            }
            OpenAIError::StreamError(error) => Self::new(error.to_string()).again(),
            other => Self::new(other.to_string()),
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let status = refusal.status;
        let body: Value = serde_json::from_str(&refusal.text).unwrap_or_default();
        let error = body.get("error").unwrap_or(&body);
        let said = error.get("message").or(Some(error)).and_then(Value::as_str);
        let said = words(said.unwrap_or(&refusal.text));
        let reason = match (status.is_success(), said.is_empty()) {
            (true, _) => format!("it answered `{said}` where a stream of a reply was expected"),
            (false, true) => format!("the server answered {status}"),
            (false, false) => format!("the server answered {status}: {said}"),
        };
        let number = |key: &str| error.get(key).and_then(Value::as_u64);
        let spent = error.get("code").is_some_and(|code| code == "insufficient_quota");
        let again = matches!(status.as_u16(), 408 | 409 | 425 | 429 | 500..=599) && !spent;
        Self {
            reason,
            begun: false,
            too_long: number("n_prompt_tokens").zip(number("n_ctx")),
            again,
            wait: refusal.retry_after,
        }
    }
}

/// The beginning of what a server said, in one line.
fn words(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(WORDS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// How often one request may still be tried, and after what wait.
#[derive(Debug)]
pub(super) struct Attempt {
    left: u32,
    backoff: Duration,
}

impl Attempt {
    pub(super) fn first(retries: u32, backoff: Duration) -> Self {
        Self { left: retries, backoff }
    }

    /// How long to wait before the next attempt; none if there is to be none. The wait is chosen
    /// at random up to a limit that doubles ("full jitter", Brooker, 2015), and what the server
    /// asks for comes on top.
    pub(super) fn next(&mut self, failure: &Failure) -> Option<Duration> {
        if failure.begun || !failure.again || self.left == 0 {
            return None;
        }
        self.left -= 1;
        let limit = self.backoff.min(LONGEST_BACKOFF);
        self.backoff = limit * 2;
        let asked = failure.wait.unwrap_or_default();
        let jitter = limit.mul_f64(rand::rng().random::<f64>());
        (asked <= LONGEST_ASKED).then(|| asked + jitter)
    }
}
