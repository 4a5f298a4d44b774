//! Whether what is kept still holds, by RFC 9111: `http-cache-semantics` knows the rules, of a
//! cache that one user has for himself.

use std::time::{Duration, SystemTime};

use http_cache_semantics::{AfterResponse, BeforeRequest, CacheOptions, CachePolicy};
use reqwest::StatusCode;
use reqwest::header::{CACHE_CONTROL, ETAG, EXPIRES, HeaderMap, LAST_MODIFIED, PRAGMA};
use serde::{Deserialize, Serialize};
use url::Url;

/// The longest that a page is taken to hold because it has not changed for long.
const LONGEST_GUESS: Duration = Duration::from_secs(24 * 3600);

/// What a server said of an answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Terms {
    policy: CachePolicy,
    url: String,
    #[serde(with = "headers")]
    headers: HeaderMap,
    status: u16,
    /// When, in seconds since 1970.
    at: u64,
}

/// What may be done with what is kept.
pub(super) enum Reuse {
    AsItIs,
    /// Ask with these headers, whether it is still the same.
    IfSame(HeaderMap),
}

impl Terms {
    /// The error: the URL is none that HTTP knows.
    pub(super) fn new(url: &Url, status: StatusCode, headers: &HeaderMap) -> Result<Terms, ()> {
        let request = request(url.as_str()).ok_or(())?;
        let mut response = http::Response::new(());
        *response.status_mut() = status;
        *response.headers_mut() = headers.clone();
        // What a page may do to a browser is nothing to keep.
        response.headers_mut().remove("set-cookie");
        let now = SystemTime::now();
        let options = CacheOptions { shared: false, ..CacheOptions::default() };
        Ok(Terms {
            policy: CachePolicy::new_options(&request, &response, now, options),
            url: url.to_string(),
            headers: response.headers().clone(),
            status: status.as_u16(),
            at: seconds(now),
        })
    }

    /// The status and the headers.
    pub(super) fn said(&self) -> (StatusCode, HeaderMap) {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        (status, self.headers.clone())
    }

    pub(super) fn may_be_kept(&self) -> bool {
        self.policy.is_storable()
    }

    /// `unsaid` is how long an answer holds whose server does not say.
    pub(super) fn reuse(&self, now: SystemTime, unsaid: Duration) -> Reuse {
        let Some(request) = request(&self.url) else { return Reuse::IfSame(HeaderMap::new()) };
        let age = Duration::from_secs(seconds(now).saturating_sub(self.at));
        match self.policy.before_request(&request, now) {
            BeforeRequest::Fresh(_) if self.explicit() || age < LONGEST_GUESS.max(unsaid) => {
                Reuse::AsItIs
            }
            // A cache may guess where nothing was said (4.2.2), and this one guesses the same for
            // all: a page that was just read is not read again.
            BeforeRequest::Stale { matches: true, .. } if !self.explicit() && age < unsaid => {
                Reuse::AsItIs
            }
            BeforeRequest::Stale { request, .. } => Reuse::IfSame(request.headers),
            BeforeRequest::Fresh(_) => Reuse::IfSame(self.validators()),
        }
    }

    /// The terms after the server has said that nothing changed.
    pub(super) fn confirmed(&self, headers: &HeaderMap) -> Option<Terms> {
        let mut response = http::Response::new(());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.headers_mut() = headers.clone();
        // Without a validator it is the answer to the one that was asked about (4.3.4).
        let validators = [ETAG, LAST_MODIFIED];
        if !validators.iter().any(|name| headers.contains_key(name)) {
            let own = validators.iter().filter_map(|name| Some((name, self.headers.get(name)?)));
            response.headers_mut().extend(own.map(|(name, value)| (name.clone(), value.clone())));
        }
        let (request, now) = (request(&self.url)?, SystemTime::now());
        match self.policy.after_response(&request, &response, now) {
            AfterResponse::NotModified(policy, parts) => {
                Some(Terms { policy, headers: parts.headers, at: seconds(now), ..self.clone() })
            }
            AfterResponse::Modified(..) => None,
        }
    }

    /// Whether the server said how long it holds, or that it does not.
    fn explicit(&self) -> bool {
        [CACHE_CONTROL, EXPIRES, PRAGMA].iter().any(|name| self.headers.contains_key(name))
    }

    fn validators(&self) -> HeaderMap {
        let pairs = [("etag", "if-none-match"), ("last-modified", "if-modified-since")];
        let held = |(said, asks): (&str, &'static str)| {
            let value = self.headers.get(said)?.clone();
            Some((reqwest::header::HeaderName::from_static(asks), value))
        };
        pairs.into_iter().filter_map(held).collect()
    }
}

fn request(url: &str) -> Option<http::Request<()>> {
    http::Request::get(url).body(()).ok()
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Headers as a list of pairs; what is no text is not kept.
mod headers {
    use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(
        headers: &HeaderMap,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let pair = |(name, value): (&'_ HeaderName, &'_ HeaderValue)| {
            Some((name.to_string(), value.to_str().ok()?.to_string()))
        };
        headers.iter().filter_map(pair).collect::<Vec<_>>().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<HeaderMap, D::Error> {
        let pairs = Vec::<(String, String)>::deserialize(deserializer)?;
        let pair = |(name, value): (String, String)| {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            Some((name, HeaderValue::from_str(&value).ok()?))
        };
        Ok(pairs.into_iter().filter_map(pair).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNSAID: Duration = Duration::from_secs(600);

    fn terms(headers: &[(&'static str, &str)]) -> Terms {
        let headers = headers.iter().map(|(name, value)| {
            let name = reqwest::header::HeaderName::from_static(name);
            (name, value.parse().unwrap())
        });
        let url = "https://example.org/page".parse().unwrap();
        Terms::new(&url, StatusCode::OK, &headers.collect()).unwrap()
    }

    /// What may be done so many seconds later: nothing asked, or with which headers.
    fn after(terms: &Terms, later: u64) -> Option<Vec<String>> {
        // As it comes back from the disk.
        let terms: Terms = serde_json::from_str(&serde_json::to_string(terms).unwrap()).unwrap();
        match terms.reuse(SystemTime::now() + Duration::from_secs(later), UNSAID) {
            Reuse::AsItIs => None,
            Reuse::IfSame(headers) => {
                Some(headers.iter().map(|(n, v)| format!("{n}: {}", v.to_str().unwrap())).collect())
            }
        }
    }

    #[test]
    fn a_server_says_how_long_a_page_holds() {
        let page = terms(&[("cache-control", "max-age=100"), ("etag", "\"a\"")]);
        assert!(page.may_be_kept());
        assert_eq!(after(&page, 90), None);
        assert_eq!(after(&page, 110), Some(vec!["if-none-match: \"a\"".to_string()]));
        let never = terms(&[("cache-control", "no-cache"), ("etag", "\"b\"")]);
        assert_eq!(after(&never, 0), Some(vec!["if-none-match: \"b\"".to_string()]));
        assert!(!terms(&[("cache-control", "no-store")]).may_be_kept());
        // One user's cache keeps what is private.
        let private = terms(&[("cache-control", "private, max-age=100")]);
        assert!(private.may_be_kept() && after(&private, 1).is_none());
    }

    #[test]
    fn where_a_server_says_nothing_a_page_holds_for_a_while() {
        let page = terms(&[]);
        assert_eq!(after(&page, 500), None);
        assert_eq!(after(&page, 700), Some(vec![]));
        let old = "Mon, 01 Jan 2001 00:00:00 GMT";
        let date = httpdate::fmt_http_date(SystemTime::now());
        let old = terms(&[("last-modified", old), ("date", &date)]);
        assert_eq!(after(&old, 80_000), None);
        assert_eq!(
            after(&old, 90_000),
            Some(vec!["if-modified-since: Mon, 01 Jan 2001 00:00:00 GMT".to_string()])
        );
    }

    #[test]
    fn what_is_unchanged_holds_again() {
        let page = terms(&[("cache-control", "max-age=1"), ("etag", "\"a\""), ("x-kept", "1")]);
        let said = [("etag", "\"a\""), ("cache-control", "max-age=1000")].map(|(name, value)| {
            (reqwest::header::HeaderName::from_static(name), value.parse().unwrap())
        });
        let again = page.confirmed(&said.into_iter().collect()).unwrap();
        assert_eq!(after(&again, 900), None);
        assert_eq!(again.said().1["x-kept"], "1");
        let other = [(reqwest::header::ETAG, "\"b\"".parse().unwrap())];
        assert!(page.confirmed(&other.into_iter().collect()).is_none());
        let dated = terms(&[("last-modified", "Mon, 01 Jan 2001 00:00:00 GMT"), ("etag", "\"a\"")]);
        for page in [page, dated, terms(&[])] {
            assert!(page.confirmed(&HeaderMap::new()).is_some());
        }
    }
}
