//! A page's text in passages: pieces that a model reads at once, each of them the text between two
//! offsets, under the headings that it stands under.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

/// The most bytes of one passage; a longer paragraph is cut between sentences.
const LONGEST: usize = 700;
/// Shorter neighbours under one heading are one passage.
const SHORT: usize = 350;

/// A piece of a source's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Passage {
    /// Its source, from 0.
    pub(super) source: usize,
    /// Where it stands in the source's text, in bytes.
    pub(super) range: Range<usize>,
    /// The page's title and the headings above it.
    pub(super) context: String,
    /// As a model reads it: without links' targets, on one line.
    pub(super) text: String,
}

/// The passages of a text in Markdown. A block that `apart` holds for is joined with no other.
pub(super) fn split(
    source: usize,
    title: &str,
    text: &str,
    apart: impl Fn(&str) -> bool,
) -> Vec<Passage> {
    let mut pieces: Vec<(Range<usize>, String)> = Vec::new();
    let mut headings: Vec<(usize, String)> = Vec::new();
    let mut joinable = false;
    for block in blocks(text) {
        let written = &text[block.clone()];
        if let Some((level, heading)) = heading(written) {
            headings.retain(|(above, _)| *above < level);
            headings.push((level, heading));
            joinable = false;
            continue;
        }
        let above = headings.iter().map(|(_, name)| name.as_str());
        let mut names: Vec<&str> =
            std::iter::once(title).chain(above).filter(|name| !name.is_empty()).collect();
        names.dedup();
        let context = names.join(" › ");
        if block.len() > LONGEST {
            pieces.extend(cut(text, block).into_iter().map(|range| (range, context.clone())));
            joinable = false;
            continue;
        }
        let alone = apart(written);
        joinable &= !alone;
        match pieces.last_mut() {
            Some((last, _)) if joinable && block.end - last.start <= SHORT => last.end = block.end,
            _ => pieces.push((block, context)),
        }
        // Code goes with what leads to it; what follows is something new.
        joinable = !alone && !is_fence(written);
    }
    let passage = |(range, context): (Range<usize>, String)| Passage {
        source,
        text: plain(&text[range.clone()]),
        range,
        context,
    };
    pieces.into_iter().map(passage).filter(|passage| !passage.text.is_empty()).collect()
}

/// What stands between empty lines. A heading is one of its own, and so is a fenced piece of code,
/// in which nothing is a heading.
fn blocks(text: &str) -> Vec<Range<usize>> {
    let mut blocks = Vec::new();
    let mut begun: Option<usize> = None;
    let mut code = false;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let end = at + line.len();
        let fence = is_fence(line);
        let alone = !code && !fence && heading(line.trim()).is_some();
        let ends = alone || (!code && (fence || line.trim().is_empty()));
        if ends {
            blocks.extend(begun.take().map(|begin| begin..at));
        }
        if alone {
            blocks.push(at..end);
        } else if !line.trim().is_empty() {
            begun.get_or_insert(at);
        }
        if code && fence {
            blocks.extend(begun.take().map(|begin| begin..end));
        }
        code ^= fence;
        at = end;
    }
    blocks.extend(begun.map(|begin| begin..at));
    blocks.into_iter().filter_map(|range| trimmed(text, range)).collect()
}

/// Whether a line begins or ends a piece of code.
fn is_fence(line: &str) -> bool {
    line.trim_start().starts_with("```")
}

fn heading(line: &str) -> Option<(usize, String)> {
    let level = line.bytes().take_while(|byte| *byte == b'#').count();
    let rest = line.get(level..)?.strip_prefix(' ')?;
    ((1..=6).contains(&level) && !rest.contains('\n')).then(|| (level, plain(rest)))
}

/// A long block in pieces that end where a line or a sentence does.
fn cut(text: &str, block: Range<usize>) -> Vec<Range<usize>> {
    let mut pieces: Vec<Range<usize>> = Vec::new();
    for part in sentences(text, &block) {
        match pieces.last_mut() {
            Some(last) if part.end - last.start <= LONGEST => last.end = part.end,
            _ => pieces.push(part),
        }
    }
    pieces
}

/// The sentences of a piece of a text. A paragraph, an item of a list, a row of a table and a line
/// of code begin a new one; elsewhere the end of a line is no more than a blank.
pub(super) fn sentences(text: &str, piece: &Range<usize>) -> Vec<Range<usize>> {
    let written = text.get(piece.clone()).unwrap_or_default();
    let mut found = Vec::new();
    let mut code = false;
    let mut begin = 0;
    let mut at = 0;
    for line in written.split_inclusive('\n') {
        let fence = is_fence(line);
        let within = code;
        code ^= fence;
        if within || fence || begins(line) || line.trim().is_empty() {
            split_prose(text, piece.start + begin..piece.start + at, &mut found);
            begin = at;
        }
        at += line.len();
        let whole = within || fence || line.starts_with('|');
        if whole {
            found.extend(trimmed(text, piece.start + begin..piece.start + at));
        } else if line.trim_end().ends_with(['.', '!', '?']) {
            split_prose(text, piece.start + begin..piece.start + at, &mut found);
        } else {
            continue;
        }
        begin = at;
    }
    split_prose(text, piece.start + begin..piece.start + at, &mut found);
    found
}

/// Whether a line begins an item, a row or a quotation.
fn begins(line: &str) -> bool {
    let line = line.trim_start();
    let number = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered = number.len() < line.len() && number.starts_with(['.', ')']);
    let marked = ["- ", "* ", "+ ", "|", ">"].iter().any(|mark| line.starts_with(mark));
    marked || (numbered && number[1..].starts_with(' '))
}

fn split_prose(text: &str, prose: Range<usize>, found: &mut Vec<Range<usize>>) {
    // Of the same length, so that the offsets hold.
    let unbroken = text[prose.clone()].replace(['\n', '\r'], " ");
    for (at, sentence) in unbroken.split_sentence_bound_indices() {
        let start = prose.start + at;
        found.extend(trimmed(text, start..start + sentence.len()));
    }
}

/// Without the white space around it; `None` where there is nothing else.
fn trimmed(text: &str, range: Range<usize>) -> Option<Range<usize>> {
    let written = &text[range.clone()];
    let start = range.start + (written.len() - written.trim_start().len());
    let end = start + written.trim().len();
    (start < end).then_some(start..end)
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
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
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

/// The first heading of a text; empty where there is none.
pub(super) fn title(text: &str) -> String {
    text.lines().find_map(|line| heading(line.trim())).map(|(_, name)| name).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Intro line.\n\n# Towers\n\nThe [north tower](https://x.org/n) is 47 m \
                        high. It was built in 1746.\n\n## Keepers\n- Ann\n- Ben\n\n# Isles\nNone.";

    #[test]
    fn passages_stand_in_the_text() {
        let passages = split(2, "Coast", TEXT, |_| false);
        let shown: Vec<String> =
            passages.iter().map(|p| format!("{}: {}", p.context, p.text)).collect();
        assert_eq!(
            shown,
            [
                "Coast: Intro line.",
                "Coast › Towers: The north tower is 47 m high. It was built in 1746.",
                "Coast › Towers › Keepers: - Ann - Ben",
                "Coast › Isles: None.",
            ]
        );
        assert_eq!(&TEXT[passages[3].range.clone()], "None.");
        let parts = sentences(TEXT, &passages[1].range);
        let parts: Vec<&str> = parts.into_iter().map(|range| &TEXT[range]).collect();
        assert_eq!(
            parts,
            ["The [north tower](https://x.org/n) is 47 m high.", "It was built in 1746."]
        );
        let lines = sentences(TEXT, &passages[2].range);
        assert_eq!(
            lines.into_iter().map(|range| &TEXT[range]).collect::<Vec<_>>(),
            ["- Ann", "- Ben"]
        );
    }

    #[test]
    fn code_has_no_headings_and_begins_no_passage() {
        let text = "# Sets\nMake one:\n```\n# not a heading\n\nx = {1}\n```\nThey are unordered.";
        let passages = split(0, "", text, |_| false);
        let shown: Vec<String> =
            passages.iter().map(|p| format!("{}: {}", p.context, p.text)).collect();
        assert_eq!(shown, ["Sets: Make one: # not a heading x = {1}", "Sets: They are unordered."]);
    }

    #[test]
    fn a_sentence_goes_on_in_the_next_line() {
        let parts = |text: &'static str| -> Vec<&str> {
            sentences(text, &(0..text.len())).into_iter().map(|range| &text[range]).collect()
        };
        assert_eq!(
            parts("If it\nis left out, 143 is used. The *host*\nis asked.\n"),
            ["If it\nis left out, 143 is used.", "The *host*\nis asked."]
        );
        assert_eq!(
            parts("Two:\n- one\n  thing. Or\n- another\n2. more"),
            ["Two:", "- one\n  thing.", "Or", "- another", "2. more"]
        );
        assert_eq!(
            parts("| a | b |\n| c. D | d |\n```\nx = 1. Y\n```\nEnd."),
            ["| a | b |", "| c. D | d |", "```", "x = 1. Y", "```", "End."]
        );
        assert_eq!(parts("It is 9.\nx.UTC is\nUTC."), ["It is 9.", "x.UTC is\nUTC."]);
        assert_eq!(parts("See also:\n\nclass X"), ["See also:", "class X"]);
        assert_eq!(parts("\n \n"), [""; 0]);
    }

    #[test]
    fn a_long_paragraph_is_cut_between_sentences() {
        let text = "Ein Satz mit Umlauten wie ä, ö und ü. ".repeat(100);
        let passages = split(0, "", &text, |_| false);
        assert!(passages.len() > 4);
        for passage in &passages {
            assert!(passage.range.len() <= LONGEST);
            assert!(passage.text.ends_with("ü."), "{}", passage.text);
        }
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
