//! Pages of the web, read with policy. Each hop is judged like any request of a guest; one that
//! was allowed is answered from what is kept, while HTTP says that it still holds (RFC 9111), or
//! asked for – politely: not too often of one host, again where a server is busy, and with what is
//! kept, so that an unchanged page is not sent twice.

mod browser_render;
mod fetch_policy;
mod fresh;
mod rate_limit;
mod store;

pub use fetch_policy::FetchPolicy;
pub use store::unreferenced;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Response, StatusCode};
use tokio::time::{Instant, sleep, timeout};
use url::Url;

use super::bindings::builtin::errand::tool::pages::{self, Page};
use super::http::redirects::{self, Carry, Hop};
use super::http::request::Request;
use super::http::wire::{Broken, Wire, unpacked};
use super::secrets::Keys;
use super::{Host, Lent};
use crate::limits::Import;
use crate::outcome::waited;
use fetch_policy::Busy;
use fresh::{Reuse, Terms};
use rate_limit::RateLimit;
use store::{Entry, Kept, Store};

/// The pages of all agents of a process: where they are kept, and how often a host is asked. What
/// is kept serves every agent, but only after its own gate has allowed the page.
pub struct Pages {
    store: Option<Arc<Store>>,
    pace: RateLimit,
    policy: FetchPolicy,
}

impl Pages {
    /// Pages kept in this folder, which is made for this user alone when there is something to
    /// keep. `None`: nothing is kept.
    pub fn new(folder: Option<PathBuf>, policy: FetchPolicy) -> Pages {
        let store = folder.map(|folder| Arc::new(Store::new(folder)));
        Pages { store, pace: RateLimit::new(&policy), policy }
    }
}

impl pages::Host for Host {
    async fn get(&mut self, url: String) -> wasmtime::Result<Result<Page, String>> {
        self.uses.count(Import::Pages)?;
        let _waiting = self.clock.outside();
        let request = match Request::get(&url) {
            Ok(request) => request,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let trip = Trip::new(&self.lent);
        redirects::follow(&trip, request, self.lent.redirects, &self.channel, &self.keys).await
    }

    async fn show(&mut self, url: String) -> wasmtime::Result<Result<Page, String>> {
        self.uses.count(Import::Pages)?;
        let _waiting = self.clock.outside();
        browser_render::shown(&url, &self.lent, &self.channel, &self.keys).await
    }
}

/// The way to one page.
struct Trip<'a> {
    pages: &'a Pages,
    wire: &'a Wire,
    /// How long one request may take.
    once: Duration,
    until: Instant,
}

/// What came of asking.
enum Came {
    /// What is kept still holds.
    Same(HeaderMap),
    Other(StatusCode, HeaderMap, Vec<u8>),
}

impl Carry for Trip<'_> {
    type Answer = Page;

    fn time(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    async fn carry(
        &self,
        request: &Request,
        mut headers: HeaderMap,
        keys: &Keys,
    ) -> Result<Hop<Page>, String> {
        let url = &request.url;
        let kept = self.find(url).await;
        let plain = headers.clone();
        if let Some(kept) = &kept {
            match kept.entry.terms.reuse(SystemTime::now(), self.pages.policy.unsaid) {
                Reuse::AsItIs => return answer(url, &kept.entry, kept.body.clone(), keys),
                Reuse::IfSame(conditions) => headers.extend(conditions),
            }
        }
        let came = self.ask(request, headers, kept.is_some(), keys).await?;
        let still = match (&came, kept) {
            (Came::Same(said), Some(kept)) => {
                kept.entry.terms.confirmed(said).map(|terms| (terms, kept))
            }
            _ => None,
        };
        let (entry, body) = match (still, came) {
            (Some((terms, kept)), _) => {
                (Entry { terms, retrieved: now(), ..kept.entry }, kept.body)
            }
            // Another page than the one that is kept is unchanged, it says: asked for as if none were.
            (None, Came::Same(_)) => new(url, self.ask(request, plain, false, keys).await?)?,
            (None, came) => new(url, came)?,
        };
        if let (true, Some(store)) = (entry.terms.may_be_kept(), &self.pages.store) {
            let (store, draft, bytes) = (Arc::clone(store), entry.clone(), body.clone());
            let written = tokio::task::spawn_blocking(move || store.keep(&draft, &bytes)).await;
            // A page that cannot be kept can still be read.
            if !matches!(written, Ok(Ok(()))) {
                tracing::warn!(target: "errand::pages", "a page cannot be kept: {written:?}");
            }
        }
        answer(url, &entry, body, keys)
    }
}

impl<'a> Trip<'a> {
    fn new(lent: &'a Lent) -> Self {
        Trip {
            pages: &lent.pages,
            wire: &lent.wire,
            once: lent.request_time,
            until: Instant::now() + lent.pages.policy.time,
        }
    }

    async fn find(&self, url: &Url) -> Option<Kept> {
        let store = Arc::clone(self.pages.store.as_ref()?);
        let url = url.clone();
        tokio::task::spawn_blocking(move || store.find(&url)).await.ok().flatten()
    }

    /// Asks, and asks again while that may help and there is time.
    async fn ask(
        &self,
        request: &Request,
        headers: HeaderMap,
        known: bool,
        keys: &Keys,
    ) -> Result<Came, String> {
        let policy = &self.pages.policy;
        for again in 1.. {
            self.pages.pace.turn(&request.url).await;
            let asked = timeout(self.once, self.once(request, headers.clone(), known, keys)).await;
            let (pause, said) = match asked {
                Ok(Ok((came, None))) => return Ok(came),
                Ok(Ok((came, Some(busy)))) => (busy.pause, Ok(came)),
                Ok(Err(Broken::Passing(said))) => (None, Err(said)),
                Ok(Err(Broken::Lasting(said))) => return Err(said),
                Err(_) => return Err(format!("`{}`: {}", request.url, waited(self.once))),
            };
            let pause = pause.unwrap_or_else(|| policy.pause(again));
            if again >= policy.tries || pause >= self.time() {
                return said;
            }
            sleep(pause).await;
        }
        Err(format!("`{}` was not asked for", request.url))
    }

    /// Asks once. A busy server's answer comes with how long it wants to be left alone.
    async fn once(
        &self,
        request: &Request,
        headers: HeaderMap,
        known: bool,
        keys: &Keys,
    ) -> Result<(Came, Option<Busy>), Broken> {
        let url = &request.url;
        let response = self.wire.send(request, headers).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        if known && status == StatusCode::NOT_MODIFIED {
            return Ok((Came::Same(headers), None));
        }
        // A redirect is followed whatever else it holds.
        let leads = redirects::redirect(url, status, &headers, keys).map_err(Broken::Lasting)?;
        let body = match leads {
            Some(_) => Vec::new(),
            None => self.body(url, response).await?,
        };
        let busy = fetch_policy::busy(status, &headers);
        Ok((Came::Other(status, headers, body), busy))
    }

    async fn body(&self, url: &Url, response: Response) -> Result<Vec<u8>, Broken> {
        unpacked(url, &response).map_err(Broken::Lasting)?;
        self.wire.body(url, response).await
    }
}

/// An answer that nothing kept has to do with.
fn new(url: &Url, came: Came) -> Result<(Entry, Vec<u8>), String> {
    let Came::Other(status, said, body) = came else {
        return Err(format!("`{url}` says that it is unchanged, and nothing was kept"));
    };
    let terms = Terms::new(url, status, &said)
        .map_err(|()| format!("`{url}` is no address that a page can be kept under"))?;
    Ok((Entry::new(url, terms, &body, now()), body))
}

/// What an entry comes to: a page, or where it leads.
fn answer(url: &Url, entry: &Entry, body: Vec<u8>, keys: &Keys) -> Result<Hop<Page>, String> {
    let (status, headers) = entry.terms.said();
    if let Some(next) = redirects::redirect(url, status, &headers, keys)? {
        return Ok(Hop::Redirect(status.as_u16(), next));
    }
    let content_type = headers.get(CONTENT_TYPE).and_then(|header| header.to_str().ok());
    Ok(Hop::Answer(Page {
        status: status.as_u16(),
        url: url.to_string(),
        content_type: content_type.unwrap_or_default().to_string(),
        sha256: entry.sha256.clone(),
        retrieved: entry.retrieved,
        cached: !entry.fresh,
        body,
    }))
}

/// Milliseconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    since.as_millis() as u64
}
