//! Asks a provider. What needs no key is asked like a page: politely, and not again while its answer
//! holds. robots.txt does not count here: an interface is made for programs.

use serde_json::Value;

use crate::bindings::errand::tool::http::{self, Header, HeaderValue};
use crate::bindings::errand::tool::pages;
use crate::provider::{Asked, Source};

/// The answer's body.
pub(super) fn body(source: &Source, asked: &Asked<'_>) -> Result<Vec<u8>, String> {
    let address = source.address(asked).ok_or("there is nobody to ask")?;
    let sent = source.body(asked);
    let key = source.key();
    let (status, body) = if sent.is_none() && key.is_none() {
        let page = pages::get(&address)?;
        (page.status, page.body)
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
        (answer.status, answer.body)
    };
    match status {
        200..=299 => Ok(body),
        429 => Err("it answered with status 429: it is asked too often".to_string()),
        status => Err(format!("it answered with status {status}")),
    }
}

pub(super) fn json(source: &Source, asked: &Asked<'_>) -> Result<Value, String> {
    serde_json::from_slice(&body(source, asked)?)
        .map_err(|error| format!("its answer is not JSON: {error}"))
}

/// The text there, if there is one.
pub(super) fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_string()
}
