//! Text files as other programs write them: agent files, schemas, scripts, tables, values. A program that
//! reads one of these reads it here, so that a mark at the beginning is passed over everywhere, and
//! another encoding is named in the same words.

/// What a UTF-8 file may begin with (a byte order mark).
const MARK: &[u8] = b"\xef\xbb\xbf";

/// A file's text without its byte order mark.
///
/// # Errors
/// It is in another encoding: which, as far as that can be told.
pub fn of(bytes: &[u8]) -> Result<&str, NotUtf8> {
    let bytes = unmarked(bytes);
    std::str::from_utf8(bytes).map_err(|error| NotUtf8 {
        utf16: bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff"),
        at: error.valid_up_to(),
    })
}

/// A file's bytes without its byte order mark.
pub fn unmarked(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(MARK).unwrap_or(bytes)
}

/// A text in another encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is {}", if *.utf16 { "UTF-16, not UTF-8" } else { "not UTF-8" })]
pub struct NotUtf8 {
    /// It is UTF-16, and says so.
    pub utf16: bool,
    /// Up to this byte, after the mark, it could be UTF-8.
    pub at: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_passed_over_and_another_encoding_named() {
        assert_eq!(of(b"\xef\xbb\xbfa"), Ok("a"));
        assert_eq!(of("ä".as_bytes()), Ok("ä"));
        let said = |bytes| of(bytes).map_err(|error| error.to_string());
        assert_eq!(said(b"\xff\xfea\0"), Err("it is UTF-16, not UTF-8".to_string()));
        assert_eq!(said(b"a\xe4"), Err("it is not UTF-8".to_string()));
    }
}
