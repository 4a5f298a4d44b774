//! The one way an event gets into a run: into the journal first, then into the run, then to the watcher. Events
//! between which nothing happens outside go into the journal together.
//!
//! What waits for an append may stop waiting: the budget's time is up, a tool's is. The journal may have the
//! events all the same, so it is asked before anything else is written.

use std::sync::{MutexGuard, PoisonError};

use futures::future::BoxFuture;
use futures::lock::MutexGuard as Held;

use super::session::Session;
use crate::action::CallId;
use crate::event::{Event, Observation, What};
use crate::journal::{JournalError, Lasting};
use crate::run::Run;

/// It is beside the run's own future, which is as large as the largest of its parts for as long as the run waits.
pub(super) type Writing<'a> = BoxFuture<'a, Result<(), JournalError>>;

/// Events on their way into the journal.
struct Append<'a> {
    session: &'a Session<'a>,
    events: Vec<Event>,
    /// How many of them, the first, the run has taken in.
    known: usize,
}

/// An append that was not waited for to its end.
pub(super) struct BrokenOff {
    events: Vec<Event>,
    known: usize,
}

impl Drop for Append<'_> {
    fn drop(&mut self) {
        let (events, known) = (std::mem::take(&mut self.events), self.known);
        if !events.is_empty() {
            *lock(&self.session.broken_off) = Some(BrokenOff { events, known });
        }
    }
}

impl Session<'_> {
    /// Journal first, then the run, then the watcher. What a power cut may take is not waited for
    /// until it is on the disk ([`Run::may_be_lost`]).
    pub(super) fn write(&self, what: What) -> Writing<'_> {
        Box::pin(async move {
            let mut run = self.settled().await?;
            let event = Event::new((self.parts.clock)(), what);
            self.append(&mut run, event).await
        })
    }

    /// Writes what something written right after it follows from, and nothing else before: a reply,
    /// whose calls are judged, and a verdict, after which a call begins. The run takes it in, and both go
    /// into the journal at once: a commit for each would cost more than what they are about.
    pub(super) fn write_with_next(&self, what: What) -> Writing<'_> {
        Box::pin(async move {
            let mut run = self.settled().await?;
            let event = Event::new((self.parts.clock)(), what);
            if !run.may_be_lost(&event.what) {
                return self.append(&mut run, event).await;
            }
            run.apply(&event);
            lock(&self.unwritten).push(event);
            Ok(())
        })
    }

    /// What a call gave back. What the last of a turn gave is followed by what the run does next.
    pub(super) async fn write_observed(
        &self,
        call: CallId,
        observation: Observation,
    ) -> Result<(), JournalError> {
        let last = self.run.lock().await.waits_for_no_other(&call);
        let what = What::Observed { call, observation };
        match last {
            true => self.write_with_next(what).await,
            false => self.write(what).await,
        }
    }

    /// Returns once all of it is on the disk.
    pub(super) fn sync(&self) -> Writing<'_> {
        Box::pin(async move {
            let run = self.settled().await?;
            self.append_unwritten(&run, Vec::new(), Lasting::Process).await?;
            self.parts.journal.sync(&self.id).await
        })
    }

    /// The run, with all that the journal has of it.
    pub(super) async fn settled(&self) -> Result<Held<'_, Box<Run>>, JournalError> {
        let mut run = self.run.lock().await;
        let broken_off = lock(&self.broken_off).take();
        let Some(BrokenOff { events, known }) = broken_off else { return Ok(run) };
        let append = Append { session: self, events, known };
        self.parts.journal.sync(&self.id).await?;
        let there = self.parts.journal.load(&self.id).await?.len() as u64;
        let mut events = append.over();
        let new = events.split_off(known);
        match there == run.seq() + new.len() as u64 {
            true => {
                events.iter().for_each(|event| self.parts.watch.event(event, &run));
                self.take_in(&mut run, &new);
            }
            // The journal takes all or none. What the run did not take in has not happened.
            false => *lock(&self.unwritten) = events,
        }
        Ok(run)
    }

    async fn append(&self, run: &mut Run, event: Event) -> Result<(), JournalError> {
        let lasting = match run.may_be_lost(&event.what) {
            true => Lasting::Process,
            false => Lasting::Power,
        };
        let new = self.append_unwritten(run, vec![event], lasting).await?;
        self.take_in(run, &new);
        Ok(())
    }

    fn take_in(&self, run: &mut Run, events: &[Event]) {
        for event in events {
            run.apply(event);
            self.parts.watch.event(event, run);
        }
    }

    /// Appends what is not in the journal yet, and then these, which are given back.
    async fn append_unwritten(
        &self,
        run: &Run,
        mut events: Vec<Event>,
        lasting: Lasting,
    ) -> Result<Vec<Event>, JournalError> {
        let mut all = std::mem::take(&mut *lock(&self.unwritten));
        let known = all.len();
        all.append(&mut events);
        if all.is_empty() {
            return Ok(all);
        }
        let first = run.seq() - known as u64;
        let append = Append { session: self, events: all, known };
        let appended =
            self.parts.journal.append_all(&self.id, first, &append.events, lasting).await;
        let mut all = append.over();
        appended?;
        let these = all.split_off(known);
        all.iter().for_each(|event| self.parts.watch.event(event, run));
        Ok(these)
    }
}

impl Append<'_> {
    /// It was waited for to its end.
    fn over(mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }
}

fn lock<T>(kept: &std::sync::Mutex<T>) -> MutexGuard<'_, T> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}
