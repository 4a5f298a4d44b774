//! How much of one text stands in another: what two programs agree on when both say which part of a
//! page is its content.

use text::{shingles, words};

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

/// The share of a text's runs of words that stand in the other.
fn within(part: &str, whole: &str) -> f64 {
    let part: Vec<&str> = words::runs(part).collect();
    let whole: Vec<&str> = words::runs(whole).collect();
    shingles::containment(&part, &whole, RUN)
}

#[cfg(test)]
mod tests {
    use super::*;

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
