//! Text as it may be shown to a person: what a terminal would obey, what turns the direction of text
//! and what cannot be seen is written out, so that nothing hides a part of it or stands in for it.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a letter would act or hide where it is shown: control characters (C0, C1), those that
/// turn the direction of text, and those that leave nothing to see (Unicode's `Bidi_Control`, and of
/// `Default_Ignorable_Code_Point` all but what chooses between two looks of one letter).
pub fn hides(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0d}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// The text with each letter that [`hides`] written out, as `\u{1b}`; line ends and tabs stay.
pub fn visible(text: &str) -> Cow<'_, str> {
    let acts = |letter: char| hides(letter) && !matches!(letter, '\n' | '\t');
    if !text.chars().any(acts) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        match acts(letter) {
            true => shown.extend(letter.escape_unicode()),
            false => shown.push(letter),
        }
    }
    Cow::Owned(shown)
}

/// JSON that says the same with each letter that [`hides`] as JSON escapes it, `\u001b`: such a
/// letter can only be in a string. Line ends and tabs between values stay.
pub fn visible_json(json: &str) -> Cow<'_, str> {
    // Delete is the one control character that JSON takes as it is within a string.
    let acts = |letter: char| hides(letter) && (!letter.is_ascii_control() || letter == '\u{7f}');
    if !json.chars().any(acts) {
        return Cow::Borrowed(json);
    }
    let mut shown = String::with_capacity(json.len() + 16);
    for letter in json.chars() {
        if !acts(letter) {
            shown.push(letter);
            continue;
        }
        for unit in letter.encode_utf16(&mut [0; 2]) {
            let _never = write!(shown, "\\u{unit:04x}");
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escape_sequence_that_rewrites_the_prompt() {
        for (text, shown) in [
            (
                "plain, ünï, 日本, 👍🏽, ❤\u{fe0f}\n\ttabbed",
                "plain, ünï, 日本, 👍🏽, ❤\u{fe0f}\n\ttabbed",
            ),
            ("\u{1b}[2K\u{1b}[1Aok", "\\u{1b}[2K\\u{1b}[1Aok"),
            ("a\rb", "a\\u{d}b"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("\u{1b}]0;title\u{7}", "\\u{1b}]0;title\\u{7}"),
            ("a\u{8}\u{7f}", "a\\u{8}\\u{7f}"),
            ("exe\u{202e}gpj", "exe\\u{202e}gpj"),
            ("\u{2066}\u{2069}\u{200e}\u{61c}", "\\u{2066}\\u{2069}\\u{200e}\\u{61c}"),
            ("ex\u{200b}ample\u{feff}\u{ad}", "ex\\u{200b}ample\\u{feff}\\u{ad}"),
            ("\u{e0041}\u{e0001}", "\\u{e0041}\\u{e0001}"),
            ("a\u{2028}b\u{3164}", "a\\u{2028}b\\u{3164}"),
        ] {
            assert_eq!(visible(text), shown);
            assert!(!visible(text).chars().any(|c| hides(c) && !matches!(c, '\n' | '\t')));
        }
    }

    #[test]
    fn json_that_is_shown_says_the_same() {
        let json = "{\n\t\"a\": \"\u{9b}31m \u{202e} \u{e0041} é\"\n}";
        let shown = visible_json(json);
        assert_eq!(shown, "{\n\t\"a\": \"\\u009b31m \\u202e \\udb40\\udc41 é\"\n}");
        assert!(!shown.chars().any(|c| hides(c) && !matches!(c, '\n' | '\t')));
    }

    /// The writer of JSON leaves it as it is.
    #[test]
    fn a_delete_in_a_string_of_json() {
        assert_eq!(visible_json("\"a\u{7f}b\""), "\"a\\u007fb\"");
    }
}
