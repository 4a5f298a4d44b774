//! Plain text, and all that is known here of language. Knows nothing of agents; is compiled into the guests too.
//!
//! Where words begin and end in each script ([`words`]), and sentences ([`sentences`]); words without accents
//! ([`fold`]), endings ([`stem`]) and those that say nothing ([`stop`]). Which of many texts fit a question
//! ([`rank`]), which pieces of files a query ([`search`]), both by [`bm25`], and how much two texts have in common
//! ([`shingles`]). Numbers ([`numerals`]), months and days ([`calendar`]) by their names. Markdown that is cut and
//! read ([`markdown`]), bytes that should be UTF-8 ([`utf8`]), texts that should be JSON ([`legible`]).

pub mod bm25;
pub mod calendar;
pub mod fold;
pub mod legible;
pub mod markdown;
pub mod numerals;
pub mod rank;
pub mod search;
pub mod sentences;
pub mod shingles;
pub mod stem;
pub mod stop;
pub mod utf8;
pub mod words;

/// A text on one line, with one blank between two words.
pub fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The beginning of a text, and how much was left out.
pub fn head(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_string(),
        Some((end, _)) => {
            let rest = text[end..].chars().count();
            format!("{}\n[… {rest} more characters]", &text[..end])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_says_what_it_left_out() {
        assert_eq!(head("äbc", 3), "äbc");
        assert_eq!(head("äbc", 1), "ä\n[… 2 more characters]");
    }

    #[test]
    fn one_line_has_one_blank_between_words() {
        assert_eq!(one_line(" a\n\tb  c\u{a0}d "), "a b c d");
    }
}
