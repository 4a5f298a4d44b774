//! How a model writes tool calls. The chat template decides where it shows a format; a template
//! that knows no tools gets the most common one, spelled out in the system message.

use std::sync::Arc;

use agent_core::message::{Message, Role, ToolCall};
use agent_core::tool::ToolSpec;
use serde_json::{Value, json};

use super::json;

/// A model's own format for calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CallFormat {
    /// `<tool_call>\n{"name": …, "arguments": …}\n</tool_call>`, any number (Hermes, Qwen).
    Tagged,
    /// `{"name": …, "parameters": …}`, one a turn (Llama 3).
    Bare,
}

/// Before a call in the tagged format.
pub(super) const OPEN: &str = "<tool_call>";
/// After it.
pub(super) const CLOSE: &str = "</tool_call>";

impl CallFormat {
    /// The format that this template shows.
    pub(super) fn of(template: &str) -> CallFormat {
        let bare = template.contains(r#""parameters": "#) && template.contains("ipython");
        if bare && !template.contains(OPEN) { CallFormat::Bare } else { CallFormat::Tagged }
    }

    /// What a call begins with, and no answer may.
    pub(super) fn marker(self) -> &'static str {
        match self {
            CallFormat::Tagged => OPEN,
            CallFormat::Bare => "{",
        }
    }

    /// What comes before the tool's name, which is the body of a JSON string.
    pub(super) fn before_name(self) -> &'static str {
        r#"{"name": ""#
    }

    /// What comes between the name and the arguments.
    pub(super) fn before_arguments(self) -> &'static str {
        match self {
            CallFormat::Tagged => r#"", "arguments": "#,
            CallFormat::Bare => r#"", "parameters": "#,
        }
    }

    /// The calls in a finished reply; none where it is an answer. `known` counts the calls before
    /// this reply, so that ids never repeat within a conversation.
    pub(super) fn parse(self, text: &str, specs: &[Arc<ToolSpec>], known: usize) -> Vec<ToolCall> {
        let found = match self {
            CallFormat::Tagged => tagged(text),
            CallFormat::Bare => bare(text, specs),
        };
        let call = |(place, (name, arguments))| ToolCall {
            id: format!("call-{}", known + place + 1),
            name,
            arguments,
        };
        found.into_iter().enumerate().map(call).collect()
    }
}

fn tagged(text: &str) -> Vec<(String, Value)> {
    let mut calls = Vec::new();
    let mut rest = text;
    while let Some(after) = rest.trim_start().strip_prefix(OPEN) {
        let mut values = serde_json::Deserializer::from_str(after).into_iter::<Value>();
        let Some(Ok(value)) = values.next() else { break };
        rest = after[values.byte_offset()..].trim_start().strip_prefix(CLOSE).unwrap_or_default();
        calls.extend(call(value, "arguments"));
    }
    calls
}

fn bare(text: &str, specs: &[Arc<ToolSpec>]) -> Vec<(String, Value)> {
    let call = serde_json::from_str(text).ok().and_then(|value| call(value, "parameters"));
    call.filter(|(name, _)| specs.iter().any(|spec| spec.name == *name)).into_iter().collect()
}

fn call(mut value: Value, arguments: &str) -> Option<(String, Value)> {
    let name = value.get("name")?.as_str()?.to_string();
    Some((name, value.get_mut(arguments)?.take()))
}

/// A tool as chat templates expect it.
pub(super) fn described(spec: &ToolSpec) -> Value {
    json!({
        "type": "function",
        "function": {
            "name": spec.name,
            "description": spec.description,
            "parameters": spec.input,
        }
    })
}

/// The conversation for a template that knows no tools: the same words as Qwen's template, in
/// the system message, and observations in the user's turn.
pub(super) fn spelled(messages: &[Arc<Message>], tools: &[Arc<ToolSpec>]) -> Vec<Message> {
    let mut told: Vec<Message> = Vec::with_capacity(messages.len() + 1);
    for message in messages {
        let mut message = Message::clone(message);
        for call in std::mem::take(&mut message.tool_calls) {
            if !message.content.is_empty() {
                message.content.push('\n');
            }
            let call = json!({"name": call.name, "arguments": call.arguments});
            message.content += &format!("{OPEN}\n{}\n{CLOSE}", json::python(&call));
        }
        if message.role == Role::Tool {
            let content = format!("<tool_response>\n{}\n</tool_response>", message.content);
            match told.last_mut() {
                // Several observations in a row are one turn.
                Some(last) if last.tool_call_id.is_some() => {
                    last.content = format!("{}\n{content}", last.content);
                }
                _ => {
                    let mut user = Message::user(content);
                    user.tool_call_id = message.tool_call_id;
                    told.push(user);
                }
            }
            continue;
        }
        told.push(message);
    }
    if !tools.is_empty() {
        let list: String =
            tools.iter().map(|tool| format!("\n{}", json::python(&described(tool)))).collect();
        let text = format!(
            "# Tools\n\nYou may call one or more functions to assist with the user query.\n\n\
             You are provided with function signatures within <tools></tools> XML tags:\n\
             <tools>{list}\n</tools>\n\nFor each function call, return a json object with \
             function name and arguments within {OPEN}{CLOSE} XML tags:\n{OPEN}\n\
             {{\"name\": <function-name>, \"arguments\": <args-json-object>}}\n{CLOSE}"
        );
        match told.first_mut() {
            Some(first) if first.role == Role::System => {
                first.content = format!("{}\n\n{text}", first.content);
            }
            _ => told.insert(0, Message::system(text)),
        }
    }
    told
}
