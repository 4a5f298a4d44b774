//! A request's JSON body: of the right type, not too large, and sent in time.

use std::sync::Arc;

use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use serde_json::{Map, Value};

use crate::error::ApiError;
use crate::shared::Shared;

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
        let most = shared.limits.body;
        let large = || {
            let message = format!("the body is larger than {most} bytes, the server's limit");
            ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message)
        };
        let told = request.headers().get(header::CONTENT_LENGTH);
        let told = told.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if told.is_some_and(|length| length > most as u64) {
            return Err(large());
        }
        let read = to_bytes(request.into_body(), most);
        let bytes = tokio::time::timeout(shared.limits.client, read).await.map_err(|_| {
            let message = "the body did not come in time";
            ApiError::new(StatusCode::REQUEST_TIMEOUT, "slow_body", message)
        })?;
        let bytes = bytes.map_err(|error| match told {
            // Only one without a length gets here with too much.
            None => large(),
            Some(_) => ApiError::invalid(format!("the body did not come whole: {error}")),
        })?;
        match serde_json::from_slice(&bytes) {
            Ok(Value::Object(map)) => Ok(Sent(map)),
            Ok(_) => Err(ApiError::invalid("the body must be a JSON object")),
            Err(error) => Err(ApiError::invalid(format!("the body is no JSON: {error}"))),
        }
    }
}
