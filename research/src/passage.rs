//! A page's text in passages: pieces that a model reads at once, each of them the text between two
//! offsets, under the headings that it stands under.

use std::ops::Range;

use text::markdown::{heading, is_fence, plain};
use text::sentences::{sentences, trimmed};

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
            headings.push((level, plain(heading)));
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
    fn a_long_paragraph_is_cut_between_sentences() {
        let text = "Ein Satz mit Umlauten wie ä, ö und ü. ".repeat(100);
        let passages = split(0, "", &text, |_| false);
        assert!(passages.len() > 4);
        for passage in &passages {
            assert!(passage.range.len() <= LONGEST);
            assert!(passage.text.ends_with("ü."), "{}", passage.text);
        }
    }
}
