//! A conversation: a person says more after an answer, and the run goes on; or takes back what was
//! said last. A run that is not continued has one turn.

use std::sync::Arc;

use serde_json::Value;

use super::calls::Happened;
use text::head;

use super::{Run, host, unsure};
use crate::event::{Event, Outcome, Status, What};
use crate::message::Message;

/// The most turns, and characters of each, that a model is reminded of which has no conversation.
const REMINDED: (usize, usize) = (6, 1200);

/// A turn that is over.
#[derive(Debug, Clone)]
pub(super) struct Turn {
    said: String,
    answer: Value,
}

/// The outcome of a run that is over, as its events tell it.
pub fn ended(events: &[Event]) -> Option<&Outcome> {
    let (mut outcome, mut before) = (None, Vec::new());
    for event in events {
        match &event.what {
            What::Ended { outcome: ended } => outcome = Some(ended),
            What::Said { .. } => before.push(outcome.take()),
            What::Undone => outcome = before.pop().unwrap_or(outcome),
            _ => {}
        }
    }
    outcome
}

impl Run {
    /// What a person can take back: what was said last, unless it was the task.
    pub fn latest_said(&self) -> Option<&str> {
        self.before.as_ref().map(|_| self.saying.as_str())
    }

    /// What was said and what was answered so far; null where there is no answer.
    pub fn turns(&self) -> impl Iterator<Item = (&str, &Value)> {
        let over = self.turns.iter().map(|turn| (turn.said.as_str(), &turn.answer));
        let answer = self.outcome.as_ref().map_or(&Value::Null, |outcome| &outcome.value);
        over.chain([(self.saying.as_str(), answer)])
    }

    /// A person says more: what was under way is over, and the budget of a turn begins anew.
    pub(super) fn said(&mut self, text: &str) {
        let before = Arc::new(self.clone());
        for (call, happened) in self.calls.open() {
            let seen = match happened {
                Happened::Perhaps => unsure(),
                Happened::No => host(Status::Denied, "a person stopped this call".to_string()),
            };
            self.observed(&call, &seen);
        }
        // What would have followed from them belongs to the turn that is over.
        self.calls.take();
        let answer = self.outcome.take().map_or(Value::Null, |outcome| outcome.value);
        let said = std::mem::replace(&mut self.saying, text.to_string());
        self.turns.push(Turn { said, answer });
        (self.answer, self.stop, self.planned, self.rejected) = (None, None, None, None);
        (self.correcting, self.warned, self.last) = (false, false, false);
        self.ledger.renew(self.agent.budget);
        if self.strategy.conversation().is_some() {
            self.history.push(Arc::new(Message::user(text)));
        } else {
            Arc::make_mut(&mut self.agent).task = reminded(&self.turns, text);
            self.strategy = (self.entry.start)(&self.tools);
            let next = self.with_strategy(|strategy, run| strategy.begin(run));
            self.follow(next);
        }
        self.before = Some(before);
    }

    /// The run is what it was before the latest thing was said, but for what only ever grows: its
    /// events, what it has spent, and the names of its calls.
    pub(super) fn undo(&mut self) {
        let Some(before) = self.before.take() else { return };
        let now = std::mem::replace(self, (*before).clone());
        (self.seq, self.now, self.replies) = (now.seq, now.now, now.replies);
        self.kept = now.kept;
        self.ledger = now.ledger;
        self.calls.count_on(&now.calls);
    }
}

/// A task for a model that is told nothing but its task: what was said before, and what is said now.
fn reminded(turns: &[Turn], text: &str) -> String {
    let (most, length) = REMINDED;
    let mut task = "Earlier in this conversation:\n".to_string();
    for Turn { said, answer } in &turns[turns.len().saturating_sub(most)..] {
        let answer = match answer.get("answer").and_then(Value::as_str) {
            Some(text) => text.to_string(),
            None if answer.is_null() => "(there was none)".to_string(),
            None => answer.to_string(),
        };
        let (said, answer) = (head(said, length), head(&answer, length));
        task += &format!("Question: {said}\nAnswer: {answer}\n");
    }
    task + "\nThe question now: " + text
}
