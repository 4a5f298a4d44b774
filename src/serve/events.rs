//! Events of runs as clients see them: each with what its run had taken by then. To know that, a run is gone through
//! from its beginning, once for all that follow it; after that each reads what is new and nothing before it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use agent_core::drive;
use agent_core::event::{Event, RunId, What};
use agent_core::journal::JournalError;
use agent_core::ledger::Spent;
use agent_core::model::Traits;
use agent_core::run::Run;
use async_trait::async_trait;
use serde_json::{Value, json};
use server::{Events, LaunchError};
use store::Store;

use super::launcher::failed;
use crate::runtime::as_of;
use crate::{Errand, STRATEGIES, Usage};

/// The books of runs that are being followed.
#[derive(Default)]
pub(super) struct Books(Mutex<HashMap<RunId, Weak<Mutex<Book>>>>);

/// A run as far as it was gone through, and what it had taken after each event.
#[derive(Default)]
struct Book {
    run: Option<Run>,
    spent: Vec<Spent>,
}

impl Books {
    /// Reads a run from this event on.
    pub(super) fn follow(&self, errand: &Errand, run: &RunId, from: u64) -> Follows {
        let mut books = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        books.retain(|_, book| book.strong_count() > 0);
        let book = books.get(run).and_then(Weak::upgrade).unwrap_or_default();
        books.insert(run.clone(), Arc::downgrade(&book));
        Follows { errand: errand.clone(), run: run.clone(), next: from, book }
    }
}

/// One that follows a run.
pub(super) struct Follows {
    errand: Errand,
    run: RunId,
    next: u64,
    book: Arc<Mutex<Book>>,
}

#[async_trait]
impl Events for Follows {
    async fn more(&mut self) -> Result<Vec<Value>, LaunchError> {
        let store = self.errand.store().map_err(|error| failed(&error))?;
        let known = self.book().spent.len() as u64;
        let from = known.min(self.next);
        let mut events = self.read(&store, from).await?;
        if known + events.len() as u64 == 0 {
            return Err(failed(&JournalError::Unknown(self.run.clone()).into()));
        }
        // Another model may count what it has cached otherwise, from the first event on.
        let other = |event: &Event| matches!(event.what, What::Resumed { model: Some(_) });
        let new = usize::try_from(known - from).unwrap_or(usize::MAX);
        if from > 0 && events.iter().skip(new).any(other) {
            let before = usize::try_from(from).unwrap_or(usize::MAX);
            let all = self.read(&store, 0).await?;
            self.book().begin(&self.run, &all)?;
            events = all.into_iter().skip(before).collect();
        } else {
            self.book().go_on(&self.run, from, &events)?;
        }
        let book = self.book();
        let spent = book.spent.iter().skip(usize::try_from(from).unwrap_or(usize::MAX));
        let told = (from..).zip(events.iter().zip(spent)).filter(|(seq, _)| *seq >= self.next);
        let told: Result<Vec<Value>, LaunchError> =
            told.map(|(_, (event, spent))| shown(event, *spent)).collect();
        drop(book);
        let told = told?;
        self.next += told.len() as u64;
        Ok(told)
    }
}

impl Follows {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn read(&self, store: &Store, from: u64) -> Result<Vec<Event>, LaunchError> {
        store.events_from(&self.run, from).await.map_err(|error| failed(&error.into()))
    }
}

impl Book {
    /// Goes through a run from its beginning.
    fn begin(&mut self, id: &RunId, events: &[Event]) -> Result<(), LaunchError> {
        // Others may have read more meanwhile.
        if !events.is_empty() && events.len() >= self.spent.len() {
            let (run, spent) = spent_by(id, events).map_err(|error| failed(&error))?;
            (self.run, self.spent) = (Some(run), spent);
        }
        Ok(())
    }

    /// Goes on with what is new of these, the first of which has this number.
    fn go_on(&mut self, id: &RunId, from: u64, events: &[Event]) -> Result<(), LaunchError> {
        let known = (self.spent.len() as u64).saturating_sub(from);
        let new = events.get(usize::try_from(known).unwrap_or(usize::MAX)..).unwrap_or_default();
        let Some(run) = &mut self.run else { return self.begin(id, new) };
        for event in new {
            run.apply(event);
            self.spent.push(*run.spent());
        }
        Ok(())
    }
}

/// An event as clients see it: of the agent, which holds where things are on this machine, only what
/// tells it from others; and with what the run had taken by then.
fn shown(event: &Event, spent: Spent) -> Result<Value, LaunchError> {
    let mut value =
        serde_json::to_value(event).map_err(|error| LaunchError::Broken(error.to_string()))?;
    if let What::Started { agent, .. } = &event.what {
        value["agent"] =
            json!({ "name": agent.name, "model": agent.model.name, "task": agent.task });
    }
    value["usage"] = json!(Usage::from(spent));
    Ok(value)
}

/// A run, and what it had taken after each of its events.
fn spent_by(id: &RunId, events: &[Event]) -> anyhow::Result<(Run, Vec<Spent>)> {
    let traits = Traits { constrained: false, ..as_of(id, events)?.model.provider.into() };
    let (begin, rest) = events.split_at(events.len().min(1));
    let mut run = drive::fold(id, begin, &STRATEGIES, traits, Vec::new())?;
    let mut spent = vec![*run.spent()];
    for event in rest {
        run.apply(event);
        spent.push(*run.spent());
    }
    Ok((run, spent))
}

#[cfg(test)]
mod tests {
    use agent_core::journal::{Journal, Lasting};

    use super::super::tests::scripted;
    use super::*;
    use crate::Unseen;

    #[tokio::test]
    async fn each_reads_what_is_new_with_what_was_taken_by_then() {
        let reply = "{\"content\": \"Done.\", \"usage\": {\"prompt_tokens\": 7, \"completion_tokens\": 3}}\n";
        let (_folder, errand, file) = scripted(reply);
        let agent = errand.load(&file, &[], None).unwrap();
        let done = errand.run_as(RunId("whole".to_string()), agent, &Unseen, None).await.unwrap();
        let events = errand.events(&done.run).await.unwrap();
        assert_eq!(events.len(), 4);

        let (store, run, books) =
            (errand.store().unwrap(), RunId("again".to_string()), Books::default());
        assert!(matches!(
            books.follow(&errand, &run, 0).more().await,
            Err(LaunchError::Missing(_))
        ));
        store.append(&run, 0, &events[0]).await.unwrap();
        let mut first = books.follow(&errand, &run, 0);
        assert_eq!(first.more().await.unwrap().len(), 1);
        assert_eq!(first.more().await.unwrap(), Vec::<Value>::new());
        store.append_all(&run, 1, &events[1..], Lasting::Process).await.unwrap();
        let mut late = books.follow(&errand, &run, 2);
        let told = first.more().await.unwrap();
        assert_eq!(told.len(), 3);
        assert_eq!(late.more().await.unwrap(), told[1..]);
        assert_eq!(told[2]["usage"], json!(Usage::from(done.spent)));
        assert_eq!(told[0]["usage"]["input_tokens"], 0);
        // Once for both, and gone with them.
        assert_eq!(late.book().spent.len(), 4);
        drop((first, late));
        let _other = books.follow(&errand, &done.run, 0);
        assert_eq!(books.0.lock().unwrap().len(), 1);
    }
}
