//! Numbers as texts have them, also as words.

use text::calendar;

/// Whether a text has a number, in digits or as a word, a month or a day.
pub(super) fn says_number(text: &str) -> bool {
    const WORDS: [&str; 40] = [
        "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
        "twelve", "half", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht",
        "neun", "zehn", "elf", "zwölf", "halb", "deux", "trois", "quatre", "cinq", "sept", "huit",
        "neuf", "dix", "onze", "douze", "midi", "noon", "midnight", "nothing",
    ];
    let known = |word: &str| {
        WORDS.contains(&word.to_lowercase().as_str())
            || calendar::month(word).is_some()
            || calendar::is_weekday(word)
    };
    text.contains(char::is_numeric) || text.split(|c: char| !c.is_alphabetic()).any(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_may_be_a_word() {
        for said in ["1938 m", "half past four", "im März", "on Tuesdays", "drei Stunden"] {
            assert!(says_number(said), "{said}");
        }
        assert!(!says_number("Murmel Hut"));
    }
}
