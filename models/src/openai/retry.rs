//! What failed, whether it may be tried again, and when.

use std::time::Duration;

use http::StatusCode;
use rand::Rng;

use super::said::Said;

/// The longest wait of our own making.
const LONGEST_BACKOFF: Duration = Duration::from_secs(20);
/// A server that asks for more than this is as good as gone.
const LONGEST_ASKED: Duration = Duration::from_secs(60);

/// One request that failed.
#[derive(Debug, Default)]
pub(super) struct Failure {
    /// A sentence.
    pub(super) reason: String,
    /// What to change, where it stays as it is until something is changed.
    pub(super) hint: Option<String>,
    /// Whether some of the reply has been shown.
    pub(super) begun: bool,
    /// The status of the answer, 0 where there was none or it was well until then.
    pub(super) status: u16,
    /// What the server said, where it refused.
    pub(super) said: Option<Box<Said>>,
    /// Where the server says that it is instead.
    pub(super) location: Option<String>,
    /// Whether trying again may help.
    pub(super) again: bool,
    /// What the server asked to wait.
    pub(super) wait: Option<Duration>,
}

impl Failure {
    /// Trying again is of no use.
    pub(super) fn new(reason: String) -> Self {
        Self { reason, ..Self::default() }
    }

    /// Trying again may help.
    pub(super) fn again(self) -> Self {
        Self { again: true, ..self }
    }

    /// The server answered with a status that is no success.
    pub(super) fn refused(status: StatusCode, said: Said, wait: Option<Duration>) -> Self {
        let reason = match said.words.is_empty() {
            true => format!("the server answered {status}"),
            false => format!("the server answered {status}: {}", said.words),
        };
        let (status, again) = (status.as_u16(), said.passes(status.as_u16()));
        Self { reason, status, again, wait, said: Some(Box::new(said)), ..Self::default() }
    }

    /// The server reports an error in the middle of its answer.
    pub(super) fn reported(said: Said) -> Self {
        let (reason, again) = (said.words.clone(), said.passes(0));
        Self { reason, again, said: Some(Box::new(said)), ..Self::default() }
    }

    /// It failed when some of the reply had been shown.
    pub(super) fn begun(self) -> Self {
        let reason = format!("the reply broke off: {}", self.reason);
        Self { reason, begun: true, ..self }
    }

    /// Whether the conversation does not fit.
    pub(super) fn too_long(&self) -> bool {
        self.status == 413 || self.said.as_ref().is_some_and(|said| said.too_long())
    }

    /// What the server said, if it may be about an option.
    pub(super) fn about_an_option(&self) -> Option<&Said> {
        let status = matches!(self.status, 0 | 400 | 404 | 405 | 415 | 422 | 500 | 501);
        self.said.as_deref().filter(|_| status && !self.begun && !self.too_long())
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
