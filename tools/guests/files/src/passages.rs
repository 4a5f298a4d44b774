//! Cuts a file into the passages that the search ranks: sections of a Markdown text, rows of a
//! table with their header, paragraphs of anything else.

use crate::lines::lines;
use crate::records::{Record, records};
use text::markdown;
use text::search::Kind;

/// A piece of a file, small enough to be read at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece<'a> {
    /// First and last line, from 1.
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// What it stands under: headings, or the header of a table.
    pub(crate) context: String,
    /// Its own lines.
    pub(crate) text: Vec<&'a str>,
    pub(crate) kind: Kind,
}

/// A paragraph or a list item is a passage; shorter ones than this are joined with what follows.
const SHORT: usize = 60;
/// A paragraph is cut at a line beyond this size.
const SIZE: usize = 900;

/// All pieces of a text, in order.
pub(crate) fn pieces<'a>(path: &str, text: &'a str) -> Vec<Piece<'a>> {
    match path.rsplit('.').next().map(str::to_lowercase).as_deref() {
        Some("csv" | "tsv") => rows(text),
        Some("md" | "markdown") => prose(text, Headings::Marked),
        // Their text is Markdown.
        _ if documents::named(path) => prose(text, Headings::Marked),
        _ => prose(text, Headings::None),
    }
}

fn rows(text: &str) -> Vec<Piece<'_>> {
    let mut records = records(text).into_iter();
    let Some(header) = records.next() else { return Vec::new() };
    let header = header.text.replace(['\r', '\n'], " ");
    records
        .map(|Record { start, end, text }| Piece {
            start,
            end,
            context: header.clone(),
            text: vec![text],
            kind: Kind::Row,
        })
        .collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Headings {
    Marked,
    None,
}

fn prose(text: &str, headings: Headings) -> Vec<Piece<'_>> {
    let mut cutter = Cutter::default();
    let mut fenced = false;
    let mut lines = lines(text).zip(1u32..).peekable();
    while let Some((line, at)) = lines.next() {
        let trimmed = line.trim();
        if headings == Headings::Marked {
            if markdown::is_fence(line) {
                fenced = !fenced;
            }
            if let (false, Some((level, words))) = (fenced, markdown::heading(line)) {
                cutter.cut();
                cutter.heading(level, words);
                continue;
            }
            let ruled = lines.peek().is_some_and(|(next, _)| markdown::is_table_rule(next));
            if !fenced && trimmed.starts_with('|') && ruled {
                cutter.cut();
                lines.next();
                while let Some((row, at)) = lines.next_if(|(row, _)| row.trim().starts_with('|')) {
                    cutter.row(trimmed, row, at);
                }
                continue;
            }
        }
        if trimmed.is_empty() && !fenced {
            cutter.paragraph_ends();
        } else {
            cutter.line(line, at);
        }
    }
    cutter.cut();
    cutter.pieces
}

#[derive(Default)]
struct Cutter<'a> {
    pieces: Vec<Piece<'a>>,
    /// Level and words of each heading that is open.
    headings: Vec<(usize, String)>,
    lines: Vec<(&'a str, u32)>,
    size: usize,
    /// A new paragraph would start with the next line.
    ended: bool,
}

impl<'a> Cutter<'a> {
    fn heading(&mut self, level: usize, words: &str) {
        self.headings.retain(|(other, _)| *other < level);
        self.headings.push((level, words.to_string()));
    }

    fn context(&self) -> String {
        let words: Vec<&str> = self.headings.iter().map(|(_, words)| words.as_str()).collect();
        words.join(" > ")
    }

    fn line(&mut self, line: &'a str, at: u32) {
        if self.size > 0
            && (self.size + line.len() > SIZE * 3 / 2
                || (self.size >= SHORT && (self.ended || markdown::is_item(line))))
        {
            self.cut();
        }
        if self.ended && !self.lines.is_empty() {
            self.lines.push(("", at - 1));
        }
        self.ended = false;
        self.size += line.len() + 1;
        self.lines.push((line, at));
    }

    fn paragraph_ends(&mut self) {
        self.ended = true;
    }

    fn row(&mut self, header: &str, row: &'a str, at: u32) {
        let headings = self.context();
        let context =
            if headings.is_empty() { header.to_string() } else { format!("{headings}\n{header}") };
        self.pieces.push(Piece { start: at, end: at, context, text: vec![row], kind: Kind::Row });
    }

    fn cut(&mut self) {
        let lines = std::mem::take(&mut self.lines);
        self.size = 0;
        self.ended = false;
        if let (Some((_, start)), Some((_, end))) = (lines.first(), lines.last()) {
            self.pieces.push(Piece {
                start: *start,
                end: *end,
                context: self.context(),
                text: lines.iter().map(|(line, _)| *line).collect(),
                kind: Kind::Prose,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, text: &str, expected: &[(u32, u32, &str, &str)]) {
        let pieces = pieces(path, text);
        let found: Vec<(u32, u32, &str, String)> = pieces
            .iter()
            .map(|piece| (piece.start, piece.end, piece.context.as_str(), piece.text.join("/")))
            .collect();
        let found: Vec<(u32, u32, &str, &str)> =
            found.iter().map(|(a, b, c, d)| (*a, *b, *c, d.as_str())).collect();
        assert_eq!(found, expected, "{path}");
    }

    #[test]
    fn files_are_cut_by_their_kind() {
        check("a.csv", "x,y\n1,2\n\n3,4\n", &[(2, 2, "x,y", "1,2"), (4, 4, "x,y", "3,4")]);
        check(
            "a.csv",
            "x,y\n1,\"2\n3\"\n4,5\n",
            &[(2, 3, "x,y", "1,\"2\n3\""), (4, 4, "x,y", "4,5")],
        );
        check("a.csv", "", &[]);
        check("a.csv", "only,header", &[]);
        check(
            "a.md",
            "# One\ntext\n\n## Two\nmore\n- a\n\n# Three\n```\n# no heading\n```\n",
            &[
                (2, 2, "One", "text"),
                (5, 6, "One > Two", "more/- a"),
                (9, 11, "Three", "```/# no heading/```"),
            ],
        );
        check(
            "a.md",
            "# T\n| a | b |\n|---|---|\n| 1 | 2 |\nend\n",
            &[(4, 4, "T\n| a | b |", "| 1 | 2 |"), (5, 5, "T", "end")],
        );
        check("a.txt", "# not\nmarked\n\nnext", &[(1, 4, "", "# not/marked//next")]);
    }

    #[test]
    fn a_line_as_long_as_a_file_is_cut() {
        let text = "{\"id\": 1}, ".repeat(20_000);
        let pieces = pieces("a.json", &text);
        assert!(pieces.len() > 20 && pieces.iter().all(|piece| piece.text[0].len() <= 8 << 10));
    }

    #[test]
    fn long_paragraphs_are_cut_at_lines() {
        let text = "a line of forty letters, more or less...\n".repeat(200);
        let pieces = pieces("a.txt", &text);
        assert!(pieces.len() > 4);
        assert!(pieces.iter().all(|piece| piece.text.join("\n").len() <= SIZE * 3 / 2));
        assert_eq!(pieces.iter().map(|piece| piece.text.len()).sum::<usize>(), 200);
    }
}
