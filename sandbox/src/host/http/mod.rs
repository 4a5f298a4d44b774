//! Requests for guests. The host follows redirects itself: each hop is judged by the gate, and a
//! private address is reached only by the literal number that the guest asked for and the gate
//! allowed – never through a name ([`Resolver`]), never because a page said so. A secret goes to
//! the host it was granted for, and not along with a redirect.

mod request;

pub(crate) use request::may_hold_a_secret;

use std::sync::OnceLock;
use std::time::Duration;

use agent_core::action::Capability;
use agent_core::sandbox::Use;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, retry};
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::Host;
use super::address::private_literal;
use super::bindings::errand::tool::http;
use super::door::Door;
use super::resolver::{Private, Resolver};
use super::secrets::Keys;
use crate::Config;
use crate::limits::{Import, bytes};
use crate::outcome::waited;
use request::{Leg, Request};

const CONNECT: Duration = Duration::from_secs(10);

/// The client of one agent.
pub(crate) struct Http {
    /// Made at the first request: loading certificates takes milliseconds.
    client: OnceLock<Client>,
    user_agent: String,
    limit: u64,
    time: Duration,
    redirects: usize,
}

impl http::Host for Host {
    async fn get(&mut self, url: String) -> wasmtime::Result<Result<http::Response, String>> {
        self.uses.count(Import::Http)?;
        let _waiting = self.clock.outside();
        match Request::get(&url) {
            Ok(request) => self.lent.http.send(request, &self.door, &self.keys).await,
            Err(refusal) => Ok(Err(refusal)),
        }
    }

    async fn send(
        &mut self,
        request: http::Request,
    ) -> wasmtime::Result<Result<http::Response, String>> {
        self.uses.count(Import::Http)?;
        let _waiting = self.clock.outside();
        match Request::read(request, self.lent.http.limit) {
            Ok(request) => self.lent.http.send(request, &self.door, &self.keys).await,
            Err(refusal) => Ok(Err(refusal)),
        }
    }
}

impl Http {
    pub(crate) fn new(config: &Config) -> Http {
        Http {
            client: OnceLock::new(),
            user_agent: config.user_agent.clone(),
            limit: config.response_bytes,
            time: config.request_time,
            redirects: config.redirects,
        }
    }

    async fn send(
        &self,
        mut request: Request,
        door: &Door,
        keys: &Keys,
    ) -> wasmtime::Result<Result<http::Response, String>> {
        let wanted = request.url.clone();
        let asked_for = place(&wanted);
        let mut leg = Leg::First;
        for _ in 0..=self.redirects {
            request.url.set_fragment(None);
            if let Err(refusal) = allowed(&request.url, &asked_for) {
                return Ok(Err(refusal));
            }
            let headers = match request.headers(leg, keys) {
                Ok(headers) => headers,
                Err(refusal) => return Ok(Err(refusal)),
            };
            // A request that only looks is sent again where it was recorded: it changes nothing,
            // and nothing kept its answer. That is also why it is never reported as done.
            let method = request.method.to_string();
            let fetch = Capability::Fetch { method, url: request.url.clone() };
            let mark = match door.may(fetch).await? {
                Ok(Use::Fresh(mark)) => (!request.method.is_safe()).then_some(mark),
                Ok(Use::Recorded) => None,
                Err(refusal) => return Ok(Err(refusal)),
            };
            // The gate may have asked a person: time counts from its answer.
            let until = Instant::now() + self.time;
            let hop = timeout_at(until, self.hop(&request, headers, keys)).await;
            let hop =
                hop.unwrap_or_else(|_| Err(format!("`{}`: {}", request.url, waited(self.time))));
            if let (Some(mark), Ok(_)) = (mark, &hop) {
                door.done(mark).await?;
            }
            match hop {
                Ok(Hop::Redirect(status, next)) => {
                    if next.origin() != request.url.origin() {
                        leg = Leg::Elsewhere;
                    }
                    request.follow(status, next);
                }
                Ok(Hop::Answer(answer)) => return Ok(Ok(answer)),
                Err(failure) => return Ok(Err(keys.clean_text(failure))),
            }
        }
        Ok(Err(format!("`{wanted}` redirects more than {} times", self.redirects)))
    }

    async fn hop(&self, request: &Request, headers: HeaderMap, keys: &Keys) -> Result<Hop, String> {
        let url = &request.url;
        let failed = |error: reqwest::Error| reason(url, &error);
        let mut sent = self.client()?.request(request.method.clone(), url.clone()).headers(headers);
        if let Some(body) = &request.body {
            sent = sent.body(body.clone());
        }
        let response = sent.send().await.map_err(failed)?;
        let status = response.status();
        if status.is_redirection()
            && let Some(location) = response.headers().get(LOCATION)
        {
            let next = location.to_str().ok().and_then(|location| url.join(location).ok());
            let next = next.ok_or_else(|| format!("`{url}` redirects to what is not a URL"))?;
            // The address would be judged, written down and told.
            if let Some(name) = keys.found_in(next.as_str()) {
                return Err(format!("`{url}` redirects to what holds the secret `{name}`"));
            }
            return Ok(Hop::Redirect(status.as_u16(), next));
        }
        if keys.any() && response.headers().contains_key(CONTENT_ENCODING) {
            return Err(format!("`{url}` answers in an encoding that was not asked for"));
        }
        let header = response.headers().get(CONTENT_TYPE);
        let content_type = header.and_then(|header| header.to_str().ok()).unwrap_or("").to_string();
        Ok(Hop::Answer(http::Response {
            status: status.as_u16(),
            url: url.to_string(),
            content_type: keys.clean_text(content_type),
            body: keys.clean(self.body(url, response).await?),
        }))
    }

    /// Counted after decompression, so a small body cannot become a big one.
    async fn body(&self, url: &Url, mut response: Response) -> Result<Vec<u8>, String> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| reason(url, &error))? {
            if (body.len() + chunk.len()) as u64 > self.limit {
                return Err(format!("`{url}` gives more than {}", bytes(self.limit)));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn client(&self) -> Result<&Client, String> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = Client::builder()
            .user_agent(&self.user_agent)
            // A proxy would resolve names itself.
            .no_proxy()
            .redirect(Policy::none())
            .referer(false)
            .retry(retry::never())
            .connect_timeout(CONNECT)
            .dns_resolver(Resolver)
            .build()
            .map_err(|error| format!("no request can be sent: {error}"))?;
        Ok(self.client.get_or_init(|| client))
    }
}

/// One request's answer.
enum Hop {
    /// The status, and where to.
    Redirect(u16, Url),
    Answer(http::Response),
}

/// What is refused before the gate is asked.
fn allowed(url: &Url, asked_for: &Place) -> Result<(), String> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("`{url}` is not an `http:` or `https:` URL"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        let host = url.host_str().unwrap_or_default();
        return Err(format!("a URL for `{host}` may not hold a user name or a password"));
    }
    if private_literal(url).is_some() && place(url) != *asked_for {
        return Err(format!("a redirect may not lead to the private address `{url}`"));
    }
    Ok(())
}

/// Host and port.
type Place = (Option<String>, Option<u16>);

fn place(url: &Url) -> Place {
    (url.host_str().map(str::to_string), url.port_or_known_default())
}

/// The innermost reason: what the model can act on.
fn reason(url: &Url, error: &reqwest::Error) -> String {
    let mut inner: &(dyn std::error::Error + 'static) = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    if inner.is::<Private>() {
        return inner.to_string();
    }
    let inner = inner.to_string();
    let inner = inner.split(" (os error").next().unwrap_or(&inner).to_lowercase();
    format!("`{url}` cannot be reached: {inner}")
}
