//! Conversations for chat templates that take no system turn, or only turns that alternate. Such a
//! template refuses what it does not take, or leaves it out without a word.

use serde_json::{Value, json};

/// Whether what the rules and the user said is in the text; a template may trim it.
pub(super) fn all_in(messages: &[Value], text: &str) -> bool {
    let said = messages.iter().filter(|message| is(message, "system") || is(message, "user"));
    said.filter_map(|message| message["content"].as_str()).all(|said| text.contains(said.trim()))
}

/// The rules before the first thing that the user says.
pub(super) fn folded(messages: &[Value]) -> Vec<Value> {
    let (rules, mut others): (Vec<Value>, Vec<Value>) =
        messages.iter().cloned().partition(|message| is(message, "system"));
    let rules: Vec<&str> = rules.iter().filter_map(|rule| rule["content"].as_str()).collect();
    let rules = rules.join("\n\n");
    if rules.is_empty() {
        return others;
    }
    match others.iter_mut().find(|message| is(message, "user")) {
        Some(first) => first["content"] = joined(&rules, first),
        None => others.insert(0, json!({"role": "user", "content": rules})),
    }
    others
}

/// Turns of the same side as one.
pub(super) fn alternating(messages: &[Value]) -> Vec<Value> {
    let mut turns: Vec<Value> = Vec::with_capacity(messages.len());
    for message in messages {
        let plain = |turn: &Value| turn.get("tool_calls").is_none() && !is(turn, "tool");
        match turns.last_mut() {
            Some(last) if last["role"] == message["role"] && plain(last) && plain(message) => {
                last["content"] = joined(last["content"].as_str().unwrap_or_default(), message);
            }
            _ => turns.push(message.clone()),
        }
    }
    turns
}

fn joined(before: &str, message: &Value) -> Value {
    Value::from(format!("{before}\n\n{}", message["content"].as_str().unwrap_or_default()))
}

fn is(message: &Value, role: &str) -> bool {
    message["role"] == role
}
