//! What searches gave: which pages to read, and in which order.

use serde_json::Value;
use text::rank;

/// What a rank is added to before it is turned over: the first places must not be everything.
const FUSED: usize = 10;

/// Results whose pages were not read yet, and the pages that were asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Hits {
    waiting: Vec<Hit>,
    visited: Vec<String>,
}

#[derive(Debug, Clone)]
struct Hit {
    url: String,
    /// Title and snippet.
    text: String,
    /// Higher is better.
    weight: f64,
}

impl Hits {
    /// Another search begins: what the ones before left over is forgotten.
    pub(super) fn forget(&mut self) {
        self.waiting.clear();
    }

    /// Takes in the results of one query, best first.
    pub(super) fn add(&mut self, results: &[Value]) {
        let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_string();
        for (rank, result) in results.iter().enumerate() {
            let url = text(result, "url");
            if url.is_empty() || self.visited.contains(&url) {
                continue;
            }
            let weight = 1.0 / (FUSED + rank) as f64;
            match self.waiting.iter_mut().find(|hit| hit.url == url) {
                Some(hit) => hit.weight += weight,
                None => {
                    let text = format!("{} {}", text(result, "title"), text(result, "snippet"));
                    self.waiting.push(Hit { url, text, weight });
                }
            }
        }
    }

    /// How many are left to read.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// How many pages were asked for.
    pub(super) fn visited(&self) -> usize {
        self.visited.len()
    }

    /// The next pages to read, at most so many: by the engine's order for each query and our own,
    /// by reciprocal rank.
    pub(super) fn next(&mut self, question: &str, most: usize) -> Vec<String> {
        let scores = rank::score(question, self.waiting.iter().map(|hit| hit.text.as_str()));
        let mut own: Vec<usize> = (0..self.waiting.len()).collect();
        own.sort_by(|one, other| scores[*other].total_cmp(&scores[*one]));
        let mut fused: Vec<f64> = self.waiting.iter().map(|hit| hit.weight).collect();
        for (rank, at) in own.into_iter().enumerate() {
            fused[at] += 1.0 / (FUSED + rank) as f64;
        }
        let mut order: Vec<usize> = (0..self.waiting.len()).collect();
        order.sort_by(|one, other| fused[*other].total_cmp(&fused[*one]));
        order.truncate(most);
        let urls: Vec<String> = order.iter().map(|at| self.waiting[*at].url.clone()).collect();
        self.waiting.retain(|hit| !urls.contains(&hit.url));
        self.visited.extend(urls.iter().cloned());
        urls
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pages_come_once_and_the_fitting_ones_first() {
        let mut hits = Hits::default();
        let hit = |url: &str, title: &str| json!({ "url": url, "title": title, "snippet": "" });
        hits.add(&[hit("a", "Bees"), hit("b", "Towers"), hit("c", "Towers of Aveiro")]);
        hits.add(&[hit("c", "Towers of Aveiro"), hit("", "nowhere")]);
        assert_eq!(hits.next("Which tower is in Aveiro?", 2), ["c", "a"]);
        hits.add(&[hit("a", "Bees")]);
        assert_eq!((hits.waiting(), hits.visited()), (1, 2));
        assert_eq!(hits.next("Which tower is in Aveiro?", 9), ["b"]);
    }
}
