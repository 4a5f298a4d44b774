//! How far the tools of one component may go: what its manifest wants, met with what the agent
//! file grants. Two grants meet in what both of them cover; nothing here is ever wider than either.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use url::Host;

use crate::address::Reach;
use crate::manifest::SecretUse;
use crate::permission::{NetRule, WEB_PORTS};

/// What the tools of one component may use, at most. The policy holds every use against it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Scope {
    /// Files and folders to read, absolute.
    pub read: Vec<PathBuf>,
    /// Files and folders to write, likewise.
    pub write: Vec<PathBuf>,
    /// Hosts to send requests to.
    pub net: Vec<NetRule>,
    /// Other tools of the agent to call.
    pub tools: Vec<String>,
    /// Keys that the host puts into its requests.
    pub secrets: Vec<SecretUse>,
    /// Whether it keeps values of its own.
    pub kv: bool,
    /// Those of its tools that change something outside, by their full names. The others said that
    /// they do not, and are held to it.
    pub changing: Vec<String>,
}

impl Scope {
    /// Whether the scope lets a component have this key in this way.
    pub fn holds(&self, secret: &SecretUse) -> bool {
        self.secrets.contains(secret)
    }
}

/// What two lists of paths both cover.
pub fn meet_paths(one: &[PathBuf], other: &[PathBuf]) -> Vec<PathBuf> {
    let met = one.iter().flat_map(|one| {
        other.iter().filter_map(move |other| {
            if other.starts_with(one) { Some(other) } else { one.starts_with(other).then_some(one) }
        })
    });
    distinct(met.cloned())
}

/// What two lists of rules both cover.
pub fn meet_net(one: &[NetRule], other: &[NetRule]) -> Vec<NetRule> {
    let met = one.iter().flat_map(|one| other.iter().flat_map(move |other| meet(one, other)));
    distinct(met)
}

/// Whether a path lies within what is granted.
pub fn covers_path(granted: &[PathBuf], path: &Path) -> bool {
    granted.iter().any(|granted| path.starts_with(granted))
}

/// Whether everything that a rule means is granted.
pub fn covers_net(granted: &[NetRule], rule: &NetRule) -> bool {
    let covered = |port: u16| {
        let part = at(rule, port);
        granted.iter().any(|granted| granted.ports().contains(&port) && within(&part, granted))
    };
    rule.ports().into_iter().all(covered)
}

/// Rules are nested or apart, port by port: of two that meet, the narrower one is what both cover.
fn meet(one: &NetRule, other: &NetRule) -> Vec<NetRule> {
    let ports: Vec<u16> =
        one.ports().into_iter().filter(|port| other.ports().contains(port)).collect();
    let narrower = |port: u16| {
        let (one, other) = (at(one, port), at(other, port));
        if within(&one, &other) { Some(one) } else { within(&other, &one).then_some(other) }
    };
    let met: Vec<NetRule> = ports.iter().filter_map(|port| narrower(*port)).collect();
    match &met[..] {
        // Both of the web's ports are what a rule without a port means.
        [first, _] if ports == WEB_PORTS => vec![without_port(first)],
        _ => met,
    }
}

/// The part of a rule that is about one of its ports.
fn at(rule: &NetRule, port: u16) -> NetRule {
    match rule.clone() {
        NetRule::Public => NetRule::Public,
        NetRule::Host { host, .. } => NetRule::Host { host, port: Some(port) },
        NetRule::Below { domain, .. } => NetRule::Below { domain, port: Some(port) },
    }
}

fn without_port(rule: &NetRule) -> NetRule {
    match rule.clone() {
        NetRule::Public => NetRule::Public,
        NetRule::Host { host, .. } => NetRule::Host { host, port: None },
        NetRule::Below { domain, .. } => NetRule::Below { domain, port: None },
    }
}

/// Whether what one rule names lies within another, leaving ports aside.
fn within(inner: &NetRule, outer: &NetRule) -> bool {
    let below = |name: &str, domain: &str| {
        name.strip_suffix(domain).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
    };
    match (inner, outer) {
        (NetRule::Public, NetRule::Public) => true,
        (NetRule::Host { host, .. }, NetRule::Public) => match host {
            Host::Domain(_) => true,
            Host::Ipv4(address) => Reach::of((*address).into()) == Reach::Public,
            Host::Ipv6(address) => Reach::of((*address).into()) == Reach::Public,
        },
        (NetRule::Below { .. }, NetRule::Public) => true,
        (NetRule::Host { host: inner, .. }, NetRule::Host { host: outer, .. }) => inner == outer,
        (NetRule::Host { host: Host::Domain(name), .. }, NetRule::Below { domain, .. }) => {
            below(name, domain)
        }
        (NetRule::Below { domain: inner, .. }, NetRule::Below { domain: outer, .. }) => {
            inner == outer || below(inner, outer)
        }
        _ => false,
    }
}

fn distinct<T: PartialEq>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut kept = Vec::new();
    for item in items {
        if !kept.contains(&item) {
            kept.push(item);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> Vec<NetRule> {
        text.split_whitespace().filter_map(|rule| rule.parse().ok()).collect()
    }

    fn met(one: &str, other: &str) -> String {
        let shown =
            |met: Vec<NetRule>| met.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let there = shown(meet_net(&rules(one), &rules(other)));
        let back = shown(meet_net(&rules(other), &rules(one)));
        let sorted = |text: &str| {
            let mut words: Vec<String> = text.split(' ').map(str::to_string).collect();
            words.sort();
            words
        };
        assert_eq!(sorted(&there), sorted(&back), "{one} and {other}");
        there
    }

    #[test]
    fn rules_meet_in_what_both_cover() {
        for (one, other, both) in [
            ("a.org", "a.org", "a.org"),
            ("a.org", "b.org", ""),
            ("a.org", "public", "a.org"),
            ("*.a.org", "x.a.org", "x.a.org"),
            ("*.a.org", "a.org", ""),
            ("*.a.org", "xa.org", ""),
            ("*.a.org", "*.x.a.org", "*.x.a.org"),
            ("a.org", "a.org:443", "a.org:443"),
            ("a.org", "a.org:8443", ""),
            ("*.a.org:8443", "x.a.org:8443", "x.a.org:8443"),
            ("127.0.0.1:80", "public", ""),
            ("10.0.0.1:443", "public", ""),
            ("93.184.216.34", "public", "93.184.216.34"),
            ("a.org:8443", "public", ""),
            ("public", "a.org b.org", "a.org b.org"),
            ("public", "public", "public"),
        ] {
            assert_eq!(met(one, other), both, "{one} and {other}");
        }
    }

    #[test]
    fn a_rule_is_covered_port_by_port() {
        for (granted, rule, covered) in [
            ("a.org:80 a.org:443", "a.org", true),
            ("a.org:443", "a.org", false),
            ("a.org", "a.org:443", true),
            ("*.a.org", "a.org", false),
            ("public", "127.0.0.1:80", false),
            ("127.0.0.1:80", "127.0.0.1:80", true),
            ("a.org", "public", false),
            ("", "a.org", false),
        ] {
            let rule = &rules(rule)[0];
            assert_eq!(covers_net(&rules(granted), rule), covered, "{granted}: {rule}");
        }
    }

    #[test]
    fn paths_meet_in_the_deeper_one() {
        let paths = |text: &str| text.split(' ').map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(meet_paths(&paths("/a/b /c"), &paths("/a /c/d /e")), paths("/a/b /c/d"));
        assert_eq!(meet_paths(&paths("/a/b"), &paths("/a/bc")), Vec::<PathBuf>::new());
        assert!(covers_path(&paths("/a"), Path::new("/a/b")));
        assert!(!covers_path(&paths("/a/b"), Path::new("/a")));
    }
}
