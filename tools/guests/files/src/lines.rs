//! The lines of a file. One that is as long as others' files – a program wrote it, for programs – is
//! cut into pieces, each of which counts as a line: else nobody could read on within it.

/// Bytes of a line.
pub(crate) const LONGEST: usize = 8 << 10;

pub(crate) fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| {
        let mut rest = Some(line);
        std::iter::from_fn(move || {
            let left = rest.take()?;
            let (piece, after) = left.split_at(end(left));
            rest = Some(after).filter(|after| !after.is_empty());
            Some(piece)
        })
    })
}

/// Whether some line is longer than that.
pub(crate) fn cut(text: &str) -> bool {
    text.lines().any(|line| line.len() > LONGEST)
}

/// Where the first piece of a line ends: after a blank or a comma, if there is one.
fn end(line: &str) -> usize {
    if line.len() <= LONGEST {
        return line.len();
    }
    let most = line.floor_char_boundary(LONGEST);
    let after = line[..most].rfind([' ', '\t', ',', ';', '}', '>']).map_or(most, |at| at + 1);
    if after > LONGEST / 2 { after } else { most }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_cut_and_nothing_of_it_is_lost() {
        let row = "{\"id\": 1, \"größe\": \"31 m\"}, ";
        for long in [row.repeat(9_000), "é".repeat(LONGEST * 3), String::new(), "a".repeat(LONGEST)]
        {
            let text = format!("one\n{long}\nthree");
            let found: Vec<&str> = lines(&text).collect();
            assert!(found.iter().all(|line| line.len() <= LONGEST));
            assert_eq!((found.first(), found.last()), (Some(&"one"), Some(&"three")));
            assert_eq!(found[1..found.len() - 1].concat(), long);
            assert_eq!(cut(&text), found.len() > 3);
        }
        assert!(lines(&row.repeat(9_000)).all(|line| line.ends_with([' ', ','])));
    }
}
