//! The one client of a sandbox: what every request is sent with, and how much of an answer is
//! taken. It follows no redirect, uses no proxy, and resolves no name to a private address.

use std::sync::OnceLock;
use std::time::Duration;

use reqwest::header::{CONTENT_ENCODING, HeaderMap};
use reqwest::{Client, Response, retry};
use url::Url;

use super::request::Request;
use crate::Config;
use crate::host::resolver::{Private, Resolver};
use crate::limits::bytes;

const CONNECT: Duration = Duration::from_secs(10);

/// Sends requests.
pub(crate) struct Wire {
    /// Made at the first request: loading certificates takes milliseconds.
    client: OnceLock<Client>,
    user_agent: String,
    /// Bytes of one answer, decompressed.
    limit: u64,
}

/// Why there is no answer, in a sentence.
#[derive(Debug)]
pub(crate) enum Broken {
    /// It may be another time.
    Passing(String),
    /// Trying again would give the same.
    Lasting(String),
}

impl From<Broken> for String {
    fn from(broken: Broken) -> String {
        match broken {
            Broken::Passing(said) | Broken::Lasting(said) => said,
        }
    }
}

impl Wire {
    pub(crate) fn new(config: &Config) -> Wire {
        Wire {
            client: OnceLock::new(),
            user_agent: config.user_agent.clone(),
            limit: config.response_bytes,
        }
    }

    /// Bytes that a body may have, there and back.
    pub(super) fn limit(&self) -> u64 {
        self.limit
    }

    /// One request, and the beginning of its answer.
    pub(crate) async fn send(
        &self,
        request: &Request,
        headers: HeaderMap,
    ) -> Result<Response, Broken> {
        let url = &request.url;
        let client = self.client()?;
        let mut sent = client.request(request.method.clone(), url.clone()).headers(headers);
        if let Some(body) = &request.body {
            sent = sent.body(body.clone());
        }
        sent.send().await.map_err(|error| broken(url, &error))
    }

    /// The rest of an answer. Counted after decompression, so a small body cannot become a big one.
    pub(crate) async fn body(&self, url: &Url, mut response: Response) -> Result<Vec<u8>, Broken> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| broken(url, &error))? {
            if (body.len() + chunk.len()) as u64 > self.limit {
                let said = format!("`{url}` gives more than {}", bytes(self.limit));
                return Err(Broken::Lasting(said));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn client(&self) -> Result<&Client, Broken> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = http_client::builder()
            .user_agent(&self.user_agent)
            // A proxy would resolve names itself.
            .no_proxy()
            .referer(false)
            .retry(retry::never())
            .connect_timeout(CONNECT)
            .dns_resolver(Resolver)
            .build()
            .map_err(|error| {
                Broken::Lasting(format!("no request can be sent: {}", http_client::cause(&error)))
            })?;
        Ok(self.client.get_or_init(|| client))
    }
}

/// What servers call a body that is not packed; some write its charset there.
const PLAIN: [&str; 7] = ["", "8bit", "binary", "identity", "none", "utf-8", "utf8"];

/// Refuses a body that is packed in a way that the client does not undo, and so leaves the header: it
/// could not be read, nor searched.
pub(crate) fn unpacked(url: &Url, response: &Response) -> Result<(), String> {
    for said in response.headers().get_all(CONTENT_ENCODING) {
        let said = String::from_utf8_lossy(said.as_bytes()).trim().to_ascii_lowercase();
        if !said.split(',').all(|packed| PLAIN.contains(&packed.trim())) {
            let said: String = said.chars().take(60).flat_map(char::escape_default).collect();
            return Err(format!("`{url}` is packed as `{said}`, which cannot be unpacked here"));
        }
    }
    Ok(())
}

/// The innermost reason: what the model can act on.
fn broken(url: &Url, error: &reqwest::Error) -> Broken {
    let mut inner: &(dyn std::error::Error + 'static) = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    if inner.is::<Private>() {
        return Broken::Lasting(inner.to_string());
    }
    let inner = http_client::cause(error);
    let said = match error.is_decode() {
        true => format!("`{url}` cannot be read to its end: {inner}"),
        false => format!("`{url}` cannot be reached: {inner}"),
    };
    match error.is_builder() || error.is_decode() {
        true => Broken::Lasting(said),
        false => Broken::Passing(said),
    }
}
