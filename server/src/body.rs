//! A request's body: not too large, sent in time, and of a type and a form that are read with little memory.

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;
use serde_json::{Map, Value};
use std::sync::Arc;

use crate::error::ApiError;
use crate::shared::Shared;

/// The most values of a body: each takes hundreds of bytes once it is read, and two where it is written.
const VALUES: usize = 1 << 16;

/// A JSON object that a client sent.
pub(crate) struct Sent(pub(crate) Map<String, Value>);

impl FromRequest<Arc<Shared>> for Sent {
    type Rejection = ApiError;

    async fn from_request(request: Request, shared: &Arc<Shared>) -> Result<Self, ApiError> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        // A form on a web page can send anything but this without asking first.
        if !kind.eq_ignore_ascii_case("application/json") {
            return Err(ApiError::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "the body must be JSON, with the header `Content-Type: application/json`",
            ));
        }
        let (parts, body) = request.into_parts();
        let bytes = whole(shared, &parts.headers, body, shared.limits.body).await?;
        countable(&bytes)?;
        match serde_json::from_slice(&bytes) {
            Ok(Value::Object(map)) => Ok(Sent(map)),
            Ok(_) => Err(ApiError::invalid("the body must be a JSON object")),
            Err(error) => Err(ApiError::invalid(format!("the body is no JSON: {error}"))),
        }
    }
}

/// All of a body, which has to come in time and be no larger than `most` bytes.
pub(crate) async fn whole(
    shared: &Shared,
    headers: &HeaderMap,
    body: Body,
    most: usize,
) -> Result<Bytes, ApiError> {
    let told = length(headers);
    if told.is_some_and(|length| length > most as u64) {
        return Err(large(most));
    }
    let read = tokio::time::timeout(shared.limits.client, to_bytes(body, most)).await;
    let bytes = read.map_err(|_| {
        let message = "the body did not come in time";
        ApiError::new(StatusCode::REQUEST_TIMEOUT, "slow_body", message)
    })?;
    bytes.map_err(|error| match told {
        // Only one without a length gets here with too much.
        None => large(most),
        Some(_) => ApiError::invalid(format!("the body did not come whole: {error}")),
    })
}

/// How long a request says that its body is.
pub(crate) fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

pub(crate) fn large(most: usize) -> ApiError {
    let message = format!("the body is larger than {most} bytes, the most that is taken here");
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message)
}

/// Whether JSON has few enough values to be read.
pub(crate) fn countable(json: &[u8]) -> Result<(), ApiError> {
    let (mut values, mut text, mut escaped) = (1_usize, false, false);
    for byte in json {
        match (text, *byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => text = !text,
            (false, b'[' | b'{' | b',') => values += 1,
            _ => {}
        }
    }
    match values > VALUES {
        true => {
            let message = format!("the body has more than {VALUES} values, the server's limit");
            Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message))
        }
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_in_a_text_is_one_value() {
        let text = format!("{{\"a\": \"{}\\\"{}\"}}", "[{,".repeat(VALUES), "},]".repeat(VALUES));
        assert!(serde_json::from_str::<Value>(&text).is_ok());
        assert_eq!(countable(text.as_bytes()), Ok(()));
        let list = |count: usize| format!("[{}0]", "{},".repeat(count));
        assert_eq!(countable(list(VALUES / 2 - 1).as_bytes()), Ok(()));
        assert_eq!(countable(list(VALUES).as_bytes()).unwrap_err().code, "body_too_large");
    }
}
