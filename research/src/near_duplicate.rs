//! Whether two texts are the same article, wherever each was found: a copy must not count as a
//! second source. Measured by the share of five-word pieces that both have. Texts that differ in a
//! number are not the same: a finding could stand on it.

use std::collections::BTreeSet;

use text::markdown::plain;
use text::{shingles, words};

/// Words in a piece.
const WORDS: usize = 5;
/// From this share of common pieces on, two texts are one article.
const SAME: f64 = 0.8;

/// Whether one is a copy of the other. Links' targets, spaces and case do not count.
pub(super) fn twins(one: &str, other: &str) -> bool {
    let (long, short) = (one.len().max(other.len()), one.len().min(other.len()));
    // Far too long to be a copy: nothing needs to be counted. A copy's links may be longer.
    if short * 2 < long {
        return false;
    }
    let (one, other) = (plain(one).to_lowercase(), plain(other).to_lowercase());
    let one: Vec<&str> = words::runs(&one).collect();
    let other: Vec<&str> = words::runs(&other).collect();
    numbers(&one) == numbers(&other) && shingles::resemblance(&one, &other, WORDS) >= SAME
}

fn numbers<'a>(words: &[&'a str]) -> BTreeSet<&'a str> {
    let digit = |word: &&str| word.bytes().any(|byte| byte.is_ascii_digit());
    words.iter().copied().filter(digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARTICLE: &str = "# Towers\n\nThe coast has three towers, all of granite. The [north \
        tower](https://x.org/n) of Aveiro is 47 m high. It was built in 1746, after a ship had \
        been lost on the bar, and it has been kept by one family ever since.";

    #[test]
    fn a_copy_is_known_by_its_words() {
        let copy = ARTICLE.replace("https://x.org/n", "https://mirror.org/y").replace("\n\n", "\n");
        assert!(twins(ARTICLE, &copy));
        assert!(twins(ARTICLE, &format!("{ARTICLE} Share this page.")));
        assert!(twins("Not much.", "not  much"));
    }

    #[test]
    fn another_text_on_the_same_is_no_copy() {
        assert!(!twins(ARTICLE, &ARTICLE.replace("47 m", "52 m")), "it says otherwise");
        assert!(!twins(ARTICLE, "The north tower of Aveiro is 47 m high. It was built in 1746."));
        let own = "Aveiro's northern tower rises 47 m above the bar. A mason called Reis built it \
                   in 1746 of the granite that the river boats brought down from the hills.";
        assert!(!twins(ARTICLE, own));
        assert!(!twins("One.", "Two."));
    }
}
