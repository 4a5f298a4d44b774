//! How often a host is asked: the generic cell rate algorithm, a cell for each host, for all agents
//! of the process together.

use std::net::IpAddr;

use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use tokio::time::sleep;
use url::{Host, Url};

use super::FetchPolicy;

/// Hosts that are remembered before those that were not asked lately are forgotten.
const MOST_HOSTS: usize = 10_000;

pub(super) struct RateLimit {
    /// `None`: no pace was asked for.
    hosts: Option<RateLimiter<String, HashMapStateStore<String>, DefaultClock>>,
}

impl RateLimit {
    pub(super) fn new(policy: &FetchPolicy) -> RateLimit {
        let quota = Quota::with_period(policy.pace);
        let hosts = quota.map(|quota| RateLimiter::hashmap(quota.allow_burst(policy.burst)));
        RateLimit { hosts }
    }

    /// Waits until the host may be asked.
    pub(super) async fn turn(&self, url: &Url) {
        let (Some(hosts), Some(host)) = (&self.hosts, stranger(url)) else { return };
        if hosts.len() > MOST_HOSTS {
            hosts.retain_recent();
        }
        while let Err(early) = hosts.check_key(&host) {
            sleep(early.wait_time_from(DefaultClock::default().now())).await;
        }
    }
}

/// The host, unless it is this machine by its number.
fn stranger(url: &Url) -> Option<String> {
    let own = match url.host()? {
        Host::Domain(_) => false,
        Host::Ipv4(address) => IpAddr::V4(address).is_loopback(),
        Host::Ipv6(address) => IpAddr::V6(address).is_loopback(),
    };
    (!own).then(|| url.host_str().map(str::to_string))?
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::{Duration, Instant};

    use super::*;

    #[tokio::test]
    async fn a_host_is_not_asked_too_often() {
        let pace = Duration::from_millis(40);
        let policy = FetchPolicy { pace, burst: NonZeroU32::MIN, ..FetchPolicy::default() };
        let paced = RateLimit::new(&policy);
        let turns = async |url: &str, count: usize| {
            let (begun, url) = (Instant::now(), url.parse().unwrap());
            for _ in 0..count {
                paced.turn(&url).await;
            }
            begun.elapsed()
        };
        assert!(turns("https://example.org/a", 4).await >= pace * 3);
        // Another host has a pace of its own, and this machine has none.
        assert!(turns("https://example.net/", 1).await < pace);
        let own = Instant::now();
        turns("http://127.0.0.1:80/", 1_000).await;
        turns("http://[::1]/", 1_000).await;
        assert!(own.elapsed() < pace * 100);
        assert!(turns("https://example.org/b", 2).await >= pace);
    }
}
