//! A client's messages as a conversation.

use std::sync::Arc;

use agent_core::message::{Message, Role, ToolCall};
use serde::Deserialize;
use serde_json::Value;

use crate::error::ApiError;

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

/// What a message says.
#[derive(Deserialize, Debug)]
#[serde(untagged, expecting = "`content` is a text or a list of parts")]
pub(crate) enum Content {
    Text(String),
    Parts(Vec<Value>),
}

impl Content {
    /// As one text; any part that is none is refused.
    pub(crate) fn text(self, at: &str) -> Result<String, ApiError> {
        let parts = match self {
            Content::Text(text) => return Ok(text),
            Content::Parts(parts) => parts,
        };
        let mut texts = Vec::with_capacity(parts.len());
        for part in parts {
            let kind = part["type"].as_str().unwrap_or_default();
            match (kind, part["text"].as_str()) {
                ("text" | "input_text" | "output_text", Some(text)) => texts.push(text.to_string()),
                _ => {
                    let why = not_text(kind, &part);
                    return Err(ApiError::unsupported(&format!("{at}.content"), &why));
                }
            }
        }
        Ok(texts.join("\n"))
    }
}

/// Why a part is refused that is no text. Nothing is fetched from where it says that an image is.
fn not_text(kind: &str, part: &Value) -> String {
    let kind: String = kind.chars().take(40).collect();
    let url = part["image_url"]["url"].as_str().or(part["image_url"].as_str()).unwrap_or_default();
    match kind.as_str() {
        "image_url" | "input_image" if url.starts_with("http") => format!(
            "a part of type `{kind}`: an image's address is not fetched, whatever the model reads\nhint: \
             images are read by agents: `errand run agent.toml --image FILE`"
        ),
        "image_url" | "input_image" => format!(
            "a part of type `{kind}`: the model takes text only\nhint: images are read by agents whose \
             `[model] input` has `image`"
        ),
        _ => format!("a part of type `{kind}`: the model reads text"),
    }
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

/// The conversation that these messages are.
pub(crate) fn conversation(turns: Vec<Turn>) -> Result<Vec<Arc<Message>>, ApiError> {
    if turns.is_empty() || turns.len() > MESSAGES {
        return Err(ApiError::param("messages", format!("1 to {MESSAGES} messages are needed")));
    }
    let turns = turns.into_iter().enumerate();
    turns.map(|(place, turn)| message(turn, &format!("messages.{place}")).map(Arc::new)).collect()
}

fn message(turn: Turn, at: &str) -> Result<Message, ApiError> {
    let Turn { role, content, tool_calls, tool_call_id, function_call, audio } = turn;
    if function_call.is_some() {
        let why = "it was replaced by `tool_calls`";
        return Err(ApiError::unsupported(&format!("{at}.function_call"), why));
    }
    if audio.is_some() {
        return Err(ApiError::unsupported(&format!("{at}.audio"), "the model reads text"));
    }
    let calls = tool_calls.unwrap_or_default();
    let said = content.map(|content| content.text(at)).transpose()?;
    let needed = |said: Option<String>| {
        said.ok_or_else(|| ApiError::param(format!("{at}.content"), format!("`{at}` says nothing")))
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
        Role::System => Message::system(needed(said)?),
        Role::User => Message::user(needed(said)?),
        Role::Assistant => {
            let said = if calls.is_empty() { needed(said)? } else { said.unwrap_or_default() };
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
            Message::tool(id, needed(said)?)
        }
    })
}
