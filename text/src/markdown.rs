//! Markdown, as far as a text is to be cut where its author did, and read without its signs. What it comes to in a
//! browser is not known here.

use crate::one_line;

/// Whether a line begins or ends a piece of code.
pub fn is_fence(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("```") || line.starts_with("~~~")
}

/// The level of a heading, from 1 to 6, and what it says, as it is written; `None` for any other line.
pub fn heading(line: &str) -> Option<(usize, &str)> {
    let level = line.bytes().take_while(|byte| *byte == b'#').count();
    let rest = line.get(level..)?.strip_prefix([' ', '\t'])?.trim();
    // It may be closed by such signs as well: `# C# #` is about C#.
    let open = rest.trim_end_matches('#');
    let said = if open.ends_with([' ', '\t']) { open.trim_end() } else { rest };
    ((1..=6).contains(&level) && !rest.contains('\n')).then_some((level, said))
}

/// The first heading of a text, as it is read; empty where there is none.
pub fn title(text: &str) -> String {
    text.lines()
        .find_map(|line| heading(line.trim()))
        .map(|(_, said)| plain(said))
        .unwrap_or_default()
}

/// Whether a line begins an item of a list.
pub fn is_item(line: &str) -> bool {
    let line = line.trim_start();
    let number = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered = number.len() < line.len() && number.starts_with(['.', ')']);
    let marked = ["- ", "* ", "+ "].iter().any(|mark| line.starts_with(mark));
    marked || (numbered && number[1..].starts_with(' '))
}

/// Whether a line is the one under the header of a table.
pub fn is_table_rule(line: &str) -> bool {
    let line = line.trim();
    line.len() >= 3
        && line.contains('-')
        && line.chars().all(|c| matches!(c, '|' | '-' | ':' | ' '))
}

/// Markdown as it is read: `[text](target)` is `text`, a line break is a space.
pub fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let (mut done, mut from) = (0, 0);
    while let Some(at) = text[from..].find("](").map(|at| from + at) {
        from = at + 2;
        let open = text[done..at].rfind('[').map(|open| done + open);
        let open = open.filter(|open| !is_code(&text[..*open]));
        if let Some((open, end)) = open.zip(target(&text[from..])) {
            plain.push_str(&text[done..open]);
            plain.push_str(&text[open + 1..at]);
            done = from + end + 1;
            from = done;
        }
    }
    plain.push_str(&text[done..]);
    let plain = unmarked(&plain);
    one_line(&plain)
}

/// Where the address of a link ends: at the bracket that none within it has opened.
fn target(text: &str) -> Option<usize> {
    let mut open = 0_usize;
    for (at, sign) in text.char_indices() {
        match sign {
            '(' => open += 1,
            ')' if open == 0 => return Some(at),
            ')' => open -= 1,
            '\n' => return None,
            _ => {}
        }
    }
    None
}

/// Whether what follows stands between the signs of code.
fn is_code(before: &str) -> bool {
    before.matches('`').count() % 2 == 1
}

/// Without the signs of emphasis and code, and without the strokes before what is meant literally.
fn unmarked(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut signs = text.chars().peekable();
    while let Some(sign) = signs.next() {
        match sign {
            '\\' => kept.extend(signs.next_if(|next| next.is_ascii_punctuation())),
            '`' => {}
            '*' => {
                // A lone one between blanks is a list's sign or a product.
                let begins = kept.chars().last().is_none_or(char::is_whitespace);
                let ends = signs.peek().is_none_or(|next| next.is_whitespace());
                if begins && ends {
                    kept.push(sign);
                }
            }
            _ => kept.push(sign),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_known_by_their_signs() {
        for (line, known) in [
            ("# One", Some((1, "One"))),
            ("###\tTwo ###", Some((3, "Two"))),
            ("# C#", Some((1, "C#"))),
            ("#tag", None),
            ("####### deep", None),
        ] {
            assert_eq!(heading(line), known, "{line}");
        }
        assert!(["- a", "  * b", "+ c", "1. d", "12) e"].into_iter().all(is_item));
        assert!(!["1.5 m", "-d", "*f*", "2024", ". a"].into_iter().any(is_item));
        assert!(is_table_rule("| --- | :-: |") && !is_table_rule("| a | b |"));
        assert!(is_fence("  ```rust") && is_fence("~~~") && !is_fence("`a`"));
    }

    #[test]
    fn odd_links_are_left_alone() {
        assert_eq!(plain("a](b c](\nd) [x](y) z"), "a](b c]( d) x z");
        assert_eq!(plain("see [x](y), [](z)."), "see x, .");
        assert_eq!(plain("[Ada](https://x.org/Ada_(a)), [b](c)"), "Ada, b");
        assert_eq!(plain("`f[0](x)`, `g` and [h](i)"), "f[0](x), g and h");
        assert_eq!(
            plain(r"*class* `SMTP\_SSL`(*port=0*, \*) 2 * 3"),
            "class SMTP_SSL(port=0, *) 2 * 3"
        );
        assert_eq!(title("x\n\n# [`a`](#a) — b\n# c"), "a — b");
    }
}
