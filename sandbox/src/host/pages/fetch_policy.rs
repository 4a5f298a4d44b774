//! How servers are treated: how often they are asked, how often again, and when.

use std::num::NonZeroU32;
use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

/// How servers are treated.
#[derive(Debug, Clone)]
pub struct FetchPolicy {
    /// The time between two requests to a host, on average. An address of this machine is asked
    /// as often as it is wanted.
    pub pace: Duration,
    /// Requests that may go to a host at once before the pace counts.
    pub burst: NonZeroU32,
    /// How often a page is asked for before its server is given up.
    pub tries: u32,
    /// The time before it is asked for again, where the server does not say; each time twice as
    /// long.
    pub pause: Duration,
    /// The time for one page, with all redirects, waits and tries.
    pub time: Duration,
    /// How long a page is taken to hold whose server does not say.
    pub unsaid: Duration,
}

impl Default for FetchPolicy {
    fn default() -> Self {
        Self {
            pace: Duration::from_millis(500),
            burst: NonZeroU32::MIN.saturating_add(3),
            tries: 3,
            pause: Duration::from_millis(250),
            time: Duration::from_secs(60),
            unsaid: Duration::from_secs(600),
        }
    }
}

impl FetchPolicy {
    /// The time before the next try, after so many.
    pub(super) fn pause(&self, tries: u32) -> Duration {
        self.pause.saturating_mul(1 << (tries - 1).min(16))
    }
}

/// A server that has no time now.
pub(super) struct Busy {
    /// How long it wants to be left alone, where it says so.
    pub(super) pause: Option<Duration>,
}

/// Whether a server says that it is busy (RFC 6585, 4; RFC 9110, 15.6.4).
pub(super) fn busy(status: StatusCode, headers: &HeaderMap) -> Option<Busy> {
    let busy = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    busy.then(|| {
        let said = headers.get(RETRY_AFTER).and_then(|header| header.to_str().ok());
        Busy { pause: said.and_then(|said| after(said.trim(), SystemTime::now())) }
    })
}

/// Seconds, or a date (RFC 9110, 10.2.3).
fn after(said: &str, now: SystemTime) -> Option<Duration> {
    if let Ok(seconds) = said.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(said).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_says_when() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_770);
        assert_eq!(after("120", now), Some(Duration::from_secs(120)));
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        assert_eq!(after(date, now), Some(Duration::from_secs(7)));
        assert_eq!(after(date, SystemTime::now()), Some(Duration::ZERO));
        assert_eq!(after("soon", now), None);
        assert_eq!(after("-1", now), None);
    }

    #[test]
    fn each_pause_is_twice_the_last() {
        let policy = FetchPolicy { pause: Duration::from_millis(100), ..FetchPolicy::default() };
        let pauses = [1, 2, 3].map(|tries| policy.pause(tries).as_millis());
        assert_eq!(pauses, [100, 200, 400]);
        assert!(policy.pause(u32::MAX) < Duration::from_secs(10_000));
    }
}
