//! How much of one text stands in another: what two programs agree on when both say which part of a
//! page is its content.

use std::collections::HashMap;

/// Less than this is a part of an article rather than one.
const ARTICLE: usize = 250;

/// Two texts of which one stands in the other as far as this: they differ in how they were cut.
const SAME: f64 = 0.9;

/// Words in a run: so many in the same order are no accident.
const RUN: usize = 4;

/// Whether one found nothing but what the other found as well, and less: the article, without what
/// stands around it.
pub(crate) fn agreed(one: &str, other: &str) -> bool {
    (ARTICLE..other.len()).contains(&one.len()) && within(one, other) >= SAME
}

/// The share of a text's runs of words that stand in the other, each as often as it does there.
fn within(part: &str, whole: &str) -> f64 {
    let (part, whole) = (words(part), words(whole));
    let mut left: HashMap<&[&str], usize> = HashMap::new();
    for run in runs(&whole) {
        *left.entry(run).or_default() += 1;
    }
    let (mut all, mut found) = (0, 0);
    for run in runs(&part) {
        all += 1;
        if let Some(count) = left.get_mut(run).filter(|count| **count > 0) {
            *count -= 1;
            found += 1;
        }
    }
    found as f64 / all.max(1) as f64
}

fn words(text: &str) -> Vec<&str> {
    text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).collect()
}

/// A text shorter than a run is one.
fn runs<'a>(words: &'a [&'a str]) -> impl Iterator<Item = &'a [&'a str]> {
    words.windows(RUN.min(words.len()).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stands_in_another_by_its_words() {
        let whole = "Menu. The *tower* stands on the cape since 1746. More to read";
        assert_eq!(within("the tower", "the tower"), 1.0);
        assert_eq!(within("The tower stands, on the cape", whole), 1.0);
        assert_eq!(within("The tower stands on the reef", whole), 2.0 / 3.0);
        assert_eq!(within("on the cape since on the cape since", whole), 1.0 / 5.0);
        assert_eq!(within("", whole), 0.0);
        assert_eq!(within("the tower", ""), 0.0);
    }

    #[test]
    fn what_two_find_is_less_than_what_one_finds() {
        let article = "The tower was built in 1746 and stands on the cape. ".repeat(9);
        let more = format!("{article} Read more. The reef is closed for the winter.");
        assert!(agreed(&article, &more));
        assert!(!agreed(&more, &article), "the longer one");
        assert!(!agreed(&article, &more.replace("cape", "reef")), "another article");
        assert!(!agreed(&article[..200], &more), "a part");
    }
}
