//! One reply at a time: the prompt against the cache, then token after token, held to the
//! request's form.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use agent_core::message::ToolCall;
use agent_core::model::{Finish, Form, ModelError, Reply, Request, Sampling, Tokens};
use agent_core::tool::ToolSpec;

use super::EngineError;
use super::asking::{Asking, Prompt, Room};
use super::calls::CallFormat;
use super::grammar::{Grammars, Rails};
use super::repetition::repeats;
use super::sampler::{Sampler, best};
use super::template::Template;
use super::text::Growing;
use super::tokenizer::Tokenizer;

/// What turns tokens into logits and remembers them: a [`super::Session`], or in tests something
/// that needs no weights.
pub(super) trait Decoder {
    /// Forgets all but the first `to`.
    fn rewind(&mut self, to: usize);
    /// Stops [`Decoder::feed`] early once the flag is up.
    fn stop_on(&mut self, flag: Arc<AtomicBool>);
    /// Reads more tokens; gives the logits after the last.
    fn feed(&mut self, tokens: &[u32]) -> Result<&[f32], EngineError>;
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
    /// The time for them, grammar included.
    pub writing: Duration,
    /// What the grammar took of `writing`.
    pub masking: Duration,
    /// Making grammars of forms, once a reply.
    pub compiling: Duration,
}

/// A decoder with everything that makes text of it.
pub(super) struct Engine<D> {
    pub(super) name: String,
    pub(super) decoder: D,
    pub(super) tokenizer: Arc<Tokenizer>,
    pub(super) template: Template,
    pub(super) grammars: Grammars,
    pub(super) sampling: Sampling,
    pub(super) context: usize,
    /// The tokens that the decoder remembers.
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
        on_text: &mut dyn FnMut(&str),
    ) -> Result<Reply, ModelError> {
        self.decoder.stop_on(stop);
        let model = self.name.clone();
        self.answer(request, asking, on_text).map_err(|error| match error {
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
        on_text: &mut dyn FnMut(&str),
    ) -> Result<Reply, EngineError> {
        let started = Instant::now();
        let (format, calls) = (self.template.format(), asking.calls);
        let rails = self.grammars.rails(&request.form, format, calls, &self.tokenizer)?;
        self.pace.compiling += started.elapsed();
        let tools = tools(&request.form);
        let prompt = match asking.prompt {
            Prompt::Chat => {
                self.template.tokens(&self.tokenizer, &request.messages, tools, &request.prefix)?
            }
            Prompt::Raw => self.template.raw(&self.tokenizer, &request.prefix),
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
        // The last token is always read again: its logits say what comes next.
        let same = self.fed.iter().zip(&prompt).take_while(|(had, new)| had == new).count();
        let cached = same.min(prompt.len().saturating_sub(1));
        self.rewind(cached);
        let input = prompt.len() as u64;
        let sampling = asking.sampling.unwrap_or(self.sampling);
        let mut sampler = Sampler::new(sampling, request.call);
        let new = &prompt[cached..];
        let mut reply = match &request.form {
            Form::Choice(choices) => self.choose(new, choices, &mut sampler, on_text),
            _ => self.write(new, request, limit, rails, &mut sampler, on_text),
        }?;
        reply.usage.input = input;
        reply.usage.cached = cached as u64;
        self.pace.read += input - cached as u64;
        Ok(reply)
    }

    fn write(
        &mut self,
        prompt: &[u32],
        request: &Request,
        limit: usize,
        mut rails: Option<Rails>,
        sampler: &mut Sampler,
        on_text: &mut dyn FnMut(&str),
    ) -> Result<Reply, EngineError> {
        let mut shown = Shown::new(&request.form, self.template.format());
        let mut pending = prompt.to_vec();
        let mut written = Vec::new();
        let mut output = 0;
        let mut started = Instant::now();
        let mut read = false;
        let finish = loop {
            if let Some(rails) = &mut rails {
                // What must come needs no logits: it is read together with what came before.
                let forced = rails.forced();
                let fits = forced.len().min(limit - output);
                for &token in &forced[..fits] {
                    shown.push(self.tokenizer.bytes(token), on_text);
                }
                output += fits;
                self.pace.forced += fits as u64;
                pending.extend(&forced[..fits]);
                if fits < forced.len() {
                    break Finish::Cut;
                }
                if rails.done() {
                    break Finish::Stop;
                }
            }
            if output == limit {
                break Finish::Cut;
            }
            let logits = feed(&mut self.decoder, &mut self.fed, &pending)?;
            if !read {
                self.pace.reading += started.elapsed();
                started = Instant::now();
                read = true;
            }
            let token = next(logits, &self.tokenizer, rails.as_mut(), sampler)?;
            if let Some(rails) = &mut rails {
                rails.take(token)?;
            }
            if self.tokenizer.ends(token) {
                break Finish::Stop;
            }
            output += 1;
            pending = vec![token];
            if shown.push(self.tokenizer.bytes(token), on_text) == Text::Stopped {
                break Finish::Stop;
            }
            written.push(token);
            if repeats(&written) {
                break Finish::Looped;
            }
        };
        if read {
            self.pace.writing += started.elapsed();
        }
        self.pace.masking += rails.map(|rails| rails.spent()).unwrap_or_default();
        self.pace.written += output as u64;
        let (content, tool_calls) = shown.finish(request, finish, on_text);
        let usage = Tokens { output: output as u64, ..Tokens::default() };
        Ok(Reply { tool_calls, ..Reply::text(content, usage, finish) })
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
    let logits = decoder.feed(tokens)?;
    fed.extend(tokens);
    Ok(logits)
}

fn next(
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

fn tools(form: &Form) -> &[Arc<ToolSpec>] {
    match form {
        Form::Act(specs) | Form::Calls(specs) | Form::CallsOrJson(specs, _) => specs,
        _ => &[],
    }
}

/// Whether a stop string has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Text {
    Goes,
    Stopped,
}

/// The reply as far as it has come, and what of it was shown: an answer is, a call is not.
struct Shown {
    text: Growing,
    format: CallFormat,
    kind: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Answer,
    Call,
    Unknown,
}

impl Shown {
    fn new(form: &Form, format: CallFormat) -> Shown {
        let text = match form {
            Form::Text { stop } => Growing::until(stop),
            _ => Growing::default(),
        };
        let kind = if tools(form).is_empty() { What::Answer } else { What::Unknown };
        Shown { text, format, kind }
    }

    fn push(&mut self, bytes: &[u8], on_text: &mut dyn FnMut(&str)) -> Text {
        let stopped = self.text.push(bytes);
        if self.kind == What::Unknown {
            let (text, marker) = (self.text.as_str(), self.format.marker());
            if text.starts_with(marker) {
                self.kind = What::Call;
            } else if !marker.starts_with(text) {
                self.kind = What::Answer;
            }
        }
        if self.kind == What::Answer {
            show(self.text.fresh(), on_text);
        }
        if stopped { Text::Stopped } else { Text::Goes }
    }

    fn finish(
        mut self,
        request: &Request,
        finish: Finish,
        on_text: &mut dyn FnMut(&str),
    ) -> (String, Vec<ToolCall>) {
        self.text.finish();
        let specs = tools(&request.form);
        let mut calls = Vec::new();
        // A fragment may hold whole calls; the reply is a fragment all the same.
        if finish == Finish::Stop && self.kind != What::Answer {
            let known = request.messages.iter().map(|message| message.tool_calls.len()).sum();
            calls = self.format.parse(self.text.as_str(), specs, known);
        }
        if !calls.is_empty() {
            return (String::new(), calls);
        }
        show(self.text.rest(), on_text);
        (self.text.into_string(), calls)
    }
}

fn show(text: &str, on_text: &mut dyn FnMut(&str)) {
    if !text.is_empty() {
        on_text(text);
    }
}
