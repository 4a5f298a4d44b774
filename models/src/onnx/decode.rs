//! One reply: the prompt against the cache, then what the request's form asks for, written or chosen.

use std::ops::AddAssign;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use agent_core::model::{Form, ModelError, Reply, Request, Sampling};
use agent_core::tool::ToolSpec;

use super::EngineError;
use super::asking::{Asking, Prompt, Room};
use super::grammar::{Grammars, Rails};
use super::sampler::{Sampler, best};
use super::shown::OnText;
use super::template::{Begun, Template};
use super::thinking::granted;
use super::tokenizer::Tokenizer;
use super::writing::Way;

/// What turns tokens into logits and remembers them: a conversation with a network, or in tests something
/// that needs no weights.
pub(super) trait Decoder {
    /// Makes ready for a prompt whose first `common` tokens begin many others; how many of its first tokens
    /// are remembered, never all of them.
    fn begin(&mut self, prompt: &[u32], common: usize, asker: u64) -> Result<usize, EngineError>;
    /// The reply is done, or given up. What was read may be remembered for another prompt.
    fn end(&mut self);
    /// Forgets all but the first `to`.
    fn rewind(&mut self, to: usize);
    /// Stops [`Decoder::feed`] early once the flag is up.
    fn stop_on(&mut self, flag: Arc<AtomicBool>);
    /// Reads more tokens, and has the logits after each of the last `rows` of them.
    fn feed(&mut self, tokens: &[u32], rows: usize) -> Result<(), EngineError>;
    /// The logits that were had last, one position after the other.
    fn logits(&self) -> &[f32];
    /// How many logits a position has.
    fn width(&self) -> usize;
}

/// What the engine has done since it was opened, and how long it took.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Pace {
    /// Until the model was open.
    pub load: Duration,
    /// Prompt tokens that were not in the cache.
    pub read: u64,
    /// The time for them.
    pub reading: Duration,
    /// Tokens generated, those that the grammar forced among them.
    pub written: u64,
    /// Those that the grammar forced.
    pub forced: u64,
    /// Tokens that were read ahead because they might come.
    pub drafted: u64,
    /// Those of them that came.
    pub guessed: u64,
    /// The time for them, grammar included.
    pub writing: Duration,
    /// What the grammar took of `writing`.
    pub masking: Duration,
    /// Making grammars of forms, once a reply.
    pub compiling: Duration,
}

impl AddAssign for Pace {
    fn add_assign(&mut self, more: Pace) {
        self.load += more.load;
        self.read += more.read;
        self.reading += more.reading;
        self.written += more.written;
        self.forced += more.forced;
        self.drafted += more.drafted;
        self.guessed += more.guessed;
        self.writing += more.writing;
        self.masking += more.masking;
        self.compiling += more.compiling;
    }
}

/// A decoder with everything that makes text of it.
pub(super) struct Engine<D> {
    pub(super) name: String,
    pub(super) decoder: D,
    pub(super) tokenizer: Arc<Tokenizer>,
    pub(super) template: Arc<Template>,
    pub(super) grammars: Arc<Grammars>,
    pub(super) sampling: Sampling,
    pub(super) context: usize,
    /// The tokens that the decoder remembers of the prompt and has read since.
    pub(super) fed: Vec<u32>,
    pub(super) pace: Pace,
}

impl<D: Decoder> Engine<D> {
    /// Answers, unless `stop` goes up first.
    pub(super) fn think(
        &mut self,
        request: &Request,
        asking: Asking,
        stop: Arc<AtomicBool>,
        on_text: OnText<'_>,
    ) -> Result<Reply, ModelError> {
        self.decoder.stop_on(stop);
        let model = self.name.clone();
        let reply = self.answer(request, asking, on_text);
        self.decoder.end();
        reply.map_err(|error| match error {
            EngineError::TooLong { tokens, context } => {
                ModelError::TooLong { model, tokens: tokens as u64, context: context as u64 }
            }
            EngineError::Form(reason) => ModelError::Form(reason),
            EngineError::Template(reason) => {
                let hint = "the model's chat template takes no such conversation".to_string();
                ModelError::Refused { model, reason, hint }
            }
            other => ModelError::Broken { model, reason: other.to_string() },
        })
    }

    fn answer(
        &mut self,
        request: &Request,
        asking: Asking,
        on_text: OnText<'_>,
    ) -> Result<Reply, EngineError> {
        let started = Instant::now();
        let (format, calls) = (self.template.format(), asking.calls);
        let rails = self.grammars.rails(&request.form, format, calls, &self.tokenizer)?;
        self.pace.compiling += started.elapsed();
        let tools = tools(&request.form);
        let thinks = self.thinks(request, asking);
        let begun = if thinks { Begun::Thinking } else { Begun::Reply(&request.prefix) };
        let (prompt, common) = match asking.prompt {
            Prompt::Chat => {
                let (tokenizer, messages) = (&self.tokenizer, &request.messages);
                let prompt = self.template.tokens(tokenizer, messages, tools, begun)?;
                let common = match tools {
                    [] => self.template.common(tokenizer, messages, &prompt)?,
                    _ => 0,
                };
                (prompt, common)
            }
            Prompt::Raw => (self.template.raw(&self.tokenizer, &request.prefix), 0),
        };
        let limit = match asking.room {
            Room::Whole => request.max_tokens as usize,
            Room::Left => {
                // At least one token, or there is nothing to answer with.
                let left = self.context.saturating_sub(prompt.len()).max(1);
                left.min(request.max_tokens as usize)
            }
        };
        let room = prompt.len() + limit;
        if room > self.context {
            return Err(EngineError::TooLong { tokens: room, context: self.context });
        }
        let cached = self.decoder.begin(&prompt, common, asking.asker)?;
        self.fed.clear();
        self.fed.extend(&prompt[..cached]);
        let input = prompt.len() as u64;
        let sampling = asking.sampling.unwrap_or(self.sampling);
        let mut sampler = Sampler::new(sampling, request.call);
        let logprobs = asking.logprobs.map(usize::from);
        let way = |limit, sampler| Way { limit, rails, sampler, logprobs, ahead: asking.ahead };
        let mut reply = match &request.form {
            Form::Choice(choices) => self.choose(&prompt[cached..], choices, &mut sampler, on_text),
            _ if thinks => {
                let thought = self.thought(prompt, request, limit, sampler, on_text)?;
                let sampler = Sampler::new(sampling, request.call);
                let left = limit - granted(request, limit);
                self.after(thought, request, way(left, sampler), on_text)
            }
            _ => self.write(prompt, request, way(limit, sampler), on_text),
        }?;
        if request.reasoning > 0 && self.template.thought_ends().is_none() {
            reply.notes.push("this model does not think: `reasoning` is of no use".to_string());
        }
        reply.usage.input = input;
        reply.usage.cached = cached as u64;
        self.pace.read += input - cached as u64;
        Ok(reply)
    }

    /// Forgets all but the first `to` tokens.
    pub(super) fn rewind(&mut self, to: usize) {
        self.decoder.rewind(to);
        self.fed.truncate(to);
    }
}

/// Reads tokens and keeps the account of what was read. What was read before an error is not in
/// the account, and the next request's rewind forgets it.
pub(super) fn feed<'a>(
    decoder: &'a mut impl Decoder,
    fed: &mut Vec<u32>,
    tokens: &[u32],
) -> Result<&'a [f32], EngineError> {
    decoder.feed(tokens, 1)?;
    fed.extend(tokens);
    Ok(decoder.logits())
}

/// Chooses what comes next, held to the rails where there are some.
pub(super) fn next(
    logits: &[f32],
    tokenizer: &Tokenizer,
    rails: Option<&mut Rails>,
    sampler: &mut Sampler,
) -> Result<u32, EngineError> {
    let nothing = || EngineError::Run("its logits name no token".to_string());
    let Some(rails) = rails else {
        return sampler.choose(logits, |token| tokenizer.speaks(token as u32)).ok_or_else(nothing);
    };
    // The best token is mostly one that may come, and asking for one is far cheaper than for all.
    if sampler.greedy() {
        let best = best(logits, |_| true).ok_or_else(nothing)?;
        if rails.allows(best)? {
            return Ok(best);
        }
    }
    let mask = rails.mask()?;
    sampler.choose(logits, |token| mask.is_allowed(token as u32)).ok_or_else(nothing)
}

/// The tools that a form offers.
pub(super) fn tools(form: &Form) -> &[Arc<ToolSpec>] {
    match form {
        Form::Act(specs) | Form::Calls(specs) | Form::CallsOrJson(specs, _) => specs,
        _ => &[],
    }
}
