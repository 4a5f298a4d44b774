//! A report is in the language of its question.

use super::{engine, model_that, page, place};
use crate::server::Server;

const TURM: &str = "# Türme\n\nAn der Küste stehen drei Türme.\n\nDer Turm von Aveiro ist 47 m hoch \
                    und wurde\n1746 aus Granit gebaut.\n";

#[test]
fn a_german_question_has_a_german_report() {
    let model = model_that(|system, asked| {
        let said = match () {
            () if system.contains("queries for a search engine") => "Turm Aveiro",
            // It takes up the language that it is told to write in.
            () if asked.contains("Write in German") => "Der Turm von Aveiro ist 47 m hoch.",
            () => return None,
        };
        Some(said.to_string())
    });
    let web = Server::start(|_| page(TURM));
    let engine = engine(&web, &["/turm"]);
    let place = place(&model, &[&engine], &web);
    let ask = |question: &str, out: &str| {
        let args = ["research", question, "--agent", "research.toml", "--depth", "quick"];
        place.errand([&args[..], &["--out", out]].concat())
    };
    let ran = ask("Wie hoch ist der Turm von Aveiro?", "turm.html");
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(ran.out.contains("\nDer Turm von Aveiro ist 47 m hoch. [1]\n"), "{ran}");
    assert!(ran.out.contains("\n## Quellen\n"), "{ran}");
    let html = place.read("turm.html");
    for word in ["<html lang=\"de\">", "Recherchebericht", "Belege", "belegt", "SHA-256"] {
        assert!(html.contains(word), "{word}: {html}");
    }
    let ran = ask("Wann wurde die Brücke von Faro gebaut?", "bruecke.md");
    assert!(ran.out.contains("\nNicht gefunden.\n"), "{ran}");
    assert!(place.read("bruecke.md").contains("Gesucht wurde nach"), "{ran}");
}
