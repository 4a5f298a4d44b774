//! What a run needs next: something of a person, a call, something written down or a thought of its model,
//! whose prompt is held against what is left of the budget.

use std::sync::Arc;

use super::{Consent, Run};
use crate::action::{Action, CallId};
use crate::content::ContentPart;
use crate::event::{Outcome, Reason, What};
use crate::ledger::Room;
use crate::message::{Message, ToolCall};
use crate::model::{Form, Request};
use crate::strategy::{PLAN, Prompt};

/// What a run needs next.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Ask the model. `fresh` is how many tokens it will have to read, roughly, and `last` says
    /// that the budget has no room for another call.
    Think {
        /// What to ask.
        request: Request,
        /// Tokens that are not in the model's cache, as an estimate.
        fresh: u64,
        /// Whether the reply must be the answer.
        last: bool,
    },
    /// Plan and judge these calls.
    Judge(Vec<(CallId, ToolCall)>),
    /// Do these; they were allowed.
    Act(Vec<(Action, Consent)>),
    /// Write this down.
    Record(What),
    /// Ask a person whether this may happen.
    Ask(Action, Vec<String>),
    /// Nothing: it is over.
    Done(Outcome),
}

impl Run {
    /// What it needs next.
    pub fn step(&self) -> Step {
        if let Some(outcome) = &self.outcome {
            return Step::Done(outcome.clone());
        }
        if let Some(plan) = &self.planned {
            return Step::Record(What::Planned { plan: plan.clone() });
        }
        if let Some(ask) = self.step_of_proposal() {
            return ask;
        }
        if let Some(value) = &self.answer {
            return Step::Record(What::Ended {
                outcome: Outcome { value: value.clone(), ..Outcome::default() },
            });
        }
        if let Some(detail) = &self.stop {
            let (reason, detail) = (Some(Reason::Unsupported), Some(detail.clone()));
            let outcome = Outcome { reason, detail, ..Outcome::default() };
            return Step::Record(What::Ended { outcome });
        }
        self.calls.step().unwrap_or_else(|| self.step_of_thought())
    }

    /// A proposal that waits for a person is asked about as a call is.
    fn step_of_proposal(&self) -> Option<Step> {
        let proposal = self.strategy.proposal()?;
        let action = Action {
            id: CallId(PLAN.to_string()),
            tool: PLAN.to_string(),
            arguments: proposal.arguments,
            capabilities: Vec::new(),
            taint: self.taint(),
        };
        Some(Step::Ask(action, vec![proposal.reason]))
    }

    fn step_of_thought(&self) -> Step {
        let plenty = self.prompt(false);
        let unread = match &plenty.messages {
            Some(own) => own.iter().map(size).sum(),
            None => self.unread(),
        };
        let said = plenty.say.as_ref().map_or(0, String::len) + plenty.prefix.len();
        let fresh = tokens(unread + said);
        let (prompt, last) = match self.ledger.room(fresh, self.most(&plenty).into()) {
            Room::Spent(reason) => {
                return Step::Record(What::Ended { outcome: self.cut_short(reason) });
            }
            Room::Plenty => (plenty, false),
            Room::Last => (self.prompt(true), true),
        };
        let max_tokens = self.most(&prompt);
        let mut messages = match prompt.messages {
            Some(own) => own.into_iter().map(Arc::new).collect(),
            None => self.history.clone(),
        };
        messages.extend(prompt.say.map(Message::user).map(Arc::new));
        Step::Think {
            request: Request {
                call: self.replies,
                messages,
                prefix: prompt.prefix,
                reasoning: max_tokens - prompt.max_tokens,
                form: prompt.form,
                max_tokens,
            },
            fresh,
            last,
        }
    }

    /// The most tokens of a reply, with what the model may think before it. A word is chosen without.
    fn most(&self, prompt: &Prompt) -> u32 {
        let reasoning = match prompt.form {
            Form::Choice(_) => 0,
            _ => self.agent.model.reasoning,
        };
        prompt.max_tokens.saturating_add(reasoning)
    }

    /// How much of the conversation is not in the model's cache, in bytes.
    pub(super) fn unread(&self) -> usize {
        let from = if self.traits.caches { self.read.min(self.history.len()) } else { 0 };
        self.history[from..].iter().map(|message| size(message)).sum()
    }
}

/// How large a message is, in bytes of text: a part is as much text as its tokens would be.
fn size(message: &Message) -> usize {
    let parts: u64 = message.parts.iter().map(ContentPart::tokens).sum();
    message.content.len() + usize::try_from(parts * 3).unwrap_or(usize::MAX)
}

/// How many tokens so many bytes of a prompt are: three a token is a high estimate for text in most
/// languages.
pub(super) fn tokens(bytes: usize) -> u64 {
    bytes as u64 / 3 + 8
}
