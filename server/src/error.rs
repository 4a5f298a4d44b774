//! What a client is told when it gets no answer: a status, and a body in the format of OpenAI's API.

use agent_core::model::ModelError;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// A refusal or a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// The HTTP status.
    pub status: StatusCode,
    /// What went wrong, for a program: `invalid_api_key`, `model_not_found`.
    pub code: &'static str,
    /// The parameter that is wrong.
    pub param: Option<String>,
    /// For a person: what is wrong and what to do.
    pub message: String,
    /// Seconds after which it may be tried again.
    pub retry: Option<u64>,
}

impl ApiError {
    /// With this status and code.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, param: None, message: message.into(), retry: None }
    }

    /// The request is wrong.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", message)
    }

    /// This parameter of the request is wrong.
    pub fn param(param: impl Into<String>, message: impl Into<String>) -> Self {
        Self { param: Some(param.into()), ..Self::invalid(message) }
    }

    /// This parameter is known and cannot be honoured here.
    pub fn unsupported(param: &str, why: &str) -> Self {
        let message = format!("`{param}` is not supported: {why}");
        Self { code: "unsupported_parameter", ..Self::param(param, message) }
    }

    /// There is no such thing, or it is not this caller's.
    pub fn missing(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    /// The request does not fit how things stand now.
    pub fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, message)
    }

    /// To be tried again after so many seconds.
    #[must_use]
    pub fn after(self, seconds: u64) -> Self {
        Self { retry: Some(seconds), ..self }
    }

    /// The body that says it.
    pub fn body(&self) -> Value {
        json!({ "error": {
            "message": self.message, "type": self.kind(), "param": self.param, "code": self.code,
        }})
    }

    /// The word that OpenAI's API has for errors of this kind.
    fn kind(&self) -> &'static str {
        match self.status.as_u16() {
            401 => "authentication_error",
            403 => "permission_error",
            404 => "not_found_error",
            408 | 504 => "timeout_error",
            409 => "conflict_error",
            429 => "rate_limit_error",
            503 => "overloaded_error",
            500.. => "server_error",
            _ => "invalid_request_error",
        }
    }
}

impl From<ModelError> for ApiError {
    fn from(error: ModelError) -> Self {
        let message = error.to_string();
        match error {
            ModelError::TooLong { .. } => {
                Self { code: "context_length_exceeded", ..Self::param("messages", message) }
            }
            ModelError::Form(_) => Self { code: "invalid_schema", ..Self::invalid(message) },
            ModelError::Refused { .. } => Self::invalid(message),
            // The key is the server's, and no request can mend it.
            ModelError::Key { .. } => Self::new(StatusCode::BAD_GATEWAY, "upstream_key", message),
            ModelError::Unavailable { .. } | ModelError::Broken { .. } => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "model_failed", message)
            }
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, axum::Json(self.body())).into_response();
        if let Some(seconds) = self.retry {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}
