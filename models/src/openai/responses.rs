//! OpenAI's Responses API: what a request becomes, and what an event says. The names are those of PyPI
//! `openai` 3.57.0, `types/responses/`: `response_create_params.py`, `response_input_item_param.py`,
//! `response_stream_event.py`, `response_usage.py`; why a response is incomplete, `response.py`.

use agent_core::message::{Message, Role};
use agent_core::model::Request;
use agent_core::quirks::{LimitName, Quirks};
use serde_json::{Value, json};

use super::ask::{self, sent};
use super::calls::CallPart;
use super::chunk::{Piece, Usage, number, written};
use super::images;
use super::names::Names;
use super::options::RemoteOptions;
use super::said::Said;
use super::turns::turns;

/// The request as the server takes it. Nothing is kept there: the conversation is here.
pub(super) fn ask(
    request: &Request,
    model: &str,
    options: &RemoteOptions,
    names: &Names,
    quirks: &Quirks,
) -> Value {
    let turns = turns(request, quirks);
    let input: Vec<Value> = turns.iter().flat_map(|turn| items(turn, names)).collect();
    let mut body = json!({
        "model": model, "input": input, "stream": sent(quirks.stream), "store": false,
    });
    if let Some(most) =
        ask::most_tokens(request, quirks).filter(|_| quirks.limit != Some(LimitName::None))
    {
        body["max_output_tokens"] = most.into();
    }
    if let Some(temperature) = options.temperature.filter(|_| sent(quirks.temperature)) {
        body["temperature"] = temperature.into();
    }
    if let Some(top_p) = options.top_p.filter(|_| sent(quirks.top_p)) {
        body["top_p"] = top_p.into();
    }
    let tools: Vec<Value> = ask::tools_of(&request.form)
        .iter()
        .map(|tool| {
            json!({
                "type": "function", "name": names.legal(&tool.name), "strict": false,
                "description": tool.description, "parameters": ask::tool_schema(&tool.input, quirks),
            })
        })
        .collect();
    if !tools.is_empty() {
        body["tools"] = tools.into();
        if ask::must_call(request) && sent(quirks.tool_choice) {
            body["tool_choice"] = "required".into();
        }
    }
    let format = ask::response_format(&request.form, quirks);
    if let Some(mut format) = format.and_then(|format| serde_json::to_value(format).ok()) {
        // What stands under a name of its own in a chat stands beside the type here.
        if let Some(Value::Object(inner)) = format.get_mut("json_schema").map(Value::take) {
            format =
                inner.into_iter().chain([("type".to_string(), "json_schema".into())]).collect();
        }
        body["text"] = json!({ "format": format });
    }
    body
}

fn items(turn: &Message, names: &Names) -> Vec<Value> {
    let role = match turn.role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => {
            return vec![json!({
                "type": "function_call_output", "call_id": turn.tool_call_id,
                "output": images::responses(turn),
            })];
        }
    };
    // `type` may be left out by the reference; llama-server does not know an assistant's turn without it.
    let message = || json!({ "type": "message", "role": role, "content": images::responses(turn) });
    let text = (!turn.content.is_empty() || !turn.parts.is_empty()).then(message);
    let calls = turn.tool_calls.iter().map(|call| {
        json!({
            "type": "function_call", "call_id": call.id, "name": names.legal(&call.name),
            "arguments": ask::arguments(call),
        })
    });
    text.into_iter().chain(calls).collect()
}

/// What an event of the stream holds, or a whole response. Servers leave out what the reference has twice:
/// the deltas, or what comes when a part or all is done. So both are read, and what was said is said once.
pub(super) fn pieces(event: &Value) -> Vec<Piece> {
    let delta = || event["delta"].as_str().unwrap_or_default().to_string();
    let index = number(&event["output_index"]);
    let of_item = |arguments| CallPart {
        index,
        item: word(&event["item_id"]),
        arguments,
        ..CallPart::default()
    };
    let kind = event["type"].as_str().unwrap_or_default();
    match kind {
        "response.output_text.delta" | "response.refusal.delta" => vec![Piece::Text(delta())],
        "response.output_text.done" => said(&event["text"]),
        "response.refusal.done" => said(&event["refusal"]),
        "response.reasoning_text.delta"
        | "response.reasoning.delta"
        | "response.reasoning_summary.delta"
        | "response.reasoning_summary_text.delta" => vec![Piece::Reasoning(delta())],
        "response.output_item.added" if event["item"]["type"] == "function_call" => {
            vec![Piece::Call(call(&event["item"], index))]
        }
        "response.output_item.done" => whole(&event["item"], index),
        "response.function_call_arguments.delta" => vec![Piece::Call(of_item(Some(delta())))],
        "response.function_call_arguments.done" => {
            vec![Piece::Called(of_item(written(&event["arguments"])))]
        }
        "response.completed" | "response.incomplete" | "response.done" => {
            all(&event["response"]).chain(end(&event["response"])).collect()
        }
        "response.failed" => vec![Piece::Error(Said::of(&event["response"]))],
        "error" => vec![Piece::Error(Said::of(event))],
        _ if is_whole(event) => all(event).chain(end(event)).collect(),
        _ if event["error"].is_object() => vec![Piece::Error(Said::of(event))],
        _ => Vec::new(),
    }
}

/// Whether an event is a whole response, from a server that does not stream.
pub(super) fn is_whole(event: &Value) -> bool {
    event["type"].is_null() && (event["object"] == "response" || event["output"].is_array())
}

/// Whether an event tells all that a response says, also where its parts were told before.
pub(super) fn tells_all(event: &Value) -> bool {
    is_whole(event) || event["response"]["output"].is_array()
}

fn word(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_string)
}

fn said(text: &Value) -> Vec<Piece> {
    word(text).map(Piece::Said).into_iter().collect()
}

fn call(item: &Value, index: Option<u64>) -> CallPart {
    let arguments = written(&item["arguments"]).filter(|text| !text.is_empty());
    let (id, name) = (word(&item["call_id"]), word(&item["name"]));
    CallPart { index, id, item: word(&item["id"]), name, arguments }
}

fn all(response: &Value) -> impl Iterator<Item = Piece> {
    let mut text = String::new();
    let mut calls = Vec::new();
    for (item, index) in response["output"].as_array().into_iter().flatten().zip(0..) {
        for piece in whole(item, Some(index)) {
            match piece {
                Piece::Said(part) => text += &part,
                call => calls.push(call),
            }
        }
    }
    said(&text.into()).into_iter().chain(calls)
}

fn whole(item: &Value, index: Option<u64>) -> Vec<Piece> {
    match item["type"].as_str() {
        Some("function_call") => vec![Piece::Called(call(item, index))],
        Some("message") => {
            let content = &item["content"];
            let parts = content.as_array().into_iter().flatten();
            let text = parts.filter_map(|part| part["text"].as_str().or(part["refusal"].as_str()));
            let text: String = content.as_str().into_iter().chain(text).collect();
            said(&text.into())
        }
        _ => Vec::new(),
    }
}

fn end(response: &Value) -> Vec<Piece> {
    if response["error"].is_object() {
        return vec![Piece::Error(Said::of(response))];
    }
    let cut = response["incomplete_details"]["reason"].as_str();
    let word = cut.or(response["status"].as_str()).unwrap_or("completed");
    let told = &response["usage"];
    let usage = Usage {
        input: number(&told["input_tokens"]),
        cached: number(&told["input_tokens_details"]["cached_tokens"]),
        output: number(&told["output_tokens"]),
    };
    vec![Piece::Usage(usage), Piece::Finish(word.to_string()), Piece::End]
}
