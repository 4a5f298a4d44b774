//! The rows of separated values: a cell in quotes may hold line ends.

/// Bytes of a row of several lines. A quote that is not closed before is a letter.
const LONGEST: usize = 64 << 10;

/// A row, with its first and last line from 1.
pub(crate) struct Record<'a> {
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) text: &'a str,
}

/// The header's separator: what stands in it most often, outside of quotes.
pub(crate) fn separator(header: &str) -> u8 {
    let bare: String = header.split('"').step_by(2).collect();
    let count = |separator: &u8| bare.bytes().filter(|byte| byte == separator).count();
    [b'|', b'\t', b';', b','].into_iter().max_by_key(count).unwrap_or(b',')
}

/// All that are not empty.
pub(crate) fn records(text: &str) -> Vec<Record<'_>> {
    let (mut records, mut rest, mut at) = (Vec::new(), text, 1);
    // A line for Excel alone.
    if let Some((_, below)) = text.split_once('\n').filter(|(first, _)| is_named(first)) {
        (rest, at) = (below, 2);
    }
    let header = rest.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let separator = separator(header);
    while !rest.is_empty() {
        let (size, lines) = first(rest, separator);
        let record = rest[..size].trim_end_matches(['\r', '\n']);
        if !record.trim().is_empty() {
            records.push(Record { start: at, end: at + lines - 1, text: record });
        }
        (rest, at) = (&rest[size..], at + lines);
    }
    records
}

/// `sep=;`
fn is_named(line: &str) -> bool {
    line.trim_end().strip_prefix("sep=").is_some_and(|separator| separator.chars().count() == 1)
}

/// How many bytes and lines the first row has.
fn first(text: &str, separator: u8) -> (usize, u32) {
    let (mut quoted, mut begins, mut lines) = (false, true, 0);
    let (mut one, mut closed) = (None, None);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' if quoted => (quoted, closed) = (false, Some(at + 1)),
            // Two of them within quotes are one that is a letter: closed, and open again.
            b'"' => quoted = begins || closed == Some(at),
            b'\n' => {
                lines += 1;
                one = one.or(Some(at + 1));
                if !quoted {
                    return (at + 1, lines);
                }
                if at > LONGEST {
                    break;
                }
            }
            _ => {}
        }
        begins = !quoted && (byte == separator || byte == b' ' && begins);
    }
    match one.filter(|_| quoted) {
        Some(one) => (one, 1),
        None => (text.len(), lines + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(u32, u32, &str)]) {
        let found: Vec<(u32, u32, &str)> =
            records(text).iter().map(|it| (it.start, it.end, it.text)).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn a_row_ends_where_no_quote_is_open() {
        check("a,b\n\n1,2\n", &[(1, 1, "a,b"), (3, 3, "1,2")]);
        check(
            "a,b\r\n1,\"x\r\ny\"\r\n2,z\r\n",
            &[(1, 1, "a,b"), (2, 3, "1,\"x\r\ny\""), (4, 4, "2,z")],
        );
        check(
            "a;b\n\"1 \"\"\n2\"\"\";x\n3;y",
            &[(1, 1, "a;b"), (2, 3, "\"1 \"\"\n2\"\"\";x"), (4, 4, "3;y")],
        );
        check("sep=;\r\na;b\r\n1;2", &[(2, 2, "a;b"), (3, 3, "1;2")]);
        assert_eq!(separator("\"a;b;c\",d"), b',');
        check("\"a\nb\",c\n1,2", &[(1, 2, "\"a\nb\",c"), (3, 3, "1,2")]);
    }

    #[test]
    fn a_quote_that_is_not_closed_takes_no_row_away() {
        check("a,b\n5\"\" pipe,1\n2,3", &[(1, 1, "a,b"), (2, 2, "5\"\" pipe,1"), (3, 3, "2,3")]);
        check("a,b\n\"5,1\n2,3", &[(1, 1, "a,b"), (2, 2, "\"5,1"), (3, 3, "2,3")]);
        let long = format!("a,b\n\"5,1\n{}", "2,3\n".repeat(LONGEST));
        assert_eq!(records(&long).len(), LONGEST + 2);
    }
}
