//! How far quoted text bears out a statement, as far as words can tell: the other half of the
//! judgement beside the model's.

use std::collections::HashSet;

use text::rank::{self, words};
use text::sentences::sentences;

use crate::report::Support;

/// From this share of its words on a statement counts as one that the quotes make.
const ENOUGH: f64 = 0.5;

/// The share of a statement's words that stand in the quotes, from 0 to 1.
pub(super) fn overlap(statement: &str, quotes: &str) -> f64 {
    let held: HashSet<String> = words(quotes).into_iter().collect();
    let said: HashSet<String> = words(statement).into_iter().collect();
    if said.is_empty() {
        return 0.0;
    }
    said.iter().filter(|word| held.contains(*word)).count() as f64 / said.len() as f64
}

/// Whether every number of a statement stands in the quotes or in the question.
pub(super) fn numbers(statement: &str, quotes: &str, question: &str) -> bool {
    let known: HashSet<String> = digits(quotes).chain(digits(question)).collect();
    digits(statement).all(|number| known.contains(&number))
}

/// Whether every name in a statement stands in one of these texts.
pub(super) fn names(statement: &str, known: &[&str]) -> bool {
    let known: HashSet<String> = known.iter().flat_map(|text| words(text)).collect();
    let sentences = sentences(statement, &(0..statement.len()));
    let names = sentences.into_iter().flat_map(|range| rank::names(&statement[range]));
    names.into_iter().all(|name| known.contains(&name))
}

fn digits(text: &str) -> impl Iterator<Item = String> {
    let held = |c: char| c.is_ascii_digit() || c == '.' || c == ',';
    text.split(move |c: char| !held(c))
        .map(|number| number.trim_matches(['.', ',']).replace(',', ""))
        .filter(|number| !number.is_empty())
        .collect::<Vec<_>>()
        .into_iter()
}

/// What model and words say together.
pub(super) fn support(judged: Option<&str>, overlap: f64, numbers: bool) -> Support {
    match judged {
        Some("yes") if numbers && overlap >= ENOUGH => Support::Supported,
        Some("yes" | "partly") if numbers => Support::Partly,
        _ => Support::Unsupported,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_numbers_are_weighed() {
        let quote = "The north tower, built in 1746, is 1,047.5 m high.";
        assert_eq!(overlap("The tower is high.", quote), 1.0);
        assert!(overlap("It was painted red by sailors.", quote) < 0.01);
        assert!(numbers("1047.5 m, since 1746", quote, ""));
        assert!(!numbers("since 1747", quote, ""));
        assert!(numbers("one of 3", quote, "Which of the 3 towers?"));
        assert!(names("It is high. Built in 1746, the Tower is old.", &[quote, "tower"]));
        assert!(!names("It is high, says Mallory.", &[quote]));
        assert_eq!(support(Some("yes"), 0.9, true), Support::Supported);
        assert_eq!(support(Some("yes"), 0.9, false), Support::Unsupported);
        assert_eq!(support(Some("yes"), 0.2, true), Support::Partly);
        assert_eq!(support(Some("no"), 1.0, true), Support::Unsupported);
        assert_eq!(support(None, 1.0, true), Support::Unsupported);
    }
}
