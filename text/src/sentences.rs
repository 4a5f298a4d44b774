//! Where sentences begin and end, in prose and in Markdown (Unicode's UAX #29 within a paragraph).

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use crate::markdown::{is_fence, is_item};

/// The sentences of a piece of a text. A paragraph, an item of a list, a row of a table and a line
/// of code begin a new one; elsewhere the end of a line is no more than a blank.
pub fn sentences(text: &str, piece: &Range<usize>) -> Vec<Range<usize>> {
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
    is_item(line) || line.trim_start().starts_with(['|', '>'])
}

fn split_prose(text: &str, prose: Range<usize>, found: &mut Vec<Range<usize>>) {
    // Of the same length, so that the offsets hold.
    let unbroken = text[prose.clone()].replace(['\n', '\r'], " ");
    for (at, sentence) in unbroken.split_sentence_bound_indices() {
        let start = prose.start + at;
        found.extend(trimmed(text, start..start + sentence.len()));
    }
}

/// A piece of a text without the white space around it; `None` where there is nothing else.
pub fn trimmed(text: &str, range: Range<usize>) -> Option<Range<usize>> {
    let written = &text[range.clone()];
    let start = range.start + (written.len() - written.trim_start().len());
    let end = start + written.trim().len();
    (start < end).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
