//! Every request of a sign-in: to the server, and to what it names as its authorization server. No
//! redirect is followed, no proxy asked, and a name or an address leads to this machine or its private
//! network only where the server's own address is one of the same kind.
//!
//! Refuses metadata of an authorization server that lies elsewhere than its issuer says (RFC 8414,
//! OpenID Connect Discovery): codes and refresh tokens of one would go to another.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::time::Duration;

use agent_core::address::Reach;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rmcp::transport::auth::{OAuthHttpClient, OAuthHttpClientFuture, OAuthHttpRequest};
use serde_json::Value;
use url::{Host, Url};

/// The longest answer, in bytes.
const MOST: usize = 1 << 20;
/// How long one request may take.
const SLOW: Duration = Duration::from_secs(30);

/// What carries a sign-in at one server.
pub(super) struct Requests {
    client: reqwest::Client,
    near: Near,
}

/// Which of the addresses that are not public may be reached: those of the server's own kind.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Near(Option<Reach>);

/// Why a request was not made, or what it was answered not taken.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("`{0}` is an address of this machine or its private network")]
    Private(String),
    #[error("`{0}` answers with more than 1 MiB")]
    Long(Url),
    #[error("issuer mismatch: `{0}` holds metadata that is not its own")]
    Misplaced(Url),
}

impl Requests {
    pub(super) fn of(server: &Url) -> Result<Self, String> {
        let near = Near::of(server);
        let client = http_client::builder()
            .no_proxy()
            .timeout(SLOW)
            .dns_resolver(std::sync::Arc::new(near))
            .build()
            .map_err(|error| http_client::reason(&error))?;
        Ok(Self { client, near })
    }
}

impl Near {
    fn of(server: &Url) -> Self {
        let reach = match literal(server) {
            Some(address) => Reach::of(address),
            None if server.host_str() == Some("localhost") => Reach::Loopback,
            None => Reach::Public,
        };
        Self(Some(reach).filter(|reach| matches!(reach, Reach::Loopback | Reach::Private)))
    }

    fn allows(self, address: IpAddr) -> bool {
        let reach = Reach::of(address);
        reach == Reach::Public || Some(reach) == self.0
    }
}

impl Resolve for Near {
    fn resolve(&self, name: Name) -> Resolving {
        let near = *self;
        Box::pin(async move {
            let name = name.as_str().to_string();
            let asked = name.clone();
            let found = tokio::task::spawn_blocking(move || (asked.as_str(), 0).to_socket_addrs());
            let fit: Vec<SocketAddr> =
                found.await??.filter(|address| near.allows(address.ip())).collect();
            match fit.is_empty() {
                true => Err(Refused::Private(name).into()),
                false => Ok(Box::new(fit.into_iter()) as Addrs),
            }
        })
    }
}

impl OAuthHttpClient for Requests {
    fn execute(&self, request: OAuthHttpRequest) -> OAuthHttpClientFuture<'_> {
        Box::pin(async move {
            let request = reqwest::Request::try_from(request.request)?;
            let (url, reads) = (request.url().clone(), request.method() == reqwest::Method::GET);
            // A literal never comes by the resolver.
            if literal(&url).is_some_and(|address| !self.near.allows(address)) {
                return Err(Refused::Private(url.to_string()).into());
            }
            let mut response = self.client.execute(request).await?;
            let mut body = Vec::new();
            while let Some(part) = response.chunk().await? {
                if body.len() + part.len() > MOST {
                    return Err(Refused::Long(url).into());
                }
                body.extend_from_slice(&part);
            }
            if reads && is_misplaced(&url, &body) {
                return Err(Refused::Misplaced(url).into());
            }
            let answer: http::Response<reqwest::Body> = response.into();
            Ok(answer.map(|_| body))
        })
    }
}

fn literal(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Domain(_) => None,
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(address.into()),
    }
}

/// Whether this is the metadata of an authorization server whose issuer has its metadata elsewhere.
fn is_misplaced(url: &Url, body: &[u8]) -> bool {
    let Ok(said) = serde_json::from_slice::<Value>(body) else { return false };
    if said.get("token_endpoint").is_none() {
        return false;
    }
    let issuer = said["issuer"].as_str().and_then(|issuer| Url::parse(issuer).ok());
    !issuer.is_some_and(|issuer| places(&issuer).contains(url))
}

/// Where an issuer has its metadata.
fn places(issuer: &Url) -> [Url; 3] {
    let path = issuer.path().trim_end_matches('/').to_string();
    let at = |path: String| {
        let mut url = issuer.clone();
        url.set_path(&path);
        url
    };
    [
        at(format!("/.well-known/oauth-authorization-server{path}")),
        at(format!("/.well-known/openid-configuration{path}")),
        at(format!("{path}/.well-known/openid-configuration")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn a_server_leads_no_further_inside_than_it_is_itself() {
        let may =
            |server: &str, address: &str| Near::of(&url(server)).allows(address.parse().unwrap());
        assert!(may("https://a.example/mcp", "8.8.8.8"));
        assert!(may("http://127.0.0.1:1/mcp", "127.0.0.1") && may("http://localhost/mcp", "::1"));
        assert!(may("https://10.0.0.5/mcp", "192.168.1.1"));
        for (server, address) in [
            ("https://a.example/mcp", "127.0.0.1"),
            ("https://a.example/mcp", "10.0.0.1"),
            ("https://a.example/mcp", "::ffff:10.0.0.1"),
            ("https://127.0.0.1/mcp", "10.0.0.1"),
            ("https://10.0.0.5/mcp", "127.0.0.1"),
            ("https://169.254.169.254/mcp", "169.254.169.254"),
            ("https://10.0.0.5/mcp", "169.254.169.254"),
        ] {
            assert!(!may(server, address), "{server} {address}");
        }
    }

    #[test]
    fn metadata_lies_where_its_issuer_says() {
        let is = |at: &str, body: &str| is_misplaced(&url(at), body.as_bytes());
        let of = |issuer: &str| {
            format!(
                "{{\"issuer\": \"{issuer}\", \"token_endpoint\": \"https://evil.example/token\"}}"
            )
        };
        for (at, issuer) in [
            ("https://id.example/.well-known/oauth-authorization-server", "https://id.example"),
            ("https://id.example/.well-known/oauth-authorization-server", "https://id.example/"),
            ("https://id.example/.well-known/oauth-authorization-server/a", "https://id.example/a"),
            ("https://id.example/.well-known/openid-configuration/a", "https://id.example/a/"),
            ("https://id.example/a/.well-known/openid-configuration", "https://id.example/a"),
        ] {
            assert!(!is(at, &of(issuer)), "{at} {issuer}");
        }
        for at in [
            "https://evil.example/.well-known/anything",
            "https://evil.example/.well-known/oauth-authorization-server",
            "https://evil.example/id.example/.well-known/openid-configuration",
            "https://id.example.evil.example/.well-known/openid-configuration",
            "https://id.example/elsewhere",
        ] {
            assert!(is(at, &of("https://id.example")), "{at}");
        }
        assert!(is("https://evil.example/.well-known/x", "{\"token_endpoint\": \"x\"}"));
        // What is no metadata of an authorization server may lie anywhere.
        assert!(!is("https://a.example/custom.json", "{\"resource\": \"https://a.example/mcp\"}"));
        assert!(!is("https://a.example/mcp", "no JSON"));
    }
}
