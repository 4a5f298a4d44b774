//! What the templates come to, word for word.

use agent_core::message::Message;
use serde_json::json;

use super::*;

fn agent(instructions: &str) -> Agent {
    let agent = json!({
        "name": "a", "description": "", "instructions": instructions, "task": "", "act": null,
        "params": {}, "tools": [], "secrets": [], "output": null, "root": "/a", "file": "/a/a.toml",
        "model": {
            "provider": "scripted", "name": "m", "path": null, "base_url": null, "api_key": null,
            "sampling": { "temperature": 0.0, "top_p": 1.0, "seed": 0 }, "max_tokens": 100,
            "device": "cpu", "timeout": { "secs": 1, "nanos": 0 }, "fallback": [], "price": null
        },
        "grants": {
            "root": "/a", "read": [], "write": [], "net": [], "ask": [], "tools": []
        },
        "budget": { "steps": 1, "tokens": 1, "time": { "secs": 1, "nanos": 0 }, "cost_usd": null },
    });
    serde_json::from_value(agent).unwrap()
}

fn passage(context: &str, text: &str) -> Passage {
    Passage { source: 0, range: 0..1, context: context.to_string(), text: text.to_string() }
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
fn the_prompts_can_be_read() {
    toml::from_str::<Prompts>(include_str!("../prompts.toml")).unwrap();
}

/// Values are data: none is read as a template, none is escaped or trimmed.
const ODD: &str = " {{ question }} <b> & \"x\" {% if %}\n";

#[test]
fn what_the_lead_decides() {
    let german = "Wie hoch ist der Turm, und wer hat ihn gebaut?";
    let mut chats = Vec::new();
    for question in ["How tall is it?", german, ODD] {
        chats.extend([
            sentences(question),
            compares(question),
            things(question),
            asks(question),
            end(question, "a: 1; b: 2"),
            described(question),
            name(question, "It is the Mondego."),
        ]);
    }
    let things: Vec<String> = ["the first", "the second", "the third"].map(String::from).into();
    chats.push(alone("Which is taller?", &things, None));
    chats.push(alone("Which is taller?", &things, Some("How tall are they?")));
    chats.push(alone(ODD, &[], Some(ODD)));
    insta::assert_snapshot!(told(&chats));
}

#[test]
fn what_the_lead_plans_and_writes() {
    let mut chats = Vec::new();
    for (agent, question) in [
        (agent(""), "How tall is the tower of Aveiro?"),
        (agent("Prefer pages of towns.\n"), "Wie hoch ist der Turm, und wer hat ihn gebaut?"),
        (agent("  "), ODD),
    ] {
        let missing = ["What?".to_string(), ODD.to_string()];
        chats.extend([
            plan(&agent, question, 3),
            gaps(&agent, question, "[1] a\n[2] b", &[]),
            gaps(&agent, question, ODD, &missing),
            answer(&agent, question, "[1] a\n[2] b"),
        ]);
    }
    insta::assert_snapshot!(told(&chats));
}

#[test]
fn what_the_reader_asks() {
    let (one, two) = (passage("A – B", "It is 47 m tall."), passage(ODD, ODD));
    let mut chats = Vec::new();
    for (agent, question) in [
        (agent(""), "How tall is the tower of Aveiro?"),
        (agent("Prefer pages of towns.\n"), "Wie hoch ist der Turm, und wer hat ihn gebaut?"),
        (agent("  "), ODD),
    ] {
        chats.extend([
            first_query(question),
            query(question, &[]),
            query(question, &["aveiro tower", ODD]),
            read(&agent, question, &[]),
            read(&agent, question, &[&one]),
            read(&agent, question, &[&one, &two]),
            check(&one, question, "47 m"),
            check(&two, question, ODD),
            state(&agent, &one, question, "47 m"),
            state(&agent, &two, question, ODD),
            judge("A – B", "\"It is 47 m tall.\"", "It is 47 m tall."),
            judge(ODD, ODD, ODD),
            contradict(question, "47 m", ODD),
        ]);
    }
    insta::assert_snapshot!(told(&chats));
}
