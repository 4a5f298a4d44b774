//! The languages of a folder's texts, told from their headings or first words as the survey has them. A text in
//! another language than the question is found only by words of its own.

use whichlang::{Lang, detect_language};

/// So many other languages are searched in.
const MOST: usize = 2;
/// Fewer letters tell no language.
const LETTERS: usize = 16;

/// What the languages are called that texts of a folder are in and the question is not, most of them first.
pub(super) fn others(survey: &str, question: &str) -> Vec<&'static str> {
    let own = detect_language(question);
    let texts = survey.lines().filter_map(|line| Some(line.split_once(": text, ")?.1));
    let texts = texts.filter(|text| text.chars().filter(|c| c.is_alphabetic()).count() >= LETTERS);
    let mut found: Vec<(usize, Lang)> = Vec::new();
    for language in texts.map(detect_language).filter(|language| *language != own) {
        match found.iter_mut().find(|(_, had)| *had == language) {
            Some((count, _)) => *count += 1,
            None => found.push((1, language)),
        }
    }
    found.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    found.into_iter().take(MOST).map(|(_, language)| name(language)).collect()
}

fn name(language: Lang) -> &'static str {
    match language {
        Lang::Ara => "Arabic",
        Lang::Cmn => "Chinese",
        Lang::Deu => "German",
        Lang::Eng => "English",
        Lang::Fra => "French",
        Lang::Hin => "Hindi",
        Lang::Ita => "Italian",
        Lang::Jpn => "Japanese",
        Lang::Kor => "Korean",
        Lang::Nld => "Dutch",
        Lang::Por => "Portuguese",
        Lang::Rus => "Russian",
        Lang::Spa => "Spanish",
        Lang::Swe => "Swedish",
        Lang::Tur => "Turkish",
        Lang::Vie => "Vietnamese",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SURVEY: &str = "docs/boats.csv: table of 3 rows with the columns Boot, Länge\n\
        docs/rooms.md: text, Räume mieten und Veranstaltungen; Die Seilerstube\n\
        docs/visit.txt: text, Your visit; Opening hours; How to find us\n\
        docs/x.md: text, Ok";

    #[test]
    fn languages_are_told_from_headings() {
        assert_eq!(others(SURVEY, "What does the rope room cost for an evening?"), ["German"]);
        assert_eq!(others(SURVEY, "Was kostet die Seilerstube am Abend?"), ["English"]);
        assert!(others("", "Was kostet die Seilerstube am Abend?").is_empty());
    }
}
