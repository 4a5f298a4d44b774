//! A request as a guest writes it, checked before anything follows from it: no header that is the
//! host's to write, none that ends where its value does not, and secrets by name alone.

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::http;
use crate::host::secrets::Keys;
use crate::limits::bytes;

const MOST_HEADERS: usize = 64;
const MOST_VALUE: usize = 8 << 10;

/// What the host, or what carries the request, says for itself.
const OURS: [HeaderName; 14] = [
    header::HOST,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::TE,
    header::TRAILER,
    header::UPGRADE,
    header::EXPECT,
    header::COOKIE,
    // An answer that is packed or in parts could not be searched for secrets.
    header::ACCEPT_ENCODING,
    header::RANGE,
    header::IF_RANGE,
    header::VIA,
    header::FORWARDED,
];

/// Likewise, by how their names begin.
const OURS_BELOW: [&str; 5] = ["proxy-", "sec-", "x-forwarded-", "keep-alive", "x-http-method"];

/// What goes along when a redirect leads to another host.
const FOR_ANYBODY: [HeaderName; 4] =
    [header::ACCEPT, header::ACCEPT_LANGUAGE, header::CONTENT_TYPE, header::USER_AGENT];

/// A request that may be sent once its host was judged.
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    headers: Vec<(HeaderName, Held)>,
    pub(crate) body: Option<Bytes>,
}

enum Held {
    Text(HeaderValue),
    Secret(String),
}

/// Whether the request still goes to the host that the guest named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leg {
    First,
    /// A redirect led elsewhere; from there on it stays this, whatever the next one says.
    Elsewhere,
}

impl Request {
    pub(crate) fn get(url: &str) -> Result<Request, String> {
        Ok(Request { method: Method::GET, url: parse(url)?, headers: Vec::new(), body: None })
    }

    /// `Err` is a sentence for the model; `most` is the size of a body.
    pub(super) fn read(asked: http::Request, most: u64) -> Result<Request, String> {
        let method = match asked.method.as_str() {
            "GET" => Method::GET,
            "HEAD" => Method::HEAD,
            "POST" => Method::POST,
            "PUT" => Method::PUT,
            "PATCH" => Method::PATCH,
            "DELETE" => Method::DELETE,
            other => return Err(format!("`{}` is no method to send", shown(other))),
        };
        let url = parse(&asked.url)?;
        if asked.headers.len() > MOST_HEADERS {
            return Err(format!("a request has at most {MOST_HEADERS} headers"));
        }
        let mut headers: Vec<(HeaderName, Held)> = Vec::new();
        for header in asked.headers {
            let name = name(&header.name)?;
            if headers.iter().any(|(known, _)| *known == name) {
                return Err(format!("the header `{name}` is there twice"));
            }
            let held = match header.value {
                http::HeaderValue::Text(text) => Held::Text(value(&name, &text)?),
                http::HeaderValue::Secret(secret) => Held::Secret(secret),
            };
            headers.push((name, held));
        }
        let body = asked.body.map(Bytes::from);
        match &body {
            Some(_) if method == Method::GET || method == Method::HEAD => {
                return Err(format!("a {method} has no body"));
            }
            Some(body) if body.len() as u64 > most => {
                return Err(format!("a body has at most {}", bytes(most)));
            }
            _ => {}
        }
        Ok(Request { method, url, headers, body })
    }

    /// The headers of the next leg, with the secrets that may go there.
    pub(super) fn headers(&self, leg: Leg, keys: &Keys) -> Result<HeaderMap, String> {
        let mut headers = HeaderMap::new();
        for (name, held) in &self.headers {
            let value = match (leg, held) {
                (Leg::First, Held::Text(value)) => value.clone(),
                (Leg::First, Held::Secret(secret)) => keys.value(secret, name, &self.url)?,
                (Leg::Elsewhere, Held::Text(value)) if FOR_ANYBODY.contains(name) => value.clone(),
                (Leg::Elsewhere, _) => continue,
            };
            headers.insert(name.clone(), value);
        }
        Ok(headers)
    }

    /// What a redirect with this status makes of it (RFC 9110, 15.4).
    pub(super) fn follow(&mut self, status: u16, next: Url) {
        self.url = next;
        let becomes_get = match status {
            307 | 308 => false,
            303 => self.method != Method::HEAD,
            _ => self.method == Method::POST,
        };
        if becomes_get {
            self.method = Method::GET;
            self.body = None;
            self.headers.retain(|(name, _)| *name != header::CONTENT_TYPE);
        }
    }
}

fn parse(url: &str) -> Result<Url, String> {
    Url::parse(url).map_err(|error| format!("`{url}` is not a URL: {error}"))
}

fn name(written: &str) -> Result<HeaderName, String> {
    let name = HeaderName::from_bytes(written.as_bytes())
        .map_err(|_| format!("`{}` is no name of a header", shown(written)))?;
    let ours =
        OURS.contains(&name) || OURS_BELOW.iter().any(|begin| name.as_str().starts_with(begin));
    if ours {
        return Err(format!("the header `{name}` is the host's to write"));
    }
    Ok(name)
}

/// Letters, spaces and tabs: a value that holds a line end would be two headers, or two requests.
fn value(name: &HeaderName, text: &str) -> Result<HeaderValue, String> {
    if text.len() > MOST_VALUE {
        return Err(format!("the header `{name}` holds more than {}", bytes(MOST_VALUE as u64)));
    }
    let legal = |byte: u8| byte == b'\t' || (b' '..=b'~').contains(&byte);
    let value = text.bytes().all(legal).then(|| HeaderValue::from_str(text).ok()).flatten();
    value.ok_or_else(|| format!("the header `{name}` holds what no header can"))
}

/// A guest wrote it.
fn shown(text: &str) -> String {
    text.chars().take(60).flat_map(char::escape_default).collect()
}

/// Whether a secret may be bound to a header of this name.
pub(crate) fn may_hold_a_secret(written: &str) -> Result<(), String> {
    name(written).map(|_| ())
}
