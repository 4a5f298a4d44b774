//! A run whose parameters may have been written by others: what they wrote is known for what it is from the
//! first event on.

use std::sync::Arc;

use agent_core::agent::Agent;
use agent_core::drive::{self, Fault, Parts, Person, Told, Watch};
use agent_core::event::RunId;
use agent_core::run::Run;
use agent_core::subagent::AgentRuntime;

use super::launch::Launch;
use super::{Errand, Finished, new_id, roots};
use crate::STRATEGIES;

impl Errand {
    /// Runs an agent to its end, or until it cannot go on, with what is attached to its task.
    ///
    /// # Errors
    /// Its model does not take what is attached, what the run needs cannot be had, or the journal cannot be
    /// written.
    pub fn run_with(
        &self,
        agent: impl Into<Arc<Agent>>,
        told: impl Into<Told>,
        watch: &dyn Watch,
        person: Option<&dyn Person>,
    ) -> impl Future<Output = anyhow::Result<Finished>> + Send {
        self.run_told(new_id(), agent, told, watch, person)
    }

    /// Runs an agent under a name that no run has yet, whose parameters are of these origins, and with
    /// these attached to its task.
    ///
    /// # Errors
    /// Its model does not take what is attached, what the run needs cannot be had, or the journal cannot be
    /// written.
    pub fn run_told(
        &self,
        id: RunId,
        agent: impl Into<Arc<Agent>>,
        told: impl Into<Told>,
        watch: &dyn Watch,
        person: Option<&dyn Person>,
    ) -> impl Future<Output = anyhow::Result<Finished>> + Send {
        self.driven(id, agent.into(), Box::new(told.into()), watch, person)
    }

    /// Thousands of runs may wait at once: what is large, and what is needed only to begin, is beside them.
    async fn driven(
        &self,
        id: RunId,
        agent: Arc<Agent>,
        told: Box<Told>,
        watch: &dyn Watch,
        person: Option<&dyn Person>,
    ) -> anyhow::Result<Finished> {
        let agent = roots::recorded(agent);
        self.takes(&agent, &told.parts)?;
        let launcher = Box::pin(Launch::new(self, self.store()?, &agent, None)).await?;
        let assembled = Box::pin(self.assemble(&agent, &launcher)).await?;
        let traits = assembled.model.traits();
        let strategy = STRATEGIES.choose(&agent, &traits);
        let specs = assembled.specs();
        let ends = launcher.ends();
        drop(launcher);
        let mut run = Box::new(Run::new(id.clone(), agent, strategy, traits, specs));
        let _driven = assembled.store.drive(run.id())?;
        let parts = Box::new(assembled.parts(watch, person));
        Box::pin(begun(&mut run, told, &parts)).await?;
        drop(parts);
        let finished = assembled.drive(run, watch, person).await;
        Box::pin(ends.over(&id)).await?;
        finished
    }
}

async fn begun(run: &mut Run, told: Box<Told>, parts: &Parts<'_>) -> Result<(), Fault> {
    drive::begin_with(run, *told, parts).await
}
