//! Getting bytes from a server that the user named: bounded, never unpacked on the way, and with
//! redirects that lead neither from `https:` to `http:` nor from a public server to a private one.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use agent_core::address::Reach;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use url::{Host, Url};

/// A server that cannot be reached is told soon.
const CONNECT: Duration = Duration::from_secs(10);
/// A transfer that stands still this long is broken.
const STILL: Duration = Duration::from_secs(30);
/// Redirects that are followed.
const REDIRECTS: usize = 5;

/// Told how many bytes there are, and where it is known how many there will be.
pub(super) type Progress<'a> = &'a (dyn Fn(u64, Option<u64>) + Sync);

/// A client for what the user named by this address.
pub(super) async fn client(named: &Url) -> Result<Client, String> {
    let bounds = Bounds {
        named: named.host_str().unwrap_or_default().to_string(),
        reach: reach(named).await,
    };
    http_client::builder()
        .connect_timeout(CONNECT)
        .read_timeout(STILL)
        .redirect(redirects(bounds.clone()))
        .dns_resolver(Arc::new(bounds))
        // What is small on the wire may be endless once unpacked.
        .gzip(false)
        .user_agent(concat!("errand/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| http_client::reason(&error))
}

/// The body of a response.
pub(super) async fn body(
    mut response: Response,
    most: usize,
    progress: Progress<'_>,
) -> Result<Vec<u8>, Broken> {
    let total = response.content_length();
    if total.is_some_and(|total| total > most as u64) {
        return Err(Broken::Large);
    }
    let mut bytes = Vec::new();
    loop {
        let part =
            response.chunk().await.map_err(|error| Broken::Off(http_client::reason(&error)))?;
        let Some(part) = part else { return Ok(bytes) };
        if bytes.len() + part.len() > most {
            return Err(Broken::Large);
        }
        bytes.extend_from_slice(&part);
        progress(bytes.len() as u64, total);
    }
}

/// Why a body did not come whole.
pub(super) enum Broken {
    Large,
    Off(String),
}

/// How far a fetch may be led: anywhere public, and no nearer to this machine than the server that
/// the user named.
#[derive(Clone)]
struct Bounds {
    named: String,
    reach: Reach,
}

impl Bounds {
    fn hold(&self, address: IpAddr) -> bool {
        let reach = Reach::of(address);
        reach == Reach::Public || reach == self.reach
    }
}

/// How far the address of a host reaches; one that is not found is a proxy's to find.
async fn reach(named: &Url) -> Reach {
    if let Some(address) = literal(named) {
        return Reach::of(address);
    }
    let found = tokio::net::lookup_host((named.host_str().unwrap_or_default(), 0)).await;
    let first = found.ok().and_then(|mut found| found.next());
    first.map_or(Reach::Public, |address| Reach::of(address.ip()))
}

/// A few, and never from `https` to `http`.
fn redirects(bounds: Bounds) -> Policy {
    Policy::custom(move |attempt| {
        let secure = attempt.previous().first().is_some_and(|first| first.scheme() == "https");
        if attempt.previous().len() > REDIRECTS {
            attempt.error("it redirects too often")
        } else if secure && attempt.url().scheme() != "https" {
            attempt.error("it redirects from `https:` to `http:`")
        } else if literal(attempt.url()).is_some_and(|address| !bounds.hold(address)) {
            attempt.error("it redirects to a private address")
        } else {
            attempt.follow()
        }
    })
}

fn literal(url: &Url) -> Option<IpAddr> {
    match url.host() {
        Some(Host::Ipv4(address)) => Some(address.into()),
        Some(Host::Ipv6(address)) => Some(address.into()),
        _ => None,
    }
}

impl Resolve for Bounds {
    fn resolve(&self, name: Name) -> Resolving {
        let bounds = self.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let open = |at: &SocketAddr| bounds.named == name.as_str() || bounds.hold(at.ip());
            let found: Vec<SocketAddr> = found.filter(open).collect();
            if found.is_empty() {
                return Err(format!("`{}` has no public address", name.as_str()).into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn a_public_server_leads_to_no_private_one() {
        let public = Bounds { named: "example.org".to_string(), reach: Reach::Public };
        for address in ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fd00::1"] {
            assert!(!public.hold(address.parse().unwrap()), "{address}");
        }
        assert!(public.hold("93.184.215.14".parse().unwrap()));
        let refused = public.resolve("localhost".parse().unwrap()).await.err().unwrap();
        assert_eq!(refused.to_string(), "`localhost` has no public address");
        let here = reach(&Url::parse("http://127.0.0.1:1/").unwrap()).await;
        let here = Bounds { named: "127.0.0.1".to_string(), reach: here };
        assert!(here.resolve("localhost".parse().unwrap()).await.is_ok());
        assert!(!here.hold("169.254.169.254".parse().unwrap()));
    }
}
