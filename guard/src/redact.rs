//! Secrets taken out of text that came from outside: a value as it is, and as servers like to spell
//! what they echo – escaped as in a URL, in JSON or in HTML, as hexadecimal digits, in base64.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// A shorter value would be found in any text, and its place would tell what it is.
pub const SHORTEST: usize = 8;

/// Bytes of the longest spelling of one byte, `&quot;` and `&#x00041;` among them.
const LONGEST_ESCAPE: usize = 10;

/// What must not be shown.
#[derive(Default)]
pub struct Redactor {
    traces: Vec<Trace>,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Redactor {
    /// Of these values, each under the name that stands in its place. One that is shorter than
    /// [`SHORTEST`] is not looked for.
    pub fn new<'a>(secrets: impl IntoIterator<Item = (&'a str, &'a str)>) -> Redactor {
        let long = secrets.into_iter().filter(|(_, value)| value.len() >= SHORTEST);
        Redactor { traces: long.flat_map(|(name, value)| traces(name, value)).collect() }
    }

    /// The bytes without any secret in them.
    pub fn clean(&self, bytes: Vec<u8>) -> Vec<u8> {
        if self.traces.is_empty() {
            return bytes;
        }
        let mut cleaned = Vec::with_capacity(bytes.len());
        let mut at = 0;
        while at < bytes.len() {
            at += self.step(&bytes[at..], &mut cleaned);
        }
        cleaned
    }

    /// The text without any secret in it.
    pub fn clean_text(&self, text: String) -> String {
        if self.traces.is_empty() {
            return text;
        }
        // What replaces a trace is text, and a trace begins and ends at letters.
        String::from_utf8_lossy(&self.clean(text.into_bytes())).into_owned()
    }

    /// The name of a secret that is in the text.
    pub fn found_in(&self, text: &str) -> Option<&str> {
        let found = |trace: &&Trace| {
            (0..text.len()).any(|start| trace.at(&text.as_bytes()[start..]).is_some())
        };
        self.traces.iter().find(found).map(|trace| trace.name.as_str())
    }

    /// For a text that comes in pieces.
    pub fn pieces(&self) -> Pieces<'_> {
        Pieces { redactor: self, held: Vec::new() }
    }

    /// Takes what the text begins with: a secret, or one byte.
    fn step(&self, text: &[u8], cleaned: &mut Vec<u8>) -> usize {
        match self.traces.iter().find_map(|trace| Some((trace, trace.at(text)?))) {
            Some((trace, length)) => {
                cleaned.extend_from_slice(format!("[secret {}]", trace.name).as_bytes());
                length
            }
            None => {
                cleaned.push(text[0]);
                1
            }
        }
    }
}

/// A text that comes in pieces: what may be the beginning of a secret is held until more is known.
pub struct Pieces<'a> {
    redactor: &'a Redactor,
    held: Vec<u8>,
}

impl Pieces<'_> {
    /// What can be shown now.
    pub fn next(&mut self, piece: &str) -> String {
        self.held.extend_from_slice(piece.as_bytes());
        let (mut shown, mut at) = (Vec::new(), 0);
        while at < self.held.len() {
            let text = &self.held[at..];
            let begun = |trace: &Trace| matches!(trace.met(text), Met::Begun);
            if self.redactor.traces.iter().any(begun) {
                break;
            }
            at += self.redactor.step(text, &mut shown);
        }
        // Traces are of letters, so no character was cut.
        self.held.drain(..at);
        String::from_utf8_lossy(&shown).into_owned()
    }

    /// The rest.
    pub fn rest(self) -> String {
        String::from_utf8_lossy(&self.redactor.clean(self.held)).into_owned()
    }
}

/// One spelling of a secret.
struct Trace {
    name: String,
    spelling: Vec<u8>,
}

/// A key, and what follows its scheme in `Basic …`, in every spelling.
fn traces(name: &str, value: &str) -> Vec<Trace> {
    let bare = value.split_once(' ').map(|(_, bare)| bare).filter(|bare| bare.len() >= SHORTEST);
    let trace = |spelling| Trace { name: name.to_string(), spelling };
    [Some(value), bare].into_iter().flatten().flat_map(spellings).map(trace).collect()
}

fn spellings(value: &str) -> Vec<Vec<u8>> {
    let hex: String = value.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut spellings = vec![value.as_bytes().to_vec(), hex.into_bytes()];
    // In base64 the letters depend on where in the text the value begins, and the outermost ones
    // on its neighbours.
    for before in 0..3 {
        let text = [&[0; 2][..before], value.as_bytes()].concat();
        let from = [0, 2, 3][before];
        let to = text.len() * 8 / 6;
        for encoded in [STANDARD_NO_PAD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
            spellings.push(encoded.as_bytes()[from..to].to_vec());
        }
    }
    spellings
}

/// How a text goes on from some place, held against a spelling.
enum Met {
    /// So many bytes spell it.
    Whole(usize),
    /// It may yet: the text ends first.
    Begun,
    No,
}

impl Trace {
    /// Each byte may be escaped as in a URL, in JSON or in HTML, and letters may be of either case.
    fn met(&self, text: &[u8]) -> Met {
        let mut length = 0;
        for (place, byte) in self.spelling.iter().enumerate() {
            // Base64 in mail has line ends.
            while place > 0 && matches!(text.get(length), Some(b'\r' | b'\n')) {
                length += 1;
            }
            let rest = &text[length..];
            match spelled(rest, *byte) {
                Some(taken) => length += taken,
                None if rest.is_empty() => return Met::Begun,
                None if rest.len() < LONGEST_ESCAPE && matches!(rest[0], b'%' | b'\\' | b'&') => {
                    return Met::Begun;
                }
                None => return Met::No,
            }
        }
        Met::Whole(length)
    }

    fn at(&self, text: &[u8]) -> Option<usize> {
        match self.met(text) {
            Met::Whole(length) => Some(length),
            Met::Begun | Met::No => None,
        }
    }
}

/// How many bytes the first one of `text` takes, if it is `byte`.
fn spelled(text: &[u8], byte: u8) -> Option<usize> {
    let (first, rest) = text.split_first()?;
    if first.eq_ignore_ascii_case(&byte) {
        return Some(1);
    }
    let same = |digits: &[u8]| number(digits, 16).is_some_and(|n| is(n, byte));
    match (first, rest) {
        (b'+', _) if byte == b' ' => Some(1),
        // Twice, where a URL is in a URL.
        (b'%', [b'2', b'5', code @ ..]) if same(code.get(..2)?) => Some(5),
        (b'%', code) if same(code.get(..2)?) => Some(3),
        (b'\\', [b'u' | b'U', code @ ..]) if same(code.get(..4)?) => Some(6),
        (b'\\', [b'x' | b'X', code @ ..]) if same(code.get(..2)?) => Some(4),
        (b'\\', [escaped, ..]) if *escaped == byte && !byte.is_ascii_alphanumeric() => Some(2),
        (b'&', entity) => {
            let end = entity.iter().take(8).position(|byte| *byte == b';')?;
            let meant = match &entity[..end] {
                b"amp" => u32::from(b'&'),
                b"lt" => u32::from(b'<'),
                b"gt" => u32::from(b'>'),
                b"quot" => u32::from(b'"'),
                b"apos" => u32::from(b'\''),
                [b'#', b'x' | b'X', code @ ..] => number(code, 16)?,
                [b'#', code @ ..] => number(code, 10)?,
                _ => return None,
            };
            is(meant, byte).then_some(end + 2)
        }
        _ => None,
    }
}

fn is(number: u32, byte: u8) -> bool {
    u8::try_from(number).is_ok_and(|number| number.eq_ignore_ascii_case(&byte))
}

fn number(digits: &[u8], radix: u32) -> Option<u32> {
    let digits = std::str::from_utf8(digits).ok()?;
    let plain = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    u32::from_str_radix(digits, radix).ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: &str = "s3cr3t/Key+with~more?";

    fn redactor() -> Redactor {
        Redactor::new([("KEY", VALUE)])
    }

    fn cleaned(text: &str) -> String {
        redactor().clean_text(text.to_string())
    }

    #[test]
    fn no_spelling_comes_through() {
        let percent: String = VALUE.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let twice = percent.replace('%', "%25");
        let json: String =
            VALUE.bytes().map(|byte| format!("\\u{:04x}", u32::from(byte))).collect();
        let html: String = VALUE.bytes().map(|byte| format!("&#{byte};")).collect();
        let hex: String = VALUE.bytes().map(|byte| format!("{byte:02X}")).collect();
        for spelling in [
            VALUE.to_string(),
            VALUE.to_uppercase(),
            percent,
            twice,
            json,
            html,
            hex,
            VALUE.replace('/', "\\/"),
            VALUE.replace('/', "%2f").replace('+', "%2B"),
        ] {
            assert_eq!(cleaned(&format!("a {spelling} b")), "a [secret KEY] b", "{spelling}");
        }
    }

    #[test]
    fn no_base64_of_a_text_around_it_comes_through() {
        for before in ["", "a", "ab", "Bearer ", "{\"k\":\""] {
            let text = format!("{before}{VALUE}\"}} and more of the text");
            for encoded in [STANDARD_NO_PAD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
                let cleaned = cleaned(&encoded);
                assert!(cleaned.contains("[secret KEY]"), "{cleaned}");
                let broken = encoded.as_bytes().chunks(19).collect::<Vec<_>>().join(&b"\r\n"[..]);
                let cleaned = redactor().clean(broken);
                assert!(cleaned.windows(12).any(|part| part == b"[secret KEY]"));
            }
        }
    }

    #[test]
    fn the_rest_is_left_as_it_is() {
        for text in ["", "s3cr3t", "%", "%2", "&#", "&#x;", "\\u00", "100 % & \\ \u{fc}ber"] {
            assert_eq!(cleaned(text), text);
        }
    }

    #[test]
    fn no_secret_comes_through_piece_by_piece() {
        let percent: String = VALUE.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let base64 = STANDARD_NO_PAD.encode(VALUE);
        for spelling in [VALUE, &percent, &base64] {
            for size in 1..20 {
                let text = format!("sent s3cr \u{fc} {spelling}, and more s3cr3t");
                let redactor = redactor();
                let mut pieces = redactor.pieces();
                let letters: Vec<char> = text.chars().collect();
                let mut shown: String = letters
                    .chunks(size)
                    .map(|piece| pieces.next(&piece.iter().collect::<String>()))
                    .collect();
                shown += &pieces.rest();
                assert_eq!(shown, "sent s3cr \u{fc} [secret KEY], and more s3cr3t", "{size}");
            }
        }
        // What cannot become a secret is shown at once.
        assert_eq!(redactor().pieces().next("hello "), "hello ");
    }
}
