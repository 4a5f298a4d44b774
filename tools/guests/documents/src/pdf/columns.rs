//! Columns of text whose lines are drawn in turns, one of each: read one column after the other. What
//! stands side by side in a table stays side by side; there it is short.

use super::lines::Line;

/// Times that the writing goes back to the left column, before it is one.
const TURNS: usize = 3;
/// Letters of a line in a column, on average. A table's cells have fewer.
const LETTERS: usize = 20;
/// Words of it.
const WORDS: usize = 3;
/// Columns beside each other, at most.
const COLUMNS: usize = 6;

pub(super) fn apart(lines: Vec<Line>) -> Vec<Line> {
    split(lines, COLUMNS)
}

fn split(lines: Vec<Line>, columns: usize) -> Vec<Line> {
    if columns == 0 {
        return lines;
    }
    let mut read = Vec::with_capacity(lines.len());
    let mut rest = lines.as_slice();
    while !rest.is_empty() {
        match Run::begin(rest).filter(Run::is_columns) {
            Some(run) => {
                rest = &rest[run.lines..];
                read.extend(run.left);
                read.extend(split(run.right, columns - 1));
            }
            None => {
                read.push(rest[0].clone());
                rest = &rest[1..];
            }
        }
    }
    read
}

/// Lines that follow each other, and a gap that all of them leave.
struct Run {
    left: Vec<Line>,
    right: Vec<Line>,
    lines: usize,
    turns: usize,
}

impl Run {
    fn begin(lines: &[Line]) -> Option<Run> {
        let first = lines.first()?;
        let (mut from, mut to) = gap(lines)?;
        let mut run = Run { left: Vec::new(), right: Vec::new(), lines: 0, turns: 0 };
        let mut right = false;
        for line in lines {
            if (line.direction - first.direction).hypot() > 0.05 {
                break;
            }
            let parts = line.parts();
            let fits = parts.iter().all(|part| {
                let (is_left, is_right) = (part.end < to, part.start > from);
                from = if is_left && !is_right { from.max(part.end) } else { from };
                to = if is_right && !is_left { to.min(part.start) } else { to };
                is_left != is_right && from < to
            });
            if !fits {
                break;
            }
            run.lines += 1;
            for part in parts {
                let is_right = part.start > from;
                run.turns += usize::from(right && !is_right);
                right = is_right;
                if is_right { &mut run.right } else { &mut run.left }.push(part);
            }
        }
        Some(run)
    }

    fn is_columns(&self) -> bool {
        self.turns >= TURNS && is_prose(&self.left) && is_prose(&self.right)
    }
}

/// Between the first line's first part and what stands to its right.
fn gap(lines: &[Line]) -> Option<(f64, f64)> {
    let first = lines.first()?;
    match first.cuts.first() {
        Some(cut) => Some((cut.from, cut.to)),
        None => {
            let next = lines.get(1)?;
            (next.start > first.end + first.size).then_some((first.end, next.start))
        }
    }
}

fn is_prose(lines: &[Line]) -> bool {
    let letters: usize = lines.iter().map(|line| line.text.chars().count()).sum();
    let worded = lines.iter().filter(|line| line.text.split_whitespace().count() >= WORDS).count();
    letters >= LETTERS * lines.len() && worded * 2 > lines.len()
}

#[cfg(test)]
mod tests {
    use super::super::lines::Cut;
    use super::*;
    use hayro_interpret::kurbo::Vec2;

    /// Parts of lines, each from a place on, a letter 5 wide.
    fn check(drawn: &[&[(f64, &str)]], expected: &[&str]) {
        let line = |(parts, down): (&&[(f64, &str)], i32)| {
            let mut line: Option<Line> = None;
            for (start, text) in *parts {
                let end = start + 5.0 * text.chars().count() as f64;
                line = Some(match line {
                    None => Line {
                        text: text.to_string(),
                        direction: Vec2::new(1.0, 0.0),
                        start: *start,
                        end,
                        base: f64::from(down) * 12.0,
                        size: 10.0,
                        cuts: Vec::new(),
                    },
                    Some(line) => {
                        let cut = Cut { at: line.text.len(), from: line.end, to: *start };
                        let cuts = line.cuts.iter().copied().chain([cut]).collect();
                        Line { text: format!("{} {text}", line.text), end, cuts, ..line }
                    }
                });
            }
            line
        };
        let lines = drawn.iter().zip(0..).filter_map(line).collect();
        let read: Vec<String> = apart(lines).into_iter().map(|line| line.text).collect();
        assert_eq!(read, expected);
    }

    #[test]
    fn one_column_is_read_after_the_other() {
        let (l, r) = ("The tower of the cape is old", "The tower of the reef is new");
        let row: &[(f64, &str)] = &[(0.0, l), (200.0, r)];
        let head: &[(f64, &str)] =
            &[(0.0, "A heading over both columns, from one edge to the other")];
        check(&[head, row, row, row, row, head], &[head[0].1, l, l, l, l, r, r, r, r, head[0].1]);
        // Not at the same height.
        let (one, other): (&[_], &[_]) = (&[(0.0, l)], &[(200.0, r)]);
        check(&[one, other, one, other, one, other, one, other], &[l, l, l, l, r, r, r, r]);
        let three: &[(f64, &str)] = &[(0.0, l), (200.0, r), (400.0, "And a third one stands here")];
        check(
            &[three; 4],
            &[l, l, l, l, r, r, r, r, three[2].1, three[2].1, three[2].1, three[2].1],
        );
    }

    #[test]
    fn rows_of_a_table_stay() {
        let row: &[(f64, &str)] =
            &[(0.0, "Cape"), (100.0, "It is lit all night long"), (300.0, "31 m")];
        check(&[row; 5], &["Cape It is lit all night long 31 m"; 5]);
        let few: &[(f64, &str)] =
            &[(0.0, "The tower of the cape is old"), (200.0, "The tower of the reef is new")];
        check(&[few; 3], &["The tower of the cape is old The tower of the reef is new"; 3]);
    }
}
