//! The language of a question, as far as reports are written in it. Told by the shapes of its words
//! (crate `whichlang`, made for short texts) and by one of the small words that the language cannot
//! do without: a name in another language does not make a question one in that language, and a
//! language that is not here is not taken for a neighbour. Everything else is English.

use whichlang::{Lang, detect_language};

/// A language that reports are written in.
pub(super) struct Language {
    lang: Lang,
    /// Its code, as a page has it.
    pub(super) code: &'static str,
    /// What a model calls it.
    pub(super) name: &'static str,
    /// What its questions are asked with, and its articles.
    words: &'static [&'static str],
}

const ALL: [Language; 6] = [
    Language {
        lang: Lang::Deu,
        code: "de",
        name: "German",
        words: &[
            "wie", "wer", "wen", "wem", "was", "wann", "wo", "woher", "wohin", "warum", "wieso",
            "wozu", "welche", "welcher", "welches", "welchen", "welchem", "ist", "sind", "der",
            "die", "das", "den", "dem", "ein", "eine", "und",
        ],
    },
    Language {
        lang: Lang::Fra,
        code: "fr",
        name: "French",
        words: &[
            "quel", "quelle", "quels", "quelles", "qui", "que", "qu", "quoi", "quand", "où",
            "pourquoi", "comment", "combien", "est", "sont", "le", "la", "les", "des", "du", "une",
            "un",
        ],
    },
    Language {
        lang: Lang::Spa,
        code: "es",
        name: "Spanish",
        words: &[
            "qué", "quién", "quiénes", "cuál", "cuáles", "cuándo", "cuánto", "cuánta", "cuántos",
            "cuántas", "dónde", "cómo", "es", "son", "el", "la", "los", "las", "del", "una",
        ],
    },
    Language {
        lang: Lang::Ita,
        code: "it",
        name: "Italian",
        words: &[
            "chi", "che", "cosa", "quale", "quali", "quando", "quanto", "quanta", "quanti",
            "quante", "dove", "come", "perché", "è", "sono", "il", "lo", "la", "gli", "della",
        ],
    },
    Language {
        lang: Lang::Por,
        code: "pt",
        name: "Portuguese",
        words: &[
            "quem", "que", "qual", "quais", "quando", "quanto", "quanta", "quantos", "quantas",
            "onde", "como", "porque", "é", "são", "o", "os", "do", "da", "dos", "das", "uma",
        ],
    },
    Language {
        lang: Lang::Nld,
        code: "nl",
        name: "Dutch",
        words: &[
            "wie", "wat", "welk", "welke", "wanneer", "waar", "waarom", "hoe", "hoeveel", "is",
            "zijn", "de", "het", "een", "van",
        ],
    },
];

/// The question's language; `None` is English.
pub(super) fn of(question: &str) -> Option<&'static Language> {
    let found = detect_language(question);
    let language = ALL.iter().find(|language| language.lang == found)?;
    let lower = question.to_lowercase();
    let mut words = lower.split(|c: char| !c.is_alphabetic());
    words.any(|word| language.words.contains(&word)).then_some(language)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn all(code: &str, questions: &[&str]) {
        for question in questions {
            assert_eq!(of(question).map_or("en", |language| language.code), code, "{question}");
        }
    }

    #[test]
    fn a_question_is_answered_in_its_language() {
        all(
            "de",
            &[
                "Wie hoch ist der Turm von Aveiro?",
                "Wer schrieb Faust?",
                "Warum ist der Himmel blau?",
                "In welcher Version von Python kam der Walross-Operator?",
                "Welche Stadt ist größer, Köln oder München?",
            ],
        );
        all(
            "fr",
            &[
                "Quelle est la hauteur de la tour Eiffel ?",
                "Qui a écrit Les Misérables ?",
                "Combien d'habitants a Lyon ?",
            ],
        );
        all("es", &["¿Quién escribió Don Quijote?", "¿Por qué el cielo es azul?"]);
        all("it", &["Chi ha scritto la Divina Commedia?", "Dove è nato Dante?"]);
        all("pt", &["Quem escreveu Os Lusíadas?", "Onde nasceu Camões?"]);
        all("nl", &["Hoe hoog is de Eiffeltoren?", "Wanneer werd de haven van Sines geopend?"]);
    }

    #[test]
    fn a_foreign_name_is_no_language_and_neither_is_a_neighbours() {
        all(
            "en",
            &[
                "How high is the tower of Aveiro?",
                "Who founded Société Générale?",
                "What causes El Niño?",
                "Berlin population 2024",
                "What does shutil.copytree return?",
            ],
        );
        all(
            "en",
            &[
                "Jak wysoka jest wieża Eiffla?",
                "Hur högt är Eiffeltornet?",
                "Hvor høyt er Eiffeltårnet?",
                "Milyen magas az Eiffel-torony?",
                "Cât de înalt este Turnul Eiffel?",
                "Quina alçada té la torre Eiffel?",
                "Какова высота Эйфелевой башни?",
                "エッフェル塔の高さは？",
                "",
            ],
        );
    }
}
