//! Ranks pieces of text for a query: BM25 (Robertson and Zaragoza, "The Probabilistic Relevance
//! Framework: BM25 and Beyond", 2009, k1 1.2, b 0.75), with three additions for questions that are
//! asked in ordinary words: what a piece stands under counts a little, related and mistyped words
//! count a little, and a piece that has more of the query's words beats one that repeats a word.

use std::collections::HashMap;

use crate::passages::Kind;
use crate::words;

/// What a word counts where it stands: in the text, in the headings above it, in the header of its
/// table, or in the file's name.
const TEXT: f32 = 1.0;
const HEADING: f32 = 0.6;
const HEADER: f32 = 0.25;
const NAME: f32 = 0.4;

#[derive(Debug, Default)]
pub(crate) struct Index {
    terms: HashMap<String, usize>,
    /// For each term, the pieces that have it and how much it counts there.
    postings: Vec<Vec<(usize, f32)>>,
    lengths: Vec<f32>,
}

impl Index {
    /// Adds the next piece; pieces are numbered from 0.
    pub(crate) fn add(&mut self, name: &str, kind: Kind, context: &str, text: &[&str]) {
        let piece = self.lengths.len();
        let mut length = 0.0;
        for term in text.iter().flat_map(|line| words::terms(line)) {
            self.count(term, piece, TEXT);
            length += 1.0;
        }
        let above = match kind {
            Kind::Prose => HEADING,
            Kind::Row => HEADER,
        };
        for term in words::terms(context) {
            self.count(term, piece, above);
        }
        for term in words::terms(name) {
            self.count(term, piece, NAME);
        }
        self.lengths.push(length);
    }

    fn count(&mut self, term: String, piece: usize, weight: f32) {
        let next = self.postings.len();
        let id = *self.terms.entry(term).or_insert(next);
        if id == next {
            self.postings.push(Vec::new());
        }
        match self.postings[id].last_mut() {
            Some((last, count)) if *last == piece => *count += weight,
            _ => self.postings[id].push((piece, weight)),
        }
    }

    /// The pieces that have to do with the query, best first; equals in the order they were added.
    pub(crate) fn rank(&self, query: &str) -> Vec<(usize, f32)> {
        let pieces = self.lengths.len() as f32;
        let average = (self.lengths.iter().sum::<f32>() / pieces.max(1.0)).max(1.0);
        let mut scores: HashMap<usize, (f32, f32)> = HashMap::new();
        let mut possible = 0.0;
        for word in asked(query) {
            let mut best: HashMap<usize, (f32, f32)> = HashMap::new();
            let mut worth: f32 = 0.0;
            for (term, weight) in self.meant(&word) {
                let postings = &self.postings[term];
                let having = postings.len() as f32;
                let rarity = (1.0 + (pieces - having + 0.5) / (having + 0.5)).ln() * weight;
                worth = worth.max(rarity);
                for (piece, count) in postings {
                    let length = 1.0 - 0.75 + 0.75 * self.lengths[*piece] / average;
                    let score = rarity * count * 2.2 / (count + 1.2 * length);
                    let entry = best.entry(*piece).or_insert((0.0, 0.0));
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
        let mut ranked: Vec<(usize, f32)> = scores
            .into_iter()
            .map(|(piece, (score, had))| (piece, score * (0.5 + 0.5 * had / possible.max(1e-6))))
            .collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        ranked
    }

    /// The terms of the index that a word of the query may mean, and how surely.
    fn meant(&self, word: &str) -> Vec<(usize, f32)> {
        let exact = self.terms.get(word).copied();
        let mut meant: Vec<(usize, f32)> = exact.map(|term| (term, 1.0)).into_iter().collect();
        let letters = word.chars().count();
        if letters < 4 || word.contains(|c: char| c.is_ascii_digit()) {
            return meant;
        }
        for (term, id) in &self.terms {
            if term == word || term.contains(|c: char| c.is_ascii_digit()) {
                continue;
            }
            let other = term.chars().count();
            let shared = word.chars().zip(term.chars()).take_while(|(a, b)| a == b).count();
            if shared >= 4
                && shared * 5 >= letters.max(other) * 3
                && shared + 1 >= letters.min(other)
            {
                meant.push((*id, 0.5));
            } else if exact.is_none() && other >= 4 && letters.abs_diff(other) <= 2 {
                match words::distance(word, term) {
                    1 => meant.push((*id, 0.7)),
                    2 if letters >= 7 => meant.push((*id, 0.5)),
                    _ => {}
                }
            }
        }
        meant
    }
}

/// The words of a query that say something, each once.
fn asked(query: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for term in words::terms(query) {
        if !all.contains(&term) {
            all.push(term);
        }
    }
    let telling: Vec<String> = all.iter().filter(|term| !words::common(term)).cloned().collect();
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
    fn nothing_is_found_where_nothing_is() {
        check("zebra", None);
        check("", None);
        check("?!", None);
    }
}
