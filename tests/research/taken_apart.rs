//! Questions that one look does not answer: comparisons, and such whose subject is only described.

use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::Value;

use super::{engine, model_that, page, place};
use crate::place::Ran;
use crate::server::{Asked, Server};

const AVEIRO: &str = "# Tower of Aveiro\n\nThe tower of Aveiro is 47 m high. Ana Couto built the \
                      tower of Aveiro in 1746.\n";
const NAZARE: &str = "# Tower of Nazaré\n\nThe tower of Nazaré is 0.052 km high, and was built in \
                      1802.\n";

/// A model that reads well and writes next to nothing.
fn says(system: &str, asked: &str) -> Option<String> {
    let question = asked.rsplit("Question: ").next().unwrap_or_default();
    let of = |name: &str| question.lines().next().is_some_and(|line| line.contains(name));
    let said = match () {
        () if system.contains("Does the question compare") && asked.contains(" than ") => "yes",
        () if system.contains("Does the question compare") && asked.contains(" or ") => "yes",
        () if system.contains("Which things") => "the tower of Aveiro | the tower of Nazaré",
        () if system.contains("Turn a question") => "How high is the tower of Aveiro?",
        () if system.contains("asks for: which") && asked.contains("How much") => "difference",
        () if system.contains("asks for: which") && asked.starts_with("Is") => "whether",
        () if system.contains("asks for: which") => "which",
        () if system.contains("larger of the values") && asked.contains("lower") => "smaller",
        () if system.contains("larger of the values") => "larger",
        () if system.contains("without its name") => "the tower that Ana Couto built",
        () if asked.contains("Reply yes") || asked.contains("one complete sentence") => {
            return None;
        }
        () if of("What is the name of the tower that Ana") => "the tower of Aveiro",
        () if of("How high is the tower of Nazaré") => "0.052 km",
        () if of("How high is the tower of Aveiro") => "47 m",
        () => "not found",
    };
    Some(said.to_string())
}

fn asked(question: &str) -> Ran {
    let model = model_that(|system, asked| match asked.contains("one complete sentence") {
        true => Some("not found".to_string()),
        false => says(system, asked),
    });
    let web = Server::start(|asked: Asked| match asked.path.as_str() {
        "/aveiro" => page(AVEIRO),
        "/nazare" => page(NAZARE),
        _ => StatusCode::NOT_FOUND.into_response(),
    });
    let engine = engine(&web, &["/aveiro", "/nazare"]);
    let place = place(&model, &[&engine], &web);
    place.errand(["research", question, "--agent", "research.toml", "--depth", "quick", "--json"])
}

fn answered(question: &str) -> (String, Vec<String>) {
    let ran = asked(question);
    let answer = &ran.finished()["outcome"]["answer"];
    assert_eq!(answer["support"], "supported", "{ran}");
    let quotes = answer["citations"].as_array().unwrap().iter();
    let quote = |span: &Value| span["quote"].as_str().unwrap().to_string();
    (answer["text"].as_str().unwrap().to_string(), quotes.map(quote).collect())
}

#[test]
fn which_of_two_numbers_is_larger_is_worked_out() {
    let both = [
        "The tower of Aveiro is 47 m high.",
        "The tower of Nazaré is 0.052 km high, and was built in 1802.",
    ];
    for (question, text) in [
        (
            "Which is higher, the tower of Aveiro or the tower of Nazaré?",
            "The tower of Nazaré (0.052 km); the tower of Aveiro: 47 m.",
        ),
        (
            "Which is lower, the tower of Aveiro or the tower of Nazaré?",
            "The tower of Aveiro (47 m); the tower of Nazaré: 0.052 km.",
        ),
        (
            "Is the tower of Aveiro higher than the tower of Nazaré?",
            "No. The tower of Nazaré: 0.052 km; the tower of Aveiro: 47 m.",
        ),
        (
            "How much higher is the tower of Nazaré than the tower of Aveiro?",
            "0.005 km. The tower of Nazaré: 0.052 km; the tower of Aveiro: 47 m.",
        ),
    ] {
        let (said, mut quotes) = answered(question);
        assert_eq!(said, text);
        quotes.sort();
        assert_eq!(quotes, both);
    }
}

#[test]
fn what_is_only_described_is_named_first() {
    let (said, quotes) = answered("How high is the tower that Ana Couto built?");
    assert_eq!(said, "The tower of Aveiro is 47 m high.");
    assert_eq!(
        quotes,
        ["Ana Couto built the tower of Aveiro in 1746.", "The tower of Aveiro is 47 m high."]
    );
}
