//! Where a text that is not there may have been meant: the lines that are most like it.

use std::collections::HashMap;

/// How alike two lines must be to be told of, of 1.
const ALIKE: f32 = 0.5;

/// The end of a sentence that says that something is not there.
pub(super) fn shown(text: &str, wanted: &str) -> String {
    nearest(text, wanted)
        .map(|(first, count)| {
            let lines = super::lines(text, first..=first + count - 1);
            format!("; the nearest there is\n{lines}")
        })
        .unwrap_or_default()
}

/// The first line and the number of lines that come closest. The longest line that is wanted leads:
/// it tells most.
fn nearest(text: &str, wanted: &str) -> Option<(usize, usize)> {
    let wanted: Vec<&str> = wanted.lines().collect();
    let (lead, longest) = wanted.iter().enumerate().max_by_key(|(_, line)| line.trim().len())?;
    let pairs = pairs(longest);
    let alike = text.lines().enumerate().map(|(number, line)| (number, likeness(&pairs, line)));
    let (best, score) =
        alike.fold((0, 0.0), |best, next| if next.1 > best.1 { next } else { best });
    (score >= ALIKE).then(|| (best.saturating_sub(lead) + 1, wanted.len()))
}

/// Pairs of letters that follow each other, and how often they do.
fn pairs(line: &str) -> HashMap<(char, char), usize> {
    let mut pairs = HashMap::new();
    let letters =
        || line.trim().chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase);
    for pair in letters().zip(letters().skip(1)) {
        *pairs.entry(pair).or_insert(0) += 1;
    }
    pairs
}

/// The share of pairs that two lines have in common (Dice, "Measures of the amount of ecologic
/// association between species", 1945).
fn likeness(wanted: &HashMap<(char, char), usize>, line: &str) -> f32 {
    let other = pairs(line);
    let common: usize =
        other.iter().map(|(pair, count)| wanted.get(pair).copied().unwrap_or(0).min(*count)).sum();
    let all: usize = wanted.values().sum::<usize>() + other.values().sum::<usize>();
    if all == 0 { 0.0 } else { 2.0 * common as f32 / all as f32 }
}
