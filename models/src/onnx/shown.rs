//! A reply as far as it has come, and what of it is shown: an answer is, a call is not. Tokens are told
//! with the text that they end in.

use std::collections::VecDeque;

use agent_core::message::ToolCall;
use agent_core::model::{Finish, Form, Request, TokenLogprob};

use super::calls::CallFormat;
use super::decode::tools;
use super::text::Growing;

/// Hears a reply's text as it comes, with its tokens where their probabilities were asked for.
pub(super) type OnText<'a> = &'a mut dyn FnMut(&str, &[TokenLogprob]);

/// Whether a stop string has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Text {
    Goes,
    Stopped,
}

/// The reply as far as it has come.
pub(super) struct Shown {
    text: Growing,
    format: CallFormat,
    kind: What,
    /// Tokens that were not told yet, with where their text begins and ends.
    untold: VecDeque<(usize, usize, TokenLogprob)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Answer,
    Call,
    Unknown,
}

impl Shown {
    pub(super) fn new(form: &Form, format: CallFormat) -> Shown {
        let text = match form {
            Form::Text { stop } => Growing::until(stop),
            _ => Growing::default(),
        };
        let kind = if tools(form).is_empty() { What::Answer } else { What::Unknown };
        Shown { text, format, kind, untold: VecDeque::new() }
    }

    /// Goes on with a token, of which the probability may be told.
    pub(super) fn push(
        &mut self,
        bytes: &[u8],
        logprob: Option<TokenLogprob>,
        on_text: OnText<'_>,
    ) -> Text {
        let from = self.text.as_str().len();
        let stopped = self.text.push(bytes);
        self.untold.extend(logprob.map(|logprob| (from, self.text.as_str().len(), logprob)));
        if self.kind == What::Unknown {
            let (text, marker) = (self.text.as_str(), self.format.marker());
            if text.starts_with(marker) {
                self.kind = What::Call;
            } else if !marker.starts_with(text) {
                self.kind = What::Answer;
            }
        }
        if self.kind == What::Answer {
            let fresh = self.text.fresh().to_owned();
            self.show(&fresh, on_text);
        }
        if stopped { Text::Stopped } else { Text::Goes }
    }

    /// The text of the whole reply, or its calls.
    pub(super) fn finish(
        mut self,
        request: &Request,
        finish: Finish,
        on_text: OnText<'_>,
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
        let rest = self.text.rest().to_owned();
        // What a stop string cut away is no part of the reply.
        let end = self.text.as_str().len();
        self.untold.retain(|(from, ..)| *from < end);
        self.untold.iter_mut().for_each(|(_, to, _)| *to = end.min(*to));
        self.show(&rest, on_text);
        (self.text.into_string(), calls)
    }

    fn show(&mut self, text: &str, on_text: OnText<'_>) {
        let shown = self.text.sent();
        let ready = self.untold.partition_point(|(_, end, _)| *end <= shown);
        let tokens: Vec<TokenLogprob> =
            self.untold.drain(..ready).map(|(_, _, logprob)| logprob).collect();
        if !text.is_empty() || !tokens.is_empty() {
            on_text(text, &tokens);
        }
    }
}
