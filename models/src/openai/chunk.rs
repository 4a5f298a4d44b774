//! What one event of a stream of chat completions says. It is read leniently, because servers differ:
//! whatever is not needed may be missing, null or of another type, and never ends a reply.

use serde_json::Value;

use super::calls::CallPart;
use super::said::Said;

/// A part of a reply.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Piece {
    /// Text of the answer.
    Text(String),
    /// What the model thinks before it answers.
    Reasoning(String),
    /// A part of a call.
    Call(CallPart),
    /// A call in full, which may have come in parts before.
    Called(CallPart),
    /// All of the text, which may have come in parts before.
    Said(String),
    /// Why the reply ended, in the server's word.
    Finish(String),
    /// Tokens so far.
    Usage(Usage),
    /// The server reports an error in the middle of a stream.
    Error(Said),
    /// Nothing follows.
    End,
}

/// Tokens as a server tells them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) input: Option<u64>,
    pub(super) cached: Option<u64>,
    pub(super) output: Option<u64>,
}

impl Usage {
    /// What was told later holds, where it tells more than nothing.
    pub(super) fn and(self, later: Usage) -> Usage {
        let told = |a: Option<u64>, b: Option<u64>| b.filter(|b| *b > 0).or(a).or(b);
        Usage {
            input: told(self.input, later.input),
            cached: told(self.cached, later.cached),
            output: told(self.output, later.output),
        }
    }
}

/// What an event of the stream holds, in the order in which it is to be taken.
pub(super) fn pieces(event: &Value) -> Vec<Piece> {
    if let Some(error) = error(event) {
        return vec![Piece::Error(error)];
    }
    let mut pieces = Vec::new();
    if let Some(choice) = choice(event) {
        match part(choice) {
            Some(part) => message(part, &mut pieces),
            None => text(&choice["text"], &mut pieces),
        }
        // Some servers write an empty word in each chunk, or one for nothing.
        let word = choice["finish_reason"].as_str();
        let word = word.filter(|word| !matches!(word.trim(), "" | "null" | "None"));
        pieces.extend(word.map(|word| Piece::Finish(word.to_string())));
    }
    let told = [&event["usage"], &event["x_groq"]["usage"]];
    pieces.extend(told.into_iter().filter_map(usage).map(Piece::Usage));
    pieces
}

/// Whether an event is a whole reply, from a server that does not stream.
pub(super) fn whole(event: &Value) -> bool {
    choice(event).is_some_and(|choice| {
        choice["message"].is_object()
            && part(choice).is_some_and(|part| std::ptr::eq(part, &choice["message"]))
    })
}

/// What a choice says; an empty part may stand beside the one that says it.
fn part(choice: &Value) -> Option<&Value> {
    let parts = || ["delta", "message"].iter().map(|key| &choice[*key]);
    let filled = parts().find(|part| part.as_object().is_some_and(|part| !part.is_empty()));
    filled.or_else(|| parts().find(|part| part.is_object()))
}

fn error(event: &Value) -> Option<Said> {
    let error = &event["error"];
    let told = match error {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Object(map) => map.values().any(says),
        _ => true,
    };
    let marked = ["object", "type"].iter().any(|key| event[*key] == "error");
    // As frameworks write it that know nothing of completions, and gateways with a form of their own.
    let bare = event.get("choices").is_none() && (!event["detail"].is_null() || coded(event));
    (told || marked || bare).then(|| Said::of(event))
}

/// Whether a value is a status of failure beside words.
fn coded(event: &Value) -> bool {
    let failed = |key: &str| number(&event[key]).is_some_and(|code| (400..600).contains(&code));
    ["code", "status", "status_code", "error_code"].into_iter().any(failed)
        && ["message", "msg", "error_msg"].iter().any(|key| event[*key].is_string())
}

/// Whether a value is more than a place for one.
pub(super) fn says(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
        Value::Bool(true) => true,
    }
}

/// The choice that was asked for; some servers send more than one.
fn choice(event: &Value) -> Option<&Value> {
    match &event["choices"] {
        Value::Array(choices) => choices.iter().find(|choice| {
            choice.is_object() && number(&choice["index"]).is_none_or(|index| index == 0)
        }),
        choice @ Value::Object(_) => Some(choice),
        _ => None,
    }
}

fn message(part: &Value, pieces: &mut Vec<Piece>) {
    // The same thought may stand under several names.
    let thought = ["reasoning_content", "reasoning", "thinking", "reasoning_details"]
        .iter()
        .map(|key| plain(&part[*key]))
        .find(|text| !text.is_empty());
    pieces.extend(thought.map(Piece::Reasoning));
    text(&part["content"], pieces);
    text(&part["refusal"], pieces);
    let calls = match &part["tool_calls"] {
        Value::Array(calls) => calls.as_slice(),
        call @ Value::Object(_) => std::slice::from_ref(call),
        _ => &[],
    };
    pieces.extend(calls.iter().filter_map(call).map(Piece::Call));
    let old = &part["function_call"];
    if calls.is_empty() && old.is_object() {
        pieces.extend(call(old).map(Piece::Call));
    }
}

/// Text as it is, or as a list of parts, of which some may be thoughts.
fn text(content: &Value, pieces: &mut Vec<Piece>) {
    match content {
        Value::Array(parts) => parts.iter().for_each(|part| text(part, pieces)),
        Value::Object(part) => {
            let kind = part.get("type").and_then(Value::as_str).unwrap_or("text");
            let thought = kind.contains("think") || kind.contains("reason");
            let text = plain(content);
            if !text.is_empty() {
                pieces.push(if thought { Piece::Reasoning(text) } else { Piece::Text(text) });
            }
        }
        Value::String(text) if !text.is_empty() => pieces.push(Piece::Text(text.clone())),
        _ => {}
    }
}

/// The text in a value, however deep it stands.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(plain).collect(),
        Value::Object(part) => ["text", "thinking", "reasoning", "summary", "content"]
            .iter()
            .filter_map(|key| part.get(*key))
            .map(plain)
            .find(|text| !text.is_empty())
            .unwrap_or_default(),
        _ => String::new(),
    }
}

fn call(part: &Value) -> Option<CallPart> {
    let function = if part["function"].is_object() { &part["function"] } else { part };
    let word = |value: &Value| match value {
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let arguments =
        ["arguments", "parameters", "input"].iter().find_map(|key| written(&function[*key]));
    part.is_object().then(|| CallPart {
        index: number(&part["index"]),
        id: word(&part["id"]),
        name: word(&function["name"]),
        arguments,
        ..CallPart::default()
    })
}

/// Arguments as text, however they are written.
pub(super) fn written(arguments: &Value) -> Option<String> {
    match arguments {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn usage(value: &Value) -> Option<Usage> {
    let first = |keys: &[&str]| keys.iter().find_map(|key| number(&value[*key]));
    let cached = [
        &value["prompt_tokens_details"]["cached_tokens"],
        &value["input_tokens_details"]["cached_tokens"],
        &value["prompt_cache_hit_tokens"],
    ];
    let usage = Usage {
        input: first(&["prompt_tokens", "input_tokens"]),
        cached: cached.into_iter().find_map(number),
        output: first(&["completion_tokens", "output_tokens"]),
    };
    (usage != Usage::default()).then_some(usage)
}

/// A count, also where it is written as text or with a point.
pub(super) fn number(value: &Value) -> Option<u64> {
    let float = |number: f64| (number >= 0.0 && number.fract() == 0.0).then_some(number as u64);
    match value {
        Value::Number(number) => number.as_u64().or_else(|| number.as_f64().and_then(float)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(event: Value) -> String {
        let text = |piece| match piece {
            Piece::Text(text) => Some(text),
            Piece::Reasoning(text) => Some(format!("({text})")),
            Piece::Finish(word) => Some(format!("|{word}")),
            _ => None,
        };
        pieces(&event).into_iter().filter_map(text).collect()
    }

    fn delta(delta: Value) -> Value {
        json!({ "choices": [{ "index": 0, "delta": delta }] })
    }

    #[test]
    fn what_says_nothing_is_passed_over() {
        for event in [
            json!({}),
            json!([]),
            json!(7),
            json!({ "choices": null, "usage": null, "error": null }),
            json!({ "choices": [], "error": {} }),
            json!({ "choices": [null] }),
            json!({ "choices": [{ "index": 0, "content_filter_offsets": {} }] }),
            json!({ "choices": [{ "index": 0, "delta": null, "finish_reason": "" }] }),
            json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "null" }] }),
            json!({ "choices": [], "error": { "message": null, "type": "", "code": 0 } }),
            json!({ "choices": [{ "index": 1, "delta": { "content": "another" } }] }),
            delta(json!({ "content": null, "tool_calls": null, "role": null })),
            delta(json!({ "content": 7, "tool_calls": "x", "function_call": null })),
            json!({ "choices": [], "usage": { "prompt_tokens": null } }),
            json!({ "type": "ping" }),
        ] {
            assert_eq!(pieces(&event), [], "{event}");
        }
    }

    #[test]
    fn text_and_thought_are_told_apart() {
        let parts = json!([{ "type": "thinking", "thinking": [{ "type": "text", "text": "Hm." }] },
            { "type": "text", "text": "a" }, "b", { "type": "output_text", "text": "c" }]);
        assert_eq!(text(delta(json!({ "content": parts }))), "(Hm.)abc");
        assert_eq!(text(delta(json!({ "content": { "text": "a" } }))), "a");
        let twice = json!({ "reasoning": "x", "reasoning_content": "x", "content": "a" });
        assert_eq!(text(delta(twice)), "(x)a");
        let details = json!({ "reasoning_details": [{ "type": "reasoning.text", "text": "x" }] });
        assert_eq!(text(delta(details)), "(x)");
        let whole =
            json!({ "choices": [{ "message": { "content": "a" }, "finish_reason": "stop" }] });
        assert_eq!(text(whole), "a|stop");
        let beside = json!({ "choices": [{ "delta": {}, "message": { "content": "a" } }] });
        assert!(super::whole(&beside) && text(beside) == "a");
        assert_eq!(text(json!({ "choices": [{ "text": "a" }] })), "a");
    }

    #[test]
    fn counts_are_read_in_each_spelling() {
        for told in [
            json!({ "prompt_tokens": 9, "completion_tokens": 3 }),
            json!({ "prompt_tokens": "9", "completion_tokens": 3.0, "prompt_tokens_details": null }),
            json!({ "input_tokens": 9, "output_tokens": 3 }),
        ] {
            let usage = Usage { input: Some(9), cached: None, output: Some(3) };
            assert_eq!(pieces(&json!({ "usage": told })), [Piece::Usage(usage)]);
        }
    }

    #[test]
    fn an_error_is_an_error_however_it_is_written() {
        for event in [
            json!({ "error": { "message": "it broke" } }),
            json!({ "error": "it broke", "choices": [] }),
            json!({ "object": "error", "message": "it broke", "code": 500 }),
            json!({ "type": "error", "error": { "type": "overloaded_error", "message": "it broke" } }),
            json!({ "detail": "it broke" }),
            json!({ "code": 500, "msg": "it broke", "data": null }),
            json!({ "status": 503, "error_msg": "it broke" }),
            json!({ "detail": [{ "loc": ["body"], "msg": "it broke" }] }),
        ] {
            let [Piece::Error(said)] = &pieces(&event)[..] else { panic!("{event}") };
            assert!(said.words.contains("it broke"), "{event}: {said:?}");
        }
    }
}
