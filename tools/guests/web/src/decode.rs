//! From a response's bytes to text, by the WHATWG's rules in short: a byte order mark, the
//! content type's charset, for HTML the page's own word, then UTF-8, then Windows-1252.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

use crate::kind::Kind;

/// How far into a page its own word about its encoding is looked for.
const HEAD: usize = 2048;

pub(crate) fn decode<'a>(kind: Kind, content_type: &str, body: &'a [u8]) -> Cow<'a, str> {
    let named = label(content_type).or_else(|| match kind {
        Kind::Html => label(&String::from_utf8_lossy(&body[..body.len().min(HEAD)])),
        Kind::Text => None,
    });
    let fallback = if std::str::from_utf8(body).is_ok() { UTF_8 } else { WINDOWS_1252 };
    // `decode` lets a byte order mark win.
    let (text, _, _) = named.unwrap_or(fallback).decode(body);
    text
}

/// The encoding after the first `charset=`.
fn label(text: &str) -> Option<&'static Encoding> {
    let lower = text.to_ascii_lowercase();
    let rest = &lower[lower.find("charset")? + "charset".len()..];
    let rest = rest.trim_start().strip_prefix('=')?.trim_start().trim_start_matches(['"', '\'']);
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.:".contains(c)));
    Encoding::for_label(rest[..end.unwrap_or(rest.len())].as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content_type: &str, body: &[u8], expected: &str) {
        assert_eq!(decode(Kind::Html, content_type, body), expected);
    }

    #[test]
    fn text_is_read_in_its_encoding() {
        check("text/html; charset=ISO-8859-1", b"caf\xE9", "café");
        check("text/html; charset=\"utf-8\"", b"caf\xC3\xA9", "café");
        check("text/html", b"<meta charset=shift_jis>\x93\xFA", "<meta charset=shift_jis>日");
        check("text/html", b"caf\xE9", "café");
        check("text/html; charset=nonsense", b"caf\xC3\xA9", "café");
        check("text/html; charset=latin1", b"\xEF\xBB\xBFcaf\xC3\xA9", "café");
    }
}
