//! Quotes of a CSV that are out of place. A reader that lets them pass takes the rows that follow for
//! a part of the cell (RFC 4180, 2.5 to 2.7).

use super::line_ends::Lines;

/// The line of the first, from 1, and what is wrong with it.
pub(super) fn misplaced(text: &str, separator: u8) -> Option<(usize, &'static str)> {
    enum At {
        Begin,
        Plain,
        /// In quotes that began at this byte.
        Quoted(usize),
        /// After a quote in quotes: it ends them, or is the first of two.
        Quote(usize),
    }
    let line = |place: usize| Lines::new(text).at(place);
    let mut at = At::Begin;
    for (place, byte) in text.bytes().enumerate() {
        let ends = byte == separator || matches!(byte, b'\n' | b'\r');
        at = match at {
            At::Begin if byte == b'"' => At::Quoted(place),
            At::Quoted(from) if byte == b'"' => At::Quote(from),
            At::Quoted(from) => At::Quoted(from),
            At::Quote(from) if byte == b'"' => At::Quoted(from),
            At::Quote(_) if !ends => return Some((line(place), "a quote ends inside of a cell")),
            At::Begin | At::Plain | At::Quote(_) if ends => At::Begin,
            At::Begin | At::Plain | At::Quote(_) => At::Plain,
        };
    }
    match at {
        At::Quoted(from) => Some((line(from), "a quote begins here and does not end")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::misplaced;

    #[test]
    fn quotes_out_of_place() {
        for fine in ["", "a,b\n\"1, \"\"2\n\",3\n", "a\"b,5\"\n", "\"\"\r\n\"x\"", "\"a\",\n"] {
            assert_eq!(misplaced(fine, b','), None, "{fine}");
        }
        assert_eq!(misplaced("a\n\"b\nc\n", b',').map(|it| it.0), Some(2));
        assert_eq!(misplaced("a\n\"b\",\"c\nd\n", b',').map(|it| it.0), Some(2));
        assert_eq!(misplaced("a\r\"b\"c\r", b',').map(|it| it.0), Some(2));
        assert_eq!(misplaced("a,b\n\"1,2\n3,\"4\n", b',').map(|it| it.0), Some(3));
        assert_eq!(misplaced("\"a\";b", b','), Some((1, "a quote ends inside of a cell")));
    }
}
