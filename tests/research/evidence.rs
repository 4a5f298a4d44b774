//! What a report stands on, whatever the model says: sources that contradict each other, copies that
//! are no second source, and models that make things up.

use serde_json::Value;

use super::{QUESTION, TOWER, engine, model, model_that, page, place};
use crate::place::{Place, Ran};
use crate::server::Server;

const OTHERWISE: &str = "# The sights of Aveiro\n\nVisitors come for the canals and the salt.\n\nThe \
                         tower of Aveiro is 52 m high, as the\ntown council measured in 2019.\n";

fn standard(place: &Place, more: &[&str]) -> Ran {
    let args = ["research", QUESTION, "--agent", "research.toml", "--json"];
    place.errand([&args, more].concat())
}

/// A research whose two pages contradict each other.
pub(super) fn disputed(more: &[&str]) -> (Place, Vec<Server>) {
    let model = model_that(|system, asked| {
        let said = match () {
            () if system.contains("You write the answer") => {
                "The tower of Aveiro is 47 m or 52 m high: the sources differ."
            }
            () if asked.contains("one complete sentence") && asked.contains("Answer: 52 m") => {
                "The tower of Aveiro is 52 m high."
            }
            () if asked.contains("Reply yes") || asked.contains("47 m") => return None,
            () if asked.contains("52 m") => "52 m",
            () => return None,
        };
        Some(said.to_string())
    });
    let (one, other) = (Server::start(|_| page(TOWER)), Server::start(|_| page(OTHERWISE)));
    let found = [&one, &other].map(|web| {
        let url = format!("http://{}/aveiro", web.at);
        serde_json::json!({ "title": "Towers of Aveiro", "url": url, "content": "Aveiro" })
    });
    let found = serde_json::json!({ "results": found }).to_string();
    let engine = Server::start(move |_| axum::response::IntoResponse::into_response(found.clone()));
    let place = place(&model, &[&engine, &one], &other);
    // The first page is no search engine.
    for file in ["research.toml", "researcher.toml"] {
        let text = place.read(file);
        let at = text.rfind("[[search.provider]]").unwrap();
        place.write(file, &text[..at]);
    }
    let ran = standard(&place, more);
    assert_eq!(ran.code, Some(0), "{ran}");
    place.write("report.json", serde_json::to_string(&ran.finished()["outcome"]).unwrap());
    (place, vec![model, one, other, engine])
}

#[test]
fn what_contradicts_each_other_is_disputed() {
    let (place, _servers) = disputed(&[]);
    let report: Value = serde_json::from_str(&place.read("report.json")).unwrap();
    let claims = report["sections"][0]["claims"].as_array().unwrap();
    let told: Vec<String> =
        claims.iter().map(|claim| format!("{} {}", claim["text"], claim["support"])).collect();
    assert_eq!(
        told,
        [
            "\"The tower of Aveiro is 47 m high.\" \"disputed\"",
            "\"The tower of Aveiro is 52 m high.\" \"disputed\"",
        ]
    );
    assert_eq!(report["answer"]["support"], "disputed");
    assert_eq!(report["answer"]["citations"].as_array().unwrap().len(), 2, "{report}");
    assert_eq!(place.errand(["report", "check", "report.json"]).code, Some(0));
    let shown = place.errand(["report", "show", "report.json"]).out;
    let said = "*(disputed: another source says otherwise)*";
    assert!(shown.contains(&format!("- The tower of Aveiro is 47 m high. [1] {said}")), "{shown}");
    assert!(shown.contains(&format!("- The tower of Aveiro is 52 m high. [2] {said}")), "{shown}");
}

/// The same article with other links, as another site has it.
const COPY: &str = "# Towers\n\nThe [coast](http://mirror.example/coast) has three towers.\n\nThe tower \
                    of Aveiro is 47 m high, and it was\nbuilt of granite in 1746.\n";

#[test]
fn a_copy_is_no_second_source() {
    let web = Server::start(|asked| page(if asked.path == "/copy" { COPY } else { TOWER }));
    let (model, engine) = (model(), engine(&web, &["/towers", "/copy"]));
    let place = place(&model, &[&engine], &web);
    let ran = standard(&place, &[]);
    let report = &ran.finished()["outcome"];
    let sources = report["sources"].as_array().unwrap();
    assert_eq!(sources.len(), 1, "{ran}");
    assert_eq!(report["sections"][0]["claims"].as_array().unwrap().len(), 1, "{ran}");
    let both = [&sources[0]["url"], &sources[0]["also"][0]];
    assert!(both.iter().all(|url| url.is_string()) && both[0] != both[1], "{both:?}");
}

/// Also where two readers come home with it.
#[test]
fn a_copy_that_another_reader_found() {
    let web = Server::start(|asked| page(if asked.path == "/copy" { COPY } else { TOWER }));
    let at = web.at;
    let engine = Server::start(move |asked: crate::server::Asked| {
        let path = if asked.path.contains("built") { "copy" } else { "towers" };
        let url = format!("http://{at}/{path}");
        let hit = serde_json::json!({ "title": "Towers", "url": url, "content": "Aveiro" });
        let found = serde_json::json!({ "results": [hit] }).to_string();
        axum::response::IntoResponse::into_response(found)
    });
    let model = model_that(|system, asked| {
        let queries = system.contains("queries for a search engine");
        (queries && asked.contains("built")).then(|| "tower built Aveiro".to_string())
    });
    let place = place(&model, &[&engine], &web);
    let plan = ["--plan", QUESTION, "--plan", "When was the tower of Aveiro built?"];
    let ran = standard(&place, &plan);
    assert_eq!(ran.code, Some(0), "{ran}");
    let report = &ran.finished()["outcome"];
    assert_eq!(report["sources"].as_array().unwrap().len(), 1, "{report}");
    assert_eq!(report["sources"][0]["also"].as_array().unwrap().len(), 1, "{report}");
    for section in report["sections"].as_array().unwrap() {
        assert_eq!(section["claims"][0]["citations"][0]["source"], 1, "{section}");
    }
    place.write("report.json", report.to_string());
    assert_eq!(place.errand(["report", "check", "report.json"]).code, Some(0));
}

/// Says what it pleases, or nothing of its own.
type Liar = fn(&str, &str) -> Option<String>;

/// Models behind an endpoint that make things up: whatever they say, a report holds no number, no
/// name and no source that is not in what was read, and each of its quotes stands there.
#[test]
fn a_model_that_makes_things_up() {
    let liars: [(&str, Liar); 8] = [
        ("sources that are none", |_, asked| {
            asked
                .contains("one complete sentence")
                .then(|| "The tower of Aveiro is 47 m high [9][12].".into())
        }),
        ("a number of its own", |_, asked| {
            asked
                .contains("one complete sentence")
                .then(|| "The tower of Aveiro is 99 m high.".into())
        }),
        ("a name of its own", |_, asked| {
            asked
                .contains("one complete sentence")
                .then(|| "The tower of Aveiro is 47 m high, says Mallory Quux.".into())
        }),
        ("an answer that is not there", |_, asked| {
            asked.contains("copied from the passages").then(|| "99 m [9] (Mallory, 1999)".into())
        }),
        ("an answer of its own to all that was found", |system, _| {
            system
                .contains("You write the answer")
                .then(|| "The tower of Aveiro is 47 m high, as Mallory found [9].".into())
        }),
        ("figures of its own for all that was found", |system, _| {
            system.contains("You write the answer").then(|| "It is 99 m high and red [9].".into())
        }),
        ("garbage", |_, _| {
            Some(format!("]}}\u{7}\u{202e}{{\"[9] 99 Mallory {}", "x".repeat(5000)))
        }),
        ("nothing", |_, _| Some(String::new())),
    ];
    let web = Server::start(|asked| {
        page(if asked.path == "/other" {
            "# Ports\n\nThe port of Aveiro lies beside the tower \
                                          of Aveiro, which is 47 m high.\n"
        } else {
            TOWER
        })
    });
    for (lie, liar) in liars {
        let model = model_that(liar);
        let engine = engine(&web, &["/towers", "/other"]);
        let place = place(&model, &[&engine], &web);
        let ran = standard(&place, &[]);
        // Where the model never says anything, that is a fault of its endpoint, and said so.
        let shown = place.errand(["report", "show", &ran.run(), "--json"]);
        assert_eq!(shown.code, Some(0), "{lie}: {shown}\n{ran}");
        place.write("report.json", &shown.out);
        let checked = place.errand(["report", "check", "report.json"]);
        assert_eq!(checked.code, Some(0), "{lie}: {checked}");
        let report: Value = serde_json::from_str(&shown.out).unwrap();
        let claims = report["sections"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|section| section["claims"].as_array().unwrap());
        let claims: Vec<&Value> =
            claims.chain(report.get("answer").filter(|it| !it.is_null())).collect();
        for claim in &claims {
            let text = claim["text"].as_str().unwrap();
            for made_up in ["99", "Mallory", "[9]", "[12]", "red"] {
                assert!(!text.contains(made_up), "{lie}: {text}");
            }
            assert!(!claim["citations"].as_array().unwrap().is_empty(), "{lie}: {claim}");
        }
        // What was there was found all the same, by all who said where to look.
        let silent = ["garbage", "nothing"].contains(&lie);
        assert!(silent || !claims.is_empty(), "{lie}: {report}");
    }
}
