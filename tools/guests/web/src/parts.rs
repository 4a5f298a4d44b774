//! Long pages are given in parts that end where a paragraph does, or a page of a PDF.

use documents::pdf::HEADING;

/// About 2,500 tokens.
const SIZE: usize = 10_000;

/// A part, where it begins in the text, and how many there are.
#[derive(Debug, PartialEq)]
pub(crate) struct Part<'a> {
    pub(crate) text: &'a str,
    at: usize,
    pub(crate) of: u32,
}

/// Part `wanted` of a text, from 1.
pub(crate) fn part(text: &str, wanted: u32) -> Option<Part<'_>> {
    let heading = format!("\n\n{HEADING}");
    let mut parts = Vec::new();
    let mut rest = text.trim();
    let mut at = text.len() - text.trim_start().len();
    while rest.len() > SIZE {
        let head = &rest[..rest.floor_char_boundary(SIZE)];
        // Not so early that a part is nearly empty.
        let cut = [heading.as_str(), "\n\n", "\n", " "]
            .iter()
            .find_map(|gap| head.rfind(gap).filter(|at| *at > SIZE / 2))
            .unwrap_or(head.len());
        parts.push((at, rest[..cut].trim_end()));
        let after = rest[cut..].trim_start_matches('\n');
        at += rest.len() - after.len();
        rest = after;
    }
    parts.push((at, rest));
    let (at, text) = *parts.get((wanted as usize).checked_sub(1)?)?;
    Some(Part { text, at, of: parts.len() as u32 })
}

impl Part<'_> {
    /// The part of a PDF's text, under the number of the page that it begins on.
    pub(crate) fn numbered(&self, whole: &str) -> String {
        let begun = || {
            let from = whole[..self.at].rfind(HEADING)?;
            whole[from..].lines().next()
        };
        match begun().filter(|_| !self.text.starts_with(HEADING)) {
            Some(heading) => format!("{heading}, continued\n\n{}", self.text),
            None => self.text.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up() {
        let text: String = (0..2_000).map(|n| format!("paragraph ünumber {n}\n\n")).collect();
        let Some(Part { of, .. }) = part(&text, 1) else { panic!() };
        assert!(of > 3);
        let all: Vec<&str> = (1..=of).filter_map(|n| part(&text, n).map(|it| it.text)).collect();
        assert!(all.iter().all(|part| part.len() <= SIZE));
        assert_eq!(all.join("\n\n"), text.trim());
        assert_eq!(part(&text, of + 1), None);
        assert_eq!(part("", 1), Some(Part { text: "", at: 0, of: 1 }));
        assert!(part(&"é".repeat(SIZE), 2).is_some());
    }

    #[test]
    fn each_part_of_a_pdf_says_its_page() {
        let page = |number: u32, words: usize| {
            format!("{HEADING}{number}\n\n{}\n\n", "word after word.\n\n".repeat(words))
        };
        let text = page(1, 400) + &page(2, 50) + &page(3, 1_500);
        let Some(first) = part(&text, 1) else { panic!() };
        let all: Vec<String> =
            (1..=first.of).filter_map(|n| part(&text, n).map(|it| it.numbered(&text))).collect();
        let heads: Vec<&str> = all.iter().filter_map(|part| part.lines().next()).collect();
        assert_eq!(
            heads,
            ["## Page 1", "## Page 3", "## Page 3, continued", "## Page 3, continued"]
        );
        assert!(all[0].contains("## Page 2"));
    }
}
