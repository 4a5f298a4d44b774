//! Why a server does not give a page, in its own words: a status alone says little.

use serde_json::Value;

use crate::decode::decode;
use crate::flat;
use crate::kind::{Kind, kind};

/// Letters of a reason.
const MOST: usize = 200;
/// Bytes that it is looked for in.
const HEAD: usize = 64 << 10;

/// `: …` after a status, or nothing.
pub(crate) fn reason(content_type: &str, body: &[u8]) -> String {
    let body = &body[..body.len().min(HEAD)];
    let said = match kind(content_type, body) {
        Ok(Kind::Json) => json(&decode(Kind::Json, content_type, body)),
        Ok(Kind::Html) => html(&decode(Kind::Html, content_type, body)),
        Ok(Kind::Text) => decode(Kind::Text, content_type, body).into_owned(),
        _ => String::new(),
    };
    let seen: String =
        said.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    let line = text::one_line(&seen);
    match line.char_indices().nth(MOST) {
        _ if line.is_empty() => String::new(),
        Some((end, _)) => format!(": {}…", &line[..end]),
        None => format!(": {line}"),
    }
}

/// Where interfaces say it.
fn json(text: &str) -> String {
    let Ok(said) = serde_json::from_str::<Value>(text) else { return String::new() };
    let places = [
        "/error/message",
        "/message",
        "/error_description",
        "/error",
        "/detail",
        "/title",
        "/reason",
        "/errors/0/message",
        "/errors/0/detail",
        "/errors/0",
    ];
    let found = places.iter().find_map(|place| said.pointer(place).and_then(Value::as_str));
    found.or(said.as_str()).unwrap_or_default().to_string()
}

fn html(text: &str) -> String {
    let shape = flat::shape(text);
    match shape.title.is_empty() {
        true => shape.text,
        false => shape.title,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_says_why() {
        for (kind, body, expected) in [
            ("application/json", r#"{"error": {"code": 7, "message": "No key."}}"#, ": No key."),
            (
                "application/problem+json",
                r#"{"title": "Gone", "detail": "Moved in 2020."}"#,
                ": Moved in 2020.",
            ),
            ("application/json", r#"{"errors": ["No\n key."]}"#, ": No key."),
            ("application/json", r#"{"status": 403}"#, ""),
            ("text/html", "<title>Just a moment…</title><p>x", ": Just a moment…"),
            ("text/html", "<h1>Forbidden</h1><p>Not you.", ": Forbidden Not you."),
            ("text/plain", " Too many \x1b[2J\n", ": Too many [2J"),
            ("image/png", "x", ""),
            ("", "", ""),
        ] {
            assert_eq!(reason(kind, body.as_bytes()), expected, "{body}");
        }
        assert_eq!(
            reason("text/plain", "é".repeat(999).as_bytes()),
            format!(": {}…", "é".repeat(MOST))
        );
    }
}
