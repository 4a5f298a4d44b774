//! From bytes to text: UTF-8, UTF-16 with a mark, and Windows-1252 for what is plainly text in
//! neither. Refuses everything else by saying what it is.

use std::borrow::Cow;

/// Not text; what it is, with its article.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) &'static str);

/// The text of a file.
pub(crate) fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, Refused> {
    if let Some(rest) = bytes.strip_prefix(b"\xEF\xBB\xBF") {
        return Ok(String::from_utf8_lossy(rest));
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
        return Err(Refused("a binary file"));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Cow::Borrowed(text)),
        Err(_) if bytes.iter().filter(|byte| control(**byte)).count() * 100 > bytes.len() => {
            Err(Refused("a binary file"))
        }
        Err(_) => Ok(Cow::Owned(bytes.iter().map(|byte| windows_1252(*byte)).collect())),
    }
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

/// The 32 places where Windows-1252 differs from Latin-1; 0 where it has nothing.
const C1: [u32; 32] = [
    0x20AC, 0, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039,
    0x0152, 0, 0x017D, 0, 0, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC,
    0x2122, 0x0161, 0x203A, 0x0153, 0, 0x017E, 0x0178,
];

fn windows_1252(byte: u8) -> char {
    let code = match byte {
        0x80..=0x9F => C1[usize::from(byte - 0x80)],
        _ => u32::from(byte),
    };
    char::from_u32(code).filter(|c| *c != '\0').unwrap_or(char::REPLACEMENT_CHARACTER)
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
    }

    #[test]
    fn what_is_no_text_is_named() {
        assert_eq!(decode(b"%PDF-1.7 ..."), Err(Refused("a PDF")));
        assert_eq!(decode(b"a\0b"), Err(Refused("a binary file")));
        assert_eq!(decode(b"\x01\x02\x03\xFF"), Err(Refused("a binary file")));
    }
}
