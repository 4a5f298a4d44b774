//! Languages of a question and of what is in a folder: a search by words finds nothing in a text in another one.

use whichlang::{Lang, detect_language};

const ENGLISH: &str = "English";

/// As a survey names them.
const LANGUAGES: [(Lang, &str); 8] = [
    (Lang::Eng, ENGLISH),
    (Lang::Deu, "German"),
    (Lang::Fra, "French"),
    (Lang::Spa, "Spanish"),
    (Lang::Ita, "Italian"),
    (Lang::Por, "Portuguese"),
    (Lang::Nld, "Dutch"),
    (Lang::Swe, "Swedish"),
];

/// The language that a question is translated into before passages are searched for: the first of the texts that are
/// in another one than it.
pub(super) fn other(survey: &str, question: &str) -> Option<&'static str> {
    let own = detect_language(question);
    let told = survey.lines().filter_map(|line| line.split_once(": text")).map(|(_, told)| told);
    let mut languages = told.filter_map(|told| {
        let named = match told.strip_prefix(" in ") {
            Some(named) => named.split(',').next()?,
            None => ENGLISH,
        };
        LANGUAGES.iter().find(|(_, name)| *name == named)
    });
    languages.find(|(language, _)| *language != own).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::other;

    #[test]
    fn a_question_is_translated_for_texts_in_another_language() {
        let survey = "a.md: text, Boats; Crews\nb.txt: text in German, Bericht\nc.csv: table of 3 rows with \
                      the columns x\nd.bin: no text";
        let check = |question: &str| other(survey, question);
        assert_eq!(check("Who repaired the pump in the cellar?"), Some("German"));
        assert_eq!(check("Wer hat die Pumpe im Keller repariert?"), Some("English"));
        let all = "a.md: text, Boats; Crews\nb.txt: text in an unknown encoding";
        assert_eq!(other(all, "Who repaired the pump in the cellar?"), None);
    }
}
