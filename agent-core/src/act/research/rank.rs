//! Which of many texts fit a question best: BM25 (Robertson and Zaragoza, 2009) over plain words.

use std::collections::{HashMap, HashSet};

const K1: f64 = 1.2;
const B: f64 = 0.75;

/// Words that say nothing of what a text is about.
const EMPTY: [&str; 62] = [
    "a", "about", "all", "an", "and", "any", "are", "as", "at", "be", "by", "can", "did", "do",
    "does", "for", "from", "had", "has", "have", "how", "i", "if", "in", "into", "is", "it", "its",
    "many", "me", "much", "of", "on", "or", "s", "should", "than", "that", "the", "their", "them",
    "there", "these", "this", "to", "was", "were", "what", "when", "where", "which", "who", "whom",
    "whose", "why", "will", "with", "would", "you", "your", "we", "they",
];

/// The words of a text that mean something, in lower case, without a plural's ending. Every
/// number is one.
pub(super) fn words(text: &str) -> Vec<String> {
    text.to_lowercase()
        .split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .map(|word| word.trim_matches('_'))
        .filter(|word| !word.is_empty() && !EMPTY.contains(word))
        .map(stem)
        .collect()
}

fn stem(word: &str) -> String {
    let letters = word.chars().count();
    let cut = match word {
        _ if letters > 4 && word.ends_with("ies") => {
            return format!("{}y", &word[..word.len() - 3]);
        }
        _ if letters > 3 && word.ends_with('s') && !word.ends_with("ss") => 1,
        _ => 0,
    };
    word[..word.len() - cut].to_string()
}

/// The words that carry a question.
pub(super) fn keywords(question: &str) -> String {
    let kept = question
        .split(|c: char| c.is_whitespace() || "?!,;:\"“”«»()".contains(c))
        .map(|word| word.trim_matches(|c: char| ".'’".contains(c)))
        .filter(|word| !word.is_empty() && !EMPTY.contains(&word.to_lowercase().as_str()));
    kept.collect::<Vec<_>>().join(" ")
}

/// How well each text fits the question; 0 where they share no word.
pub(super) fn score<'a>(question: &str, texts: impl Iterator<Item = &'a str>) -> Vec<f64> {
    let asked: HashSet<String> = words(question).into_iter().collect();
    let texts: Vec<Vec<String>> = texts.map(words).collect();
    let total: usize = texts.iter().map(Vec::len).sum();
    let mean = (total as f64 / texts.len().max(1) as f64).max(1.0);
    let mut holders: HashMap<&str, f64> = HashMap::new();
    for text in &texts {
        let own: HashSet<&str> = text.iter().map(String::as_str).collect();
        for word in own.into_iter().filter(|word| asked.contains(*word)) {
            *holders.entry(word).or_default() += 1.0;
        }
    }
    let count = texts.len() as f64;
    let rarity = |word: &str| {
        let holders = holders.get(word).copied().unwrap_or_default();
        (1.0 + (count - holders + 0.5) / (holders + 0.5)).ln()
    };
    let one = |text: &Vec<String>| {
        let norm = K1 * (1.0 - B + B * text.len() as f64 / mean);
        let weight = |word: &String| {
            let times = text.iter().filter(|own| *own == word).count() as f64;
            rarity(word) * times * (K1 + 1.0) / (times + norm)
        };
        asked.iter().map(weight).sum()
    };
    texts.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_its_words() {
        assert_eq!(words("How many bodies does Ann's star_map have?"), ["body", "ann", "star_map"]);
        let asked = "In which version of Python was the \"walrus\" operator added?";
        assert_eq!(keywords(asked), "version Python walrus operator added");
    }

    #[test]
    fn the_rare_word_counts_most() {
        let texts = ["the tower is tall", "the tower tower is old", "a lighthouse of granite"];
        let scores = score("granite tower", texts.into_iter());
        assert!(scores[2] > scores[1] && scores[1] > scores[0], "{scores:?}");
        assert_eq!(score("bread", texts.into_iter()), [0.0, 0.0, 0.0]);
    }
}
