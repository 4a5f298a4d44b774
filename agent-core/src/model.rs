//! What a model is to the loop: messages in, one reply out.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::content::{ContentPart, Input};
use crate::message::{Message, ToolCall};
use crate::tool::ToolSpec;

/// One question to a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// How many model calls this run made before this one; a scripted model answers by it.
    pub call: u64,
    /// The whole conversation, shared with the run that it is of. A local model keeps its cache
    /// and pays only for what is new.
    pub messages: Vec<Arc<Message>>,
    /// The assistant's turn begins with this text; the reply does not repeat it.
    pub prefix: String,
    /// What the reply may look like.
    pub form: Form,
    /// The most tokens the reply may have; `u32::MAX` for as many as there is room for.
    pub max_tokens: u32,
    /// So many of these may be the model's reasoning before it, where the model can and the form is no
    /// choice; 0 for none. What is left of them is not the reply's.
    pub reasoning: u32,
}

impl Request {
    /// The most tokens of the reply, where there is a limit.
    pub fn limit(&self) -> Option<u32> {
        (self.max_tokens != u32::MAX).then_some(self.max_tokens)
    }

    /// How many tokens it is, as the model counts: its conversation, and the tools that it offers.
    pub fn tokens(&self, model: &dyn Model) -> u64 {
        let messages: u64 = self.messages.iter().map(|message| message.tokens(model)).sum();
        let tools = match &self.form {
            Form::Act(tools) | Form::Calls(tools) | Form::CallsOrJson(tools, _) => tools.as_slice(),
            Form::Text { .. } | Form::Choice(_) | Form::Json(_) => &[],
        };
        let tool = |tool: &Arc<ToolSpec>| {
            model.count(&tool.description) + model.count(&tool.input.to_string()) + 16
        };
        messages + model.count(&self.prefix) + tools.iter().map(tool).sum::<u64>()
    }
}

impl Message {
    /// How many tokens it is, as the model counts.
    pub fn tokens(&self, model: &dyn Model) -> u64 {
        let call = |call: &ToolCall| {
            model.count(&call.name) + model.count(&call.arguments.to_string()) + 16
        };
        let parts = self.parts.iter().map(ContentPart::tokens);
        let calls = self.tool_calls.iter().map(call);
        model.count(&self.content) + calls.chain(parts).sum::<u64>() + 8
    }
}

/// What a reply may look like. A constrained model (see [`Traits::constrained`]) cannot write
/// anything else; any other model is asked, and the caller checks.
#[derive(Debug, Clone, PartialEq)]
pub enum Form {
    /// Free text up to one of these strings, which the reply leaves out.
    Text {
        /// Where to stop, beside the model's own end of turn.
        stop: Vec<String>,
    },
    /// Exactly one of these strings.
    Choice(Vec<String>),
    /// One JSON value that satisfies this schema.
    Json(Value),
    /// Calls of these tools, one at least.
    Act(Vec<Arc<ToolSpec>>),
    /// Calls of these tools, or text that is the answer.
    Calls(Vec<Arc<ToolSpec>>),
    /// Calls of these tools, or one JSON value that satisfies the schema and is the answer.
    CallsOrJson(Vec<Arc<ToolSpec>>, Value),
}

/// How tokens are chosen. `temperature` 0 is greedy.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sampling {
    /// 0 = greedy; 1 = the model's own distribution.
    pub temperature: f32,
    /// The smallest set of tokens whose probability reaches this (Holtzman et al., 2020).
    pub top_p: f32,
    /// Fixes the choice; a reply is a function of request and seed.
    pub seed: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { temperature: 0.0, top_p: 1.0, seed: 0 }
    }
}

/// What a model wrote.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// The text, without tool calls and without the request's prefix.
    pub content: String,
    /// What the model thought before, where it tells that apart; never part of the answer.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reasoning: String,
    /// The calls, in the model's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// Tokens read and written.
    pub usage: Tokens,
    /// Why it ended.
    pub finish: Finish,
    /// For [`Form::Choice`] on a model that can tell: the probability of each choice, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub odds: Vec<f32>,
    /// What a person should know of how it was had: an option that the endpoint refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Reply {
    /// This text and nothing else.
    pub fn text(content: impl Into<String>, usage: Tokens, finish: Finish) -> Self {
        Self {
            content: content.into(),
            reasoning: String::new(),
            tool_calls: Vec::new(),
            usage,
            finish,
            odds: Vec::new(),
            notes: Vec::new(),
        }
    }
}

/// Why a reply ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Finish {
    /// The model was done.
    Stop,
    /// The token limit came first: the reply is a fragment, and no call in it is executed.
    Cut,
    /// It repeated itself and was stopped: a fragment as well.
    Looped,
}

/// Tokens of one model call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    /// The whole prompt, cached or not.
    pub input: u64,
    /// How much of `input` came from the model's own cache and costs nothing; 0 for a server.
    #[serde(default)]
    pub cached: u64,
    /// What was generated.
    pub output: u64,
}

/// A token of a reply, and how likely the model itself found it: before temperature, top-p and the form
/// that the reply was held to.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenLogprob {
    /// The token's bytes; a character may have more than one token.
    pub bytes: Vec<u8>,
    /// The natural logarithm of its probability.
    pub logprob: f32,
    /// The likeliest tokens in its place, as many as were asked for, the best first.
    pub likeliest: Vec<Likely>,
}

/// A token that might have come.
#[derive(Debug, Clone, PartialEq)]
pub struct Likely {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The natural logarithm of its probability.
    pub logprob: f32,
}

/// What the loop must know of a model before it asks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Traits {
    /// Whether [`Form`] is enforced while decoding, so that no other reply is possible.
    pub constrained: bool,
    /// Whether what one call read costs nothing in the next, as with a local model's cache.
    pub caches: bool,
    /// Prompt and reply together, in tokens; 0 where it is not known.
    pub context: u32,
}

/// A language model.
#[async_trait]
pub trait Model: Send + Sync {
    /// Its name, as the agent file or the server calls it.
    fn name(&self) -> &str;

    /// What to expect of it.
    fn traits(&self) -> Traits;

    /// Whether it reads more than text: what it does not take, it is told of in a line.
    fn takes(&self, input: Input) -> bool {
        input == Input::Text
    }

    /// How many tokens this text is, or a close upper estimate where the tokenizer is not at hand.
    fn count(&self, text: &str) -> u64 {
        text.len() as u64 / 3 + 1
    }

    /// Asks. Text is passed to `on_text` as it comes, and an empty one as a sign of life. Dropping the
    /// future cancels the work.
    /// (The lifetime is spelled out because `async_trait` would otherwise give all text one.)
    async fn think(
        &self,
        request: &Request,
        on_text: &mut (dyn for<'t> FnMut(&'t str) + Send),
    ) -> Result<Reply, ModelError>;
}

/// A model call that gave no reply. Each is a fault of the run: it can be resumed.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The server could not be reached, kept failing, or answered nonsense.
    #[error("model `{model}` did not answer: {reason}")]
    Unavailable {
        /// The model's name.
        model: String,
        /// What happened, with the server's own words.
        reason: String,
    },
    /// The server will not answer until something is changed.
    #[error("model `{model}` did not answer: {reason}\nhint: {hint}")]
    Refused {
        /// The model's name.
        model: String,
        /// What happened, with the server's own words.
        reason: String,
        /// What to change.
        hint: String,
    },
    /// The server does not take the key that it is asked with, or asks for one.
    #[error("model `{model}` did not answer: {reason}\nhint: {hint}")]
    Key {
        /// The model's name.
        model: String,
        /// The status that it answered with, 401 or 403.
        status: u16,
        /// What happened, with the server's own words.
        reason: String,
        /// What to change.
        hint: String,
    },
    /// The prompt does not fit. From now on [`Traits::context`] and [`Model::count`] say what does.
    #[error("the conversation has {tokens} tokens, and model `{model}` holds {context}")]
    TooLong {
        /// The model's name.
        model: String,
        /// The prompt's length.
        tokens: u64,
        /// What the model holds.
        context: u64,
    },
    /// The request's form cannot be turned into a grammar.
    #[error("the decoder cannot hold this schema: {0}")]
    Form(String),
    /// Anything else that broke in the engine.
    #[error("model `{model}` failed: {reason}")]
    Broken {
        /// The model's name.
        model: String,
        /// What happened.
        reason: String,
    },
}
