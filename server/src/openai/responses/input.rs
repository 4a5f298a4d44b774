//! What a client of responses sends as `input`, as a conversation.

use std::sync::Arc;

use agent_core::message::{Message, Role};
use serde::Deserialize;
use serde_json::Value;

use crate::error::ApiError;
use crate::openai::parts::{Content, Taken};
use crate::openai::turns::call;
use crate::shared::Served;

/// The most items of one request.
const ITEMS: usize = 4096;

#[derive(Deserialize)]
#[serde(untagged, expecting = "`input` is a text or a list of items")]
pub(super) enum Input {
    Text(String),
    Items(Vec<Item>),
}

/// One item: a message, a call that the model made, or what came of one.
#[derive(Deserialize)]
pub(super) struct Item {
    #[serde(rename = "type", default)]
    kind: Option<String>,
    #[serde(default)]
    role: Option<String>,
    #[serde(default)]
    content: Option<Content>,
    #[serde(default)]
    call_id: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    arguments: Option<String>,
    #[serde(default)]
    output: Option<Value>,
}

impl Input {
    /// The conversation that it is, for this model.
    pub(super) fn conversation(self, model: &Served) -> Result<Vec<Arc<Message>>, ApiError> {
        let items = match self {
            Input::Text(text) => return Ok(vec![Arc::new(Message::user(text))]),
            Input::Items(items) => items,
        };
        if items.is_empty() || items.len() > ITEMS {
            return Err(ApiError::param("input", format!("1 to {ITEMS} items are needed")));
        }
        let mut messages: Vec<Message> = Vec::with_capacity(items.len());
        let mut taken = Taken::by(model);
        for (place, item) in items.into_iter().enumerate() {
            item.join(&mut messages, &format!("input.{place}"), &mut taken)?;
        }
        Ok(messages.into_iter().map(Arc::new).collect())
    }
}

impl Item {
    fn join(
        self,
        messages: &mut Vec<Message>,
        at: &str,
        taken: &mut Taken<'_>,
    ) -> Result<(), ApiError> {
        let lacks =
            |what: &str| ApiError::param(format!("{at}.{what}"), format!("`{at}` has no `{what}`"));
        match self.kind.as_deref().unwrap_or("message") {
            "message" => {
                let content = self.content.ok_or_else(|| lacks("content"))?;
                let at_content = format!("{at}.content");
                messages.push(match self.role.as_deref() {
                    Some("system" | "developer") => Message::system(content.text(&at_content)?),
                    Some("user") => content.said(&at_content, taken)?.by(Message::user),
                    Some("assistant") => Message::assistant(content.text(&at_content)?),
                    _ => {
                        let message = "the role is system, developer, user or assistant";
                        return Err(ApiError::param(format!("{at}.role"), message));
                    }
                });
            }
            "function_call" => {
                let call = call(
                    self.call_id.ok_or_else(|| lacks("call_id"))?,
                    self.name.ok_or_else(|| lacks("name"))?,
                    self.arguments.ok_or_else(|| lacks("arguments"))?,
                );
                match messages.last_mut() {
                    // Calls in a row are one turn.
                    Some(last) if last.role == Role::Assistant => last.tool_calls.push(call),
                    _ => {
                        let mut turn = Message::assistant("");
                        turn.tool_calls.push(call);
                        messages.push(turn);
                    }
                }
            }
            "function_call_output" => {
                let id = self.call_id.ok_or_else(|| lacks("call_id"))?;
                let output = self.output.ok_or_else(|| lacks("output"))?;
                let output: Content =
                    serde_json::from_value(output).map_err(|_| lacks("output"))?;
                messages.push(
                    output.said(&format!("{at}.output"), taken)?.by(|text| Message::tool(id, text)),
                );
            }
            kind => {
                let kind: String = kind.chars().take(40).collect();
                let why = format!(
                    "an item of type `{kind}`: messages, function calls and their outputs are"
                );
                return Err(ApiError::unsupported(at, &why));
            }
        }
        Ok(())
    }
}
