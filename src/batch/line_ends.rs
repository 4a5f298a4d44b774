//! Lines of a table as an editor counts them: each ends with `\n`, `\r\n` or, as old spreadsheets have it,
//! `\r`.

/// Counts lines up to places that only go up.
pub(super) struct Lines<'a> {
    text: &'a [u8],
    at: usize,
    line: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str) -> Lines<'a> {
        Lines { text: text.as_bytes(), at: 0, line: 1 }
    }

    /// The line, from 1, of the first letter at this byte or after it.
    pub(super) fn at(&mut self, byte: usize) -> usize {
        let ends = |byte: &&u8| matches!(byte, b'\n' | b'\r');
        let blank = self.text.get(byte..).unwrap_or_default().iter().take_while(ends).count();
        while self.at < (byte + blank).min(self.text.len()) {
            let (found, next) = (self.text[self.at], self.text.get(self.at + 1));
            let ends = found == b'\n' || found == b'\r' && next != Some(&b'\n');
            self.line += usize::from(ends);
            self.at += 1;
        }
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::Lines;

    #[test]
    fn every_line_end_is_one() {
        let text = "a\nb\r\nc\rd\n\n\r\n\re";
        let mut lines = Lines::new(text);
        let found: Vec<usize> =
            "abcde".chars().map(|letter| lines.at(text.find(letter).unwrap_or(0))).collect();
        assert_eq!(found, [1, 2, 3, 4, 8]);
        let mut lines = Lines::new(text);
        assert_eq!([lines.at(0), lines.at(1), lines.at(2), lines.at(99)], [1, 2, 2, 8]);
    }
}
