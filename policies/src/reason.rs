//! A verdict's words: the annotations of a policy with their placeholders filled in.

use crate::request::Shown;

/// The longest path or address that a reason repeats, in characters.
const LONGEST: usize = 200;

/// Fills `{tool}`, `{resource}`, `{method}`, `{scheme}` and `{reach}` in, in one pass, so that a
/// placeholder in what the model wrote stays what it is.
pub(crate) fn fill(template: &str, tool: &str, shown: &Shown) -> String {
    let mut text = String::with_capacity(template.len() + 64);
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        let Some(close) = rest[open..].find('}').map(|at| open + at) else { break };
        text.push_str(&rest[..open]);
        match &rest[open + 1..close] {
            "tool" => text.push_str(&quotable(tool)),
            "resource" => text.push_str(&quotable(&shown.resource)),
            "method" => text.push_str(&quotable(&shown.method)),
            "scheme" => text.push_str(&quotable(&shown.scheme)),
            "reach" => text.push_str(shown.reach),
            _ => text.push_str(&rest[open..=close]),
        }
        rest = &rest[close + 1..];
    }
    text.push_str(rest);
    text
}

/// What was written, safe to repeat between backticks: one line, not long.
pub(crate) fn quotable(written: &str) -> String {
    let plain = |c: char| if c.is_control() || c == '`' { '\u{fffd}' } else { c };
    let mut text: String = written.chars().take(LONGEST).map(plain).collect();
    if text.len() < written.len() && written.chars().nth(LONGEST).is_some() {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_once() {
        let shown = Shown { resource: "{tool}\n`x`".to_string(), ..Shown::default() };
        assert_eq!(
            fill("`{tool}`: `{resource}` {odd}", "a", &shown),
            "`a`: `{tool}\u{fffd}\u{fffd}x\u{fffd}` {odd}"
        );
    }

    #[test]
    fn what_is_repeated_is_short() {
        let text = quotable(&"é".repeat(1_000_000));
        assert_eq!(text.chars().count(), LONGEST + 1);
    }
}
