//! Letters, as they are drawn, into lines: a PDF has neither spaces nor line ends, only places.

use hayro_interpret::kurbo::Vec2;

/// A letter, or a few that are drawn as one. Places are in points, from the page's top left.
pub(super) struct Letter<'a> {
    pub(super) text: &'a str,
    pub(super) at: Vec2,
    /// Which way the writing goes, of length 1.
    pub(super) direction: Vec2,
    pub(super) width: f64,
    pub(super) size: f64,
}

/// A line, seen along its own direction.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) text: String,
    pub(super) direction: Vec2,
    /// Where it begins and ends along its direction, and how far down it is across it.
    pub(super) start: f64,
    pub(super) end: f64,
    pub(super) base: f64,
    pub(super) size: f64,
    /// Where parts of it stand far from each other, as in a table.
    pub(super) cuts: Vec<Cut>,
}

/// A gap within a line: before which byte of its text, and from where to where.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut {
    pub(super) at: usize,
    pub(super) from: f64,
    pub(super) to: f64,
}

/// A gap from here on is a space, in sizes of the letters.
const SPACE: f64 = 0.15;
/// And from here on a column.
const COLUMN: f64 = 1.5;
/// How far a letter may go back without being another line: kerning, accents.
const BACK: f64 = 0.6;
/// How far from the base a letter still belongs to the line: an index, a power.
const RISE: f64 = 0.45;

#[derive(Default)]
pub(super) struct Lines(Vec<Line>);

impl Lines {
    pub(super) fn push(&mut self, letter: Letter<'_>) {
        let place = seen(&letter);
        if let Some(line) = self.0.last_mut()
            && line.takes(&place)
        {
            line.add(&place);
        } else if !place.text.trim().is_empty() {
            self.0.push(place);
        }
    }

    /// The lines in the order in which they were drawn, which is the order of reading with nearly
    /// every program; pieces of one line that were drawn one after the other are put together.
    pub(super) fn done(self) -> Vec<Line> {
        let mut lines: Vec<Line> = Vec::new();
        for piece in self.0 {
            match lines.last_mut() {
                Some(line) if line.before(&piece) => line.put_before(piece),
                _ => lines.push(piece),
            }
        }
        for line in &mut lines {
            line.text.truncate(line.text.trim_end().len());
        }
        lines
    }
}

/// A letter as a line of its own.
fn seen(letter: &Letter<'_>) -> Line {
    let across = Vec2::new(-letter.direction.y, letter.direction.x);
    let start = letter.at.dot(letter.direction);
    Line {
        text: letter.text.chars().fold(String::new(), plain),
        direction: letter.direction,
        start,
        end: start + letter.width,
        base: letter.at.dot(across),
        size: letter.size,
        cuts: Vec::new(),
    }
}

impl Line {
    fn level(&self, other: &Line) -> bool {
        let turned = (self.direction - other.direction).hypot();
        turned < 0.05 && (self.base - other.base).abs() < RISE * self.size.max(other.size)
    }

    /// Whether this piece goes on where the line ends.
    fn takes(&self, piece: &Line) -> bool {
        self.level(piece) && piece.start > self.end - BACK * self.size.max(piece.size)
    }

    fn add(&mut self, piece: &Line) {
        let gap = piece.start - self.end;
        let size = self.size.min(piece.size);
        let parted =
            self.text.ends_with(char::is_whitespace) || piece.text.starts_with(char::is_whitespace);
        if gap > COLUMN * size {
            self.cuts.push(Cut { at: self.text.len(), from: self.end, to: piece.start });
        }
        if gap > SPACE * size && !parted {
            self.text.push(' ');
        }
        if !(self.text.ends_with(' ') && piece.text == " ") {
            self.text.push_str(&piece.text);
        }
        self.end = self.end.max(piece.end);
        self.size = self.size.max(piece.size);
    }

    /// Whether this piece ends where the line begins.
    fn before(&self, piece: &Line) -> bool {
        self.level(piece) && piece.end < self.start + BACK * self.size
    }

    fn put_before(&mut self, mut piece: Line) {
        piece.add(self);
        let moved = piece.text.len().saturating_sub(self.text.len());
        let cuts = self.cuts.iter().map(|cut| Cut { at: cut.at + moved, ..*cut });
        piece.cuts.extend(cuts);
        *self = piece;
    }

    /// What stands apart, each part as a line.
    pub(super) fn parts(&self) -> Vec<Line> {
        let begins =
            std::iter::once((0, self.start)).chain(self.cuts.iter().map(|cut| (cut.at, cut.to)));
        let ends =
            self.cuts.iter().map(|cut| (cut.at, cut.from)).chain([(self.text.len(), self.end)]);
        let part = |((from, start), (to, end)): ((usize, f64), (usize, f64))| Line {
            text: self.text.get(from..to).unwrap_or_default().trim().to_string(),
            start,
            end,
            cuts: Vec::new(),
            ..*self
        };
        begins.zip(ends).map(part).collect()
    }
}

/// Spaces of all widths are one, and letters that are drawn as one are several.
fn plain(mut text: String, letter: char) -> String {
    match letter {
        '\u{fb00}' => text.push_str("ff"),
        '\u{fb01}' => text.push_str("fi"),
        '\u{fb02}' => text.push_str("fl"),
        '\u{fb03}' => text.push_str("ffi"),
        '\u{fb04}' => text.push_str("ffl"),
        '\u{fb05}' | '\u{fb06}' => text.push_str("st"),
        letter if letter.is_whitespace() => text.push(' '),
        letter => text.push(letter),
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each text drawn from `x` on in letters of width 5 and size 10.
    fn lines(drawn: &[(f64, f64, &str)]) -> Vec<String> {
        let mut lines = Lines::default();
        for (x, y, text) in drawn {
            for (letter, n) in text.chars().zip(0..) {
                let at = Vec2::new(x + 5.0 * f64::from(n), *y);
                let direction = Vec2::new(1.0, 0.0);
                let text = letter.to_string();
                lines.push(Letter { text: &text, at, direction, width: 5.0, size: 10.0 });
            }
        }
        lines.done().into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn places_become_spaces_and_lines() {
        assert_eq!(lines(&[(0.0, 10.0, "ab"), (10.5, 10.0, "c"), (18.0, 10.0, "d")]), ["abc d"]);
        assert_eq!(lines(&[(0.0, 10.0, "ab "), (15.0, 10.0, " c")]), ["ab c"]);
        assert_eq!(lines(&[(0.0, 10.0, "x"), (5.0, 7.0, "2"), (10.0, 10.0, "y")]), ["x2y"]);
        assert_eq!(lines(&[(0.0, 10.0, "one"), (0.0, 22.0, "two")]), ["one", "two"]);
        assert_eq!(lines(&[(50.0, 10.0, "right"), (0.0, 10.0, "left")]), ["left right"]);
        assert_eq!(lines(&[(0.0, 10.0, "\u{fb01}n")]), ["fin"]);
        assert_eq!(lines(&[(0.0, 10.0, "   ")]), Vec::<String>::new());
    }
}
