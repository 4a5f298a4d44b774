//! What the templates come to, word for word.

use serde_json::json;

use super::*;

/// Values are data: none is read as a template, none is escaped or trimmed.
const ODD: &str = " {{ question }} <b> & \"x\" {% if %}\n";

fn agent(task: &str, instructions: &str, write: &[&str], output: Option<&str>) -> Agent {
    let agent = json!({
        "name": "a", "description": "", "instructions": instructions, "task": task, "act": null,
        "params": {}, "tools": [], "secrets": [], "output": output.map(|kind| json!({"type": kind})),
        "root": "/a", "file": "/a/a.toml",
        "model": {
            "provider": "scripted", "name": "m", "path": null, "base_url": null, "api_key": null,
            "sampling": { "temperature": 0.0, "top_p": 1.0, "seed": 0 }, "max_tokens": 100,
            "device": "cpu", "timeout": { "secs": 1, "nanos": 0 }, "fallback": [], "price": null
        },
        "grants": { "root": "/a", "read": [], "write": write, "net": [], "ask": [], "tools": [] },
        "budget": { "steps": 1, "tokens": 1, "time": { "secs": 1, "nanos": 0 }, "cost_usd": null },
    });
    serde_json::from_value(agent).unwrap()
}

fn passage(context: &str, text: &str) -> Passage {
    let (path, context, text) = ("notes/a.md".to_string(), context.to_string(), text.to_string());
    Passage { path, context, text, is_row: false }
}

fn told(chats: &[Vec<Message>]) -> String {
    let message = |message: &Message| {
        // A text that cannot be rendered is none.
        assert!(!message.content.is_empty());
        let common = if message.common { ", common" } else { "" };
        format!("<{}{common}>{}</>", json!(message.role).as_str().unwrap_or("?"), message.content)
    };
    let chats = chats.iter().map(|chat| chat.iter().map(message).collect::<Vec<_>>().join("\n"));
    chats.collect::<Vec<_>>().join("\n\n====\n\n")
}

#[test]
fn what_is_decided_by_examples() {
    let first: Vec<Vec<Message>> = vec![
        route("How tall is it?"),
        route(ODD),
        stated(&[], ODD, ODD),
        answers(&[], ODD),
        speaks(&[ODD.to_string(), "b".to_string()], ODD),
    ];
    insta::assert_snapshot!(told(&first));
}

#[test]
fn what_a_program_is_asked_for_with() {
    let survey = "a.csv: table of 3 rows with the columns x";
    let mut chats = Vec::new();
    for agent in [
        agent("What is the sum of x?", "", &[], None),
        agent("Save it.", "Round up.\n", &["/a/out", "/a"], Some("number")),
        agent(ODD, ODD, &["/a/out"], None),
    ] {
        chats.extend([program(&agent, survey), program(&agent, ""), program(&agent, ODD)]);
    }
    let mut said = told(&chats);
    for text in ["KeyError: 'x'", ODD] {
        said += &format!("\n\n{}\n\n{}", failed(text), empty(text));
    }
    said += &format!("\n\n{}", empty(""));
    insta::assert_snapshot!(said);
}

#[test]
fn what_is_read_and_told() {
    let passages = [passage("A – B", "It is 47 m tall."), passage(ODD, ODD)];
    let mut chats = Vec::new();
    for agent in [
        agent("How tall is it?", "", &[], None),
        agent(ODD, ODD, &[], Some("number")),
        agent("Wie hoch ist er?", "Kurz.\n", &[], Some("string")),
    ] {
        chats.extend([
            read(&agent, &passages),
            last(&agent, "47 m, as a.md says"),
            last(&agent, ODD),
        ]);
    }
    insta::assert_snapshot!(told(&chats));
}
