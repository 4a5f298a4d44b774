//! From the server's chunks to a reply.
//!
//! The chunks are read leniently, because servers differ: whatever is not needed may be missing.

use agent_core::message::ToolCall;
use agent_core::model::{Finish, Form, Reply, Request, Tokens};
use guard::Redactor;
use serde::Deserialize;
use serde_json::Value;

use super::names::Names;
use crate::REPLY_LIMIT;

/// How servers say that a reply is whole.
const DONE: [&str; 11] = [
    "stop",
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
const CUT: [&str; 3] = ["length", "max_tokens", "model_length"];

/// Bytes of the text of a reply with so many tokens, and more than most tokens take.
fn room(tokens: u32) -> usize {
    (tokens as usize).saturating_mul(16).saturating_add(4096)
}

/// One event of the stream.
#[derive(Debug, Deserialize)]
pub(super) struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<Usage>,
    /// Some servers report an error in the middle of a stream.
    error: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Choice {
    #[serde(default)]
    delta: Delta,
    finish_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Delta {
    content: Option<String>,
    refusal: Option<String>,
    tool_calls: Option<Vec<CallPart>>,
}

#[derive(Debug, Deserialize)]
struct CallPart {
    index: Option<u64>,
    id: Option<String>,
    function: Option<FunctionPart>,
}

#[derive(Debug, Deserialize)]
struct FunctionPart {
    name: Option<String>,
    arguments: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
struct Usage {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
    prompt_tokens_details: Option<Details>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
struct Details {
    cached_tokens: Option<u64>,
}

/// A reply so far.
#[derive(Debug)]
pub(super) struct Draft {
    content: String,
    calls: Vec<Call>,
    usage: Option<Usage>,
    finish: Option<String>,
    size: usize,
    /// Bytes that a reply with the tokens that were asked for can have.
    room: usize,
    over: bool,
}

#[derive(Debug, Default)]
struct Call {
    index: Option<u64>,
    id: String,
    name: String,
    arguments: String,
}

impl Draft {
    /// Nothing yet, of a reply of at most so many tokens.
    pub(super) fn new(tokens: u32) -> Self {
        let (content, room) = (String::new(), room(tokens));
        Self { content, calls: Vec::new(), usage: None, finish: None, size: 0, room, over: false }
    }

    /// Takes a chunk in; gives the text it added. The error is a sentence.
    pub(super) fn take(&mut self, chunk: Chunk) -> Result<String, String> {
        if let Some(error) = chunk.error.filter(|error| !error.is_null()) {
            let words = error.get("message").and_then(Value::as_str);
            return Err(words.map_or_else(|| error.to_string(), str::to_string));
        }
        self.usage = chunk.usage.or(self.usage);
        let mut added = String::new();
        // Only one choice is asked for.
        for choice in chunk.choices.into_iter().take(1) {
            // Some servers write an empty word in each chunk.
            let finish = choice.finish_reason.filter(|word| !word.is_empty());
            self.finish = finish.or(self.finish.take());
            let Delta { content, refusal, tool_calls } = choice.delta;
            for text in [content, refusal].into_iter().flatten() {
                added.push_str(self.grow(&text)?);
            }
            for part in tool_calls.into_iter().flatten() {
                self.take_call(part)?;
            }
        }
        self.content.push_str(&added);
        Ok(added)
    }

    /// Whether far more came than was asked for: the rest is not waited for.
    pub(super) fn over(&self) -> bool {
        self.over
    }

    /// Whether the model has begun to answer.
    pub(super) fn begun(&self) -> bool {
        self.size > 0
    }

    fn take_call(&mut self, part: CallPart) -> Result<(), String> {
        // Some servers leave the index out, and give a new id with every new call.
        let same = |call: &Call| match (part.index, &part.id) {
            (Some(index), _) => call.index == Some(index),
            (None, Some(id)) => call.id == *id,
            (None, None) => true,
        };
        let at = match self.calls.iter().rposition(same) {
            Some(at) => at,
            None => {
                self.size += 64;
                self.calls.push(Call { index: part.index, ..Call::default() });
                self.calls.len() - 1
            }
        };
        let function = part.function.unwrap_or(FunctionPart { name: None, arguments: None });
        let texts = [part.id, function.name, function.arguments].map(Option::unwrap_or_default);
        let [id, name, arguments] = [0, 1, 2].map(|at| self.grow(&texts[at]));
        let (id, name, arguments) = (id?, name?, arguments?);
        let call = &mut self.calls[at];
        if call.id.is_empty() {
            call.id.push_str(id);
        }
        if *name != call.name {
            call.name.push_str(name);
        }
        call.arguments.push_str(arguments);
        Ok(())
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

    /// The reply, once the stream is over. The error is a sentence.
    pub(super) fn reply(
        self,
        request: &Request,
        names: &Names,
        redactor: &Redactor,
    ) -> Result<(Reply, Usaged), String> {
        let finish = match self.finish.as_deref() {
            _ if self.over => Finish::Cut,
            None if self.size == 0 && self.usage.is_none() => {
                return Err("the stream ended without a word".to_string());
            }
            None => return Err("the stream ended before the reply did".to_string()),
            Some(word) if CUT.contains(&word.to_lowercase().as_str()) => Finish::Cut,
            Some(word) if DONE.contains(&word.to_lowercase().as_str()) => Finish::Stop,
            Some("content_filter") => {
                return Err("the server withheld the reply (`content_filter`)".to_string());
            }
            Some(word) => {
                return Err(format!(
                    "the server broke the reply off: its `finish_reason` is `{word}`"
                ));
            }
        };
        let call = |(n, call): (usize, Call)| ToolCall {
            id: match call.id.is_empty() {
                true => format!("call-{}", n + 1),
                false => redactor.clean_text(call.id),
            },
            name: names.own(&redactor.clean_text(call.name)),
            arguments: crate::arguments(Value::String(redactor.clean_text(call.arguments))),
        };
        let tool_calls: Vec<_> = self.calls.into_iter().enumerate().map(call).collect();
        let content = shaped(redactor.clean_text(self.content), request);
        let guess = estimate(request, self.size.min(self.room));
        let (usage, usaged) = match self.usage {
            Some(mut usage) => {
                // Where text came, it was no token's; and something was asked.
                let none =
                    (usage.completion_tokens == 0 && self.size > 0, usage.prompt_tokens == 0);
                if none.0 {
                    usage.completion_tokens = guess.output;
                }
                if none.1 {
                    usage.prompt_tokens = guess.input;
                }
                let cached = usage.prompt_tokens_details.and_then(|details| details.cached_tokens);
                let cached = cached.unwrap_or(0).min(usage.prompt_tokens);
                let (input, output) = (usage.prompt_tokens, usage.completion_tokens);
                let usaged = if none.0 || none.1 { Usaged::Estimated } else { Usaged::Told };
                (Tokens { input, cached, output }, usaged)
            }
            None => (guess, Usaged::Estimated),
        };
        Ok((Reply { content, tool_calls, usage, finish, odds: Vec::new() }, usaged))
    }
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
