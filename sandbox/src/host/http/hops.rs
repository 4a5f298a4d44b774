//! From a request to its answer, hop by hop: each hop is judged by the gate, and a private address
//! is reached only by the literal number that the guest asked for and the gate allowed – never
//! through a name ([`Resolver`](crate::host::resolver)), never because a page said so. Whoever asks
//! for a page takes this way; who carries a hop is the asker's to say.

use std::future::Future;
use std::time::Duration;

use agent_core::action::Capability;
use agent_core::sandbox::Use;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, LOCATION};
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::request::{Leg, Request};
use crate::host::address::private_literal;
use crate::host::door::Door;
use crate::host::secrets::Keys;
use crate::outcome::waited;

/// One request's answer.
pub(crate) enum Hop<A> {
    /// The status, and where to.
    Redirect(u16, Url),
    Answer(A),
}

/// Carries a hop that the gate has allowed.
pub(crate) trait Carry {
    type Answer;

    /// How long one hop may take.
    fn time(&self) -> Duration;

    /// The error is a sentence for the model.
    fn carry(
        &self,
        request: &Request,
        headers: HeaderMap,
        keys: &Keys,
    ) -> impl Future<Output = Result<Hop<Self::Answer>, String>> + Send;
}

/// Follows a request through at most so many redirects.
pub(crate) async fn follow<C: Carry + Sync>(
    carrier: &C,
    mut request: Request,
    redirects: usize,
    door: &Door,
    keys: &Keys,
) -> wasmtime::Result<Result<C::Answer, String>> {
    let wanted = request.url.clone();
    let asked_for = place(&wanted);
    let mut leg = Leg::First;
    for _ in 0..=redirects {
        request.url.set_fragment(None);
        if let Err(refusal) = allowed(&request.url, &asked_for) {
            return Ok(Err(refusal));
        }
        let headers = match request.headers(leg, keys) {
            Ok(headers) => headers,
            Err(refusal) => return Ok(Err(refusal)),
        };
        // A request that only looks is sent again where it was recorded: it changes nothing, and
        // nothing kept its answer. That is also why it is never reported as done.
        let method = request.method.to_string();
        let fetch = Capability::Fetch { method, url: request.url.clone() };
        let mark = match door.may(fetch).await? {
            Ok(Use::Fresh(mark)) => (!request.method.is_safe()).then_some(mark),
            Ok(Use::Recorded) => None,
            Err(refusal) => return Ok(Err(refusal)),
        };
        // The gate may have asked a person: time counts from its answer.
        let time = carrier.time();
        let hop = timeout_at(Instant::now() + time, carrier.carry(&request, headers, keys)).await;
        let hop = hop.unwrap_or_else(|_| Err(format!("`{}`: {}", request.url, waited(time))));
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
    Ok(Err(format!("`{wanted}` redirects more than {redirects} times")))
}

/// Where an answer leads, if it leads on.
pub(crate) fn redirect(
    url: &Url,
    status: StatusCode,
    headers: &HeaderMap,
    keys: &Keys,
) -> Result<Option<Url>, String> {
    let Some(location) = headers.get(LOCATION).filter(|_| status.is_redirection()) else {
        return Ok(None);
    };
    let next = location.to_str().ok().and_then(|location| url.join(location).ok());
    let next = next.ok_or_else(|| format!("`{url}` redirects to what is not a URL"))?;
    // The address would be judged, written down and told.
    if let Some(name) = keys.found_in(next.as_str()) {
        return Err(format!("`{url}` redirects to what holds the secret `{name}`"));
    }
    Ok(Some(next))
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
