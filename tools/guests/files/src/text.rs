//! From bytes to text: UTF-8, UTF-16, UTF-32 with a mark, and for what is plainly text in none of them
//! the encoding that its letters make the most sense in. Refuses everything else by saying what it is.

use std::borrow::Cow;

/// Not text; what it is, with its article.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) &'static str);

/// Bytes of which so many are UTF-8 are that, with a few that are broken.
const MOSTLY: usize = 99;

/// The text of a file.
pub(crate) fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, Refused> {
    if let Some(rest) = bytes.strip_prefix(b"\xEF\xBB\xBF") {
        return Ok(String::from_utf8_lossy(rest));
    }
    for (mark, unit) in [
        (b"\xFF\xFE\0\0", u32::from_le_bytes as fn([u8; 4]) -> u32),
        (b"\0\0\xFE\xFF", u32::from_be_bytes),
    ] {
        if let Some(rest) = bytes.strip_prefix(mark) {
            return Ok(Cow::Owned(utf32(rest, unit)));
        }
    }
    if let Some(rest) = bytes.strip_prefix(b"\xFF\xFE") {
        return Ok(Cow::Owned(utf16(rest, u16::from_le_bytes)));
    }
    if let Some(rest) = bytes.strip_prefix(b"\xFE\xFF") {
        return Ok(Cow::Owned(utf16(rest, u16::from_be_bytes)));
    }
    for (magic, kind) in KINDS {
        if bytes.starts_with(magic) {
            return Err(Refused(kind));
        }
    }
    if bytes.contains(&0) {
        let unit = unmarked(bytes).ok_or(Refused("a binary file"))?;
        return Ok(Cow::Owned(utf16(bytes, unit)));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Cow::Borrowed(text)),
        Err(_) if bytes.iter().filter(|byte| control(**byte)).count() * 100 > bytes.len() => {
            Err(Refused("a binary file"))
        }
        Err(_) => Ok(other(bytes)),
    }
}

/// UTF-16 without a mark: every other byte of plain letters is NUL, on one side only.
fn unmarked(bytes: &[u8]) -> Option<fn([u8; 2]) -> u16> {
    let nul = |side: usize| bytes.iter().skip(side).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (nul(0), nul(1));
    let enough = bytes.len() % 2 == 0 && (even + odd) * 4 > bytes.len();
    match (even, odd) {
        (0, _) if enough => Some(u16::from_le_bytes),
        (_, 0) if enough => Some(u16::from_be_bytes),
        _ => None,
    }
}

/// What is not UTF-8 throughout: with a few broken bytes, or in an encoding of its time and place.
fn other(bytes: &[u8]) -> Cow<'_, str> {
    let lossy = String::from_utf8_lossy(bytes);
    let far = lossy.chars().filter(|letter| !letter.is_ascii()).count();
    let broken = lossy.chars().filter(|letter| *letter == char::REPLACEMENT_CHARACTER).count();
    if broken * 100 <= far * (100 - MOSTLY) {
        return lossy;
    }
    let mut detector = chardetng::EncodingDetector::new();
    detector.feed(bytes, true);
    detector.guess(None, false).decode_without_bom_handling(bytes).0
}

const KINDS: [(&[u8], &str); 7] = [
    (b"%PDF-", "a PDF"),
    (b"PK\x03\x04", "a zip archive or an office document"),
    (b"\x89PNG", "a picture"),
    (b"\xFF\xD8\xFF", "a picture"),
    (b"GIF8", "a picture"),
    (b"\x1F\x8B", "a compressed file"),
    (b"\x7FELF", "a program"),
];

fn control(byte: u8) -> bool {
    byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0C | 0x1B)
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

fn utf32(bytes: &[u8], unit: fn([u8; 4]) -> u32) -> String {
    let letters = bytes.chunks_exact(4).map(|it| unit([it[0], it[1], it[2], it[3]]));
    letters.map(|code| char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expected: &str) {
        assert_eq!(decode(bytes).as_deref(), Ok(expected));
    }

    #[test]
    fn text_is_read_in_its_encoding() {
        check(b"caf\xC3\xA9", "café");
        check(b"\xEF\xBB\xBFcaf\xC3\xA9", "café");
        check(b"\xFF\xFEh\0i\0", "hi");
        check(b"\xFE\xFF\0h\0i", "hi");
        check(
            b"caf\xE9 \x80 5 \x96 6, a line long enough to be text",
            "café € 5 – 6, a line long enough to be text",
        );
        check(b"", "");
        check(b"h\0i\0 \0\xE9\0", "hi é");
        check(b"\0h\0i", "hi");
        check(b"\xFF\xFE\0\0h\0\0\0", "h");
        check(
            b"\xC2\xFB\xF1\xEE\xF2\xE0 \xEC\xE0\xFF\xEA\xE0 \xF2\xF0\xE8\xE4\xF6\xE0\xF2\xFC \xEE\xE4\xE8\xED \xEC\xE5\xF2\xF0",
            "Высота маяка тридцать один метр",
        );
        let mut bytes = "Größe: fünf Meter, überall grün. ".repeat(60).into_bytes();
        bytes.push(0xFF);
        assert!(
            decode(&bytes)
                .is_ok_and(|text| text.starts_with("Größe") && text.ends_with('\u{fffd}'))
        );
    }

    #[test]
    fn what_is_no_text_is_named() {
        assert_eq!(decode(b"%PDF-1.7 ..."), Err(Refused("a PDF")));
        assert_eq!(decode(b"a\0b"), Err(Refused("a binary file")));
        assert_eq!(decode(b"\x01\x02\x03\xFF"), Err(Refused("a binary file")));
    }
}
