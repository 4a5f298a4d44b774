//! A label for each group of texts: the words that are common in it and rare in the others (the
//! class-based weighting of Grootendorst, 2022).

use std::collections::{HashMap, HashSet};

/// Words in a label.
const WORDS: usize = 3;

/// For each of `groups` groups, its words.
pub(crate) fn labels(texts: &[&str], of: &[Option<usize>], groups: usize) -> Vec<String> {
    let mut counts: Vec<HashMap<String, f64>> = vec![HashMap::new(); groups];
    let mut all: HashMap<String, f64> = HashMap::new();
    for (text, group) in texts.iter().zip(of) {
        let words: HashSet<String> = words(text).collect();
        for word in words {
            if let Some(counts) = group.and_then(|group| counts.get_mut(group)) {
                *counts.entry(word.clone()).or_default() += 1.0;
            }
            *all.entry(word).or_default() += 1.0;
        }
    }
    let sizes = (0..groups).map(|group| of.iter().filter(|own| **own == Some(group)).count());
    let sizes: Vec<f64> = sizes.map(|size| size.max(1) as f64).collect();
    let texts = texts.len().max(1) as f64;
    let label = |(counts, size): (&HashMap<String, f64>, &f64)| {
        let mut scored: Vec<(f64, &String)> = counts
            .iter()
            .map(|(word, count)| (count / size * (texts / all[word]).ln_1p(), word))
            .collect();
        // A word of one text says little of a group, unless there is none that more of them share.
        if scored.iter().any(|(_, word)| counts[*word] > 1.0) {
            scored.retain(|(_, word)| counts[*word] > 1.0);
        }
        scored.sort_by(|(a, one), (b, other)| b.total_cmp(a).then(one.cmp(other)));
        let words: Vec<&str> = scored.iter().take(WORDS).map(|(_, word)| word.as_str()).collect();
        words.join(", ")
    };
    counts.iter().zip(&sizes).map(label).collect()
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text::words::runs(text)
        .filter(|word| word.chars().count() > 2 && !word.chars().all(|c| c.is_ascii_digit()))
        .map(str::to_lowercase)
}
