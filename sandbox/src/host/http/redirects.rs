//! From a request to its answer, hop by hop: each hop is judged by the gate, and a private address
//! is reached only by the literal number that the guest asked for and the gate allowed – never
//! through a name ([`Resolver`](crate::host::resolver)), never because a page said so. The guest that asks
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
use crate::host::gate_channel::GateChannel;
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
    channel: &GateChannel,
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
        let mark = match channel.authorize(fetch).await? {
            Ok(Use::Fresh(mark)) => (!request.method.is_safe()).then_some(mark),
            Ok(Use::Recorded) => None,
            Err(refusal) => return Ok(Err(refusal)),
        };
        // The gate may have asked a person: time counts from its answer.
        let time = carrier.time();
        let hop = timeout_at(Instant::now() + time, carrier.carry(&request, headers, keys)).await;
        let hop = hop.unwrap_or_else(|_| Err(format!("`{}`: {}", request.url, waited(time))));
        if let (Some(mark), Ok(_)) = (mark, &hop) {
            channel.done(mark).await?;
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

/// Whether a page may ask for this at all. A private address is there for the page only that came
/// from it, whatever else the agent was granted: a script is no guest that asks for it by its number.
pub(crate) fn asked_by(page: &Url, url: &Url) -> Result<(), String> {
    match private_literal(url).is_some() && place(url) != place(page) {
        true => Err(format!("a page may not ask for the private address `{url}`")),
        false => Ok(()),
    }
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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use agent_core::manifest::SecretUse;
    use agent_core::sandbox::{Gate, SandboxError};
    use async_trait::async_trait;
    use serde_json::Value;

    use super::*;
    use crate::concurrency::Depth;
    use crate::config::Secrets;
    use crate::host::bindings::errand::tool::http;

    /// The internet: one public host that sends to another.
    #[derive(Default)]
    struct Away {
        carried: Mutex<Vec<(Url, HeaderMap)>>,
    }

    impl Carry for Away {
        type Answer = ();

        fn time(&self) -> Duration {
            Duration::from_secs(9)
        }

        async fn carry(
            &self,
            request: &Request,
            headers: HeaderMap,
            _keys: &Keys,
        ) -> Result<Hop<()>, String> {
            self.carried.lock().unwrap().push((request.url.clone(), headers));
            Ok(match request.url.as_str() {
                "https://api.example.com/" => {
                    Hop::Redirect(307, "https://other.example.org/".parse().unwrap())
                }
                // And back: what was dropped once stays dropped.
                "https://other.example.org/" => {
                    Hop::Redirect(307, "https://api.example.com/end".parse().unwrap())
                }
                _ => Hop::Answer(()),
            })
        }
    }

    struct Everything;

    #[async_trait]
    impl Gate for Everything {
        async fn authorize(&self, _: Capability) -> Result<Use, String> {
            Ok(Use::Fresh(0))
        }

        async fn done(&self, _: u64) -> Result<(), SandboxError> {
            Ok(())
        }

        async fn call(&self, _: &str, _: Value) -> Result<Value, String> {
            Err("no".to_string())
        }
    }

    #[tokio::test]
    async fn a_secret_stays_behind_where_a_redirect_leads_to_another_public_host() {
        let granted = SecretUse {
            name: "KEY".to_string(),
            host: "api.example.com".parse().unwrap(),
            header: "x-key".to_string(),
        };
        let read: Secrets = Arc::new(|_| Some("sk-0123456789".to_string()));
        let keys = Keys::new(&Arc::from([granted]), &read);
        let header = |name: &str, value| http::Header { name: name.to_string(), value };
        let asked = http::Request {
            method: "POST".to_string(),
            url: "https://api.example.com/".to_string(),
            headers: vec![
                header("x-key", http::HeaderValue::Secret("KEY".to_string())),
                header("x-own", http::HeaderValue::Text("mine".to_string())),
                header("accept", http::HeaderValue::Text("text/plain".to_string())),
            ],
            body: None,
        };
        let request = Request::read(asked, 1 << 20).unwrap();
        let (away, (channel, asks)) = (Away::default(), GateChannel::new());
        let work = follow(&away, request, 5, &channel, &keys);
        let answer = asks.serve(work, &Everything, Depth::of("c1")).await.unwrap();
        assert_eq!(answer.unwrap(), Ok(()));
        let carried = away.carried.lock().unwrap();
        let names = |at: usize| -> Vec<&str> {
            carried[at].1.keys().map(reqwest::header::HeaderName::as_str).collect()
        };
        assert_eq!(carried[0].1["x-key"], "sk-0123456789");
        assert_eq!((names(0).len(), names(1), names(2)), (3, vec!["accept"], vec!["accept"]));
    }
}
