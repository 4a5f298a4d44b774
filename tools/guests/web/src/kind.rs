//! What a response is, by its content type; and by its first bytes where there is none.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Html,
    /// Given on as it is: plain text, Markdown, JSON, XML, CSV.
    Text,
}

/// `Err` holds what it is, where that cannot be read.
pub(crate) fn kind(content_type: &str, body: &[u8]) -> Result<Kind, String> {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "text/html" | "application/xhtml+xml" => Ok(Kind::Html),
        "" | "application/octet-stream" if body.contains(&0) => Err("a binary file".to_string()),
        "" => Ok(if looks_like_html(body) { Kind::Html } else { Kind::Text }),
        "application/json"
        | "application/xml"
        | "application/yaml"
        | "application/x-yaml"
        | "application/toml"
        | "application/javascript"
        | "application/x-ndjson" => Ok(Kind::Text),
        other if other.starts_with("text/") => Ok(Kind::Text),
        other if other.ends_with("+json") || other.ends_with("+xml") => Ok(Kind::Text),
        other => Err(format!("`{}`", other.chars().take(80).collect::<String>())),
    }
}

fn looks_like_html(body: &[u8]) -> bool {
    let head = String::from_utf8_lossy(&body[..body.len().min(1024)]).to_ascii_lowercase();
    let head = head.trim_start();
    head.starts_with("<!doctype html") || head.contains("<html") || head.contains("<body")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content_type: &str, body: &[u8], expected: Result<Kind, &str>) {
        assert_eq!(kind(content_type, body), expected.map_err(str::to_string), "{content_type}");
    }

    #[test]
    fn only_text_is_read() {
        check("text/html; charset=utf-8", b"", Ok(Kind::Html));
        check("TEXT/HTML", b"", Ok(Kind::Html));
        check("text/markdown", b"# x", Ok(Kind::Text));
        check("application/ld+json", b"{}", Ok(Kind::Text));
        check("", b"<!DOCTYPE html><p>x", Ok(Kind::Html));
        check("", b"plain", Ok(Kind::Text));
        check("", b"\0\x01", Err("a binary file"));
        check("application/pdf", b"%PDF", Err("`application/pdf`"));
        check("image/png", b"", Err("`image/png`"));
    }
}
