//! Makes one ranking of several: reciprocal rank fusion, k = 60 (Cormack, Clarke and Büttcher,
//! "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning Methods", 2009). What
//! is one page by its address, or by title and snippet, counts as one.

use std::collections::HashMap;

use super::Hit;
use super::canonical::canonical;
use crate::types::SearchResult;
use text::words::letters;

const K: f64 = 60.0;

/// One page, wherever it was found.
struct Merged {
    result: SearchResult,
    score: f64,
    /// The best rank that it has anywhere, and whose that is.
    best: usize,
}

pub(super) fn merge(found: Vec<(&str, Vec<Hit>)>) -> Vec<SearchResult> {
    let mut merged: Vec<Merged> = Vec::new();
    let (mut by_url, mut by_text) = (HashMap::new(), HashMap::new());
    for (provider, hits) in found {
        let mut rank = 0;
        let mut counted: Vec<usize> = Vec::new();
        for hit in hits {
            let Some(url) = canonical(&hit.url) else { continue };
            rank += 1;
            let text = content(&hit);
            let known = by_url.get(&url).or_else(|| by_text.get(text.as_ref()?)).copied();
            let at = known.unwrap_or(merged.len());
            by_url.insert(url, at);
            if let Some(text) = text {
                by_text.entry(text).or_insert(at);
            }
            if known.is_none() {
                let Hit { title, url, snippet } = hit;
                let providers = Vec::new();
                let result = SearchResult { title, url, snippet, providers };
                merged.push(Merged { result, score: 0.0, best: usize::MAX });
            } else if merged[at].result.snippet.is_empty() {
                merged[at].result.snippet = hit.snippet;
            }
            // Who finds a page twice has found it once.
            if counted.contains(&at) {
                continue;
            }
            counted.push(at);
            let page = &mut merged[at];
            page.score += 1.0 / (K + rank as f64);
            let place = if rank < page.best { 0 } else { page.result.providers.len() };
            page.result.providers.insert(place, provider.to_string());
            page.best = page.best.min(rank);
        }
    }
    merged.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.best.cmp(&b.best)));
    merged.into_iter().map(|page| page.result).collect()
}

/// What tells a page by what is shown of it; a title alone does not.
fn content(hit: &Hit) -> Option<String> {
    let (title, snippet) = (letters(&hit.title), letters(&hit.snippet));
    (!title.is_empty() && snippet.chars().count() >= 20).then(|| format!("{title}\n{snippet}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit(url: &str, title: &str, snippet: &str) -> Hit {
        Hit { url: url.to_string(), title: title.to_string(), snippet: snippet.to_string() }
    }

    fn shown(found: Vec<(&str, Vec<Hit>)>) -> Vec<String> {
        let shown = |result: SearchResult| format!("{} {}", result.url, result.providers.join("+"));
        merge(found).into_iter().map(shown).collect()
    }

    #[test]
    fn what_several_find_comes_first() {
        let found = vec![
            ("one", vec![hit("https://a.org/", "a", ""), hit("https://b.org/", "b", "")]),
            ("two", vec![hit("http://www.b.org", "b", "x"), hit("https://c.org/", "c", "")]),
        ];
        assert_eq!(
            shown(found),
            ["https://b.org/ two+one", "https://a.org/ one", "https://c.org/ two"]
        );
    }

    #[test]
    fn a_copy_is_no_second_page() {
        let text = "the very same words of a long snippet";
        let found = vec![
            ("one", vec![hit("https://a.org/x", "T", text), hit("https://a.org/x#y", "T", text)]),
            (
                "two",
                vec![hit("https://mirror.org/x", "t!", "The very same words, of a long snippet")],
            ),
            (
                "three",
                vec![hit("https://c.org/", "T", "short"), hit("https://d.org/", "T", "short")],
            ),
        ];
        assert_eq!(
            shown(found),
            ["https://a.org/x one+two", "https://c.org/ three", "https://d.org/ three"]
        );
    }

    #[test]
    fn what_is_no_page_is_left_out() {
        let found = vec![(
            "one",
            vec![
                hit("javascript:alert(1)", "a", ""),
                hit("", "b", ""),
                hit("ftp://c.org/", "c", ""),
                hit("file:docs/d.md", "d", ""),
            ],
        )];
        assert_eq!(shown(found), ["file:docs/d.md one"]);
        assert!(merge(vec![("one", vec![])]).is_empty());
    }
}
