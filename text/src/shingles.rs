//! How much two texts have in common, by their runs of words (Broder, *On the resemblance and containment of
//! documents*, 1997): so many words in the same order are no accident. A run is `length` words long, at least one.

use std::collections::{HashMap, HashSet};

/// The share of all runs that both texts have, from 0 to 1. Texts shorter than a run are the same or are not.
pub fn resemblance(one: &[&str], other: &[&str], length: usize) -> f64 {
    if one.len() < length || other.len() < length {
        return if one == other { 1.0 } else { 0.0 };
    }
    let one: HashSet<&[&str]> = one.windows(length).collect();
    let other: HashSet<&[&str]> = other.windows(length).collect();
    let common = one.intersection(&other).count();
    common as f64 / (one.len() + other.len() - common) as f64
}

/// The share of a text's runs that stand in the other, each as often as it does there. A text shorter than a run
/// is one.
pub fn containment(part: &[&str], whole: &[&str], length: usize) -> f64 {
    let mut left: HashMap<&[&str], usize> = HashMap::new();
    for run in runs(whole, length) {
        *left.entry(run).or_default() += 1;
    }
    let (mut all, mut found) = (0, 0);
    for run in runs(part, length) {
        all += 1;
        if let Some(count) = left.get_mut(run).filter(|count| **count > 0) {
            *count -= 1;
            found += 1;
        }
    }
    f64::from(found) / f64::from(all.max(1))
}

fn runs<'a>(words: &'a [&'a str], length: usize) -> impl Iterator<Item = &'a [&'a str]> {
    words.windows(length.min(words.len()).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        crate::words::runs(text).collect()
    }

    #[test]
    fn a_text_stands_in_another_by_its_words() {
        let whole = "Menu. The *tower* stands on the cape since 1746. More to read";
        let within = |part: &str, whole: &str| containment(&words(part), &words(whole), 4);
        assert_eq!(within("the tower", "the tower"), 1.0);
        assert_eq!(within("The tower stands, on the cape", whole), 1.0);
        assert_eq!(within("The tower stands on the reef", whole), 2.0 / 3.0);
        assert_eq!(within("on the cape since on the cape since", whole), 1.0 / 5.0);
        assert_eq!(within("", whole), 0.0);
        assert_eq!(within("the tower", ""), 0.0);
    }

    #[test]
    fn texts_resemble_each_other_by_the_runs_of_both() {
        let alike = |one: &str, other: &str| resemblance(&words(one), &words(other), 3);
        assert_eq!(alike("a b c d", "a b, c d."), 1.0);
        assert_eq!(alike("a b c d", "a b c e"), 1.0 / 3.0);
        assert_eq!(alike("a b", "a b"), 1.0);
        assert_eq!(alike("a b", "a b c"), 0.0);
    }
}
