//! What a model thinks before it replies: as much as it was granted, apart from the reply, which begins where the
//! thought has ended or its tokens are spent.

use agent_core::model::{Form, Reply, Request};

use super::EngineError;
use super::asking::{Ahead, Asking, Prompt};
use super::decode::{Decoder, Engine, tools};
use super::sampler::Sampler;
use super::shown::OnText;
use super::template::Begun;
use super::writing::Way;

/// The fewest tokens that a reply is left after a thought.
const REPLY: usize = 64;

/// What was thought, and how many tokens that took.
pub(super) struct Thought {
    text: String,
    tokens: u64,
}

impl<D: Decoder> Engine<D> {
    /// Whether it thinks before this reply. A choice is made by the odds of what is there to choose from.
    pub(super) fn thinks(&self, request: &Request, asking: Asking) -> bool {
        let chat = asking.prompt == Prompt::Chat;
        let choice = matches!(request.form, Form::Choice(_));
        chat && !choice && request.reasoning > 0 && self.template.thought_ends().is_some()
    }

    /// Thinks, within what is granted for it.
    pub(super) fn thought(
        &mut self,
        prompt: Vec<u32>,
        request: &Request,
        limit: usize,
        sampler: Sampler,
        on_text: OnText<'_>,
    ) -> Result<Thought, EngineError> {
        let stop = self.template.thought_ends().map(str::to_string).into_iter().collect();
        let thinking = Request { form: Form::Text { stop }, ..request.clone() };
        let way = Way {
            limit: granted(request, limit),
            rails: None,
            sampler,
            logprobs: None,
            ahead: Ahead::Nothing,
        };
        // A thought is not shown; that there is one is a sign of life.
        let reply = self.write(prompt, &thinking, way, &mut |_, _| on_text("", &[]))?;
        Ok(Thought { text: reply.content, tokens: reply.usage.output })
    }

    /// Replies after a thought.
    pub(super) fn after(
        &mut self,
        thought: Thought,
        request: &Request,
        way: Way,
        on_text: OnText<'_>,
    ) -> Result<Reply, EngineError> {
        let Thought { text, tokens } = thought;
        let begun = Begun::Thought(&text, &request.prefix);
        let tools = tools(&request.form);
        let prompt = self.template.tokens(&self.tokenizer, &request.messages, tools, begun)?;
        let had = self.fed.iter().zip(&prompt).take_while(|(had, token)| had == token).count();
        self.rewind(had);
        let mut reply = self.write(prompt, request, way, on_text)?;
        reply.usage.output += tokens;
        reply.reasoning = text.trim().to_string();
        Ok(reply)
    }
}

/// How many tokens of what a reply may have in all are for the thought before it: some are left to reply with.
pub(super) fn granted(request: &Request, limit: usize) -> usize {
    let granted = usize::try_from(request.reasoning).unwrap_or(usize::MAX);
    granted.min(limit.saturating_sub(REPLY))
}
