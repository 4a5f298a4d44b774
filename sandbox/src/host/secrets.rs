//! The secrets that a guest's requests may carry. The guest knows their names: a value is put into
//! the one header, for the one host, that its grant names, and whatever comes back to the guest is
//! searched for it – as it is, and as servers like to spell what they echo.

use std::sync::{Arc, OnceLock};

use agent_core::manifest::SecretUse;
use agent_core::permission::NetRule;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use reqwest::header::{HeaderName, HeaderValue};
use url::{Host, Url};

use super::address::private_literal;
use crate::config::Secrets;

/// A shorter value would be found in any text, and its place would tell what it is.
const SHORTEST: usize = 8;

/// What one guest was granted.
pub(crate) struct Keys {
    granted: Arc<[SecretUse]>,
    read: Secrets,
    /// What must not reach the guest; made when something is about to.
    traces: OnceLock<Vec<Trace>>,
}

impl Keys {
    pub(crate) fn new(granted: &Arc<[SecretUse]>, read: &Secrets) -> Keys {
        Keys { granted: Arc::clone(granted), read: Arc::clone(read), traces: OnceLock::new() }
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
        let traces = self.traces();
        if traces.is_empty() {
            return bytes;
        }
        let mut cleaned = Vec::with_capacity(bytes.len());
        let mut at = 0;
        while at < bytes.len() {
            let found = traces.iter().find_map(|trace| Some((trace, trace.at(&bytes[at..])?)));
            match found {
                Some((trace, length)) => {
                    cleaned.extend_from_slice(format!("[secret {}]", trace.name).as_bytes());
                    at += length;
                }
                None => {
                    cleaned.push(bytes[at]);
                    at += 1;
                }
            }
        }
        cleaned
    }

    /// The text without any secret in it.
    pub(crate) fn clean_text(&self, text: String) -> String {
        if !self.any() {
            return text;
        }
        // What replaces a trace is text, and a trace begins and ends at letters.
        String::from_utf8_lossy(&self.clean(text.into_bytes())).into_owned()
    }

    /// The name of a secret that is in the text.
    pub(crate) fn found_in(&self, text: &str) -> Option<&str> {
        let starts = 0..text.len();
        let found = |trace: &&Trace| {
            starts.clone().any(|start| trace.at(&text.as_bytes()[start..]).is_some())
        };
        self.traces().iter().find(found).map(|trace| trace.name.as_str())
    }

    fn traces(&self) -> &[Trace] {
        self.traces.get_or_init(|| {
            let mut names: Vec<&str> = self.granted.iter().map(|it| it.name.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            let known = names.into_iter().filter_map(|name| Some((name, (self.read)(name)?)));
            let long = known.filter(|(_, value)| value.len() >= SHORTEST);
            long.flat_map(|(name, value)| traces(name, &value)).collect()
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

/// One spelling of a secret.
struct Trace {
    name: String,
    spelling: Vec<u8>,
}

/// A key, and what follows its scheme in `Basic …`, in every spelling.
fn traces(name: &str, value: &str) -> Vec<Trace> {
    let bare = value.split_once(' ').map(|(_, bare)| bare).filter(|bare| bare.len() >= SHORTEST);
    let trace = |spelling| Trace { name: name.to_string(), spelling };
    [Some(value), bare].into_iter().flatten().flat_map(spellings).map(trace).collect()
}

fn spellings(value: &str) -> Vec<Vec<u8>> {
    let hex: String = value.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut spellings = vec![value.as_bytes().to_vec(), hex.into_bytes()];
    // In base64 the letters depend on where in the text the value begins, and the outermost ones
    // on its neighbours.
    for before in 0..3 {
        let text = [&[0; 2][..before], value.as_bytes()].concat();
        let from = [0, 2, 3][before];
        let to = text.len() * 8 / 6;
        for encoded in [STANDARD_NO_PAD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
            spellings.push(encoded.as_bytes()[from..to].to_vec());
        }
    }
    spellings
}

impl Trace {
    /// How many bytes of `text` spell it, from the first on. Each byte may be escaped as in a URL,
    /// in JSON or in HTML, and letters may be of either case.
    fn at(&self, text: &[u8]) -> Option<usize> {
        let mut length = 0;
        for (place, byte) in self.spelling.iter().enumerate() {
            // Base64 in mail has line ends.
            while place > 0 && matches!(text.get(length), Some(b'\r' | b'\n')) {
                length += 1;
            }
            length += spelled(&text[length..], *byte)?;
        }
        Some(length)
    }
}

/// How many bytes the first one of `text` takes, if it is `byte`.
fn spelled(text: &[u8], byte: u8) -> Option<usize> {
    let (first, rest) = text.split_first()?;
    if first.eq_ignore_ascii_case(&byte) {
        return Some(1);
    }
    let same = |digits: &[u8]| number(digits, 16).is_some_and(|n| is(n, byte));
    match (first, rest) {
        (b'+', _) if byte == b' ' => Some(1),
        // Twice, where a URL is in a URL.
        (b'%', [b'2', b'5', code @ ..]) if same(code.get(..2)?) => Some(5),
        (b'%', code) if same(code.get(..2)?) => Some(3),
        (b'\\', [b'u' | b'U', code @ ..]) if same(code.get(..4)?) => Some(6),
        (b'\\', [b'x' | b'X', code @ ..]) if same(code.get(..2)?) => Some(4),
        (b'\\', [escaped, ..]) if *escaped == byte && !byte.is_ascii_alphanumeric() => Some(2),
        (b'&', entity) => {
            let end = entity.iter().take(8).position(|byte| *byte == b';')?;
            let meant = match &entity[..end] {
                b"amp" => u32::from(b'&'),
                b"lt" => u32::from(b'<'),
                b"gt" => u32::from(b'>'),
                b"quot" => u32::from(b'"'),
                b"apos" => u32::from(b'\''),
                [b'#', b'x' | b'X', code @ ..] => number(code, 16)?,
                [b'#', code @ ..] => number(code, 10)?,
                _ => return None,
            };
            is(meant, byte).then_some(end + 2)
        }
        _ => None,
    }
}

fn is(number: u32, byte: u8) -> bool {
    u8::try_from(number).is_ok_and(|number| number.eq_ignore_ascii_case(&byte))
}

fn number(digits: &[u8], radix: u32) -> Option<u32> {
    let digits = std::str::from_utf8(digits).ok()?;
    let plain = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    u32::from_str_radix(digits, radix).ok().filter(|_| plain)
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

    fn cleaned(text: &str) -> String {
        keys().clean_text(text.to_string())
    }

    #[test]
    fn no_spelling_comes_through() {
        let percent: String = VALUE.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let twice = percent.replace('%', "%25");
        let json: String =
            VALUE.bytes().map(|byte| format!("\\u{:04x}", u32::from(byte))).collect();
        let html: String = VALUE.bytes().map(|byte| format!("&#{byte};")).collect();
        let hex: String = VALUE.bytes().map(|byte| format!("{byte:02X}")).collect();
        for spelling in [
            VALUE.to_string(),
            VALUE.to_uppercase(),
            percent,
            twice,
            json,
            html,
            hex,
            VALUE.replace('/', "\\/"),
            VALUE.replace('/', "%2f").replace('+', "%2B"),
        ] {
            assert_eq!(cleaned(&format!("a {spelling} b")), "a [secret KEY] b", "{spelling}");
        }
    }

    #[test]
    fn no_base64_of_a_text_around_it_comes_through() {
        for before in ["", "a", "ab", "Bearer ", "{\"k\":\""] {
            let text = format!("{before}{VALUE}\"}} and more of the text");
            for encoded in [STANDARD_NO_PAD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
                let cleaned = cleaned(&encoded);
                assert!(cleaned.contains("[secret KEY]"), "{cleaned}");
                let broken = encoded.as_bytes().chunks(19).collect::<Vec<_>>().join(&b"\r\n"[..]);
                let cleaned = keys().clean(broken);
                assert!(cleaned.windows(12).any(|part| part == b"[secret KEY]"));
            }
        }
    }

    #[test]
    fn the_rest_is_left_as_it_is() {
        for text in ["", "s3cr3t", "%", "%2", "&#", "&#x;", "\\u00", "100 % & \\ \u{fc}ber"] {
            assert_eq!(cleaned(text), text);
        }
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
