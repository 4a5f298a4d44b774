//! The words of an SQL text, as far as names of files and columns have to be found in it.

use std::ops::Range;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `orders`
    Word,
    /// `"orders"`, `` `orders` ``, `[orders]`
    Quoted,
    /// `'Berlin'`
    Text,
    /// A sign, a number.
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) kind: Kind,
    /// Where it stands, with its quotes.
    pub(crate) at: Range<usize>,
    /// Without its quotes.
    pub(crate) text: String,
}

/// All words, without blanks and comments.
pub(crate) fn words(sql: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(first) = sql[at..].chars().next() {
        let rest = &sql[at..];
        let (size, kind) = match first {
            _ if rest.starts_with("--") => (rest.find('\n').unwrap_or(rest.len()), None),
            _ if rest.starts_with("/*") => {
                (rest.find("*/").map_or(rest.len(), |end| end + 2), None)
            }
            '\'' => (closed(rest, '\''), Some(Kind::Text)),
            '"' | '`' => (closed(rest, first), Some(Kind::Quoted)),
            '[' => (rest.find(']').map_or(rest.len(), |end| end + 1), Some(Kind::Quoted)),
            _ if first.is_whitespace() => (first.len_utf8(), None),
            _ if inside(first) && !first.is_ascii_digit() => {
                (rest.find(|c| !inside(c)).unwrap_or(rest.len()), Some(Kind::Word))
            }
            _ if first.is_ascii_digit() => {
                (rest.find(|c| !inside(c)).unwrap_or(rest.len()), Some(Kind::Other))
            }
            _ => (first.len_utf8(), Some(Kind::Other)),
        };
        if let Some(kind) = kind {
            words.push(Word { kind, at: at..at + size, text: bare(&rest[..size], kind) });
        }
        at += size;
    }
    words
}

pub(crate) fn inside(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

/// How long what is in quotes is; a quote that is there twice is a letter.
fn closed(text: &str, quote: char) -> usize {
    let mut at = 1;
    while let Some(end) = text[at..].find(quote) {
        at += end + 1;
        if !text[at..].starts_with(quote) {
            return at;
        }
        at += 1;
    }
    text.len()
}

fn bare(text: &str, kind: Kind) -> String {
    if matches!(kind, Kind::Word | Kind::Other) {
        return text.to_string();
    }
    let quote = text.chars().next().unwrap_or('"');
    let quote = if quote == '[' { ']' } else { quote };
    let inside = &text[1..];
    let inside = inside.strip_suffix(quote).unwrap_or(inside);
    inside.replace(&format!("{quote}{quote}"), &quote.to_string())
}

/// A name in quotes.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A name as SQL takes it without quotes, as far as its letters go.
pub(crate) fn plain(name: &str) -> String {
    let mut plain = String::new();
    for c in name.trim().chars() {
        match inside(c) && c != '$' {
            true => plain.push(c),
            false if plain.is_empty() || plain.ends_with('_') => {}
            false => plain.push('_'),
        }
    }
    let plain = plain.trim_end_matches('_');
    match plain.chars().next() {
        Some(first) if first.is_numeric() => format!("_{plain}"),
        _ => plain.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_between_quotes_and_comments() {
        let sql = "SELECT a.\"B \"\"c\", [d e] FROM 'x''y.csv' -- from z\n/* w */ WHERE é1 >= 2";
        let found: Vec<(Kind, String)> =
            words(sql).into_iter().map(|word| (word.kind, word.text)).collect();
        let found: Vec<(Kind, &str)> =
            found.iter().map(|(kind, text)| (*kind, text.as_str())).collect();
        use Kind::{Other, Quoted, Text, Word};
        assert_eq!(
            found,
            [
                (Word, "SELECT"),
                (Word, "a"),
                (Other, "."),
                (Quoted, "B \"c"),
                (Other, ","),
                (Quoted, "d e"),
                (Word, "FROM"),
                (Text, "x'y.csv"),
                (Word, "WHERE"),
                (Word, "é1"),
                (Other, ">"),
                (Other, "="),
                (Other, "2"),
            ]
        );
        for open in ["'a", "\"", "[", "/* a", "--", "'", "`é"] {
            assert!(words(open).len() < 2);
        }
    }

    #[test]
    fn names_become_plain() {
        for (name, expected) in [
            ("Unit Price (€)", "Unit_Price"),
            ("2024", "_2024"),
            (" größe ", "größe"),
            ("a.b-c", "a_b_c"),
            ("???", ""),
        ] {
            assert_eq!(plain(name), expected);
        }
    }
}
