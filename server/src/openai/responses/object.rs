//! The object that a response is, while it is made and when it is whole.

use agent_core::model::{Finish, Reply};
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::openai::said::taken;
use crate::shared::unique;

/// What every object of one response says.
pub(super) struct Head {
    pub(super) id: String,
    pub(super) created: u64,
    pub(super) model: String,
    /// What was asked for, which the object repeats.
    pub(super) asked: Value,
}

impl Head {
    /// Before anything is written.
    pub(super) fn open(&self) -> Value {
        self.object("in_progress", &[])
    }

    /// When it is whole.
    pub(super) fn whole(&self, replies: &[Reply], output: &[Value]) -> Value {
        let cut = replies.iter().any(|reply| reply.finish != Finish::Stop);
        let mut object = self.object(if cut { "incomplete" } else { "completed" }, output);
        if cut {
            object["incomplete_details"] = json!({ "reason": "max_output_tokens" });
        }
        let (read, cached, written) = taken(replies);
        object["usage"] = json!({
            "input_tokens": read, "input_tokens_details": { "cached_tokens": cached },
            "output_tokens": written, "output_tokens_details": { "reasoning_tokens": 0 },
            "total_tokens": read + written,
        });
        object
    }

    /// When it broke off.
    pub(super) fn failed(&self, error: &ApiError) -> Value {
        let mut object = self.object("failed", &[]);
        object["error"] = json!({ "code": "server_error", "message": error.message });
        object
    }

    fn object(&self, status: &str, output: &[Value]) -> Value {
        let mut object = json!({
            "id": self.id, "object": "response", "created_at": self.created, "status": status,
            "model": self.model, "output": output, "error": null, "incomplete_details": null,
            "previous_response_id": null, "store": false, "truncation": "disabled",
            "metadata": {}, "usage": null, "background": false,
            "reasoning": { "effort": null, "summary": null },
        });
        if let (Value::Object(all), Value::Object(asked)) = (&mut object, &self.asked) {
            all.extend(asked.clone());
        }
        object
    }
}

/// A text, as a part of a message.
pub(super) fn part(text: &str) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": [], "logprobs": [] })
}

/// The items of an answer: its calls, or one message.
pub(super) fn output(reply: &Reply) -> Vec<Value> {
    let status = match reply.finish {
        Finish::Stop => "completed",
        Finish::Cut | Finish::Looped => "incomplete",
    };
    if reply.tool_calls.is_empty() {
        return vec![json!({
            "id": unique("msg_"), "type": "message", "role": "assistant", "status": status,
            "content": [part(&reply.content)],
        })];
    }
    let call = |call: &agent_core::message::ToolCall| {
        json!({
            "id": unique("fc_"), "type": "function_call", "call_id": unique("call_"),
            "name": call.name, "arguments": call.arguments.to_string(), "status": status,
        })
    };
    reply.tool_calls.iter().map(call).collect()
}
