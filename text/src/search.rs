//! Finds the pieces of texts that have to do with a query in ordinary words: BM25 ([`bm25`](crate::bm25)) with three
//! additions. What a piece stands under counts a little, related and mistyped words count a little, and a piece that
//! has more of the query's words beats one that repeats a word.

use std::collections::HashMap;

use crate::bm25;
use crate::fold::fold;
use crate::stem::light;
use crate::{stop, words};

/// What a word counts where it stands beside the text: in the headings above it, in the header of its table, or
/// in the file's name. In the text it counts 1.
const HEADING: f64 = 0.6;
const HEADER: f64 = 0.25;
const NAME: f64 = 0.4;

/// What a piece is, and so how much of what stands above it is its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Sentences below headings.
    Prose,
    /// A row below the header of its table.
    Row,
}

/// Pieces that can be searched.
#[derive(Debug, Default)]
pub struct Index {
    pieces: bm25::Index,
}

impl Index {
    /// Adds the next piece; pieces are numbered from 0.
    pub fn add(&mut self, name: &str, kind: Kind, context: &str, text: &[&str]) {
        self.pieces.add(text.iter().flat_map(|line| terms(line)));
        let above = match kind {
            Kind::Prose => HEADING,
            Kind::Row => HEADER,
        };
        self.pieces.beside(terms(context), above);
        self.pieces.beside(terms(name), NAME);
    }

    /// The pieces that have to do with the query, best first; equals in the order they were added.
    pub fn rank(&self, query: &str) -> Vec<(usize, f64)> {
        let mut scores: HashMap<usize, (f64, f64)> = HashMap::new();
        let mut possible = 0.0;
        for word in asked(query) {
            let mut best: HashMap<usize, (f64, f64)> = HashMap::new();
            let mut worth: f64 = 0.0;
            for (term, weight) in self.meant(&word) {
                let rarity = self.pieces.rarity(term) * weight;
                worth = worth.max(rarity);
                for (piece, count) in self.pieces.holders(term) {
                    let score = rarity * count;
                    let entry = best.entry(piece).or_insert((0.0, 0.0));
                    if score > entry.0 {
                        *entry = (score, rarity);
                    }
                }
            }
            possible += worth;
            for (piece, (score, rarity)) in best {
                let entry = scores.entry(piece).or_insert((0.0, 0.0));
                entry.0 += score;
                entry.1 += rarity;
            }
        }
        let mut ranked: Vec<(usize, f64)> = scores
            .into_iter()
            .map(|(piece, (score, had))| (piece, score * (0.5 + 0.5 * had / possible.max(1e-6))))
            .collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        ranked
    }

    /// The terms of the index that a word of the query may mean, and how surely.
    fn meant(&self, word: &str) -> Vec<(usize, f64)> {
        let exact = self.pieces.id(word);
        let mut meant: Vec<(usize, f64)> = exact.map(|term| (term, 1.0)).into_iter().collect();
        let letters = word.chars().count();
        if letters < 4 || word.contains(|c: char| c.is_ascii_digit()) {
            return meant;
        }
        for (term, id) in self.pieces.terms() {
            if term == word || term.contains(|c: char| c.is_ascii_digit()) {
                continue;
            }
            let other = term.chars().count();
            let shared = word.chars().zip(term.chars()).take_while(|(a, b)| a == b).count();
            if shared >= 4
                && shared * 5 >= letters.max(other) * 3
                && shared + 1 >= letters.min(other)
            {
                meant.push((id, 0.5));
            } else if exact.is_none() && other >= 4 && letters.abs_diff(other) <= 2 {
                match strsim::osa_distance(word, term) {
                    1 => meant.push((id, 0.7)),
                    2 if letters >= 7 => meant.push((id, 0.5)),
                    _ => {}
                }
            }
        }
        meant
    }
}

/// The terms of a text, in order, stop words included.
pub fn terms(text: &str) -> impl Iterator<Item = String> {
    words::runs(text).flat_map(words::split).map(|word| light(fold(word)))
}

/// The terms of a query that say something, each once; where none does, all. A word is left out by its term, so `where` and
/// `there`, which lose an ending, stay: without them no more is found (docs/performance.md, "Search in files").
pub fn asked(query: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for term in terms(query) {
        if !all.contains(&term) {
            all.push(term);
        }
    }
    let telling: Vec<String> = all.iter().filter(|term| !stop::asks(term)).cloned().collect();
    if telling.is_empty() { all } else { telling }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIECES: [(&str, &str, &str); 6] = [
        ("rivers.md", "Rivers > Nile", "The Nile flows north through eleven countries."),
        ("rivers.md", "Rivers > Amazon", "The Amazon carries more water than any other river."),
        ("peaks.csv", "name,height_m,country", "Kilimanjaro,5895,Tanzania"),
        ("peaks.csv", "name,height_m,country", "Mont Blanc,4806,France"),
        ("notes.txt", "", "Volcanic eruptions were discovered in the year 1883."),
        ("notes.txt", "", "Water boils at lower temperatures high up."),
    ];

    fn check(query: &str, expected: Option<usize>) {
        let mut index = Index::default();
        for (name, context, text) in PIECES {
            let kind = if name.ends_with(".csv") { Kind::Row } else { Kind::Prose };
            index.add(name, kind, context, &[text]);
        }
        assert_eq!(index.rank(query).first().map(|(piece, _)| *piece), expected, "{query}");
    }

    #[test]
    fn questions_find_their_passage() {
        check("How many countries does the Nile flow through?", Some(0));
        check("which river has the most water", Some(1));
        check("height of kilimanjaro", Some(2));
        check("mont blanc", Some(3));
        check("When did the volcano erupt?", Some(4));
        check("boiling water", Some(5));
    }

    #[test]
    fn typing_errors_are_forgiven() {
        check("Kilimanjarro", Some(2));
        check("kilimanajro height", Some(2));
        check("amazzon", Some(1));
    }

    #[test]
    fn a_word_without_blanks_around_it_is_found() {
        let mut index = Index::default();
        for text in
            ["次の会議は水曜日です。", "図書館は月曜日に休みます。", "회의는 부산에서 열립니다."]
        {
            index.add("a.md", Kind::Prose, "", &[text]);
        }
        for (query, expected) in [("会議", 0), ("図書館の休み", 1), ("부산 회의", 2)] {
            assert_eq!(
                index.rank(query).first().map(|(piece, _)| *piece),
                Some(expected),
                "{query}"
            );
        }
    }

    #[test]
    fn nothing_is_found_where_nothing_is() {
        check("zebra", None);
        check("", None);
        check("?!", None);
    }
}
