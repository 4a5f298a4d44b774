//! Tokens to text while they come: whole characters only, and nothing that may turn out to be
//! the beginning of a stop string.

/// Text that grows by pieces of UTF-8.
#[derive(Debug, Default)]
pub(super) struct Growing {
    text: String,
    /// The beginning of a character whose end has not come.
    partial: Vec<u8>,
    /// How much of `text` was handed out.
    sent: usize,
    stops: Vec<String>,
}

impl Growing {
    /// Text that ends before the first of these strings; empty ones stop nothing.
    pub(super) fn until(stops: &[String]) -> Growing {
        let stops = stops.iter().filter(|stop| !stop.is_empty()).cloned().collect();
        Growing { stops, ..Growing::default() }
    }

    /// Adds a token's bytes. `true` once a stop string has come: the text ends before it.
    pub(super) fn push(&mut self, bytes: &[u8]) -> bool {
        let from = self.text.len();
        self.partial.extend_from_slice(bytes);
        let mut done = 0;
        for chunk in self.partial.utf8_chunks() {
            self.text.push_str(chunk.valid());
            done += chunk.valid().len();
            let invalid = chunk.invalid();
            if invalid.is_empty() {
                continue;
            }
            // At the very end it may be the beginning of a character: four bytes at most.
            if done + invalid.len() == self.partial.len() && could_begin(invalid) {
                break;
            }
            self.text.push(char::REPLACEMENT_CHARACTER);
            done += invalid.len();
        }
        self.partial.drain(..done);
        self.stopped(from)
    }

    /// The end: a character that never ended becomes a replacement character.
    pub(super) fn finish(&mut self) {
        if !self.partial.is_empty() {
            self.partial.clear();
            self.text.push(char::REPLACEMENT_CHARACTER);
        }
    }

    /// Text that can be shown now and was not before.
    pub(super) fn fresh(&mut self) -> &str {
        let held = self.stops.iter().map(|stop| overlap(&self.text, stop)).max().unwrap_or(0);
        let from = self.sent;
        self.sent = (self.text.len() - held).max(from);
        &self.text[from..self.sent]
    }

    /// Text that was held back and never became a stop string.
    pub(super) fn rest(&mut self) -> &str {
        let from = self.sent;
        self.sent = self.text.len();
        &self.text[from..]
    }

    /// How many bytes of it were handed out.
    pub(super) fn sent(&self) -> usize {
        self.sent
    }

    /// All of it.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// All of it.
    pub(super) fn into_string(self) -> String {
        self.text
    }

    fn stopped(&mut self, from: usize) -> bool {
        let first = self
            .stops
            .iter()
            .filter_map(|stop| {
                let mut start = from.saturating_sub(stop.len());
                while !self.text.is_char_boundary(start) {
                    start -= 1;
                }
                self.text[start..].find(stop.as_str()).map(|at| start + at)
            })
            .min();
        if let Some(at) = first {
            self.text.truncate(at);
            self.partial.clear();
        }
        first.is_some()
    }
}

/// Whether these bytes are the beginning of a character: `utf8_chunks` gives the longest such
/// beginning, so its length against what the first byte promises tells.
fn could_begin(bytes: &[u8]) -> bool {
    let wanted = match bytes[0] {
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => return false,
    };
    bytes.len() < wanted
}

/// The longest end of `text` that is a beginning of `stop`.
fn overlap(text: &str, stop: &str) -> usize {
    (1..stop.len())
        .rev()
        .filter(|&length| stop.is_char_boundary(length))
        .find(|&length| text.ends_with(&stop[..length]))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(stops: &[&str], pieces: &[&[u8]]) -> (Vec<String>, String) {
        let stops: Vec<String> = stops.iter().map(ToString::to_string).collect();
        let mut text = Growing::until(&stops);
        let mut shown = Vec::new();
        for piece in pieces {
            let stop = text.push(piece);
            shown.push(text.fresh().to_string());
            if stop {
                break;
            }
        }
        text.finish();
        shown.push(text.rest().to_string());
        (shown, text.into_string())
    }

    #[test]
    fn characters_come_whole() {
        let (shown, text) = stream(&[], &[b"a\xC3", b"\xA9\xE2\x82", b"\xAC", b"\xF0\x9F\x98\x80"]);
        assert_eq!(shown, ["a", "é", "€", "😀", ""]);
        assert_eq!(text, "aé€😀");
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        let (_, text) = stream(&[], &[b"a\xFFb\xC3", b"c\xE2\x82"]);
        assert_eq!(text, "a\u{FFFD}b\u{FFFD}c\u{FFFD}");
    }

    #[test]
    fn a_stop_string_is_left_out_however_it_comes() {
        let (shown, text) = stream(&["\n```"], &[b"x = 1\n", b"``", b"`\nmore"]);
        assert_eq!(shown, ["x = 1", "", "", ""]);
        assert_eq!(text, "x = 1");
        let (shown, text) = stream(&["END", "STOP"], &[b"a E", b"N", b"E STOP END"]);
        assert_eq!(shown, ["a ", "", "ENE ", ""]);
        assert_eq!(text, "a ENE ");
    }

    #[test]
    fn what_only_looked_like_a_stop_string_is_shown_in_the_end() {
        let (shown, text) = stream(&["\n```", ""], &[b"a\n", b"`"]);
        assert_eq!(shown, ["a", "", "\n`"]);
        assert_eq!(text, "a\n`");
    }
}
