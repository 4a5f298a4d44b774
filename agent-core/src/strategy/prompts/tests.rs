//! What the templates come to, word for word.

use std::sync::Arc;

use minijinja::context;
use serde_json::{Value, json};

use super::Prompts;
use crate::agent::Agent;
use crate::message::Message;
use crate::model::{Finish, Reply, Tokens};
use crate::strategy::{CODE, Decision, Entry, Grounds, Strategy, TOOLS, View, cut};
use crate::tool::ToolSpec;

fn agent(instructions: &str, output: &Value) -> Agent {
    let agent = json!({
        "name": "a", "description": "", "instructions": instructions, "task": "Add {{ 1 }} & 2.\n",
        "act": null, "params": {}, "tools": [], "secrets": [], "output": output, "root": "/a",
        "file": "/a/a.toml",
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

fn spec(name: &str) -> Arc<ToolSpec> {
    let spec = json!({
        "name": name, "description": "Does <this> & \"that\" {{ x }}.", "effect": "reads",
        "input": { "type": "object", "properties": { "path": { "type": "string" } } }, "output": {},
    });
    Arc::new(serde_json::from_value(spec).unwrap())
}

fn told(messages: &[Message]) -> String {
    let message = |message: &Message| {
        let common = if message.common { ", common" } else { "" };
        format!("<{}{common}>{}</>", json!(message.role).as_str().unwrap_or("?"), message.content)
    };
    messages.iter().map(message).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_prompts_can_be_read() {
    let prompts = toml::from_str::<Prompts>(include_str!("../prompts.toml")).unwrap();
    // A value that is missing is a fault, and said to no model.
    assert!(prompts.code.observed.said(context! {}).is_err());
    assert_eq!(prompts.code.observed.with(context! {}), "");
}

#[test]
fn how_a_conversation_begins() {
    let schema = json!({ "type": "object", "properties": { "a<b": { "const": "{{ x }}" } } });
    let mut all = Vec::new();
    for entry in [&TOOLS, &CODE] as [&Entry; 2] {
        for (instructions, output) in
            [("", Value::Null), (" Be <brief> {{ x }}.\n", schema.clone())]
        {
            for tools in [vec![], vec![spec("files.read"), spec("python"), spec("web.page")]] {
                let strategy = (entry.start)(&tools);
                let conversation = strategy.conversation().unwrap();
                all.push(told(&conversation.opening(&agent(instructions, &output), &tools)));
            }
        }
        let call = json!({ "id": "c1", "name": "files.read", "arguments": {} });
        let strategy = (entry.start)(&[]);
        let conversation = strategy.conversation().unwrap();
        let call = serde_json::from_value(call).unwrap();
        all.push(told(&[conversation.observed(&call, " <b> {{ x }}\n".to_string())]));
    }
    insta::assert_snapshot!(all.join("\n\n====\n\n"));
}

fn reply(content: &str, calls: usize, finish: Finish) -> Reply {
    let call = |id: usize| json!({ "id": id.to_string(), "name": "files.read", "arguments": {} });
    let tool_calls: Vec<Value> = (0..calls).map(call).collect();
    let usage = Tokens { output: 12, ..Tokens::default() };
    let tool_calls = serde_json::from_value(json!(tool_calls)).unwrap();
    Reply { tool_calls, ..Reply::text(content, usage, finish) }
}

#[test]
fn what_is_sent_back() {
    let schema = json!({ "type": "object", "required": ["a"] });
    let agents = [agent("", &Value::Null), agent("", &schema)];
    let mut all = vec![];
    for (agent, last, grounds) in [
        (&agents[0], false, Grounds::Enough),
        (&agents[0], true, Grounds::Enough),
        (&agents[1], false, Grounds::Nothing),
        (&agents[1], true, Grounds::Enough),
    ] {
        let tools = [spec("files.read")];
        let view = View {
            agent,
            tools: &tools,
            sources: &[],
            grounds,
            call: 1,
            last,
            correcting: false,
            now: 0,
        };
        for entry in [&TOOLS, &CODE] as [&Entry; 2] {
            let mut strategy: Box<dyn Strategy> = (entry.start)(&tools);
            all.push(format!("{:?}", strategy.prompt(&view).say));
            for reply in [
                reply("", 0, Finish::Stop),
                reply("42", 0, Finish::Stop),
                reply("{\"a\": 1}", 0, Finish::Stop),
                reply("{\"b\": 1}", 0, Finish::Stop),
                reply("The budget is nearly spent, so no.", 0, Finish::Stop),
                reply("half", 0, Finish::Cut),
                reply("half half", 0, Finish::Looped),
                reply("```python\nprint(1)\n```", 0, Finish::Stop),
                reply("", 1, Finish::Stop),
                reply("", 65, Finish::Stop),
            ] {
                let Decision { rejected, say, .. } = strategy.read(&view, &reply);
                all.push(format!("{rejected:?}\n{}", told(&say)));
            }
        }
    }
    all.push(format!("{:?}", cut(&reply("", 0, Finish::Cut))));
    insta::assert_snapshot!(all.join("\n----\n"));
}
