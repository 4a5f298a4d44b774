//! The network. The host sends the request, follows redirects, and judges every hop.

use serde::de::DeserializeOwned;

use crate::bindings::errand::tool::http;
pub use http::Response;

/// Sends a GET.
///
/// # Errors
/// A sentence: it is not allowed, or there was no answer. Any status is an answer.
pub fn get(url: &str) -> Result<Response, String> {
    http::get(url)
}

/// A request that is put together, and then sent.
#[derive(Debug, Clone)]
pub struct Request(http::Request);

impl Request {
    /// With a method: `GET`, `POST`, `PUT`, `PATCH`, `DELETE` or `HEAD`.
    pub fn new(method: &str, url: &str) -> Self {
        let (method, url) = (method.to_string(), url.to_string());
        Self(http::Request { method, url, headers: Vec::new(), body: None })
    }

    /// Adds a header.
    #[must_use]
    pub fn header(self, name: &str, value: &str) -> Self {
        self.with(name, http::HeaderValue::Text(value.to_string()))
    }

    /// Adds a header whose value is a secret of this name: the host puts it in.
    #[must_use]
    pub fn secret(self, header: &str, name: &str) -> Self {
        self.with(header, http::HeaderValue::Secret(name.to_string()))
    }

    fn with(mut self, name: &str, value: http::HeaderValue) -> Self {
        self.0.headers.push(http::Header { name: name.to_string(), value });
        self
    }

    /// With a body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.0.body = Some(body.into());
        self
    }

    /// With a JSON body, and the header that says so.
    #[must_use]
    pub fn json(self, body: &serde_json::Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    /// Sends it.
    ///
    /// # Errors
    /// As [`get`].
    pub fn send(self) -> Result<Response, String> {
        http::send(&self.0)
    }
}

impl Response {
    /// This answer, if its status is one of success.
    ///
    /// # Errors
    /// A sentence with the status.
    pub fn ok(self) -> Result<Self, String> {
        match self.status {
            200..300 => Ok(self),
            status => Err(format!("`{}` answered with status {status}", self.url)),
        }
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body, read as JSON.
    ///
    /// # Errors
    /// A sentence: it is something else.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, String> {
        let url = &self.url;
        serde_json::from_slice(&self.body).map_err(|error| format!("`{url}`: {error}"))
    }
}
