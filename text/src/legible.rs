//! JSON as programs write it that do not quite write JSON: `NaN`, half a pair of surrogates, line breaks
//! and tabs as they are within a text. Only what JSON has no other meaning for is changed, so a document
//! that is JSON comes back as it was.

/// JSON's text without what only other languages write: numbers that are none become `null`, half a pair
/// of surrogates the letter for what cannot be read, and a control character within a text its escape.
pub fn json(text: &str) -> String {
    const NO_NUMBERS: [&str; 3] = ["NaN", "-Infinity", "Infinity"];
    let mut legible = String::with_capacity(text.len());
    let (mut rest, mut quoted) = (text, false);
    while let Some(letter) = rest.chars().next() {
        let taken = match (quoted, letter) {
            (true, '\\') => {
                let (written, taken) = escape(rest);
                legible.push_str(written);
                taken
            }
            (true, '\0'..='\u{1f}') => {
                legible.push_str(&format!("\\u{:04x}", u32::from(letter)));
                letter.len_utf8()
            }
            (false, 'N' | 'I' | '-') => {
                match NO_NUMBERS.iter().find(|name| rest.starts_with(**name)) {
                    Some(name) => {
                        legible.push_str("null");
                        name.len()
                    }
                    None => {
                        legible.push(letter);
                        1
                    }
                }
            }
            _ => {
                quoted ^= letter == '"';
                legible.push(letter);
                letter.len_utf8()
            }
        };
        rest = &rest[taken..];
    }
    legible
}

/// An escape at the beginning of this text: what is written for it, and how long it was.
fn escape(text: &str) -> (&str, usize) {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    match (unit(0), unit(6)) {
        (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => (&text[..12], 12),
        (Some(0xD800..=0xDFFF), _) => ("\\ufffd", 6),
        _ => {
            let taken = text.char_indices().nth(2).map_or(text.len(), |(at, _)| at);
            (&text[..taken], taken)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_json_stays_and_what_is_not_is_made_so() {
        for same in [
            r#"{"a": [1, -2.5e-3, "NaN \" \\ -Infinity", "\ud83d\ude00", null]}"#,
            "{\n\t\"a\": \"größe\"\r\n}",
            "",
        ] {
            assert_eq!(json(same), same);
        }
        for (written, read) in [
            ("[NaN,-Infinity,Infinity,-1]", "[null,null,null,-1]"),
            (r#""\ud83d x \ude00\ud83d\ude00""#, r#""\ufffd x \ufffd\ud83d\ude00""#),
            ("\"a\tb\nc\"\n", "\"a\\u0009b\\u000ac\"\n"),
            ("\"a\\", "\"a\\"),
        ] {
            assert_eq!(json(written), read);
        }
    }
}
