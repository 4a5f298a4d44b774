//! Asks a provider. What needs no key is asked like a page: politely, and not again while its answer
//! holds. robots.txt does not count here: an interface is made for programs.

use serde_json::Value;

use crate::bindings::errand::tool::http::{self, Header, HeaderValue};
use crate::bindings::errand::tool::pages;
use crate::provider::{Asked, Source};
use crate::refused::reason;

/// What an instance says whose owner has not allowed JSON, which is how they are installed.
const NO_JSON: &str = "it answered with status 403: most often `format=json` is not allowed there, which its \
                       owner does with `json` below `search: formats:` in its settings.yml";

/// The answer's body.
pub(super) fn body(source: &Source, asked: &Asked<'_>) -> Result<Vec<u8>, String> {
    let address = source.address(asked).ok_or("there is nobody to ask")?;
    let sent = source.body(asked);
    let key = source.key();
    let (status, content_type, body) = if sent.is_none() && key.is_none() {
        let page = pages::get(&address)?;
        (page.status, page.content_type, page.body)
    } else {
        let text = |value: &str| HeaderValue::Text(value.to_string());
        let header = |name: &str, value| Header { name: name.to_string(), value };
        let mut headers = vec![header("accept", text("application/json"))];
        if sent.is_some() {
            headers.push(header("content-type", text("application/json")));
        }
        if let Some(key) = key {
            headers.push(header(&key.header, HeaderValue::Secret(key.variable.clone())));
        }
        let method = if sent.is_some() { "POST" } else { "GET" };
        let answer = http::send(&http::Request {
            method: method.to_string(),
            url: address,
            headers,
            body: sent.map(|body| body.to_string().into_bytes()),
        })?;
        (answer.status, answer.content_type, answer.body)
    };
    match status {
        200..=299 => Ok(body),
        429 => Err("it answered with status 429: it is asked too often".to_string()),
        403 if matches!(source, Source::Searxng { .. }) => Err(NO_JSON.to_string()),
        status => {
            let reason = reason(&content_type, &body);
            Err(format!("it answered with status {status}{reason}"))
        }
    }
}

pub(super) fn json(source: &Source, asked: &Asked<'_>) -> Result<Value, String> {
    let body = body(source, asked)?;
    serde_json::from_slice(&body).map_err(|error| {
        let page = body.trim_ascii_start().starts_with(b"<");
        let is = if page { "a page, not JSON" } else { "not JSON" };
        format!("its answer is {is}: {error}")
    })
}

/// The text there, if there is one.
pub(super) fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_string()
}
