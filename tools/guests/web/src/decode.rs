//! From a response's bytes to text, by the WHATWG's rules in short: a byte order mark, the
//! content type's charset, what the page or the XML declaration says of itself, then UTF-8, then what its
//! letters make the most sense in.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

use crate::kind::Kind;

/// How far into a page its own word about its encoding is looked for.
const HEAD: usize = 4096;

pub(crate) fn decode<'a>(kind: Kind, content_type: &str, body: &'a [u8]) -> Cow<'a, str> {
    let named = label(content_type, "charset").or_else(|| {
        let head = String::from_utf8_lossy(&body[..body.len().min(HEAD)]);
        let said = match kind {
            Kind::Html => xml(&head).or_else(|| meta(&head)),
            Kind::Feed | Kind::Text => xml(&head),
            Kind::Json | Kind::Pdf => None,
        }?;
        // Words that can be read byte by byte are no UTF-16, whatever they say.
        Some(if said == UTF_16LE || said == UTF_16BE { UTF_8 } else { said })
    });
    let encoding = match named {
        Some(said) if said.is_single_byte() && is_utf8(body) => UTF_8,
        Some(said) => said,
        None => guessed(body),
    };
    // `decode` lets a byte order mark win.
    let (text, _, _) = encoding.decode(body);
    text
}

/// Whether a body holds letters beyond ASCII, and all of them as UTF-8 has them. Words in an encoding with
/// a byte for each letter do not look like that: it is the server that is wrong, which says for all its
/// pages what was true of the first.
fn is_utf8(body: &[u8]) -> bool {
    !body.is_ascii()
        && match std::str::from_utf8(body) {
            Ok(_) => true,
            // It was cut within a letter.
            Err(error) => error.error_len().is_none() && !body[..error.valid_up_to()].is_ascii(),
        }
}

/// By its letters, as Firefox does where nobody says it.
fn guessed(body: &[u8]) -> &'static Encoding {
    if std::str::from_utf8(body).is_ok() {
        return UTF_8;
    }
    if let Some(encoding) = unmarked(body) {
        return encoding;
    }
    let mut detector = chardetng::EncodingDetector::new();
    detector.feed(body, true);
    detector.guess(None, false)
}

/// UTF-16 without a mark, of a page: its markup has a NUL in every other byte.
fn unmarked(body: &[u8]) -> Option<&'static Encoding> {
    match body {
        [0, b'<' | b' ' | b'\n', 0, letter, ..] if *letter != 0 => Some(UTF_16BE),
        [b'<' | b' ' | b'\n', 0, letter, 0, ..] if *letter != 0 => Some(UTF_16LE),
        _ => None,
    }
}

/// The encoding that an XML declaration names.
fn xml(head: &str) -> Option<&'static Encoding> {
    let rest = head.trim_start().strip_prefix("<?xml")?;
    label(&rest[..rest.find("?>")?], "encoding")
}

/// The encoding that a `meta` element names.
fn meta(head: &str) -> Option<&'static Encoding> {
    let head = head.to_ascii_lowercase();
    let mut rest = head.as_str();
    while let Some(at) = rest.find("<!--").into_iter().chain(rest.find("<meta")).min() {
        let (found, after) = rest[at..].split_at(4);
        let end = if found == "<!--" { "-->" } else { ">" };
        let close = after.find(end).unwrap_or(after.len());
        if found != "<!--"
            && let Some(named) = label(&after[..close], "charset")
        {
            return Some(named);
        }
        rest = &after[close..];
    }
    None
}

/// The encoding after `key=`.
fn label(text: &str, key: &str) -> Option<&'static Encoding> {
    let lower = text.to_ascii_lowercase();
    let rest = &lower[lower.find(key)? + key.len()..];
    let rest = rest.trim_start().strip_prefix('=')?.trim_start().trim_start_matches(['"', '\'']);
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.:".contains(c)));
    Encoding::for_label(rest[..end.unwrap_or(rest.len())].as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content_type: &str, body: &[u8], expected: &str) {
        assert_eq!(decode(Kind::Html, content_type, body), expected, "{content_type}");
    }

    #[test]
    fn text_is_read_in_its_encoding() {
        check("text/html; charset=ISO-8859-1", b"caf\xE9", "café");
        check("text/html; charset=\"utf-8\"", b"caf\xC3\xA9", "café");
        check("text/html", b"<meta charset=shift_jis>\x93\xFA", "<meta charset=shift_jis>日");
        check("text/html", b"caf\xE9", "café");
        check("text/html; charset=nonsense", b"caf\xC3\xA9", "café");
        check("text/html; charset=latin1", b"\xEF\xBB\xBFcaf\xC3\xA9", "café");
        check("text/html; charset=windows-1252", b"\x93a\x94 \x80", "“a” €");
        check("text/html; charset=ISO-8859-1", b"caf\xC3\xA9 \xE2\x80", "café \u{fffd}");
        check("text/html; charset=koi8-r", "café".as_bytes(), "café");
        check("text/html", "<meta charset=latin1>café".as_bytes(), "<meta charset=latin1>café");
        check("text/html; charset=gb18030", b"\xD6\xD0\xCE\xC4 \x81\x30\x84\x36", "中文 ¥");
        check("text/html; charset=koi8-r", b"\xEE\xC5\xD4", "Нет");
        check("text/html; charset=utf-16le", b"h\0\xE9\0", "hé");
        check("text/html", b"\xFF\xFEh\0\xE9\0", "hé");
        check("text/html", b"\xFE\xFF\0h\0\xE9", "hé");
        check("text/html", b"<p>caf\xE9 \x80", "<p>café €");
        check("text/html", b"<\0p\0>\0\xE9\0", "<p>é");
        check(
            "text/html",
            b"<p>\xC2\xFB\xF1\xEE\xF2\xE0 \xEC\xE0\xFF\xEA\xE0 \xF2\xF0\xE8\xE4\xF6\xE0\xF2\xFC \xEE\xE4\xE8\xED",
            "<p>Высота маяка тридцать один",
        );
    }

    #[test]
    fn a_page_says_its_encoding_in_a_meta_element() {
        let page = |head: &str| [head.as_bytes(), b"\xEE\xC5\xD4"].concat();
        for head in [
            "<script charset=utf-8></script><META  CharSet = 'KOI8-R'>",
            "<meta http-equiv=content-type content=\"text/html; charset=koi8-r\">",
            "<!-- <meta charset=utf-8> --><meta name=a content=b><meta charset=koi8-r>",
            "<?xml version=\"1.0\" encoding=\"koi8-r\"?>",
        ] {
            assert!(decode(Kind::Html, "text/html", &page(head)).ends_with("Нет"), "{head}");
        }
        let lies = decode(Kind::Html, "text/html", "<meta charset=utf-16>é".as_bytes());
        assert!(lies.ends_with('é'));
        let feed = page("<?xml version='1.0' encoding='koi8-r'?>");
        assert!(decode(Kind::Feed, "", &feed).ends_with("Нет"));
    }
}
