//! What a person does about a server that cannot be spoken to, and what of its address is shown.

use agent_core::mcp::{Transport, written};
use url::Url;

use super::client::{Client, filled};
use super::fault::{Fault, Kind};
use super::oauth::{self, Challenge};

impl Client {
    /// The fault with what a person does about it, where that is known.
    pub(super) fn advised(&self, fault: &Fault) -> String {
        let hint = match fault.kind {
            Kind::Plain => self.other_scheme("https", "http"),
            Kind::Encrypted => self.other_scheme("http", "https"),
            Kind::Elsewhere => self.other_address(),
            Kind::Shut => Some(self.sign_in()),
            Kind::Unreachable => self.address().map(|at| {
                format!(
                    "hint: start the server, or write where it is: `url` of `{}` is `{at}`",
                    self.name()
                )
            }),
            Kind::Passing => Some("hint: it may pass: try again later".to_string()),
            Kind::Lost | Kind::Refused | Kind::Odd => None,
        };
        match hint {
            Some(hint) => format!("{}\n{hint}", fault.said),
            None => fault.said.clone(),
        }
    }

    /// What a person does about a server that wants to know who asks.
    pub(super) fn sign_in(&self) -> String {
        format!(
            "hint: `errand mcp login FILE {}` signs in, if it is a server that one signs in at; a key \
             goes into its `headers`, such as `Authorization = \"Bearer ${{NAME}}\"`",
            self.name()
        )
    }

    /// What a person does about a server that did not let errand in.
    pub(super) fn hint(&self, challenge: &Challenge) -> String {
        match challenge {
            Challenge::Unknown(_) => self.sign_in(),
            Challenge::TooLittle(wanted) => {
                let Transport::Http { url, .. } = &self.server().transport else {
                    return self.sign_in();
                };
                let file = filled(url).and_then(|url| self.tokens(&url));
                let granted = file.map(|file| file.granted()).unwrap_or_default();
                oauth::more(self.name(), &granted, wanted)
            }
        }
    }

    /// Without what the endpoint's address may carry as a key: its query, and what was filled in.
    pub(super) fn without_secrets(&self, text: &str, filled: &Url) -> String {
        let Some(bare) = self.address() else { return text.to_string() };
        let text = text.replace(filled.as_str(), &bare);
        match filled.query().filter(|query| !query.is_empty()) {
            Some(query) => text.replace(query, "[query]"),
            None => text,
        }
    }

    /// The address as the agent file has it, without what may be a key.
    fn address(&self) -> Option<String> {
        let Transport::Http { url, .. } = &self.server().transport else { return None };
        let mut bare = url.clone();
        bare.set_query(None);
        bare.set_fragment(None);
        Some(written(&bare))
    }

    fn other_scheme(&self, from: &str, to: &str) -> Option<String> {
        let address = self.address()?;
        let rest = address.strip_prefix(from)?.strip_prefix("://")?;
        Some(format!("hint: write `url = \"{to}://{rest}\"`"))
    }

    fn other_address(&self) -> Option<String> {
        let address = self.address()?;
        Some(match address.trim_end_matches('/').ends_with("/sse") {
            true => format!(
                "hint: `{address}` looks like the older transport of server-sent events, which is not \
                 spoken: the same server may have an address that ends in `/mcp`"
            ),
            false => format!(
                "hint: check `url`, which is `{address}`: it is the address of the endpoint itself, \
                 which often ends in `/mcp`"
            ),
        })
    }
}
