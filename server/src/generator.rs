//! What the server asks of a model: the loop's trait, and how one request is answered.

use agent_core::content::Input;
use agent_core::model::{ModelError, Reply, Request, Sampling, TokenLogprob, Traits};
use async_trait::async_trait;
use serde_json::Value;

/// A model that clients may ask.
#[async_trait]
pub trait Generator: Send + Sync {
    /// What to expect of it.
    fn traits(&self) -> Traits;

    /// Whether it takes more than text. What it does not take never reaches it.
    fn takes(&self, input: Input) -> bool {
        input == Input::Text
    }

    /// How it chooses tokens where a request says nothing of it.
    fn sampling(&self) -> Sampling;

    /// How many requests it has taken and not answered yet, those of agents among them; 0 where
    /// that is not known.
    fn taken(&self) -> usize {
        0
    }

    /// How many requests it answers at once.
    fn slots(&self) -> usize {
        1
    }

    /// Whether what it writes under this schema satisfies all of it; the error names what does not.
    ///
    /// # Errors
    /// The schema has a keyword that the decoder cannot hold.
    fn holds(&self, schema: &Value) -> Result<(), String>;

    /// Answers. With its text `on_text` hears the tokens that end in it, where their probabilities are
    /// asked for. Dropping the future cancels the work. The reply has at most the request's
    /// `max_tokens`, and fewer where the model's context has no room for more.
    ///
    /// # Errors
    /// There is no reply.
    async fn generate(
        &self,
        request: &Request,
        how: How,
        on_text: &mut (dyn for<'t> FnMut(&'t str, &'t [TokenLogprob]) + Send),
    ) -> Result<Reply, ModelError>;
}

/// How one request is answered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct How {
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// The seed that the request names; where it names none, that of `sampling` was drawn.
    pub seed: Option<u64>,
    /// What the model reads.
    pub prompt: Prompt,
    /// How many tools an answer may call.
    pub calls: Calls,
    /// How many of the likeliest tokens are told with each token, and its log-probability; `None`: no
    /// probabilities are told.
    pub logprobs: Option<u8>,
    /// For whom: what a model still has of another's conversation is no help here, and tells nothing of it.
    pub asker: u64,
}

/// How many tools an answer may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Calls {
    /// One.
    One,
    /// Several.
    Several,
}

/// What the model reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prompt {
    /// The conversation, as the model's chat template has it.
    Chat,
    /// The request's prefix and nothing else.
    Raw,
}

/// Turns texts into vectors.
#[async_trait]
pub trait Embedder: Send + Sync {
    /// One vector a text, and the tokens read.
    ///
    /// # Errors
    /// There are none.
    async fn embed(&self, texts: &[String]) -> Result<(Vec<Vec<f32>>, u64), ModelError>;
}
