//! The fixed words of a report, in the languages that it is written in. What tools, servers and the
//! journal say of a failure is theirs, and stays in English.

use crate::report::{Support, TroubleKind};

/// What a report says by itself. `{}`, `{pages}` and `{queries}` are filled in.
pub(crate) struct Phrases {
    /// Its language's code.
    pub(crate) language: &'static str,
    /// Right above the question.
    pub(crate) report: &'static str,
    pub(crate) not_found: &'static str,
    pub(crate) unfinished: &'static str,
    pub(crate) searched: &'static str,
    pub(crate) not_looked: &'static str,
    /// Above what was found on the question itself.
    pub(crate) findings: &'static str,
    pub(crate) evidence: &'static str,
    pub(crate) sources: &'static str,
    pub(crate) troubles: &'static str,
    pub(crate) claim: &'static str,
    pub(crate) borne_out: &'static str,
    pub(crate) quote: &'static str,
    pub(crate) source: &'static str,
    pub(crate) overlap: &'static str,
    pub(crate) stands_not: &'static str,
    pub(crate) page: &'static str,
    pub(crate) read: &'static str,
    pub(crate) also: &'static str,
    pub(crate) yes_no: [&'static str; 2],
    /// Asks for the name of what is described.
    pub(crate) name_of: &'static str,
    /// What the hashes are for.
    pub(crate) footer: &'static str,
    /// Supported, partly, disputed, unsupported.
    support: [&'static str; 4],
    /// Around the place or the thing: a search, a page, an order, a reader.
    trouble: [[&'static str; 2]; 4],
}

impl Phrases {
    /// In a language, or in English.
    pub(crate) fn of(language: &str) -> &'static Phrases {
        ALL.iter().find(|phrases| phrases.language == language).copied().unwrap_or(&ENGLISH)
    }

    pub(crate) fn support(&self, support: Support) -> &'static str {
        self.support[match support {
            Support::Supported => 0,
            Support::Partly => 1,
            Support::Disputed => 2,
            Support::Unsupported => 3,
        }]
    }

    /// What went wrong, before and after the place or the thing that it is about.
    pub(crate) fn trouble(&self, kind: TroubleKind) -> [&'static str; 2] {
        self.trouble[match kind {
            TroubleKind::Search => 0,
            TroubleKind::Page => 1,
            TroubleKind::Injection => 2,
            TroubleKind::Agent => 3,
        }]
    }

    /// Nothing was found, and this was searched for.
    pub(crate) fn searched(&self, pages: u32, queries: &str) -> String {
        self.searched.replace("{pages}", &pages.to_string()).replace("{queries}", queries)
    }
}

const ALL: [&Phrases; 7] = [&ENGLISH, &GERMAN, &FRENCH, &SPANISH, &ITALIAN, &PORTUGUESE, &DUTCH];

const ENGLISH: Phrases = Phrases {
    language: "en",
    yes_no: ["Yes", "No"],
    name_of: "What is the name of {}?",
    report: "Research report",
    not_found: "Not found.",
    unfinished: "This report is not finished: {}.",
    searched: "Not found in {pages} pages. Searched for {queries}.",
    not_looked: "Not looked into.",
    findings: "Findings",
    evidence: "Evidence",
    sources: "Sources",
    troubles: "Troubles",
    claim: "Claim",
    borne_out: "Borne out",
    quote: "Quote",
    source: "Source",
    overlap: "{} % of its words",
    stands_not: "does not stand in its source",
    page: "page {}",
    read: "read {}",
    also: "also at",
    footer: "Each quote stands word for word in its source as it was read; a source's SHA-256 names \
             the bytes that were read.",
    support: [
        "supported",
        "partly supported",
        "disputed: another source says otherwise",
        "unsupported",
    ],
    trouble: [
        ["A search failed, ", ""],
        ["", " could not be read"],
        ["", " gives instructions to machine readers; nothing of it was followed"],
        ["", " was not looked into"],
    ],
};

const GERMAN: Phrases = Phrases {
    language: "de",
    yes_no: ["Ja", "Nein"],
    name_of: "Wie heißt {}?",
    report: "Recherchebericht",
    not_found: "Nicht gefunden.",
    unfinished: "Dieser Bericht ist nicht fertig: {}.",
    searched: "In {pages} Seiten nicht gefunden. Gesucht wurde nach {queries}.",
    not_looked: "Nicht untersucht.",
    findings: "Befunde",
    evidence: "Belege",
    sources: "Quellen",
    troubles: "Schwierigkeiten",
    claim: "Aussage",
    borne_out: "Belegt",
    quote: "Zitat",
    source: "Quelle",
    overlap: "{} % ihrer Wörter",
    stands_not: "steht nicht in der Quelle",
    page: "Seite {}",
    read: "gelesen am {}",
    also: "auch unter",
    footer: "Jedes Zitat steht wörtlich in seiner Quelle, wie sie gelesen wurde; der SHA-256 einer \
             Quelle bezeichnet die gelesenen Bytes.",
    support: [
        "belegt",
        "teilweise belegt",
        "umstritten: eine andere Quelle sagt etwas anderes",
        "nicht belegt",
    ],
    trouble: [
        ["Eine Suche schlug fehl, ", ""],
        ["", " konnte nicht gelesen werden"],
        ["", " gibt maschinellen Lesern Anweisungen; keine davon wurde befolgt"],
        ["", " wurde nicht untersucht"],
    ],
};

const FRENCH: Phrases = Phrases {
    language: "fr",
    yes_no: ["Oui", "Non"],
    name_of: "Comment s’appelle {} ?",
    report: "Rapport de recherche",
    not_found: "Introuvable.",
    unfinished: "Ce rapport n’est pas terminé : {}.",
    searched: "Introuvable dans {pages} pages. Recherché : {queries}.",
    not_looked: "Non examiné.",
    findings: "Résultats",
    evidence: "Preuves",
    sources: "Sources",
    troubles: "Difficultés",
    claim: "Affirmation",
    borne_out: "Étayée",
    quote: "Citation",
    source: "Source",
    overlap: "{} % de ses mots",
    stands_not: "ne se trouve pas dans sa source",
    page: "page {}",
    read: "lu le {}",
    also: "aussi à",
    footer: "Chaque citation se trouve mot pour mot dans sa source telle qu’elle a été lue ; le \
             SHA-256 d’une source désigne les octets lus.",
    support: [
        "étayé",
        "partiellement étayé",
        "contesté : une autre source dit autre chose",
        "non étayé",
    ],
    trouble: [
        ["Une recherche a échoué, ", ""],
        ["", " n’a pas pu être lu"],
        ["", " donne des ordres aux lecteurs automatiques ; aucun n’a été suivi"],
        ["", " n’a pas été examiné"],
    ],
};

const SPANISH: Phrases = Phrases {
    language: "es",
    yes_no: ["Sí", "No"],
    name_of: "¿Cómo se llama {}?",
    report: "Informe de investigación",
    not_found: "No se encontró.",
    unfinished: "Este informe no está terminado: {}.",
    searched: "No se encontró en {pages} páginas. Se buscó {queries}.",
    not_looked: "No se investigó.",
    findings: "Hallazgos",
    evidence: "Pruebas",
    sources: "Fuentes",
    troubles: "Dificultades",
    claim: "Afirmación",
    borne_out: "Respaldo",
    quote: "Cita",
    source: "Fuente",
    overlap: "{} % de sus palabras",
    stands_not: "no está en su fuente",
    page: "página {}",
    read: "leído el {}",
    also: "también en",
    footer: "Cada cita está palabra por palabra en su fuente tal como se leyó; el SHA-256 de una \
             fuente identifica los bytes leídos.",
    support: [
        "respaldado",
        "respaldado en parte",
        "discutido: otra fuente dice otra cosa",
        "sin respaldo",
    ],
    trouble: [
        ["Falló una búsqueda, ", ""],
        ["", " no se pudo leer"],
        ["", " da órdenes a quien lo lee automáticamente; no se siguió ninguna"],
        ["", " no se investigó"],
    ],
};

const ITALIAN: Phrases = Phrases {
    language: "it",
    yes_no: ["Sì", "No"],
    name_of: "Come si chiama {}?",
    report: "Rapporto di ricerca",
    not_found: "Non trovato.",
    unfinished: "Questo rapporto non è finito: {}.",
    searched: "Non trovato in {pages} pagine. Cercato: {queries}.",
    not_looked: "Non esaminato.",
    findings: "Risultati",
    evidence: "Prove",
    sources: "Fonti",
    troubles: "Difficoltà",
    claim: "Affermazione",
    borne_out: "Sostegno",
    quote: "Citazione",
    source: "Fonte",
    overlap: "{} % delle sue parole",
    stands_not: "non si trova nella sua fonte",
    page: "pagina {}",
    read: "letto il {}",
    also: "anche a",
    footer: "Ogni citazione si trova parola per parola nella sua fonte così come è stata letta; lo \
             SHA-256 di una fonte indica i byte letti.",
    support: [
        "sostenuto",
        "sostenuto in parte",
        "controverso: un’altra fonte dice altro",
        "non sostenuto",
    ],
    trouble: [
        ["Una ricerca è fallita, ", ""],
        ["", " non si è potuto leggere"],
        ["", " dà ordini a chi lo legge con una macchina; nessuno è stato seguito"],
        ["", " non è stato esaminato"],
    ],
};

const PORTUGUESE: Phrases = Phrases {
    language: "pt",
    yes_no: ["Sim", "Não"],
    name_of: "Como se chama {}?",
    report: "Relatório de pesquisa",
    not_found: "Não encontrado.",
    unfinished: "Este relatório não está terminado: {}.",
    searched: "Não encontrado em {pages} páginas. Pesquisado: {queries}.",
    not_looked: "Não investigado.",
    findings: "Resultados",
    evidence: "Provas",
    sources: "Fontes",
    troubles: "Dificuldades",
    claim: "Afirmação",
    borne_out: "Sustentação",
    quote: "Citação",
    source: "Fonte",
    overlap: "{} % das suas palavras",
    stands_not: "não está na sua fonte",
    page: "página {}",
    read: "lido em {}",
    also: "também em",
    footer: "Cada citação está palavra por palavra na sua fonte tal como foi lida; o SHA-256 de uma \
             fonte identifica os bytes lidos.",
    support: [
        "sustentado",
        "sustentado em parte",
        "contestado: outra fonte diz outra coisa",
        "não sustentado",
    ],
    trouble: [
        ["Uma pesquisa falhou, ", ""],
        ["", " não pôde ser lido"],
        ["", " dá ordens a quem o lê por máquina; nenhuma foi seguida"],
        ["", " não foi investigado"],
    ],
};

const DUTCH: Phrases = Phrases {
    language: "nl",
    yes_no: ["Ja", "Nee"],
    name_of: "Hoe heet {}?",
    report: "Onderzoeksverslag",
    not_found: "Niet gevonden.",
    unfinished: "Dit verslag is niet af: {}.",
    searched: "Niet gevonden in {pages} pagina’s. Gezocht naar {queries}.",
    not_looked: "Niet onderzocht.",
    findings: "Bevindingen",
    evidence: "Bewijs",
    sources: "Bronnen",
    troubles: "Moeilijkheden",
    claim: "Bewering",
    borne_out: "Onderbouwing",
    quote: "Citaat",
    source: "Bron",
    overlap: "{} % van haar woorden",
    stands_not: "staat niet in de bron",
    page: "pagina {}",
    read: "gelezen op {}",
    also: "ook op",
    footer: "Elk citaat staat woord voor woord in zijn bron zoals die gelezen is; de SHA-256 van \
             een bron benoemt de gelezen bytes.",
    support: [
        "onderbouwd",
        "deels onderbouwd",
        "omstreden: een andere bron zegt iets anders",
        "niet onderbouwd",
    ],
    trouble: [
        ["Een zoekopdracht mislukte, ", ""],
        ["", " kon niet gelezen worden"],
        ["", " geeft opdrachten aan wie machinaal leest; geen ervan is gevolgd"],
        ["", " is niet onderzocht"],
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_fills_in_the_same_things() {
        for phrases in ALL {
            let language = phrases.language;
            for one in [phrases.unfinished, phrases.overlap, phrases.page, phrases.read] {
                assert_eq!(one.matches("{}").count(), 1, "{language}: {one}");
            }
            let searched = phrases.searched(7, "“a”");
            assert!(searched.contains('7') && searched.contains("“a”"), "{language}: {searched}");
            assert!(!searched.contains('{'), "{language}: {searched}");
        }
        assert_eq!(Phrases::of("xx").language, "en");
        assert_eq!(Phrases::of("").language, "en");
    }
}
