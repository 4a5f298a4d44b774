//! What the protocols share of an answer: its calls, how it ended, what it took, and its events.

use agent_core::message::ToolCall;
use agent_core::model::{Finish, Reply};
use axum::response::sse::Event;
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::shared::unique;

/// How an answer ended, in chat completions' words.
pub(crate) fn finish(reply: &Reply) -> &'static str {
    match reply.finish {
        // What repeats itself without end is stopped, and is as little whole.
        Finish::Cut | Finish::Looped => "length",
        Finish::Stop if !reply.tool_calls.is_empty() => "tool_calls",
        Finish::Stop => "stop",
    }
}

/// Its calls, as chat completions have them.
pub(crate) fn calls(reply: &Reply) -> Vec<Value> {
    let call = |call: &ToolCall| {
        json!({
            "id": unique("call_"), "type": "function",
            "function": { "name": call.name, "arguments": call.arguments.to_string() },
        })
    };
    reply.tool_calls.iter().map(call).collect()
}

/// What answers to one prompt took together: read, of it from the cache, written.
pub(crate) fn taken(replies: &[Reply]) -> (u64, u64, u64) {
    let first = replies.first().map(|reply| reply.usage).unwrap_or_default();
    let written = replies.iter().map(|reply| reply.usage.output).sum();
    (first.input, first.cached, written)
}

/// That, in chat completions' words.
pub(crate) fn usage(replies: &[Reply]) -> Value {
    let (read, cached, written) = taken(replies);
    json!({
        "prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written,
        "prompt_tokens_details": { "cached_tokens": cached },
    })
}

/// An event without a name.
pub(crate) fn event(value: &Value) -> Event {
    Event::default().data(value.to_string())
}

/// The event of an answer that breaks off.
pub(crate) fn broken(error: &ApiError) -> Event {
    event(&error.body())
}

/// The last event.
pub(crate) fn done() -> Event {
    Event::default().data("[DONE]")
}
