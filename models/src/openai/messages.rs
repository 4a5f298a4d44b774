//! Anthropic's Messages API: what a request becomes, and what an event says. The names are those of PyPI
//! `anthropic` 2.14.0, `types/`: `message_create_params.py`, `tool_result_block_param.py`,
//! `raw_message_stream_event.py`, `raw_content_block_delta.py`, `stop_reason.py`, `usage.py`.

use agent_core::message::{Message, Role, ToolCall};
use agent_core::model::Request;
use agent_core::quirks::{AnswerFormat, Quirks};
use serde_json::{Value, json};

use super::ask::{self, sent};
use super::calls::CallPart;
use super::chunk::{Piece, Usage, number, says, written};
use super::images;
use super::names::Names;
use super::options::RemoteOptions;
use super::said::Said;
use super::turns::turns;

/// The version of the API that this is written to.
pub(super) const VERSION: &str = "2023-06-01";

/// The request as the server takes it. The form of an answer is told in words.
pub(super) fn ask(
    request: &Request,
    model: &str,
    options: &RemoteOptions,
    names: &Names,
    quirks: &Quirks,
) -> Value {
    let quirks = &Quirks { response_format: Some(AnswerFormat::Words), ..quirks.clone() };
    let turns = turns(request, quirks);
    let rules: Vec<&str> =
        turns.iter().filter(|t| t.role == Role::System).map(|t| t.content.as_str()).collect();
    let mut body = json!({
        "model": model,
        // It has to be there.
        "max_tokens": ask::most_tokens(request, quirks).unwrap_or(u32::MAX),
        "messages": messages(&turns, names),
        "stream": sent(quirks.stream),
    });
    if !rules.is_empty() {
        body["system"] = rules.join("\n\n").into();
    }
    // No longer in the reference, so sent only where the agent file sets it; older models take 0 to 1
    // (docs.anthropic.com/en/api/openai-sdk), and a refusal is learned from.
    if let Some(temperature) = options.temperature.filter(|_| sent(quirks.temperature)) {
        body["temperature"] = temperature.clamp(0.0, 1.0).into();
    }
    if let Some(top_p) = options.top_p.filter(|_| sent(quirks.top_p)) {
        body["top_p"] = top_p.into();
    }
    if let Some(mut stop) = ask::stop(request, false).filter(|_| sent(quirks.stop)) {
        // Blanks alone are refused: docs.anthropic.com/en/api/openai-sdk, `stop`.
        stop.retain(|stop| !stop.trim().is_empty());
        if !stop.is_empty() {
            body["stop_sequences"] = json!(stop);
        }
    }
    let tools: Vec<Value> = ask::tools_of(&request.form)
        .iter()
        .map(|tool| {
            json!({
                "name": names.legal(&tool.name), "description": tool.description,
                "input_schema": ask::tool_schema(&tool.input, quirks),
            })
        })
        .collect();
    if !tools.is_empty() {
        body["tools"] = tools.into();
        if ask::must_call(request) && sent(quirks.tool_choice) {
            body["tool_choice"] = json!({ "type": "any" });
        }
    }
    body
}

/// Turns of a user and an assistant that alternate; what a tool gave back is a part of the user's.
fn messages(turns: &[Message], names: &Names) -> Vec<Value> {
    let mut messages: Vec<(&str, Vec<Value>)> = Vec::new();
    for turn in turns.iter().filter(|turn| turn.role != Role::System) {
        let role = if turn.role == Role::Assistant { "assistant" } else { "user" };
        let mut blocks = blocks(turn, names);
        match messages.last_mut() {
            Some((last, said)) if *last == role => said.append(&mut blocks),
            _ => messages.push((role, blocks)),
        }
    }
    messages
        .into_iter()
        .map(|(role, content)| json!({ "role": role, "content": content }))
        .collect()
}

fn blocks(turn: &Message, names: &Names) -> Vec<Value> {
    if turn.role == Role::Tool {
        let mut result =
            json!({ "type": "tool_result", "tool_use_id": id(turn.tool_call_id.as_deref()) });
        match turn.parts.is_empty() {
            true if turn.content.is_empty() => {}
            true => result["content"] = turn.content.as_str().into(),
            false => result["content"] = images::messages(&turn.content, &turn.parts).into(),
        }
        return vec![result];
    }
    let call = |call: &ToolCall| {
        let input = match &call.arguments {
            Value::Object(map) => Value::Object(map.clone()),
            // An object it must be, also where the model wrote none.
            other => json!({ "written": other }),
        };
        json!({ "type": "tool_use", "id": id(Some(&call.id)), "name": names.legal(&call.name), "input": input })
    };
    // Text of nothing is refused.
    let text = match (turn.content.trim().is_empty(), turn.tool_calls.is_empty()) {
        (false, _) => Some(turn.content.trim_end()),
        (true, true) => Some("(nothing)"),
        (true, false) => None,
    };
    let content = images::messages(text.unwrap_or_default(), &turn.parts);
    content.into_iter().chain(turn.tool_calls.iter().map(call)).collect()
}

/// An id in the letters that are taken.
fn id(id: Option<&str>) -> String {
    let fits = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' };
    id.unwrap_or("none").chars().map(fits).collect()
}

/// What an event of the stream holds, or a whole message.
pub(super) fn pieces(event: &Value) -> Vec<Piece> {
    let index = number(&event["index"]);
    match event["type"].as_str().unwrap_or_default() {
        "message_start" => usage(&event["message"]["usage"]),
        "content_block_start" => block(&event["content_block"], index),
        "content_block_delta" => {
            // The keys say what it is, also where `type` does not.
            let word = |key: &str| event["delta"][key].as_str().map(str::to_string);
            let call = |arguments| {
                let arguments = Some(arguments);
                Piece::Call(CallPart { index, arguments, ..CallPart::default() })
            };
            let said = word("text").map(Piece::Text).into_iter();
            let thought = word("thinking").map(Piece::Reasoning);
            said.chain(thought).chain(word("partial_json").map(call)).collect()
        }
        "message_delta" => {
            let mut pieces = usage(&event["usage"]);
            pieces.extend(finish(&event["delta"]));
            pieces
        }
        "message_stop" => vec![Piece::End],
        "error" => vec![Piece::Error(Said::of(event))],
        _ if is_whole(event) => {
            let content = event["content"].as_array().into_iter().flatten();
            let said = content.zip(0..).flat_map(|(part, n)| block(part, Some(n)));
            let text = event["content"].as_str().map(|text| Piece::Text(text.to_string()));
            let mut pieces: Vec<_> = text.into_iter().chain(said).collect();
            pieces.extend(usage(&event["usage"]));
            pieces.extend(finish(event));
            pieces.push(Piece::End);
            pieces
        }
        _ if event["error"].is_object() => vec![Piece::Error(Said::of(event))],
        _ => Vec::new(),
    }
}

/// Whether an event is a whole message, from a server that does not stream.
pub(super) fn is_whole(event: &Value) -> bool {
    match &event["type"] {
        Value::Null => event["role"].is_string() && says(&event["content"]),
        kind => *kind == "message" && event.get("content").is_some(),
    }
}

fn block(block: &Value, index: Option<u64>) -> Vec<Piece> {
    let word = |key: &str| block[key].as_str().filter(|text| !text.is_empty()).map(str::to_string);
    match block["type"].as_str() {
        Some("text") => word("text").map(Piece::Text).into_iter().collect(),
        Some("thinking") => word("thinking").map(Piece::Reasoning).into_iter().collect(),
        Some("tool_use") => {
            // A stream begins with an empty object and writes the arguments afterwards.
            let arguments = written(&block["input"]).filter(|_| says(&block["input"]));
            let (id, name) = (word("id"), word("name"));
            vec![Piece::Call(CallPart { index, id, name, arguments, ..CallPart::default() })]
        }
        _ => Vec::new(),
    }
}

fn finish(value: &Value) -> Option<Piece> {
    value["stop_reason"].as_str().map(|word| Piece::Finish(word.to_string()))
}

/// What was read from a cache, or written to one, is not in the count of the rest.
fn usage(told: &Value) -> Vec<Piece> {
    let cached = number(&told["cache_read_input_tokens"]);
    let written = number(&told["cache_creation_input_tokens"]);
    let rest = number(&told["input_tokens"]);
    let input = rest.map(|rest| rest + cached.unwrap_or(0) + written.unwrap_or(0));
    let usage = Usage { input, cached, output: number(&told["output_tokens"]) };
    (usage != Usage::default()).then_some(Piece::Usage(usage)).into_iter().collect()
}
