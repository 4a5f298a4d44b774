//! What an agent file grants: folders, hosts, tools. Plain data and its notation; what follows
//! from a grant is the policy's to say.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Host;

use crate::address::Reach;
use crate::program::Programs;
use crate::scope::Scope;

/// What an agent may use. What is not here is denied.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grants {
    /// The agent file's folder, absolute: paths are shown, and written by the model, from here.
    pub root: PathBuf,
    /// Files and folders to read, absolute, with everything below them.
    pub read: Vec<PathBuf>,
    /// Files and folders to write, likewise. Neither implies the other.
    pub write: Vec<PathBuf>,
    /// Files and folders among those where removing and moving away needs no person's yes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delete: Vec<PathBuf>,
    /// Hosts to send requests to.
    pub net: Vec<NetRule>,
    /// Names of tools whose every call needs a person's yes.
    pub ask: Vec<String>,
    /// Names of the tools that the agent uses.
    pub tools: Vec<String>,
    /// How far the tools of each component may go, by the component's name. Tools that are part of
    /// Errand are in none of these: the grants above are theirs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scopes: BTreeMap<String, Scope>,
    /// Names of tools of MCP servers that may change something there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acting: Vec<String>,
    /// Names of tools that send forms: where to and in what form is the agent file's, only the words are the model's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forms: Vec<String>,
    /// Names of the MCP servers that may read files: what they give back may hold some of those.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reading: Vec<String>,
    /// Programs of this machine to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub programs: Option<Programs>,
    /// Policies of the user's own: they forbid and ask, and grant nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<OwnRules>,
}

/// A file of policies that lies beside an agent file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnRules {
    /// Its name.
    pub file: String,
    /// What it says, in Cedar.
    pub text: String,
}

impl Grants {
    /// How far this tool may go, where it is a component's.
    pub fn scope(&self, tool: &str) -> Option<&Scope> {
        self.scopes.get(tool.split_once('.')?.0)
    }
}

/// The ports of a rule that names none.
pub const WEB_PORTS: [u16; 2] = [80, 443];

/// One entry of `net`: `host`, `host:port`, `*.host`, `*.host:port` or `public`.
///
/// Names are kept as the network knows them: lower case, IDNA's ASCII form, no final dot.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum NetRule {
    /// Any public address, on the web's ports.
    Public,
    /// This host alone.
    Host {
        /// A name, or an address as a literal.
        host: Host,
        /// `None` is 80 and 443; always named for an address that is not public.
        port: Option<u16>,
    },
    /// Every name below this one, not the name itself.
    Below {
        /// What comes after `*.`.
        domain: String,
        /// `None` is 80 and 443.
        port: Option<u16>,
    },
}

impl NetRule {
    /// The one host and port that a URL leads to.
    pub fn endpoint(url: &url::Url) -> Option<NetRule> {
        let host = url.host()?.to_owned();
        Some(NetRule::Host { host, port: Some(url.port_or_known_default()?) })
    }

    /// The ports that the rule grants.
    pub fn ports(&self) -> Vec<u16> {
        match self {
            NetRule::Host { port: Some(port), .. } | NetRule::Below { port: Some(port), .. } => {
                vec![*port]
            }
            _ => WEB_PORTS.to_vec(),
        }
    }
}

impl fmt::Display for NetRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = match self {
            NetRule::Public => return f.write_str("public"),
            NetRule::Host { host, port } => {
                write!(f, "{host}")?;
                port
            }
            NetRule::Below { domain, port } => {
                write!(f, "*.{domain}")?;
                port
            }
        };
        port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// A `net` entry that cannot be granted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{written}` {problem}: {hint}")]
pub struct NetRuleError {
    /// The entry as it was written.
    pub written: String,
    /// What is wrong with it.
    pub problem: String,
    /// What to do.
    pub hint: String,
}

impl FromStr for NetRule {
    type Err = NetRuleError;

    fn from_str(written: &str) -> Result<Self, NetRuleError> {
        parse(written).map_err(|(problem, hint)| NetRuleError {
            written: written.to_string(),
            problem,
            hint,
        })
    }
}

impl TryFrom<String> for NetRule {
    type Error = NetRuleError;

    fn try_from(written: String) -> Result<Self, NetRuleError> {
        written.parse()
    }
}

impl From<NetRule> for String {
    fn from(rule: NetRule) -> String {
        rule.to_string()
    }
}

type Refusal = (String, String);

fn refuse<T>(problem: impl Into<String>, hint: impl Into<String>) -> Result<T, Refusal> {
    Err((problem.into(), hint.into()))
}

fn parse(written: &str) -> Result<NetRule, Refusal> {
    match written {
        "public" => return Ok(NetRule::Public),
        "" => return refuse("names no host", "write a host, as in `example.org`, or remove it"),
        "*" | "*:*" | "*.*" => {
            return refuse("grants too much", "write `public` for every public address");
        }
        _ => {}
    }
    if let Some((_, rest)) = written.split_once("://") {
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        return refuse("is a URL", format!("write only its host, `{host}`"));
    }
    if written.contains('@') {
        return refuse("names a user", "write only the host; keys belong in `secrets`");
    }
    if let Some((host, _)) = written.split_once(['/', '?', '#']) {
        return refuse(
            "holds more than a host",
            format!("write `{host}`; a grant covers the whole host"),
        );
    }
    if written.parse::<std::net::Ipv6Addr>().is_ok() {
        return refuse("is an IPv6 address", format!("write it in brackets, `[{written}]:443`"));
    }
    let (host, port) = split_port(written)?;
    if host == "public" {
        return refuse("gives `public` a port", "`public` is always ports 80 and 443");
    }
    match host.strip_prefix("*.") {
        Some(domain) => match name(domain)? {
            Host::Domain(domain) => Ok(NetRule::Below { domain, port }),
            _ => refuse("is a pattern over an address", "name each address by itself"),
        },
        None => {
            let host = name(host)?;
            let reach = match &host {
                Host::Domain(_) => Reach::Public,
                Host::Ipv4(address) => Reach::of(IpAddr::V4(*address)),
                Host::Ipv6(address) => Reach::of(IpAddr::V6(*address)),
            };
            if reach != Reach::Public && port.is_none() {
                let hint = format!("name the port, as in `{host}:8080`");
                return refuse(format!("is a {reach} address without a port"), hint);
            }
            Ok(NetRule::Host { host, port })
        }
    }
}

/// A host's name or address, as a rule writes it.
fn name(written: &str) -> Result<Host, Refusal> {
    if written.contains('*') {
        return refuse("has a `*` that does not stand alone in front", "write `*.example.org`");
    }
    let Ok(host) = Host::parse(written) else {
        return refuse(
            "is no host name",
            "write a host, as in `example.org` or `example.org:8080`",
        );
    };
    let Host::Domain(domain) = host else { return Ok(host) };
    let domain = domain.strip_suffix('.').unwrap_or(&domain).to_string();
    if is_localhost(&domain) {
        return refuse("is this machine by name", "write its address and port, `127.0.0.1:8080`");
    }
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !domain.split('.').all(|label| !label.is_empty() && label.chars().all(legal)) {
        return refuse("is no host name", "write one host an entry, as in `example.org`");
    }
    Ok(Host::Domain(domain))
}

/// Whether a name always means this machine (RFC 6761).
pub fn is_localhost(domain: &str) -> bool {
    domain == "localhost" || domain.ends_with(".localhost")
}

fn split_port(written: &str) -> Result<(&str, Option<u16>), Refusal> {
    // A colon inside brackets belongs to an IPv6 address.
    let after = written.rfind(']').unwrap_or(0);
    let Some(colon) = written[after..].find(':').map(|at| at + after) else {
        return Ok((written, None));
    };
    let (host, port) = (&written[..colon], &written[colon + 1..]);
    match port.parse::<u16>() {
        Ok(1..) if port.bytes().all(|b| b.is_ascii_digit()) => Ok((host, port.parse().ok())),
        _ => refuse(
            format!("names a port, `{port}`, that cannot be"),
            "write a number from 1 to 65535, or leave it out for 80 and 443",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_kept_as_the_network_knows_them() {
        let cases = [
            ("example.org", "example.org"),
            ("EXAMPLE.org", "example.org"),
            ("example.org.", "example.org"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("*.Bücher.example:8443", "*.xn--bcher-kva.example:8443"),
            ("example.org:8080", "example.org:8080"),
            ("*.example.org", "*.example.org"),
            ("127.0.0.1:8080", "127.0.0.1:8080"),
            ("0x7f.1:8080", "127.0.0.1:8080"),
            ("[::1]:8080", "[::1]:8080"),
            ("[0:0::1]:8080", "[::1]:8080"),
            ("93.184.216.34", "93.184.216.34"),
            ("[2606:4700:4700::1111]", "[2606:4700:4700::1111]"),
            ("public", "public"),
        ];
        for (written, expected) in cases {
            let rule = written.parse::<NetRule>().map(|rule| rule.to_string());
            assert_eq!(rule.as_deref(), Ok(expected), "{written}");
            // What is shown is read back as the same rule.
            assert_eq!(expected.parse::<NetRule>(), written.parse(), "{written}");
        }
    }

    #[test]
    fn a_rule_without_a_port_grants_the_web() {
        for (written, ports) in [
            ("example.org", &[80, 443][..]),
            ("*.example.org", &[80, 443]),
            ("public", &[80, 443]),
            ("example.org:8080", &[8080]),
        ] {
            assert_eq!(written.parse().map(|rule: NetRule| rule.ports()), Ok(ports.to_vec()));
        }
    }

    #[test]
    fn what_cannot_be_granted_says_what_to_do() {
        let cases = [
            ("", "`` names no host: write a host, as in `example.org`, or remove it"),
            ("*", "`*` grants too much: write `public` for every public address"),
            ("https://a.org/x", "`https://a.org/x` is a URL: write only its host, `a.org`"),
            (
                "a.org/x",
                "`a.org/x` holds more than a host: write `a.org`; a grant covers the whole host",
            ),
            ("me@a.org", "`me@a.org` names a user: write only the host; keys belong in `secrets`"),
            ("::1", "`::1` is an IPv6 address: write it in brackets, `[::1]:443`"),
            (
                "127.0.0.1",
                "`127.0.0.1` is a loopback address without a port: name the port, as in \
                 `127.0.0.1:8080`",
            ),
            (
                "[::ffff:10.0.0.1]",
                "`[::ffff:10.0.0.1]` is a private address without a port: name the port, as in \
                 `[::ffff:a00:1]:8080`",
            ),
            (
                "169.254.169.254",
                "`169.254.169.254` is a link-local address without a port: name the port, as in \
                 `169.254.169.254:8080`",
            ),
            (
                "localhost:8080",
                "`localhost:8080` is this machine by name: write its address and port, \
                 `127.0.0.1:8080`",
            ),
            (
                "a.org:0",
                "`a.org:0` names a port, `0`, that cannot be: write a number from 1 to 65535, or \
                 leave it out for 80 and 443",
            ),
            (
                "a.org:http",
                "`a.org:http` names a port, `http`, that cannot be: write a number from 1 to \
                 65535, or leave it out for 80 and 443",
            ),
            (
                "a.*.org",
                "`a.*.org` has a `*` that does not stand alone in front: write `*.example.org`",
            ),
            (
                "*.10.0.0.1",
                "`*.10.0.0.1` is a pattern over an address: name each address by itself",
            ),
            (
                "a.org,b.org",
                "`a.org,b.org` is no host name: write one host an entry, as in `example.org`",
            ),
            (
                "a b",
                "`a b` is no host name: write a host, as in `example.org` or `example.org:8080`",
            ),
            (
                "public:8080",
                "`public:8080` gives `public` a port: `public` is always ports 80 and 443",
            ),
            ("a..org", "`a..org` is no host name: write one host an entry, as in `example.org`"),
        ];
        for (written, expected) in cases {
            let error = written.parse::<NetRule>().map_err(|error| error.to_string());
            assert_eq!(error.err().as_deref(), Some(expected), "{written}");
        }
    }
}
