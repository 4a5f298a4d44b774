//! What a model reads and writes: roles, text, what stands beside it, and tool calls.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::content::{self, ContentPart};

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The rules of the run.
    System,
    /// The task, and what the runtime tells the model.
    User,
    /// The model itself.
    Assistant,
    /// The observation of one tool call.
    Tool,
}

/// One turn of the conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// The text; empty where an assistant only calls tools.
    pub content: String,
    /// What stands beside the text; each has its line in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<ContentPart>,
    /// The calls an assistant asks for, in its order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// For `Role::Tool`: the call this answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_call_id: Option<String>,
    /// Whether the turn is the same in every run, as a worked example is: a model may keep what it has read
    /// of such turns at the beginning of a conversation, for anyone who begins with them.
    #[serde(skip)]
    pub common: bool,
}

impl Message {
    /// The rules of the run.
    pub fn system(content: impl Into<String>) -> Self {
        Self::text(Role::System, content)
    }

    /// The task, or a word from the runtime.
    pub fn user(content: impl Into<String>) -> Self {
        Self::text(Role::User, content)
    }

    /// Something the model said.
    pub fn assistant(content: impl Into<String>) -> Self {
        Self::text(Role::Assistant, content)
    }

    /// What a call gave back.
    pub fn tool(call: impl Into<String>, content: impl Into<String>) -> Self {
        Self { tool_call_id: Some(call.into()), ..Self::text(Role::Tool, content) }
    }

    /// With these beside its text, which names each.
    #[must_use]
    pub fn with(mut self, parts: Vec<ContentPart>) -> Self {
        content::beside(&mut self.content, &parts);
        self.parts.extend(parts);
        self
    }

    /// The same turn, one that every run has.
    #[must_use]
    pub fn common(self) -> Self {
        Self { common: true, ..self }
    }

    fn text(role: Role, content: impl Into<String>) -> Self {
        Self {
            role,
            content: content.into(),
            parts: Vec::new(),
            tool_calls: Vec::new(),
            tool_call_id: None,
            common: false,
        }
    }
}

/// A call as the model wrote it: nothing about it has been checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The model's own id for it.
    pub id: String,
    /// The tool's name, as Errand knows it (dots and all).
    pub name: String,
    /// The arguments. Text that is no JSON is kept as a JSON string, which no tool's schema accepts.
    pub arguments: Value,
}
