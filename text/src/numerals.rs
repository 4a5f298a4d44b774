//! Numbers as texts have them, also as words.

use crate::calendar;

/// The words of the smallest numbers, from 0 on.
const SMALL: [&str; 13] = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve",
];

/// The number that an English word is, up to twelve.
pub fn small(word: &str) -> Option<u8> {
    (0..).zip(SMALL).find(|(_, small)| small.eq_ignore_ascii_case(word)).map(|(number, _)| number)
}

/// Whether a text has a number, in digits or as a word, a month or a day.
pub fn says_number(text: &str) -> bool {
    const WORDS: [&str; 7] = [
        "half halb noon midi midnight nothing",
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
            || SMALL[1..].contains(&small.as_str())
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
        assert_eq!((small("Twelve"), small("zero"), small("thirteen")), (Some(12), Some(0), None));
    }
}
