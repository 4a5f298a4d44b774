//! The one way an event gets into a run: into the journal first, then into the run, then to the watcher. Events
//! between which nothing happens outside go into the journal together.

use std::sync::{MutexGuard, PoisonError};

use super::session::Session;
use crate::action::CallId;
use crate::event::{Event, Observation, What};
use crate::journal::{JournalError, Lasting};
use crate::run::Run;

impl Session<'_> {
    /// Journal first, then the run, then the watcher. What a power cut may take is not waited for
    /// until it is on the disk ([`Run::may_be_lost`]).
    pub(super) async fn write(&self, what: What) -> Result<(), JournalError> {
        let mut run = self.run.lock().await;
        let event = Event::new((self.parts.clock)(), what);
        self.append(&mut run, event).await
    }

    /// Writes what something written right after it follows from, and nothing else before: a reply,
    /// whose calls are judged, and a verdict, after which a call begins. The run takes it in, and both go
    /// into the journal at once: a commit for each would cost more than what they are about.
    pub(super) async fn write_with_next(&self, what: What) -> Result<(), JournalError> {
        let mut run = self.run.lock().await;
        let event = Event::new((self.parts.clock)(), what);
        if !run.may_be_lost(&event.what) {
            return self.append(&mut run, event).await;
        }
        run.apply(&event);
        self.unwritten().push(event);
        Ok(())
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
    pub(super) async fn sync(&self) -> Result<(), JournalError> {
        let run = self.run.lock().await;
        self.append_unwritten(&run, Vec::new(), Lasting::Process).await?;
        self.parts.journal.sync(&self.id).await
    }

    async fn append(&self, run: &mut Run, event: Event) -> Result<(), JournalError> {
        let lasting = match run.may_be_lost(&event.what) {
            true => Lasting::Process,
            false => Lasting::Power,
        };
        let event = self.append_unwritten(run, vec![event], lasting).await?;
        for event in event {
            run.apply(&event);
            self.parts.watch.event(&event, run);
        }
        Ok(())
    }

    /// Appends what is not in the journal yet, and then these, which are given back.
    async fn append_unwritten(
        &self,
        run: &Run,
        mut events: Vec<Event>,
        lasting: Lasting,
    ) -> Result<Vec<Event>, JournalError> {
        let mut all = std::mem::take(&mut *self.unwritten());
        let before = all.len();
        all.append(&mut events);
        if all.is_empty() {
            return Ok(all);
        }
        let first = run.seq() - before as u64;
        self.parts.journal.append_all(&self.id, first, &all, lasting).await?;
        let these = all.split_off(before);
        all.iter().for_each(|event| self.parts.watch.event(event, run));
        Ok(these)
    }

    fn unwritten(&self) -> MutexGuard<'_, Vec<Event>> {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
