//! Which of many texts fit a question best, and which of its words tell: by BM25 ([`bm25`](crate::bm25)) over plain
//! words, in which only what is written the same is the same.

use std::collections::{HashMap, HashSet};

use crate::bm25::Index;
use crate::stem::plural;
use crate::{stop, words};

/// The words of a text that mean something, in lower case, without a plural's ending. Every
/// number is one.
pub fn words(text: &str) -> Vec<String> {
    words::split(&text.to_lowercase())
        .map(|word| word.trim_matches('_'))
        .filter(|word| !word.is_empty() && !stop::is_empty(word))
        .map(plural)
        .collect()
}

/// The words that carry a question.
pub fn keywords(question: &str) -> String {
    let kept = question
        .split(|c: char| c.is_whitespace() || "?!,;:\"“”«»()".contains(c))
        .map(|word| word.trim_matches(|c: char| ".'’".contains(c)))
        .filter(|word| !word.is_empty() && !stop::is_empty(&word.to_lowercase()));
    kept.collect::<Vec<_>>().join(" ")
}

/// The words of a question that name something, for a search that found too little with all.
pub fn named(question: &str) -> String {
    let asked = keywords(question);
    let kept = asked.split_whitespace().enumerate().filter(|(at, word)| is_name(*at, word));
    kept.map(|(_, word)| word).collect::<Vec<_>>().join(" ")
}

/// How often words occur in the passages at hand: what is rare there is what a question is about.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    count: f64,
    holders: HashMap<String, f64>,
}

impl Terms {
    /// Of these texts.
    pub fn of<'a>(texts: impl Iterator<Item = &'a str>) -> Terms {
        let mut terms = Terms::default();
        for text in texts {
            terms.count += 1.0;
            for word in words(text).into_iter().collect::<HashSet<_>>() {
                *terms.holders.entry(word).or_default() += 1.0;
            }
        }
        terms
    }

    /// The share of texts that hold a word.
    fn share(&self, word: &str) -> f64 {
        self.holders.get(word).copied().unwrap_or_default() / self.count.max(1.0)
    }

    /// Whether a name is what all the texts are about; among a few that cannot be told.
    fn common(&self, name: &str) -> bool {
        let holders = self.holders.get(name).copied().unwrap_or_default();
        holders > COMMON * self.count + 2.0
    }

    /// How much of a question a text is about, rare words counting more, from 0 to 1.
    pub fn coverage(&self, question: &str, text: &str) -> f64 {
        let own: HashSet<String> = words(text).into_iter().collect();
        let asked: HashSet<String> = words(question).into_iter().collect();
        // One text more on either side, so that few texts do not say too much.
        let weight = |word: &String| {
            let holders = self.holders.get(word).copied().unwrap_or_default();
            (2.0 * (self.count + 2.0) / (holders + 1.0)).ln()
        };
        let total: f64 = asked.iter().map(weight).sum();
        let held: f64 = asked.iter().filter(|word| own.contains(*word)).map(weight).sum();
        if total > 0.0 { held / total } else { 0.0 }
    }

    /// Whether a text is about whom or what a question names: half of the names at least, and none
    /// of them unheard of in all the texts. A name that many of them hold tells none apart.
    pub fn about(&self, question: &str, text: &str) -> bool {
        let own: HashSet<String> = words(text).into_iter().collect();
        let names = names(question);
        let telling: Vec<&String> = names.iter().filter(|name| !self.common(name)).collect();
        let held = telling.iter().filter(|name| own.contains(**name)).count();
        2 * held >= telling.len() && names.iter().all(|name| self.holders.contains_key(name))
    }

    /// Whether every rare word of a statement stands in the text or the question.
    pub fn grounded(&self, statement: &str, text: &str, question: &str) -> bool {
        let known: HashSet<String> = words(text).into_iter().chain(words(question)).collect();
        words(statement).iter().all(|word| self.share(word) > RARE || known.contains(word))
    }
}

/// Words in at most this share of the passages are rare.
const RARE: f64 = 0.02;
/// Names in more than this share of the passages are what all of them are about.
const COMMON: f64 = 0.1;

/// The names in a question, as [`words`] has them.
pub fn names(question: &str) -> Vec<String> {
    let words_of = |(at, word): (usize, &str)| is_name(at, word).then(|| words(word));
    question.split_whitespace().enumerate().filter_map(words_of).flatten().collect()
}

/// Whether a word names something: one with a capital inside a sentence, a digit, or the signs that
/// names of things in computers have.
fn is_name(at: usize, word: &str) -> bool {
    let inner = word.trim_matches(|c: char| !c.is_alphanumeric());
    let odd = inner.contains(['_', '.']) || inner.chars().any(|c| c.is_ascii_digit());
    let capital = inner.chars().next().is_some_and(char::is_uppercase);
    let inside = inner.chars().skip(1).any(char::is_uppercase);
    odd || inside || (capital && at > 0)
}

/// How well each text fits the question; 0 where they share no word.
pub fn score<'a>(question: &str, texts: impl Iterator<Item = &'a str>) -> Vec<f64> {
    let mut asked = Vec::new();
    for word in words(question) {
        if !asked.contains(&word) {
            asked.push(word);
        }
    }
    let mut index = Index::of(&asked);
    texts.for_each(|text| index.add(words(text)));
    index.scores()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_its_words() {
        assert_eq!(words("How many bodies does Ann's star_map have?"), ["body", "ann", "star_map"]);
        let asked = "In which version of Python was the \"walrus\" operator added?";
        assert_eq!(keywords(asked), "version Python walrus operator added");
        assert_eq!(named("At which institute did Ann de Vries create Basalt?"), "Ann Vries Basalt");
        assert_eq!(named("On which port does python -m http.server listen?"), "http.server");
    }

    #[test]
    fn what_a_text_is_about_is_told_by_its_names() {
        let texts =
            ["the tower of Aveiro is 47 m high", "the tower of Faro", "people live in Faro"];
        let terms = Terms::of(texts.into_iter());
        let asked = "How high is the tower of Aveiro?";
        assert!(terms.about(asked, texts[0]) && !terms.about(asked, texts[1]));
        assert!(!terms.about("How many people live in Lisbon?", texts[2]));
        assert!(terms.coverage(asked, texts[0]) > 0.9);
        assert!(terms.coverage(asked, texts[1]) < 0.4);
        assert!(terms.grounded("Aveiro's tower is high.", texts[0], asked));
        assert!(!terms.grounded("Lisbon's tower is high.", texts[0], asked));
        assert_eq!(
            names("Which PEP did Guido van Rossum write on os.cpu_count()?"),
            ["pep", "guido", "rossum", "os", "cpu_count"]
        );
    }

    #[test]
    fn the_rare_word_counts_most() {
        let texts = ["the tower is tall", "the tower tower is old", "a lighthouse of granite"];
        let scores = score("granite tower", texts.into_iter());
        assert!(scores[2] > scores[1] && scores[1] > scores[0], "{scores:?}");
        assert_eq!(score("bread", texts.into_iter()), [0.0, 0.0, 0.0]);
    }
}
