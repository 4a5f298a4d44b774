//! Numbers as texts have them, also as words.

use text::calendar;

/// Whether a text has a number, in digits or as a word, a month or a day.
pub(super) fn says_number(text: &str) -> bool {
    const WORDS: [&str; 8] = [
        "half halb noon midi midnight nothing",
        "one two three four five six seven eight nine ten eleven twelve",
        "eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf",
        "deux trois quatre cinq sept huit neuf dix onze douze",
        "due tre quattro cinque sei sette otto nove dieci undici dodici",
        "dos tres cuatro cinco seis siete ocho nueve diez once doce",
        "dois duas três quatro cinco seis sete oito nove dez onze doze",
        "twee drie vier vijf zes zeven negen tien twaalf",
    ];
    let known = |word: &str| {
        let small = word.to_lowercase();
        WORDS.iter().any(|words| words.split(' ').any(|known| known == small))
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
        for said in [
            "1938 m",
            "half past four",
            "im März",
            "on Tuesdays",
            "drei Stunden",
            "Quattro bustine.",
        ] {
            assert!(says_number(said), "{said}");
        }
        assert!(!says_number("Murmel Hut"));
    }
}
