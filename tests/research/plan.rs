//! The plan of a research, shown before it is carried out, and changed by the one who asked.

use serde_json::Value;

use super::{QUESTION, TOWER, engine, model, page, place, research};
use crate::place::{Place, Ran};
use crate::server::Server;

const KEEPER: &str = "Who keeps the tower of Aveiro?";

fn started(more: &[&str]) -> (Place, [Server; 3], Ran) {
    let (model, web) = (model(), Server::start(|_| page(TOWER)));
    let engine = engine(&web, &["/towers"]);
    let place = place(&model, &[&engine], &web);
    let ran = research(&place, more);
    (place, [model, engine, web], ran)
}

fn questions(report: &Value) -> Vec<&str> {
    let sections = report["sections"].as_array().unwrap();
    sections.iter().filter_map(|section| section["question"].as_str()).collect()
}

#[test]
fn a_plan_waits_and_is_taken() {
    let (place, [_model, engine, web], ran) = started(&["--approve", "--out", "report.md"]);
    assert_eq!(ran.code, Some(3), "{ran}");
    assert_eq!(ran.finished()["detail"], "the plan waits for a person's yes");
    let plan = ran.lines().into_iter().find(|line| line["type"] == "plan").unwrap();
    assert_eq!(plan["text"], format!("– {QUESTION}"));
    assert!(engine.asked().is_empty() && web.asked().is_empty(), "it went on without a yes");
    assert!(!place.path("report.md").exists());
    // There was no answer: it waits again.
    assert_eq!(place.resume(&ran.run(), &[]).code, Some(3));
    let shown = place.errand(["report", "show", &ran.run()]);
    assert!(shown.out.contains("it waits for a person's yes or no"), "{shown}");
    let resumed = place.resume(&ran.run(), &["--yes", &ran.waits()]);
    assert_eq!(resumed.code, Some(0), "{resumed}");
    assert_eq!(resumed.finished()["outcome"]["answer"]["support"], "supported", "{resumed}");
    let journal = place.journal(&ran.run());
    let from = journal.find("planned").unwrap();
    let to = journal.find("judged").unwrap();
    insta::assert_snapshot!(&journal[from..to], @"
    planned – How high is the tower of Aveiro?
    resumed
    resumed
    answered plan yes
    ");
}

#[test]
fn a_plan_is_changed() {
    let (place, _servers, ran) = started(&["--approve"]);
    let resumed = place.resume(&ran.run(), &["--plan", KEEPER, "--plan", QUESTION]);
    assert_eq!(resumed.code, Some(0), "{resumed}");
    assert_eq!(questions(&resumed.finished()["outcome"]), [KEEPER, QUESTION]);
    let journal = place.journal(&ran.run());
    assert!(journal.contains(&format!("revised {KEEPER} | {QUESTION}\nanswered plan yes")));
    // The journal alone makes the same run again, also cut off right after the change.
    let events = place.events(&ran.run());
    let cut = events
        .iter()
        .position(|event| matches!(event.what, agent_core::event::What::Revised { .. }));
    let home = place.cut("cut", &ran.run(), &events[..=cut.unwrap()]);
    // Changed already: the plan that was shown is not the one that waits now.
    let mut command = place.command(["runs", "resume", &ran.run(), "--json"]);
    let changed = place.ran(&command.env("ERRAND_HOME", &home).output().unwrap());
    assert_eq!(changed.code, Some(3), "{changed}");
    let (run, waits) = (ran.run(), changed.waits());
    assert_ne!(waits, ran.waits());
    let mut command = place.command(["runs", "resume", &run, "--json", "--approve", &waits]);
    let again = place.ran(&command.env("ERRAND_HOME", &home).output().unwrap());
    assert_eq!(questions(&again.finished()["outcome"]), [KEEPER, QUESTION], "{again}");
}

#[test]
fn a_plan_is_refused() {
    let (place, [_model, engine, _web], ran) = started(&["--approve"]);
    let resumed = place.resume(&ran.run(), &["--deny"]);
    assert_eq!(resumed.code, Some(0), "{resumed}");
    let report = &resumed.finished()["outcome"];
    assert_eq!(report["stopped"], "a person said no to its plan");
    assert_eq!(questions(report), [QUESTION]);
    assert!(engine.asked().is_empty());
}

#[test]
fn only_a_plan_that_waits_can_be_changed() {
    let (place, _servers, ran) = started(&[]);
    assert_eq!(ran.code, Some(0), "{ran}");
    place.write(
        "ask.toml",
        "name = \"clerk\"\ntask = \"do it\"\nact = \"tools\"\n[tools]\nuse = [\"files.write\"]\n\
         [permissions]\nwrite = [\"out\"]\nask = [\"files.write\"]\n[model]\nprovider = \
         \"scripted\"\nname = \"replies.jsonl\"\n",
    );
    let write = serde_json::json!({ "path": "out/1", "content": "x" });
    let replies = [crate::place::call([("files.write", write)]), crate::place::say("done")];
    place.write("replies.jsonl", replies.map(|reply| format!("{reply}\n")).concat());
    place.write("out/.keep", "");
    let waits = place.errand(["run", "ask.toml", "--json"]);
    assert_eq!(waits.code, Some(3), "{waits}");
    let resumed = place.resume(&waits.run(), &["--plan", KEEPER]);
    assert_eq!(resumed.code, Some(1), "{resumed}");
    assert!(resumed.err.contains("does not wait with a plan"), "{resumed}");
    assert!(!place.path("out/1").exists());
}

#[test]
fn an_agent_file_asks_for_a_yes_to_its_plan() {
    let (model, web) = (model(), Server::start(|_| page(TOWER)));
    let engine = engine(&web, &["/towers"]);
    let place = place(&model, &[&engine], &web);
    let lead =
        place.read("research.toml").replace("[permissions]", "[permissions]\nask = [\"plan\"]");
    place.write("research.toml", &lead);
    let ran = research(&place, &[]);
    assert_eq!(ran.code, Some(3), "{ran}");
    // For a person the plan is above, and how to go on below.
    let shown =
        place.errand(["research", QUESTION, "--agent", "research.toml", "--depth", "quick"]);
    let tail: Vec<&str> = shown.err.lines().rev().take(3).collect();
    assert!(shown.err.contains(&format!("plan     – {QUESTION}")), "{shown}");
    assert_eq!(tail[2], "the plan waits for a person's yes", "{shown}");
    assert!(tail[1].contains(" --approve plan-"), "{shown}");
    assert_eq!(tail[0], "hint: `--plan QUESTION`, once or more, puts yours in its place");
    // Who gives the plan has seen it.
    let given = research(&place, &["--plan", KEEPER]);
    assert_eq!(given.code, Some(0), "{given}");
    // Only a research has a plan to ask about.
    let reader = place.read("researcher.toml");
    let reader = reader.replace("[permissions]", "[permissions]\nask = [\"plan\"]");
    place.write("researcher.toml", reader);
    let refused = place.errand(["validate", "researcher.toml"]);
    assert_eq!(refused.code, Some(2), "{refused}");
    assert!(refused.err.contains("`plan` is not among the agent's tools"), "{refused}");
}
