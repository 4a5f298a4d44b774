//! Lines into text: those of a paragraph are joined, paragraphs stand apart.

use super::lines::Line;

/// A line that comes so much further down than lines usually do begins a paragraph.
const APART: f64 = 1.3;
/// Letters of another size are another paragraph.
const SIZES: f64 = 0.15;
/// How near to the right edge a line must end to go on in the next, in widths of its paragraph.
const FULL: f64 = 0.85;
/// A paragraph narrower than this, in sizes, is a list or a column of a table.
const NARROW: f64 = 12.0;

pub(super) fn text(lines: &[Line]) -> String {
    let pitch = pitch(lines);
    let mut text = String::new();
    let mut rest = lines;
    while !rest.is_empty() {
        let next = rest.windows(2).position(|pair| !together(&pair[0], &pair[1], pitch));
        let (block, after) = rest.split_at(next.map_or(rest.len(), |at| at + 1));
        if !text.is_empty() {
            text.push_str("\n\n");
        }
        paragraph(block, &mut text);
        rest = after;
    }
    text
}

/// How far lines are from each other, in sizes: the median.
fn pitch(lines: &[Line]) -> f64 {
    let apart = |pair: &[Line]| (pair[1].base - pair[0].base) / pair[0].size.max(pair[1].size);
    let mut all: Vec<f64> =
        lines.windows(2).map(apart).filter(|it| (0.5..4.0).contains(it)).collect();
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or(1.2)
}

fn together(line: &Line, next: &Line, pitch: f64) -> bool {
    let size = line.size.max(next.size);
    let down = (next.base - line.base) / size;
    (line.direction - next.direction).hypot() < 0.05
        && (line.size - next.size).abs() < SIZES * size
        && (0.2..pitch * APART).contains(&down)
        // Another column does not stand below.
        && next.start < line.end
        && line.start < next.end
}

fn paragraph(block: &[Line], text: &mut String) {
    let start = block.iter().map(|line| line.start).fold(f64::INFINITY, f64::min);
    let end = block.iter().map(|line| line.end).fold(f64::NEG_INFINITY, f64::max);
    let mut before: Option<&Line> = None;
    for line in block {
        if let Some(before) = before {
            let wide = end - start > NARROW * line.size;
            let full = before.end - start > FULL * (end - start);
            let runs_on = wide
                && full
                && before.cuts.is_empty()
                && line.cuts.is_empty()
                && !is_item(&line.text);
            match (runs_on, broken_word(&before.text, &line.text)) {
                (false, _) => text.push('\n'),
                (true, Break::None) => text.push(' '),
                (true, Break::Keep) => {}
                (true, Break::Join) => _ = text.pop(),
            }
        }
        // Only the headings of pages are headings.
        if line.text.starts_with('#') {
            text.push('\\');
        }
        text.push_str(line.text.trim());
        before = Some(line);
    }
}

enum Break {
    None,
    /// The hyphen is the word's own.
    Keep,
    /// The hyphen stands there because the line ended.
    Join,
}

/// Whether a word goes on in the next line.
fn broken_word(line: &str, next: &str) -> Break {
    let word = line.trim_end().rsplit(' ').next().unwrap_or_default();
    let Some(head) = word.strip_suffix(['-', '\u{2010}', '\u{ad}']) else { return Break::None };
    let goes_on = next.trim_start().starts_with(char::is_lowercase);
    match head.chars().next_back().is_some_and(char::is_alphabetic) && goes_on {
        false => Break::None,
        true if head.contains(['-', '\u{2010}']) => Break::Keep,
        true => Break::Join,
    }
}

/// `• one`, `- one`, `1. one`, `(a) one`.
fn is_item(text: &str) -> bool {
    let mut words = text.split_whitespace();
    let (first, second) = (words.next().unwrap_or_default(), words.next());
    let mark = first.trim_start_matches('(').trim_end_matches(['.', ')']);
    let counts = mark.len() < first.len()
        && mark.len() <= 4
        && (mark.bytes().all(|b| b.is_ascii_digit()) || mark.len() == 1);
    second.is_some() && (counts || matches!(first, "•" | "-" | "–" | "*" | "◦" | "▪" | "·" | "‣"))
}

#[cfg(test)]
mod tests {
    use hayro_interpret::kurbo::Vec2;

    use super::*;

    /// Lines of size 10 at these heights, a letter 5 wide.
    fn check(lines: &[(f64, &str)], expected: &str) {
        let line = |(base, text): &(f64, &str)| Line {
            text: text.to_string(),
            direction: Vec2::new(1.0, 0.0),
            start: 0.0,
            end: 5.0 * text.chars().count() as f64,
            base: *base,
            size: 10.0,
            cuts: Vec::new(),
        };
        assert_eq!(text(&lines.iter().map(line).collect::<Vec<_>>()), expected);
    }

    #[test]
    fn lines_become_paragraphs() {
        check(
            &[
                (12.0, "The tower on the cape is the ol-"),
                (24.0, "dest, with a well-known light-on"),
                (36.0, "-demand service. It is 31 m tall"),
                (48.0, "to its top."),
                (72.0, "Nobody has climbed it since then"),
            ],
            "The tower on the cape is the oldest, with a well-known light-on -demand service. It is \
             31 m tall to its top.\n\nNobody has climbed it since then",
        );
        check(
            &[(12.0, "There are two of these towers on"), (24.0, "- Cape"), (36.0, "- Reef")],
            "There are two of these towers on\n- Cape\n- Reef",
        );
        check(
            &[(12.0, "A light that is state-of-the-"), (24.0, "art was brought to it in 1746.")],
            "A light that is state-of-the-art was brought to it in 1746.",
        );
        check(&[(12.0, "## Page 7"), (90.0, "x")], "\\## Page 7\n\nx");
        check(&[], "");
    }
}
