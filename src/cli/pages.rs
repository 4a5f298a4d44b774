//! Text that a person has to see before a decision, in pages of the terminal's size: none scrolls away
//! before it was read.

use guard::visible;
use unicode_width::UnicodeWidthChar;

/// Columns and rows.
pub(crate) type Size = (usize, usize);

/// What a tab takes at most.
const TAB: usize = 8;

/// Rows that are left for the question below a page.
const QUESTION: usize = 3;

/// The terminal's, unless standard error is none.
pub(crate) fn size() -> Option<Size> {
    let size = rustix::termios::tcgetwinsize(std::io::stderr()).ok()?;
    let size = (usize::from(size.ws_col), usize::from(size.ws_row));
    (size.0 > 0 && size.1 > 0).then_some(size)
}

/// The text as it is shown, in pages; in one where no size is known, and none of an empty text.
pub(crate) fn pages(text: &str, size: Option<Size>) -> Vec<String> {
    let text = visible(text);
    if text.is_empty() {
        return Vec::new();
    }
    let Some((columns, rows)) = size else { return vec![text.into_owned()] };
    let rows = rows.saturating_sub(QUESTION).max(1);
    let lines: Vec<&str> = text.lines().flat_map(|line| folded(line, columns)).collect();
    lines.chunks(rows).map(|page| page.join("\n")).collect()
}

/// A line as a terminal folds it.
fn folded(line: &str, columns: usize) -> Vec<&str> {
    let (mut parts, mut begin, mut taken) = (Vec::new(), 0, 0);
    for (at, letter) in line.char_indices() {
        let width = if letter == '\t' { TAB } else { letter.width().unwrap_or(1) };
        if taken + width > columns && at > begin {
            parts.push(&line[begin..at]);
            (begin, taken) = (at, 0);
        }
        taken += width;
    }
    parts.push(&line[begin..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_out_of_the_pages() {
        let text = "one\n\nthree is a longer line\n火火火\nend";
        assert_eq!(pages(text, None), [text]);
        let paged = pages(text, Some((5, 6)));
        assert_eq!(paged, ["one\n\nthree", " is a\n long\ner li", "ne\n火火\n火", "end"]);
        assert_eq!(paged.concat().replace('\n', ""), text.replace('\n', ""));
        // On a terminal of one column and one row as well.
        assert_eq!(pages("ab", Some((1, 1))), ["a", "b"]);
    }
}
