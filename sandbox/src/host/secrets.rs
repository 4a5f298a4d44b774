//! The secrets that a guest's requests may carry. The guest knows their names: a value is put into
//! the one header, for the one host, that its grant names, and whatever comes back to the guest is
//! searched for it ([`Redactor`]).

use std::sync::{Arc, OnceLock};

use agent_core::manifest::SecretUse;
use agent_core::permission::NetRule;
use guard::{Redactor, SHORTEST};
use reqwest::header::{HeaderName, HeaderValue};
use url::{Host, Url};

use super::address::private_literal;
use crate::config::Secrets;

/// What one guest was granted.
pub(crate) struct Keys {
    granted: Arc<[SecretUse]>,
    read: Secrets,
    /// What must not reach the guest; made when something is about to.
    redactor: OnceLock<Redactor>,
}

impl Keys {
    pub(crate) fn new(granted: &Arc<[SecretUse]>, read: &Secrets) -> Keys {
        Keys { granted: Arc::clone(granted), read: Arc::clone(read), redactor: OnceLock::new() }
    }

    /// Whether there is anything to protect.
    pub(crate) fn any(&self) -> bool {
        !self.granted.is_empty()
    }

    /// What a header of a request to `url` holds. `Err` is a sentence without the value.
    pub(crate) fn value(
        &self,
        name: &str,
        header: &HeaderName,
        url: &Url,
    ) -> Result<HeaderValue, String> {
        let mut named = self.granted.iter().filter(|granted| granted.name == name).peekable();
        if named.peek().is_none() {
            return Err(format!("the secret `{}` was not granted", short(name)));
        }
        let fits = |granted: &SecretUse| {
            granted.header.eq_ignore_ascii_case(header.as_str()) && leads_to(&granted.host, url)
        };
        if !named.any(fits) {
            let host = url.host_str().unwrap_or_default();
            return Err(format!(
                "the secret `{name}` was not granted for the header `{header}` of `{host}`"
            ));
        }
        // A literal that was granted is as near as the agent file says; everything else is told
        // apart from an impostor only by TLS.
        if url.scheme() != "https" && private_literal(url).is_none() {
            return Err(format!("the secret `{name}` is only sent over `https:`"));
        }
        let value = (self.read)(name).ok_or_else(|| format!("the secret `{name}` is not set"))?;
        if value.len() < SHORTEST {
            return Err(format!("the secret `{name}` is shorter than {SHORTEST} characters"));
        }
        // Where a scheme belongs in front, a bare key is a bearer's.
        let written = match header.as_str() {
            "authorization" if !value.contains(' ') => format!("Bearer {value}"),
            _ => value,
        };
        let mut held = HeaderValue::from_str(&written)
            .map_err(|_| format!("the secret `{name}` holds what no header can"))?;
        held.set_sensitive(true);
        Ok(held)
    }

    /// The bytes without any secret in them.
    pub(crate) fn clean(&self, bytes: Vec<u8>) -> Vec<u8> {
        self.redactor().clean(bytes)
    }

    /// The text without any secret in it.
    pub(crate) fn clean_text(&self, text: String) -> String {
        self.redactor().clean_text(text)
    }

    /// The name of a secret that is in the text.
    pub(crate) fn found_in(&self, text: &str) -> Option<&str> {
        self.redactor().found_in(text)
    }

    fn redactor(&self) -> &Redactor {
        self.redactor.get_or_init(|| {
            let mut names: Vec<&str> = self.granted.iter().map(|it| it.name.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            let known: Vec<(&str, String)> =
                names.into_iter().filter_map(|name| Some((name, (self.read)(name)?))).collect();
            Redactor::new(known.iter().map(|(name, value)| (*name, value.as_str())))
        })
    }
}

/// Whether this is the host, at one of the ports, that the grant names.
fn leads_to(rule: &NetRule, url: &Url) -> bool {
    let NetRule::Host { host, .. } = rule else { return false };
    let same = match (host, url.host()) {
        (Host::Domain(granted), Some(Host::Domain(asked))) => granted == asked,
        (Host::Ipv4(granted), Some(Host::Ipv4(asked))) => *granted == asked,
        (Host::Ipv6(granted), Some(Host::Ipv6(asked))) => *granted == asked,
        _ => false,
    };
    same && url.port_or_known_default().is_some_and(|port| rule.ports().contains(&port))
}

/// A guest wrote the name.
fn short(name: &str) -> &str {
    &name[..name.floor_char_boundary(64)]
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: &str = "s3cr3t/Key+with~more?";

    fn keys() -> Keys {
        let granted = SecretUse {
            name: "KEY".to_string(),
            host: "api.example.com".parse().unwrap(),
            header: "x-key".to_string(),
        };
        let read: Secrets = Arc::new(|name| (name == "KEY").then(|| VALUE.to_string()));
        Keys::new(&Arc::from([granted]), &read)
    }

    #[test]
    fn a_value_goes_into_its_header_for_its_host_over_tls() {
        let (keys, header) = (keys(), HeaderName::from_static("x-key"));
        let value =
            |header: &HeaderName, url: &str| keys.value("KEY", header, &url.parse().unwrap());
        let held = value(&header, "https://api.example.com/v1").unwrap();
        assert_eq!(held.as_bytes(), VALUE.as_bytes());
        assert!(held.is_sensitive());
        for (url, words) in [
            ("http://api.example.com/", "only sent over `https:`"),
            ("https://example.com/", "was not granted for the header `x-key` of `example.com`"),
            ("https://api.example.com.evil.org/", "was not granted for"),
            ("https://api.example.com:8443/", "was not granted for"),
            ("https://api.example.com./", "was not granted for"),
        ] {
            let refusal = value(&header, url).unwrap_err();
            assert!(refusal.contains(words) && !refusal.contains(VALUE), "{refusal}");
        }
        let other = HeaderName::from_static("x-other");
        assert!(value(&other, "https://api.example.com/").is_err());
        let unknown = keys.value("PATH", &header, &"https://api.example.com/".parse().unwrap());
        assert_eq!(unknown, Err("the secret `PATH` was not granted".to_string()));
    }
}
