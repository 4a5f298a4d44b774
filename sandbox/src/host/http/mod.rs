//! Requests for guests, as they write them. A secret goes to the host it was granted for, and not
//! along with a redirect; [`hops`] says where a request may go at all.

pub(super) mod redirects;
pub(super) mod request;
pub(super) mod wire;

pub(crate) use request::may_hold_a_secret;

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap};

use super::Host;
use super::bindings::errand::tool::http;
use super::gate_channel::GateChannel;
use super::secrets::Keys;
use crate::Config;
use crate::limits::Import;
use redirects::{Carry, Hop};
use request::Request;
use wire::Wire;

/// The requests of one agent.
pub(crate) struct Http {
    wire: Arc<Wire>,
    time: Duration,
    redirects: usize,
}

impl http::Host for Host {
    async fn get(&mut self, url: String) -> wasmtime::Result<Result<http::Response, String>> {
        self.uses.count(Import::Http)?;
        let _waiting = self.clock.outside();
        self.lent.http.answer(Request::get(&url), &self.channel, &self.keys).await
    }

    async fn send(
        &mut self,
        request: http::Request,
    ) -> wasmtime::Result<Result<http::Response, String>> {
        self.uses.count(Import::Http)?;
        let _waiting = self.clock.outside();
        let http = &self.lent.http;
        http.answer(Request::read(request, http.wire.limit()), &self.channel, &self.keys).await
    }
}

impl Http {
    pub(crate) fn new(config: &Config, wire: &Arc<Wire>) -> Http {
        Http { wire: Arc::clone(wire), time: config.request_time, redirects: config.redirects }
    }

    async fn answer(
        &self,
        request: Result<Request, String>,
        channel: &GateChannel,
        keys: &Keys,
    ) -> wasmtime::Result<Result<http::Response, String>> {
        match request {
            Ok(request) => redirects::follow(self, request, self.redirects, channel, keys).await,
            Err(refusal) => Ok(Err(refusal)),
        }
    }
}

impl Carry for Http {
    type Answer = http::Response;

    fn time(&self) -> Duration {
        self.time
    }

    async fn carry(
        &self,
        request: &Request,
        headers: HeaderMap,
        keys: &Keys,
    ) -> Result<Hop<http::Response>, String> {
        let url = &request.url;
        let response = self.wire.send(request, headers).await?;
        let status = response.status();
        if let Some(next) = redirects::redirect(url, status, response.headers(), keys)? {
            return Ok(Hop::Redirect(status.as_u16(), next));
        }
        if keys.any() {
            wire::unpacked(url, &response)?;
        }
        let header = response.headers().get(CONTENT_TYPE);
        let content_type = header.and_then(|header| header.to_str().ok()).unwrap_or("").to_string();
        Ok(Hop::Answer(http::Response {
            status: status.as_u16(),
            url: url.to_string(),
            content_type: keys.clean_text(content_type),
            body: keys.clean(self.wire.body(url, response).await?),
        }))
    }
}
