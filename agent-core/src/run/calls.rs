//! The calls of the turn under way: what was asked, how far each has come, and what the guests of
//! those that are not observed yet have done. It decides nothing; it takes in what was decided.

use std::collections::BTreeMap;

use super::{Step, denied, unsure};
use crate::action::{Action, CallId, Capability, Decision, Verdict};
use crate::event::{Observation, What};
use crate::message::ToolCall;
use crate::replay_seed::Start;
use crate::tool::Effect;

/// The calls of a turn, in the order asked, and a count of all the run has made.
#[derive(Debug, Clone, Default)]
pub(super) struct Calls {
    calls: Vec<Call>,
    count: u64,
    /// In order. There is one while a call works, and that of many runs waits for room in the sandbox at once: a tree's
    /// first node has room for eleven.
    inner: Vec<(CallId, Inner)>,
}

#[derive(Debug, Clone)]
struct Call {
    id: CallId,
    asked: ToolCall,
    state: State,
}

#[derive(Debug, Clone)]
enum State {
    New,
    Ready(Action, Consent),
    Asking(Action, Vec<String>),
    Acting(Action, Consent, Effect),
    /// It was acting when the driver stopped.
    Interrupted(Action, Consent, Effect),
    Observed(Observation),
}

/// Whether a call that was stopped changed anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Happened {
    No,
    Perhaps,
}

/// Who allowed a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// The policy alone.
    Policy,
    /// A person, where the policy left it open.
    Person,
}

/// What the guest of a call that is not observed yet has done: a rerun takes it as done.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Inner {
    /// The calls it made, in order.
    pub calls: Vec<InnerCall>,
    /// The uses it made, by mark; `true` once the change behind it has happened.
    pub uses: BTreeMap<u64, (Capability, bool)>,
    /// What its clocks and random numbers began with.
    pub start: Option<Start>,
}

/// One call made by the guest of another.
#[derive(Debug, Clone, PartialEq)]
pub struct InnerCall {
    /// What it was.
    pub action: Action,
    /// What was said to it.
    pub verdict: Verdict,
    /// Set once it was begun.
    pub effect: Option<Effect>,
    /// Set once it gave something back.
    pub observation: Option<Observation>,
}

impl Calls {
    /// The model asks for these.
    pub(super) fn add(&mut self, calls: Vec<ToolCall>) {
        self.calls.reserve_exact(calls.len());
        for asked in calls {
            self.count += 1;
            let id = CallId(format!("c{}", self.count));
            self.calls.push(Call { id, asked, state: State::New });
        }
    }

    /// What the calls need next; `None` where nothing is under way.
    pub(super) fn step(&self) -> Option<Step> {
        let new = self.calls.iter().filter(|call| matches!(call.state, State::New));
        let new: Vec<_> = new.map(|call| (call.id.clone(), call.asked.clone())).collect();
        if !new.is_empty() {
            return Some(Step::Judge(new));
        }
        let mut ready = Vec::new();
        for call in &self.calls {
            match &call.state {
                State::Ready(action, consent) => ready.push((action.clone(), *consent)),
                State::Interrupted(action, consent, effect) if effect.may_repeat() => {
                    ready.push((action.clone(), *consent));
                }
                State::Interrupted(..) => {
                    return Some(Step::Record(What::Observed {
                        call: call.id.clone(),
                        observation: unsure(),
                    }));
                }
                _ => {}
            }
        }
        if !ready.is_empty() {
            return Some(Step::Act(ready));
        }
        self.calls.iter().find_map(|call| match &call.state {
            State::Asking(action, reasons) => Some(Step::Ask(action.clone(), reasons.clone())),
            _ => None,
        })
    }

    /// What a call's guest has done so far.
    pub(super) fn inner(&self, call: &CallId) -> Inner {
        self.known(call).cloned().unwrap_or_default()
    }

    /// What a call that is under way may do to the world.
    pub(super) fn effect(&self, id: &CallId) -> Option<Effect> {
        let inner = id.parent().and_then(|parent| self.known(&parent));
        if let Some(call) = inner.and_then(|it| it.calls.iter().find(|it| it.action.id == *id)) {
            return call.effect;
        }
        match &self.calls.iter().find(|call| call.id == *id)?.state {
            State::Acting(.., effect) => Some(*effect),
            _ => None,
        }
    }

    /// Whether this call of the model's is the only one that has not given anything back.
    pub(super) fn waits_for_no_other(&self, id: &CallId) -> bool {
        let mut open = self.calls.iter().filter(|call| !matches!(call.state, State::Observed(_)));
        open.next().is_some_and(|call| call.id == *id) && open.next().is_none()
    }

    /// Those that gave something back and were not told yet, in the order asked.
    pub(super) fn observations(&self) -> impl Iterator<Item = (&ToolCall, &Observation)> {
        self.calls.iter().filter_map(|call| match &call.state {
            State::Observed(observation) => Some((&call.asked, observation)),
            _ => None,
        })
    }

    /// The turn is over: each call with what it gave back, in the order asked.
    pub(super) fn take(&mut self) -> Vec<(CallId, ToolCall, Observation)> {
        let calls = std::mem::take(&mut self.calls).into_iter();
        calls
            .filter_map(|call| match call.state {
                State::Observed(observation) => Some((call.id, call.asked, observation)),
                _ => None,
            })
            .collect()
    }

    /// What comes of the verdict: an observation, where it was no.
    #[must_use]
    pub(super) fn judged(&mut self, action: &Action, verdict: &Verdict) -> Option<Observation> {
        if let Some(parent) = action.id.parent() {
            let calls = &mut self.inner_of(&parent).calls;
            // A rerun that took another way replaces what was recorded from there on.
            calls.retain(|call| call.action.id.ordinal() < action.id.ordinal());
            calls.push(InnerCall {
                action: action.clone(),
                verdict: verdict.clone(),
                effect: None,
                observation: None,
            });
            return None;
        }
        let call = self.call(&action.id)?;
        match verdict.decision {
            Decision::Allow => call.state = State::Ready(action.clone(), Consent::Policy),
            Decision::Ask => {
                call.state = State::Asking(action.clone(), verdict.reasons.clone());
            }
            Decision::Deny => return Some(denied(&verdict.reasons)),
        }
        None
    }

    /// What comes of a person's answer: an observation, where it was no.
    #[must_use]
    pub(super) fn answered(&mut self, id: &CallId, granted: bool) -> Option<Observation> {
        let call = self.call(id)?;
        let State::Asking(action, _) = &call.state else { return None };
        if !granted {
            return Some(denied(&["a person said no".to_string()]));
        }
        call.state = State::Ready(action.clone(), Consent::Person);
        None
    }

    /// A call begins.
    pub(super) fn acting(&mut self, id: &CallId, effect: Effect, start: Option<Start>) {
        if let Some(start) = start {
            self.inner_of(id).start.get_or_insert(start);
        }
        if let Some(inner) = self.inner_call(id) {
            inner.effect = Some(effect);
        } else if let Some(call) = self.call(id)
            && let State::Ready(action, consent) | State::Interrupted(action, consent, _) =
                &call.state
        {
            call.state = State::Acting(action.clone(), *consent, effect);
        }
    }

    /// A call's guest may use this.
    pub(super) fn used(&mut self, call: &CallId, mark: u64, capability: &Capability) {
        let uses = &mut self.inner_of(call).uses;
        uses.insert(mark, (capability.clone(), false));
    }

    /// The change behind a use has happened.
    pub(super) fn done(&mut self, call: &CallId, mark: u64) {
        let uses = &mut self.inner_of(call).uses;
        if let Some((_, done)) = uses.get_mut(&mark) {
            *done = true;
        }
    }

    /// The driver stopped, and another one begins.
    pub(super) fn interrupt(&mut self) {
        for call in &mut self.calls {
            if let State::Acting(action, consent, effect) = &call.state {
                call.state = State::Interrupted(action.clone(), *consent, *effect);
            }
        }
    }

    /// Those that gave nothing back yet, and whether each may have happened all the same.
    pub(super) fn open(&self) -> Vec<(CallId, Happened)> {
        let open = self.calls.iter().filter_map(|call| match &call.state {
            State::Observed(_) => None,
            State::Acting(.., effect) | State::Interrupted(.., effect) if !effect.may_repeat() => {
                Some((call.id.clone(), Happened::Perhaps))
            }
            _ => Some((call.id.clone(), Happened::No)),
        });
        open.collect()
    }

    /// Calls are counted on from where another run of the same name is.
    pub(super) fn count_on(&mut self, other: &Calls) {
        self.count = other.count;
    }

    /// A call gave something back. Says whether it was the last that the turn waited for.
    #[must_use]
    pub(super) fn observed(&mut self, id: &CallId, observation: &Observation) -> bool {
        if let Some(inner) = self.inner_call(id) {
            inner.observation = Some(observation.clone());
            return false;
        }
        let within = format!("{id}.");
        self.inner.retain(|(call, _)| call != id && !call.0.starts_with(&within));
        self.inner.shrink_to_fit();
        let Some(call) = self.call(id) else { return false };
        call.state = State::Observed(observation.clone());
        self.calls.iter().all(|call| matches!(call.state, State::Observed(_)))
    }

    fn call(&mut self, id: &CallId) -> Option<&mut Call> {
        self.calls.iter_mut().find(|call| call.id == *id)
    }

    fn place(&self, call: &CallId) -> Result<usize, usize> {
        self.inner.binary_search_by(|(known, _)| known.cmp(call))
    }

    fn known(&self, call: &CallId) -> Option<&Inner> {
        self.place(call).ok().map(|place| &self.inner[place].1)
    }

    fn inner_of(&mut self, call: &CallId) -> &mut Inner {
        let place = self.place(call).unwrap_or_else(|place| {
            self.inner.reserve_exact(usize::from(self.inner.is_empty()));
            self.inner.insert(place, (call.clone(), Inner::default()));
            place
        });
        &mut self.inner[place].1
    }

    fn inner_call(&mut self, id: &CallId) -> Option<&mut InnerCall> {
        let place = self.place(&id.parent()?).ok()?;
        let calls = &mut self.inner[place].1.calls;
        calls.iter_mut().find(|call| call.action.id == *id)
    }
}

impl CallId {
    /// The call whose guest made this one.
    pub fn parent(&self) -> Option<CallId> {
        self.0.rsplit_once('.').map(|(parent, _)| CallId(parent.to_string()))
    }

    /// Its place among the calls of its parent, from 1.
    pub fn ordinal(&self) -> u64 {
        let number = self.0.rsplit_once('.').map_or(self.0.trim_start_matches('c'), |(_, n)| n);
        number.parse().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_made_by_code_know_their_parent() {
        assert_eq!(CallId("c3.1".into()).parent(), Some(CallId("c3".into())));
        assert_eq!(CallId("c3".into()).parent(), None);
    }
}
