//! A page in a browser. The browser has no network: what the page asks for comes through here, each
//! request judged as one of the guest that wanted the page shown, and asked for with the same policy.

use std::sync::Mutex;
use std::sync::PoisonError;

use agent_core::browser::{Sent, Web};
use async_trait::async_trait;
use url::Url;

use super::store::digest;
use super::{Page, Trip, now, redirects};
use crate::host::Lent;
use crate::host::gate_channel::GateChannel;
use crate::host::http::request::Request;
use crate::host::secrets::Keys;
use crate::limits::bytes;

/// Requests of one page.
const MOST_REQUESTS: usize = 200;
/// Bytes of all that a page is sent.
const MOST_BYTES: usize = 64 << 20;

pub(super) async fn shown(
    url: &str,
    lent: &Lent,
    channel: &GateChannel,
    keys: &Keys,
) -> wasmtime::Result<Result<Page, String>> {
    let Some(browser) = &lent.browser else {
        return Ok(Err("this agent has no browser".to_string()));
    };
    let page = match Request::get(url) {
        Ok(request) => request.url,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let asking = Asking {
        page: &page,
        lent,
        channel,
        keys,
        trip: Trip::new(lent),
        taken: Mutex::default(),
        over: Mutex::default(),
    };
    let shown = browser.show(&page, &asking).await;
    if let Some(over) = asking.over.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(over);
    }
    Ok(shown.map(|shown| {
        let body = shown.html.into_bytes();
        Page {
            status: 200,
            url: shown.url.to_string(),
            content_type: "text/html; charset=utf-8".to_string(),
            sha256: digest(&body),
            retrieved: now(),
            cached: false,
            body,
        }
    }))
}

/// What one page asks for.
struct Asking<'a> {
    page: &'a Url,
    lent: &'a Lent,
    channel: &'a GateChannel,
    keys: &'a Keys,
    trip: Trip<'a>,
    taken: Mutex<Taken>,
    /// Why the guest's call is over.
    over: Mutex<Option<wasmtime::Error>>,
}

#[derive(Default)]
struct Taken {
    requests: usize,
    bytes: usize,
}

#[async_trait]
impl Web for Asking<'_> {
    async fn get(&self, url: &str) -> Result<Sent, String> {
        let request = Request::get(url)?;
        redirects::asked_by(self.page, &request.url)?;
        self.took(1, 0)?;
        let came =
            redirects::follow(&self.trip, request, self.lent.redirects, self.channel, self.keys)
                .await;
        let page = came.unwrap_or_else(|over| {
            let said = over.to_string();
            *self.over.lock().unwrap_or_else(PoisonError::into_inner) = Some(over);
            Err(said)
        })?;
        self.took(0, page.body.len())?;
        Ok(Sent { status: page.status, content_type: page.content_type, body: page.body })
    }
}

impl Asking<'_> {
    fn took(&self, requests: usize, size: usize) -> Result<(), String> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.requests += requests;
        taken.bytes += size;
        if taken.requests > MOST_REQUESTS {
            return Err(format!("`{}` asks for more than {MOST_REQUESTS} things", self.page));
        }
        if taken.bytes > MOST_BYTES {
            let most = bytes(MOST_BYTES as u64);
            return Err(format!("`{}` asks for more than {most}", self.page));
        }
        Ok(())
    }
}
