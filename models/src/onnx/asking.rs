//! How one request is answered, where that differs from how the model was opened.

use agent_core::model::Sampling;

/// How one request is answered.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Asking {
    /// How tokens are chosen; `None`: as the model was opened.
    pub sampling: Option<Sampling>,
    /// What becomes of a limit that the context has no room for.
    pub room: Room,
    /// What the model reads.
    pub prompt: Prompt,
    /// Whether a reply may call more than one tool.
    pub calls: Calls,
    /// How many of the likeliest tokens are told with each token of a reply, and its log-probability;
    /// `None`: no probabilities are told. Not for a choice, whose odds are in its reply.
    pub logprobs: Option<u8>,
    /// What is read ahead.
    pub ahead: Ahead,
    /// For whom: what the model still has of a conversation helps none but the one who had it. 0 for those who are
    /// told nothing of it.
    pub asker: u64,
}

/// What is read ahead of the token that is being chosen. Each token is chosen from the logits after those
/// before it either way; but the runtime rounds a pass over several tokens otherwise than one over a single
/// token, so with a quantized model a near tie may end the other way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Ahead {
    /// Nothing that is not known to come.
    #[default]
    Nothing,
    /// What followed in the conversation where it had the same words, as long as such guesses come true.
    Drafts,
}

/// How many calls a reply may make.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Calls {
    /// As many as the grammar has room for.
    #[default]
    Several,
    /// One.
    One,
}

/// What becomes of a request's `max_tokens` that the context has no room for behind the prompt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Room {
    /// The request is refused: its caller counts on all of it.
    #[default]
    Whole,
    /// The reply gets what is left.
    Left,
}

/// What the model reads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Prompt {
    /// The conversation, through the model's chat template.
    #[default]
    Chat,
    /// The request's prefix and nothing else: the model goes on with that text.
    Raw,
}
