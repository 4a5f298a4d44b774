//! A run that has begun, or was taken up again, and what it needs until it is over. Thousands may wait at once: what it
//! took to come so far is gone by then.

use agent_core::drive::{Person, Watch};
use agent_core::run::Run;
use store::Drive;

use super::Finished;
use super::assembled::Assembled;
use super::launch::Ends;

/// What it came to that a run was taken up again.
pub(super) enum TakenUp {
    /// It was over.
    Over(Finished),
    /// It goes on.
    Begun(Box<Begun>),
}

/// A run that can be driven.
pub(super) struct Begun {
    pub(super) run: Box<Run>,
    pub(super) assembled: Assembled,
    pub(super) ends: Ends,
    /// It is this process's until it is over.
    pub(super) driven: Drive,
}

impl Begun {
    pub(super) async fn drive(
        self: Box<Self>,
        watch: &dyn Watch,
        person: Option<&dyn Person>,
    ) -> anyhow::Result<Finished> {
        let Begun { run, assembled, ends, driven: _driven } = *self;
        let id = run.id().clone();
        let finished = assembled.drive(run, watch, person).await;
        Box::pin(ends.over(&id)).await?;
        finished
    }
}
