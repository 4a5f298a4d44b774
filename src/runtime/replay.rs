//! A run that is over, gone through again from its journal: at each event, what the run would have done next
//! is held against what the journal says it did. No model and no tool is asked.

use std::sync::Arc;

use agent_core::action::{Action, CallId, Decision};
use agent_core::drive;
use agent_core::event::{Event, Outcome, Reason, RunId, What};
use agent_core::journal::{Journal, Lasting};
use agent_core::message::ToolCall;
use agent_core::policy::Policy;
use agent_core::run::{Run, Step, ended};
use serde_json::json;

use super::runs::{as_of, told};
use super::{Errand, new_id};
use crate::STRATEGIES;

/// What came of a replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    /// Events that were gone through.
    pub events: usize,
    /// Where the run went another way than its journal says.
    pub differences: Vec<Difference>,
}

/// An event that the run would not have had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Its number.
    pub seq: usize,
    /// What the journal has, in a word.
    pub recorded: String,
    /// What the run would have done.
    pub replayed: String,
}

impl Errand {
    /// Goes through a run again that is over.
    ///
    /// # Errors
    /// There is no such run, it is not over, or the journal cannot be read.
    pub async fn replay(&self, id: &RunId) -> anyhow::Result<Replayed> {
        let events = told(self.store()?.events(id).await)?;
        if ended(&events).is_none() {
            anyhow::bail!(
                "run `{id}` is not over, and has no end to compare\nhint: `errand runs resume {id}` \
                 goes on with it"
            );
        }
        let agent = as_of(id, &events)?;
        let policy = self.policies.chain(&agent.grants, &agent.above)?;
        let known = tools::registry::known().iter().cloned().chain(self.own.specs());
        let tools = known.filter(|spec| agent.tools.contains(&spec.name)).map(Arc::new).collect();
        let traits = agent.model.provider.into();
        let mut run = drive::fold(id, &events[..1], &STRATEGIES, traits, tools)?;
        let mut differences = Vec::new();
        for (seq, event) in events.iter().enumerate().skip(1) {
            if let Some(replayed) = differs(&run, event, &policy) {
                differences.push(Difference { seq, recorded: word(&event.what), replayed });
            }
            run.apply(event);
        }
        Ok(Replayed { events: events.len(), differences })
    }

    /// Begins a run that is another one up to an event of it, to go on from there with
    /// [`Errand::resume`]. What the other run did after that event is not undone.
    ///
    /// # Errors
    /// There is no such run, or no such event of it; or the journal cannot be written.
    pub async fn fork(&self, id: &RunId, events: usize) -> anyhow::Result<RunId> {
        let store = self.store()?;
        let all = told(store.load(id).await)?;
        if events == 0 || events > all.len() {
            anyhow::bail!(
                "run `{id}` has {} events: `--from` takes one from 1 to {}\nhint: `errand runs show \
                 {id}` numbers them",
                all.len(),
                all.len()
            );
        }
        let begun = &all[..events];
        if ended(begun).is_some() {
            anyhow::bail!(
                "run `{id}` is over at event {events}\nhint: `--from` takes an event before its end"
            );
        }
        let fork = new_id();
        let _driven = store.drive(&fork)?;
        store.share(id, &fork, begun).await?;
        store.append_all(&fork, 0, begun, Lasting::Power).await?;
        Ok(fork)
    }
}

/// What the run would have done in the place of this event; `None` where it is the same. What came from
/// outside – a reply, a result, a person's word – is taken as it is.
fn differs(run: &Run, event: &Event, policy: &dyn Policy) -> Option<String> {
    let step = run.step();
    let fits = match &event.what {
        What::Thinking { call, .. } => {
            matches!(&step, Step::Think { request, .. } if request.call == *call)
        }
        What::Planned { .. } => matches!(&step, Step::Record(what) if *what == event.what),
        What::Judged { action, verdict } => {
            if let Some(stricter) = stricter(action, verdict.decision, policy) {
                return Some(stricter);
            }
            action.id.parent().is_some() || asked(&step, action, run)
        }
        What::Acting { call, .. } => call.parent().is_some() || acts(&step, call),
        What::Observed { .. } => match &step {
            Step::Record(what) => *what == event.what,
            _ => true,
        },
        What::Answered { call, .. } => matches!(&step, Step::Ask(action, _) if action.id == *call),
        What::Revised { .. } => matches!(&step, Step::Ask(..)),
        What::Ended { outcome } => ends(run, &step, outcome),
        What::Started { .. }
        | What::Resumed { .. }
        | What::Said { .. }
        | What::Undone
        | What::Replied { .. }
        | What::Unanswered { .. }
        | What::Used { .. }
        | What::Done { .. } => true,
    };
    (!fits).then(|| next(&step))
}

/// The policies say no, or ask, where the journal says that they did not. A refusal in the journal may be of
/// arguments that do not fit, or of a policy of the program's own.
fn stricter(action: &Action, recorded: Decision, policy: &dyn Policy) -> Option<String> {
    let verdict = policy.judge(action);
    let strict = |decision| match decision {
        Decision::Allow => 0,
        Decision::Ask => 1,
        Decision::Deny => 2,
    };
    (strict(verdict.decision) > strict(recorded))
        .then(|| format!("the policies do not allow it: {}", verdict.reasons.join("; ")))
}

fn asked(step: &Step, action: &Action, run: &Run) -> bool {
    let Step::Judge(calls) = step else { return false };
    let same = |(id, call): &(CallId, ToolCall)| {
        *id == action.id && call.name == action.tool && call.arguments == action.arguments
    };
    calls.iter().any(same) && action.taint == run.taint()
}

fn acts(step: &Step, call: &CallId) -> bool {
    matches!(step, Step::Act(actions) if actions.iter().any(|(action, _)| action.id == *call))
}

/// An end that the run comes to by itself, or one that its clock, its budget or a person brings.
fn ends(run: &Run, step: &Step, outcome: &Outcome) -> bool {
    match (step, outcome.reason) {
        (Step::Record(What::Ended { outcome: own }), _) if own == outcome => true,
        (_, Some(Reason::Cancelled)) => true,
        (_, Some(reason @ (Reason::Time | Reason::Tokens | Reason::Cost))) => {
            *outcome == run.cut_short(reason)
        }
        _ => false,
    }
}

/// An event in a few words.
fn word(what: &What) -> String {
    let value = serde_json::to_value(what).unwrap_or_default();
    let kind = value["type"].as_str().unwrap_or_default().to_string();
    match what {
        What::Judged { action, .. } => format!("{kind} {} {}", action.id, action.tool),
        What::Acting { call, .. } | What::Observed { call, .. } | What::Answered { call, .. } => {
            format!("{kind} {call}")
        }
        What::Ended { outcome } => format!("{kind} {}", json!(outcome)),
        _ => kind,
    }
}

/// A step in a few words.
fn next(step: &Step) -> String {
    match step {
        Step::Think { request, .. } => format!("model call {}", request.call),
        Step::Judge(calls) => {
            let calls: Vec<_> =
                calls.iter().map(|(id, call)| format!("{id} {}", call.name)).collect();
            format!("judges {}", calls.join(", "))
        }
        Step::Act(actions) => {
            let calls: Vec<_> = actions.iter().map(|(action, _)| action.id.to_string()).collect();
            format!("acts {}", calls.join(", "))
        }
        Step::Record(what) => word(what),
        Step::Ask(action, _) => format!("asks a person about {}", action.id),
        Step::Done(_) => "nothing: it is over".to_string(),
    }
}
