//! Plain text: where words begin and end in each script ([`words`]), which of many texts fit a
//! question best ([`rank`]), months and days by their names ([`calendar`]), bytes that should be UTF-8 ([`utf8`]),
//! and texts that should be JSON ([`legible`]). Knows nothing of agents.

pub mod calendar;
pub mod legible;
pub mod rank;
pub mod utf8;
pub mod words;

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
}
