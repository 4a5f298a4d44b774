//! A client's messages as a conversation.

use std::sync::Arc;

use agent_core::message::{Message, Role, ToolCall};
use serde::Deserialize;
use serde_json::Value;

use super::parts::{Content, Taken};
use crate::error::ApiError;
use crate::shared::Served;

/// The most messages of one request.
const MESSAGES: usize = 4096;

/// One message, as clients of chat completions write it.
#[derive(Deserialize, Debug)]
pub(crate) struct Turn {
    role: String,
    #[serde(default)]
    content: Option<Content>,
    #[serde(default)]
    tool_calls: Option<Vec<Call>>,
    #[serde(default)]
    tool_call_id: Option<String>,
    #[serde(default)]
    function_call: Option<Value>,
    #[serde(default)]
    audio: Option<Value>,
}

#[derive(Deserialize, Debug)]
struct Call {
    id: String,
    #[serde(rename = "type", default)]
    kind: Option<String>,
    function: Function,
}

#[derive(Deserialize, Debug)]
struct Function {
    name: String,
    arguments: String,
}

/// A call that a client gives back; arguments that are no JSON are kept as text.
pub(crate) fn call(id: String, name: String, arguments: String) -> ToolCall {
    let arguments = serde_json::from_str(&arguments).unwrap_or(Value::String(arguments));
    ToolCall { id, name, arguments }
}

/// The conversation that these messages are, for this model.
pub(crate) fn conversation(
    turns: Vec<Turn>,
    model: &Served,
) -> Result<Vec<Arc<Message>>, ApiError> {
    if turns.is_empty() || turns.len() > MESSAGES {
        return Err(ApiError::param("messages", format!("1 to {MESSAGES} messages are needed")));
    }
    let mut taken = Taken::by(model);
    let turns = turns.into_iter().enumerate();
    let message =
        |(place, turn)| message(turn, &format!("messages.{place}"), &mut taken).map(Arc::new);
    turns.map(message).collect()
}

fn message(turn: Turn, at: &str, taken: &mut Taken<'_>) -> Result<Message, ApiError> {
    let Turn { role, content, tool_calls, tool_call_id, function_call, audio } = turn;
    if function_call.is_some() {
        let why = "it was replaced by `tool_calls`";
        return Err(ApiError::unsupported(&format!("{at}.function_call"), why));
    }
    if audio.is_some() {
        return Err(ApiError::unsupported(&format!("{at}.audio"), "the model reads text"));
    }
    let calls = tool_calls.unwrap_or_default();
    let said_at = format!("{at}.content");
    let needed = |content: Option<Content>| {
        content.ok_or_else(|| ApiError::param(&said_at, format!("`{at}` says nothing")))
    };
    let role = match &*role {
        "system" | "developer" => Role::System,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" => Role::Tool,
        other => {
            let other: String = other.chars().take(40).collect();
            let message =
                format!("there is no role `{other}`: system, developer, user, assistant or tool");
            return Err(ApiError::param(format!("{at}.role"), message));
        }
    };
    if role != Role::Assistant && !calls.is_empty() {
        return Err(ApiError::param(format!("{at}.tool_calls"), "only an assistant calls tools"));
    }
    Ok(match role {
        Role::System => Message::system(needed(content)?.text(&said_at)?),
        Role::User => needed(content)?.said(&said_at, taken)?.by(Message::user),
        Role::Assistant => {
            let said = match content {
                None if !calls.is_empty() => String::new(),
                content => needed(content)?.text(&said_at)?,
            };
            let mut message = Message::assistant(said);
            for Call { id, kind, function } in calls {
                if kind.is_some_and(|kind| kind != "function") {
                    let at = format!("{at}.tool_calls");
                    return Err(ApiError::unsupported(&at, "only calls of functions are known"));
                }
                message.tool_calls.push(call(id, function.name, function.arguments));
            }
            message
        }
        Role::Tool => {
            let id = tool_call_id.ok_or_else(|| {
                ApiError::param(format!("{at}.tool_call_id"), "a tool's message names its call")
            })?;
            Message::tool(id, needed(content)?.text(&said_at)?)
        }
    })
}
