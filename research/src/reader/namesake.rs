//! Pages on things with like names: Mount Ardal beside Mount Ardun, the Lesser Korvin Tunnel beside the
//! Korvin Tunnel. A small model takes what stands on the one for the other.

use std::collections::HashSet;

use text::rank;

use super::Reader;
use crate::passage::Passage;

impl Reader {
    /// Whether a passage's page is on something whose name has more to it than what the question names,
    /// and the page on that was read as well.
    pub(super) fn of_one_like_it(&self, passage: &Passage) -> bool {
        let asked = words(self.question());
        let own = words(&self.notes.sources[passage.source].title);
        !own.is_subset(&asked)
            && self
                .titles()
                .any(|title| !title.is_empty() && title.is_subset(&asked) && title.is_subset(&own))
    }

    /// Whether a passage is about a namesake: a page that was read has for its title what the question
    /// names, this one's title is another with a word in common, and what tells the two apart is not
    /// in the passage.
    pub(super) fn of_another(&self, passage: &Passage, text: &str) -> bool {
        let (asked, held) = (words(self.question()), words(text));
        let own = words(&self.notes.sources[passage.source].title);
        self.titles().any(|title| {
            let shared = title.intersection(&own).next().is_some();
            let other = !own.is_subset(&asked) || (own.is_subset(&title) && own != title);
            shared
                && other
                && title.is_subset(&asked)
                && !title.difference(&own).all(|word| held.contains(word))
        })
    }

    /// Whether what is quoted does not name what the question is about, though a page that was read is on
    /// just that: what another page tells is told of it only where it names it.
    pub(super) fn unnamed(&self, quoted: &str) -> bool {
        let (asked, held) = (words(self.question()), words(quoted));
        let names: HashSet<String> = rank::names(self.question()).into_iter().collect();
        let own = words(&self.notes.sources[self.passages[self.holder].source].title);
        !own.is_subset(&asked)
            && self.titles().any(|title| {
                title.len() > 1
                    && title.is_subset(&asked)
                    && names.is_subset(&title)
                    && !title.is_subset(&held)
            })
    }

    /// The words of the title of each page that was read.
    fn titles(&self) -> impl Iterator<Item = HashSet<String>> {
        self.notes.sources.iter().map(|source| words(&source.title))
    }
}

fn words(text: &str) -> HashSet<String> {
    rank::words(text).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Source;

    fn reader(question: &str, titles: &[&str]) -> Reader {
        let mut reader = Reader::default();
        reader.notes.section.question = question.to_string();
        let source = |title: &&str| Source { title: title.to_string(), ..Source::default() };
        reader.notes.sources = titles.iter().map(source).collect();
        reader
    }

    fn passage(source: usize, text: &str) -> Passage {
        Passage { source, range: 0..text.len(), context: String::new(), text: text.to_string() }
    }

    #[test]
    fn a_namesake_is_told_apart() {
        let reader = reader("When was Mount Ardun first climbed?", &["Mount Ardun", "Mount Ardal"]);
        let of_another =
            |source: usize, text: &str| reader.of_another(&passage(source, text), text);
        assert!(of_another(1, "The first certain ascent took place in 1858."));
        assert!(!of_another(1, "Unlike Mount Ardun, climbed in 1862, it was climbed in 1858."));
        assert!(!of_another(0, "The first ascent was made in 1862."));
    }

    #[test]
    fn another_page_names_what_it_tells_of() {
        let titles = ["Ardun Rack Railway", "Sarn Odel"];
        let mut reader = reader("When was the Ardun Rack Railway founded?", &titles);
        reader.passages = vec![passage(0, ""), passage(1, "")];
        reader.holder = 1;
        assert!(reader.unnamed("The town was founded in 1324."));
        assert!(!reader.unnamed("The Ardun Rack Railway was founded here in 1903."));
        reader.holder = 0;
        assert!(!reader.unnamed("It was founded in 1903."));
    }

    #[test]
    fn one_with_a_longer_name_is_another() {
        let titles = ["Korvin Tunnel", "Lesser Korvin Tunnel", "Obrek Railway"];
        let asked = reader("How long is the Korvin Tunnel?", &titles);
        let like = |reader: &Reader, source: usize| reader.of_one_like_it(&passage(source, ""));
        assert_eq!([0, 1, 2].map(|source| like(&asked, source)), [false, true, false]);
        let asked = reader("How long is the Lesser Korvin Tunnel?", &titles);
        assert!(asked.of_another(&passage(0, ""), "It is 7,340 m long."));
        assert!(!asked.of_another(&passage(1, ""), "It is 4,100 m long."));
        assert_eq!([0, 1, 2].map(|source| like(&asked, source)), [false, false, false]);
    }
}
