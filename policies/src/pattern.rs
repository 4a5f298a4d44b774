//! Granted folders and hosts as regular expressions, within what a decoder's JSON Schema `pattern`
//! holds: classes, groups, alternatives, repetition and anchors; no look-around.

use agent_core::permission::NetRule;

/// A name in a path: neither `.` nor `..`, without separator or control character.
const NAME: &str =
    r"(?:[^/.\x00-\x1f\x7f]|\.[^/.\x00-\x1f\x7f]|\.\.[^/\x00-\x1f\x7f])[^/\x00-\x1f\x7f]*";

/// A label of a host name.
const LABEL: &str = "[a-z0-9_-]+";

/// Paths inside these files and folders, as a model writes them: `folders` are relative to the
/// agent's folder, which is `.`, or absolute.
pub(crate) fn paths(folders: &[String]) -> String {
    let below = format!("{NAME}(?:/{NAME})*/?");
    let mut forms: Vec<String> = folders
        .iter()
        .map(|folder| match folder.trim_end_matches('/') {
            "." => format!(r"(?:\./)?{below}|\./?"),
            "" => format!("/(?:{below})?"),
            folder if folder.starts_with('/') => format!("{}(?:/(?:{below})?)?", escape(folder)),
            folder => format!(r"(?:\./)?{}(?:/(?:{below})?)?", escape(folder)),
        })
        .collect();
    forms.sort();
    forms.dedup();
    format!("^(?:{})$", forms.join("|"))
}

/// URLs that these rules grant. A path, query and fragment are free, of printable ASCII.
pub(crate) fn urls(rules: &[NetRule]) -> String {
    let mut origins: Vec<String> = rules
        .iter()
        .map(|rule| {
            let (host, port) = match rule {
                NetRule::Public => (format!(r"{LABEL}(?:\.{LABEL})+"), None),
                NetRule::Host { host, port } => (escape(&host.to_string()), *port),
                NetRule::Below { domain, port } => {
                    (format!(r"(?:{LABEL}\.)+{}", escape(domain)), *port)
                }
            };
            match port {
                None => format!("https?://{host}"),
                Some(80) => format!("http://{host}(?::80)?|https://{host}:80"),
                Some(443) => format!("https://{host}(?::443)?|http://{host}:443"),
                Some(port) => format!("https?://{host}:{port}"),
            }
        })
        .collect();
    origins.sort();
    origins.dedup();
    format!("^(?:{})(?:[/?#][!-~]*)?$", origins.join("|"))
}

fn escape(literal: &str) -> String {
    let mut escaped = String::with_capacity(literal.len() + 8);
    for c in literal.chars() {
        if c.is_ascii_punctuation() && !matches!(c, '/' | '-' | '_' | ',' | ':' | '@' | '%' | '=') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}
