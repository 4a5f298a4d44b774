//! The library's examples, as they stand in `examples/`, with a script in the place of the model.
#![allow(dead_code, unreachable_pub, reason = "the examples are programs of their own")]

#[path = "../examples/agent_in_code.rs"]
mod agent_in_code;
#[path = "../examples/approvals.rs"]
mod approvals;
#[path = "../examples/custom_model.rs"]
mod custom_model;
#[path = "../examples/events.rs"]
mod events;
#[path = "../examples/typed_tool.rs"]
mod typed_tool;

use agent_core::action::{Action, Decision, Verdict};
use agent_core::policy::Policy;
use agent_core::tool::ToolSpec;
use errand::{AgentFile, Builder, Effect, Errand, FnTool};
use models::scripted::Scripted;
use serde_json::{Value, json};

use crate::place::{Place, block_on, call, say};

/// A builder for this place whose model says these.
fn scripted(place: &Place, replies: &[Value]) -> Builder {
    let lines: Vec<String> = replies.iter().map(Value::to_string).collect();
    place.write("replies.jsonl", lines.join("\n"));
    let model = Scripted::load(place.path("replies.jsonl")).unwrap();
    Errand::builder().home(place.home()).offline().model(model)
}

#[test]
fn a_function_with_a_typed_argument_is_a_tool() {
    let place = Place::new();
    let find = call([("orders.find", json!({ "number": "A-17" }))]);
    let errand = scripted(&place, &[find, say("It was shipped on Monday.")]);
    let answer = block_on(typed_tool::example(errand)).unwrap();
    assert_eq!(answer, r#"{"answer":"It was shipped on Monday."}"#);
    let run = place.errand(["runs", "show", "latest"]).out;
    assert!(run.contains("shipped on Monday"), "{run}");
}

#[test]
fn readme_shows_the_typed_tool() {
    let readme = include_str!("../README.md");
    let example = include_str!("../examples/typed_tool.rs");
    let library = readme.split("## As a library").nth(1).unwrap();
    let shown = library.split("```rust\n").nth(1).unwrap().split("```").next().unwrap();
    for line in shown.lines().filter(|line| !line.trim().is_empty()) {
        assert!(example.contains(line.trim()), "{line}");
    }
}

#[test]
fn an_agent_in_code_reads_what_it_was_granted() {
    let place = Place::new();
    place.write("a.md", "30 m\n");
    let read = call([("files.read", json!({ "path": "a.md" }))]);
    let errand = scripted(&place, &[read, say("30 m")]);
    let folder = place.path("").to_string_lossy().into_owned();
    let answer = block_on(agent_in_code::example(errand, &folder)).unwrap();
    assert_eq!(answer, r#"{"answer":"30 m"}"#);
}

#[test]
fn a_model_of_ones_own_thinks() {
    let place = Place::bare();
    let errand = Errand::builder().home(place.home()).offline();
    let answer = block_on(custom_model::example(errand)).unwrap();
    assert_eq!(answer, r#"{"answer":"this is reply 1"}"#);
}

#[test]
fn events_come_as_they_are_written_down() {
    let place = Place::new();
    let errand = scripted(&place, &[say("done")]).build().unwrap();
    let agent = errand.agent(place.path(""), &AgentFile::new("a", "b"), &[]).unwrap();
    let mut out = Vec::new();
    block_on(events::example(&errand, agent, &mut out)).unwrap();
    let kinds: Vec<String> = String::from_utf8(out)
        .unwrap()
        .lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            line["event"]["type"].as_str().unwrap().to_string()
        })
        .collect();
    assert_eq!(kinds, ["started", "thinking", "replied", "ended"]);
}

#[test]
fn a_run_that_is_cancelled_goes_on_where_it_was() {
    let place = Place::new();
    let errand = scripted(&place, &[say("done")]).build().unwrap();
    let agent = errand.agent(place.path(""), &AgentFile::new("a", "b"), &[]).unwrap();
    let finished = block_on(async {
        let mut run = errand.start(agent);
        let (id, _) = futures::StreamExt::next(&mut run).await.unwrap();
        run.cancel();
        match run.finished().await.unwrap() {
            // It was quicker.
            Some(finished) => finished,
            None => errand.start_resumed(id, None).finished().await.unwrap().unwrap(),
        }
    });
    assert_eq!(finished.outcome.value, json!({ "answer": "done" }));
}

#[test]
fn an_approver_in_code_answers_what_is_asked() {
    let place = Place::new();
    let write = |path: &str| call([("files.write", json!({ "path": path, "content": "hello" }))]);
    let errand =
        scripted(&place, &[write("out/hello.txt"), write("other.txt"), say("The file is there.")]);
    let folder = place.path("").to_string_lossy().into_owned();
    block_on(approvals::example(errand, &folder)).unwrap();
    assert_eq!(place.read("out/hello.txt"), "hello");
    assert!(!place.path("other.txt").exists());
}

/// Denies every call of one tool, and would allow all else.
struct Never(&'static str);

impl Policy for Never {
    fn judge(&self, action: &Action) -> Verdict {
        let decision = match action.tool == self.0 {
            true => Decision::Deny,
            false => Decision::Allow,
        };
        Verdict { decision, reasons: vec!["not by this policy".to_string()] }
    }

    fn narrow(&self, tools: &[ToolSpec]) -> Vec<ToolSpec> {
        tools.to_vec()
    }
}

#[test]
fn a_policy_of_ones_own_denies_and_never_allows() {
    let place = Place::new();
    place.write("a.md", "Minka\n");
    let read = || call([("files.read", json!({ "path": "a.md" }))]);
    let told = |policy: Never, file: &AgentFile| {
        let errand = scripted(&place, &[read(), say("done")]).policy(policy).build().unwrap();
        let agent = errand.agent(place.path(""), file, &[]).unwrap();
        block_on(async { errand.start(agent).finished().await }).unwrap();
        place.errand(["runs", "show", "latest"]).out
    };
    let mut file = AgentFile::new("a", "b").using(["files.read"]);
    let ungranted = told(Never("nothing"), &file);
    assert!(ungranted.contains("may not read") && !ungranted.contains("Minka"), "{ungranted}");
    file.permissions.read = vec![".".to_string()];
    let refused = told(Never("files.read"), &file);
    assert!(refused.contains("not by this policy") && !refused.contains("Minka"), "{refused}");
}

#[test]
fn a_tool_in_code_is_offered_to_nobody_who_does_not_name_it() {
    let place = Place::new();
    let tool = FnTool::new("orders.find", "Finds.", |_: Value| async { Ok::<_, String>(1) })
        .effect(Effect::Pure);
    let find = call([("orders.find", json!({}))]);
    let errand = scripted(&place, &[find, say("done")]).tool(tool.clone()).build().unwrap();
    let agent = errand.agent(place.path(""), &AgentFile::new("a", "b"), &[]).unwrap();
    block_on(async { errand.start(agent).finished().await }).unwrap();
    let run = place.errand(["runs", "show", "latest"]).out;
    assert!(run.contains("denied") || run.contains("no tool"), "{run}");
    for (name, why) in [("files.mine", "errand's own"), ("Orders", "lower-case")] {
        let tool = FnTool::new(name, "x", |_: Value| async { Ok::<_, String>(1) });
        let refused = Errand::builder().home(place.home()).tool(tool).build().err().unwrap();
        assert!(refused.to_string().contains(why), "{refused}");
    }
    let twice = Errand::builder().home(place.home()).tool(tool.clone()).tool(tool).build();
    assert!(twice.err().unwrap().to_string().contains("two tools"));
}
