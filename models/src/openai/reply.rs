//! From the parts that a server sends to a reply.

use agent_core::message::ToolCall;
use agent_core::model::{Finish, Form, Reply, Request, Tokens};
use agent_core::strategy::after_reasoning;
use guard::Redactor;
use serde_json::Value;

use super::calls::{CallPart, Calls};
use super::chunk::{Piece, Usage};
use super::names::Names;
use super::retry::Failure;
use crate::REPLY_LIMIT;

/// How servers say that a reply is whole. Responses: `completed`; Messages: `end_turn`, `tool_use`,
/// `stop_sequence` (PyPI `anthropic` 2.14.0, `types/stop_reason.py`).
const DONE: [&str; 15] = [
    "stop",
    "tool_call",
    "function_calls",
    "stop_token",
    "finish_reason_stop",
    "tool_calls",
    "function_call",
    "tool_use",
    "end_turn",
    "stop_sequence",
    "eos",
    "eos_token",
    "end",
    "complete",
    "completed",
];

/// How they say that it is not, since it grew too long.
const CUT: [&str; 6] = [
    "length",
    "max_tokens",
    "max_output_tokens",
    "max_length",
    "model_length",
    "model_context_window_exceeded",
];

/// Said of a reply that ends with the stream.
const UNMARKED: &str = "the endpoint did not say why the reply ended (no `finish_reason`): it is taken as \
                        whole, since the stream was ended";

/// Bytes of the text of a reply with so many tokens, and more than most tokens take.
fn room(tokens: u32) -> usize {
    (tokens as usize).saturating_mul(16).saturating_add(4096)
}

/// A reply so far.
#[derive(Debug)]
pub(super) struct Draft {
    content: String,
    reasoning: String,
    calls: Calls,
    usage: Option<Usage>,
    finish: Option<String>,
    /// The server said that the stream is over.
    done: bool,
    /// Bytes of text and calls.
    size: usize,
    /// Bytes that a reply with the tokens that were asked for can have.
    room: usize,
    over: bool,
}

impl Draft {
    /// Nothing yet, of a reply of at most so many tokens.
    pub(super) fn new(tokens: u32) -> Self {
        Self {
            content: String::new(),
            reasoning: String::new(),
            calls: Calls::default(),
            usage: None,
            finish: None,
            done: false,
            size: 0,
            room: room(tokens),
            over: false,
        }
    }

    /// Takes a part in; gives the text it added.
    pub(super) fn take(&mut self, piece: Piece) -> Result<String, Failure> {
        match piece {
            Piece::Text(text) => {
                let text = self.grow(&text).map_err(Failure::new)?.to_string();
                self.content.push_str(&text);
                return Ok(text);
            }
            Piece::Reasoning(text) => {
                // Servers count it apart, and then it may be far longer.
                let left = (4 * self.room).saturating_sub(self.reasoning.len());
                self.over |= text.len() > left;
                self.reasoning.push_str(&text[..text.floor_char_boundary(left)]);
            }
            Piece::Call(mut part) => {
                let before = self.calls.len();
                for text in
                    [&mut part.id, &mut part.name, &mut part.arguments].into_iter().flatten()
                {
                    *text = self.grow(text).map_err(Failure::new)?.to_string();
                }
                self.calls.take(part);
                self.size += 64 * (self.calls.len() - before);
            }
            Piece::Called(part) => self.complete(part),
            Piece::Said(text) if self.content.is_empty() => return self.take(Piece::Text(text)),
            Piece::Said(_) => {}
            Piece::Finish(word) => self.finish = Some(word),
            Piece::Usage(usage) => self.usage = Some(self.usage.unwrap_or_default().and(usage)),
            Piece::End => self.done = true,
            Piece::Error(said) => return Err(Failure::reported(said)),
        }
        Ok(String::new())
    }

    /// Takes a call in full. What came of it in parts is counted already.
    fn complete(&mut self, mut part: CallPart) {
        let most = self.room.min(REPLY_LIMIT);
        let before = self.calls.len();
        let mut size = 64;
        for text in [&mut part.id, &mut part.name, &mut part.arguments].into_iter().flatten() {
            self.over |= text.len() > most;
            text.truncate(text.floor_char_boundary(most));
            size += text.len();
        }
        self.calls.complete(part);
        if self.calls.len() > before {
            self.size += size;
            self.over |= self.size > most;
        }
    }

    /// The server said that nothing follows.
    pub(super) fn end(&mut self) {
        self.done = true;
    }

    /// Whether the server said that nothing follows.
    pub(super) fn ended(&self) -> bool {
        self.done
    }

    /// Whether nothing at all was said.
    pub(super) fn silent(&self) -> bool {
        self.size == 0 && self.reasoning.is_empty() && self.finish.is_none() && self.usage.is_none()
    }

    /// Whether far more came than was asked for: the rest is not waited for.
    pub(super) fn over(&self) -> bool {
        self.over
    }

    /// Whether the model has begun to answer.
    pub(super) fn begun(&self) -> bool {
        self.size > 0
    }

    /// Whether a call has begun.
    pub(super) fn called(&self) -> bool {
        self.calls.len() > 0
    }

    /// Whether the server said why the reply ended.
    pub(super) fn finished(&self) -> bool {
        self.finish.is_some()
    }

    /// What there is room for of a text.
    fn grow<'t>(&mut self, text: &'t str) -> Result<&'t str, String> {
        let left = self.room.saturating_sub(self.size);
        self.size += text.len();
        self.over |= self.size > self.room;
        match self.size > REPLY_LIMIT && !self.over {
            true => Err(format!("the reply has more than {} MiB", REPLY_LIMIT >> 20)),
            false => Ok(&text[..text.floor_char_boundary(left)]),
        }
    }

    /// The reply, once the stream is over.
    pub(super) fn reply(
        self,
        request: &Request,
        names: &Names,
        redactor: &Redactor,
    ) -> Result<(Reply, Usaged), Failure> {
        let finish = self.why()?;
        let unmarked = self.finish.is_none() && finish == Finish::Stop;
        let tool_calls = self.calls.into_calls(names, redactor);
        let content = redactor.clean_text(self.content);
        let answer = after_reasoning(&content);
        let thought = content[..content.rfind(answer).unwrap_or(0)].trim();
        let reasoning = redactor.clean_text(self.reasoning) + thought;
        let content = shaped(answer.to_string(), request);
        let guess = estimate(request, self.size.min(self.room) + reasoning.len());
        let (usage, usaged) = counted(self.usage.unwrap_or_default(), guess, self.size > 0);
        let notes = unmarked.then(|| UNMARKED.to_string()).into_iter().collect();
        let reply = Reply::text(content, usage, finish);
        Ok((Reply { tool_calls, reasoning, notes, ..reply }, usaged))
    }

    /// Why it ended; an error where it is no reply.
    fn why(&self) -> Result<Finish, Failure> {
        let Some(word) = self.finish.as_deref() else {
            return match () {
                _ if self.over => Ok(Finish::Cut),
                _ if self.done && self.begun() => Ok(Finish::Stop),
                _ if self.begun() => {
                    Err(Failure::new("the stream ended before the reply did".to_string()).again())
                }
                _ => Err(Failure::new("the stream ended without a word".to_string()).again()),
            };
        };
        let word = word.trim().to_lowercase();
        match word.as_str() {
            _ if self.over || CUT.contains(&word.as_str()) => Ok(Finish::Cut),
            _ if DONE.contains(&word.as_str()) => Ok(Finish::Stop),
            "content_filter" | "safety" | "refusal" => {
                Err(Failure::new(format!("the server withheld the reply (`{word}`)")))
            }
            _ => Err(Failure::new(format!(
                "the server broke the reply off: its `finish_reason` is `{word}`"
            ))
            .again()),
        }
    }
}

/// The tokens that a server tells, and what is guessed where it tells none or what cannot be.
fn counted(told: Usage, guess: Tokens, came: bool) -> (Tokens, Usaged) {
    let input = told.input.filter(|tokens| *tokens > 0);
    // Where text came, it was no token's.
    let output = told.output.filter(|tokens| *tokens > 0 || !came);
    let usaged = match input.is_some() && output.is_some() {
        true => Usaged::Told,
        false => Usaged::Estimated,
    };
    let (input, output) = (input.unwrap_or(guess.input), output.unwrap_or(guess.output));
    let cached = told.cached.unwrap_or(0).min(input);
    (Tokens { input, cached, output }, usaged)
}

/// Where the token counts come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Usaged {
    Told,
    /// The server told none, so they are worked out from the text, rather too high.
    Estimated,
}

fn estimate(request: &Request, output: usize) -> Tokens {
    let tokens = |bytes: usize| bytes as u64 / 3 + 1;
    let calls = |calls: &[ToolCall]| -> usize {
        calls.iter().map(|call| call.name.len() + call.arguments.to_string().len()).sum()
    };
    let input = request.messages.iter().map(|m| m.content.len() + calls(&m.tool_calls) + 12);
    Tokens { input: tokens(input.sum()), cached: 0, output: tokens(output) }
}

/// The text as the request's form has it.
fn shaped(content: String, request: &Request) -> String {
    let content = after_prefix(content, &request.prefix);
    match &request.form {
        Form::Text { stop } => {
            let ends =
                stop.iter().filter(|s| !s.is_empty()).filter_map(|s| content.find(s.as_str()));
            ends.min().map_or(content.clone(), |end| content[..end].to_string())
        }
        Form::Choice(choices) => chosen(&content, choices).cloned().unwrap_or(content),
        Form::Json(_) | Form::Act(_) | Form::Calls(_) | Form::CallsOrJson(..) => content,
    }
}

/// What follows the prefix, where the model wrote it by itself.
fn after_prefix(content: String, prefix: &str) -> String {
    let prefix = prefix.trim();
    match content.split_once(prefix) {
        Some((_, after)) if !prefix.is_empty() => {
            after.strip_prefix('\n').unwrap_or(after).to_string()
        }
        _ => content,
    }
}

/// The choice that a reply makes: as asked for, as JSON, or as the only one that it names.
fn chosen<'a>(content: &str, choices: &'a [String]) -> Option<&'a String> {
    let json: Option<Value> = serde_json::from_str(content).ok();
    let json = json.as_ref().and_then(|value| value.get("choice").unwrap_or(value).as_str());
    let text = json.unwrap_or(content).trim();
    if let Some(choice) = choices.iter().find(|choice| *choice == text) {
        return Some(choice);
    }
    let lower = text.to_lowercase();
    let mut named = choices.iter().filter(|choice| lower.contains(&choice.to_lowercase()));
    let first = named.next()?;
    named.next().is_none().then_some(first)
}
