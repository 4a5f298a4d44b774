//! What the events of runs say of them. Lists ask for it again and again, and to find it out a journal is read from
//! its beginning: so it is kept, without outcomes, for as long as nothing more happens to a run.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use agent_core::agent::Budget;
use agent_core::event::{Event, RunId, What};
use agent_core::run::{Step, ended};
use serde_json::{Map, Value, json};
use server::{Image, LaunchError, Waits};
use store::RunRow;

use super::launcher::{failed, waits};
use crate::Usage;
use crate::runtime::{as_of, over};

/// Runs of which it is kept. Where there are more, lists ask for ever older ones, and keeping it is of no use.
const MOST: usize = 4096;

/// What the events of a run say of it.
#[derive(Clone)]
pub(super) struct Said {
    pub(super) task: String,
    pub(super) model: String,
    pub(super) params: Map<String, Value>,
    pub(super) images: Vec<Image>,
    pub(super) usage: Value,
    pub(super) budget: Value,
    /// None where it is left out.
    pub(super) outcome: Option<Value>,
    pub(super) stands: Stands,
}

/// How far it is.
#[derive(Clone)]
pub(super) enum Stands {
    /// It is over; more about why.
    Ended(Option<String>),
    /// It waits for a person.
    Waits(Box<Waits>),
    /// Its model did not answer, for this reason.
    Unanswered(String),
    /// Something is left to do.
    GoesOn,
}

impl Said {
    pub(super) fn of(id: &RunId, events: &[Event]) -> Result<Said, LaunchError> {
        let agent = as_of(id, events).map_err(|error| failed(&error))?;
        let run = over(id, events).map_err(|error| failed(&error))?;
        let mut said = Said {
            task: agent.task,
            model: agent.model.name,
            params: agent.params,
            images: events.first().map(|event| attached(&event.what)).unwrap_or_default(),
            usage: json!(Usage::from(*run.spent())),
            budget: allowed(&agent.budget),
            outcome: Some(Value::Null),
            stands: Stands::GoesOn,
        };
        if let Some(outcome) = ended(events) {
            said.outcome = Some(outcome.value.clone());
            said.stands = Stands::Ended(outcome.detail.clone());
            return Ok(said);
        }
        said.stands = match (run.step(), events.last().map(|event| &event.what)) {
            (Step::Ask(action, reasons), _) => Stands::Waits(Box::new(waits(&action, reasons))),
            (_, Some(What::Unanswered { reason, .. })) => Stands::Unanswered(reason.clone()),
            _ => Stands::GoesOn,
        };
        Ok(said)
    }
}

/// What is kept, with how many events it is of.
#[derive(Default)]
pub(super) struct Looks(Mutex<HashMap<RunId, (u64, Said)>>);

impl Looks {
    /// What is said of a run, without its outcome, if nothing has happened to it since.
    pub(super) fn known(&self, row: &RunRow) -> Option<Said> {
        let looks = self.looks();
        let (events, said) = looks.get(&row.id)?;
        (*events == row.events).then(|| said.clone())
    }

    /// Keeps what these events say of a run, without its outcome.
    pub(super) fn keep(&self, id: &RunId, events: &[Event]) -> Result<Said, LaunchError> {
        let said = Said { outcome: None, ..Said::of(id, events)? };
        let mut looks = self.looks();
        if looks.len() >= MOST && !looks.contains_key(id) {
            looks.clear();
        }
        looks.insert(id.clone(), (events.len() as u64, said.clone()));
        Ok(said)
    }

    fn looks(&self) -> MutexGuard<'_, HashMap<RunId, (u64, Said)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn attached(what: &What) -> Vec<Image> {
    match what {
        What::Started { parts, .. } => parts.iter().map(Image::from).collect(),
        _ => Vec::new(),
    }
}

/// What a run may take.
fn allowed(budget: &Budget) -> Value {
    json!({
        "steps": budget.steps, "tokens": budget.tokens, "seconds": budget.time.as_secs_f64(),
        "cost_usd": budget.cost_usd,
    })
}
