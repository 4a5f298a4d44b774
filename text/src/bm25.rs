//! BM25 (Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009): how much a text
//! says of a term, by how often it has it, how long it is, and how few others have it.

use std::collections::HashMap;

const K1: f64 = 1.2;
const B: f64 = 0.75;

/// Which texts hold which terms.
#[derive(Debug, Default)]
pub struct Index {
    /// Set where these are all that are looked at.
    closed: bool,
    ids: HashMap<String, usize>,
    /// For each term, the texts that hold it and how often.
    postings: Vec<Vec<(usize, f64)>>,
    /// How many terms each text has, and all together.
    lengths: Vec<f64>,
    length: f64,
}

impl Index {
    /// One that counts these terms alone, numbered as they stand here; each is there once.
    pub fn of(terms: &[String]) -> Index {
        Index {
            closed: true,
            ids: terms.iter().cloned().zip(0..).collect(),
            postings: vec![Vec::new(); terms.len()],
            ..Index::default()
        }
    }

    /// Adds the next text; texts are numbered from 0.
    pub fn add(&mut self, terms: impl IntoIterator<Item = String>) {
        let text = self.lengths.len();
        self.lengths.push(0.0);
        for term in terms {
            self.count(term, text, 1.0);
            self.lengths[text] += 1.0;
            self.length += 1.0;
        }
    }

    /// What stands beside the text that was added last, each term counting so much; it makes it no longer.
    pub fn beside(&mut self, terms: impl IntoIterator<Item = String>, weight: f64) {
        let Some(text) = self.lengths.len().checked_sub(1) else { return };
        for term in terms {
            self.count(term, text, weight);
        }
    }

    fn count(&mut self, term: String, text: usize, weight: f64) {
        let id = match self.ids.get(&term) {
            Some(id) => *id,
            None if self.closed => return,
            None => {
                self.postings.push(Vec::new());
                self.ids.insert(term, self.postings.len() - 1);
                self.postings.len() - 1
            }
        };
        match self.postings[id].last_mut() {
            Some((last, count)) if *last == text => *count += weight,
            _ => self.postings[id].push((text, weight)),
        }
    }

    /// All terms, each with its number.
    pub fn terms(&self) -> impl Iterator<Item = (&str, usize)> {
        self.ids.iter().map(|(term, id)| (term.as_str(), *id))
    }

    /// The number of a term that some text holds.
    pub fn id(&self, term: &str) -> Option<usize> {
        self.ids.get(term).copied()
    }

    /// What each text says of all the terms together; 0 where it has none.
    pub fn scores(&self) -> Vec<f64> {
        let mut scores = vec![0.0; self.lengths.len()];
        for id in 0..self.postings.len() {
            let rarity = self.rarity(id);
            self.holders(id).for_each(|(text, count)| scores[text] += rarity * count);
        }
        scores
    }

    /// How much a term tells the texts apart.
    pub fn rarity(&self, id: usize) -> f64 {
        let (texts, holders) = (self.lengths.len() as f64, self.postings[id].len() as f64);
        (1.0 + (texts - holders + 0.5) / (holders + 0.5)).ln()
    }

    /// The texts that hold a term, and what it counts in each before its rarity.
    pub fn holders(&self, id: usize) -> impl Iterator<Item = (usize, f64)> {
        let mean = self.length / self.lengths.len().max(1) as f64;
        self.postings[id].iter().map(move |(text, times)| {
            let norm = K1 * (1.0 - B + B * self.lengths[*text] / mean.max(1.0));
            (*text, times * (K1 + 1.0) / (times + norm))
        })
    }
}
