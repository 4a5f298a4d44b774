//! What a response is: by its content type, and by its first bytes where that says little or is
//! known to be wrong often.

use encoding_rs::Encoding;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Html,
    Pdf,
    /// RSS, Atom, JSON Feed.
    Feed,
    Json,
    /// Given on as it is: plain text, Markdown, XML, CSV.
    Text,
}

/// How far into a body its kind is looked for.
const HEAD: usize = 1024;

/// `Err` holds what it is, where that cannot be read.
pub(crate) fn kind(content_type: &str, body: &[u8]) -> Result<Kind, String> {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    // No text begins like this, whatever the server says that it sends.
    if is_pdf(body) {
        return Ok(Kind::Pdf);
    }
    match essence.as_str() {
        "text/html" | "application/xhtml+xml" => Ok(Kind::Html),
        // It is said to be one and does not begin like one: the parser says what is wrong.
        "application/pdf" | "application/x-pdf" => Ok(Kind::Pdf),
        "application/rss+xml"
        | "application/atom+xml"
        | "application/rdf+xml"
        | "application/feed+json" => Ok(Kind::Feed),
        "" | "application/octet-stream" | "application/unknown" | "binary/octet-stream" => {
            unsaid(body)
        }
        "application/yaml"
        | "application/x-yaml"
        | "application/toml"
        | "application/javascript"
        | "application/x-ndjson" => Ok(Kind::Text),
        "application/json" | "text/json" => Ok(json(body)),
        "application/xml" | "text/xml" => Ok(xml(body)),
        other if other.ends_with("+json") => Ok(json(body)),
        other if other.ends_with("+xml") => Ok(xml(body)),
        other if other.starts_with("text/") => Ok(Kind::Text),
        other => Err(format!("`{}`", other.chars().take(80).collect::<String>())),
    }
}

/// Nobody says what it is.
fn unsaid(body: &[u8]) -> Result<Kind, String> {
    if body.contains(&0) && Encoding::for_bom(body).is_none() {
        return Err("a binary file".to_string());
    }
    let head = head(body);
    Ok(match head.as_bytes() {
        [b'<', ..] if xml(body) == Kind::Feed => Kind::Feed,
        _ if looks_like_html(&head) => Kind::Html,
        [b'{' | b'[', ..] => json(body),
        _ => Kind::Text,
    })
}

/// Readers take a file whose header stands within the first kilobyte.
fn is_pdf(body: &[u8]) -> bool {
    body.starts_with(b"%PDF-")
        || (body[..body.len().min(HEAD)].windows(5).any(|at| at == b"%PDF-") && body.contains(&0))
}

fn json(body: &[u8]) -> Kind {
    match head(body).contains("jsonfeed.org/version/") {
        true => Kind::Feed,
        false => Kind::Json,
    }
}

/// By the name of its first element.
fn xml(body: &[u8]) -> Kind {
    let head = head(body);
    let mut rest = head.as_str();
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
        } else if !rest.starts_with(['?', '!']) {
            break;
        }
    }
    let end = rest.find(|c: char| c.is_whitespace() || c == '>' || c == '/');
    match &rest[..end.unwrap_or(rest.len())] {
        "rss" | "feed" | "atom:feed" | "rdf:rdf" => Kind::Feed,
        "html" => Kind::Html,
        _ => Kind::Text,
    }
}

fn looks_like_html(head: &str) -> bool {
    head.starts_with("<!doctype html") || head.contains("<html") || head.contains("<body")
}

/// The beginning in lower case, where it is text of one byte a letter.
fn head(body: &[u8]) -> String {
    let head = String::from_utf8_lossy(&body[..body.len().min(HEAD)]).to_ascii_lowercase();
    head.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}').to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content_type: &str, body: &[u8], expected: Result<Kind, &str>) {
        let found = kind(content_type, body);
        let shown = String::from_utf8_lossy(body);
        assert_eq!(found, expected.map_err(str::to_string), "{content_type} {shown}");
    }

    #[test]
    fn a_kind_is_what_is_said_or_seen() {
        check("text/html; charset=utf-8", b"", Ok(Kind::Html));
        check("TEXT/HTML", b"", Ok(Kind::Html));
        check("text/markdown", b"# x", Ok(Kind::Text));
        check("application/ld+json", b"{}", Ok(Kind::Json));
        check("", b"<!DOCTYPE html><p>x", Ok(Kind::Html));
        check("", b"plain", Ok(Kind::Text));
        check("", b" [1]", Ok(Kind::Json));
        check("", b"\0\x01", Err("a binary file"));
        check("", b"\xFF\xFEa\0", Ok(Kind::Text));
        check("image/png", b"", Err("`image/png`"));
    }

    #[test]
    fn a_pdf_is_one_whatever_its_server_says() {
        check("application/pdf", b"<html>", Ok(Kind::Pdf));
        for said in ["", "text/html", "application/octet-stream", "application/pdf"] {
            check(said, b"%PDF-1.7\n", Ok(Kind::Pdf));
        }
        check("", b"\n\0%PDF-1.4", Ok(Kind::Pdf));
        check("text/plain", b"It begins with %PDF-1.4.", Ok(Kind::Text));
    }

    #[test]
    fn a_feed_is_known_by_its_root() {
        check("application/rss+xml", b"", Ok(Kind::Feed));
        for body in [
            "<?xml version='1.0'?><!-- <html> --><rss version='2.0'>",
            "\u{feff}<feed xmlns='http://www.w3.org/2005/Atom'>",
            "<!DOCTYPE rdf:RDF><rdf:RDF xmlns='http://purl.org/rss/1.0/'>",
        ] {
            check("text/xml", body.as_bytes(), Ok(Kind::Feed));
            check("", body.as_bytes(), Ok(Kind::Feed));
        }
        check("application/xml", b"<feeder/>", Ok(Kind::Text));
        check("application/xml", b"<html xmlns='x'>", Ok(Kind::Html));
        let json = br#"{"version": "https://jsonfeed.org/version/1.1", "items": []}"#;
        check("application/json", json, Ok(Kind::Feed));
    }
}
