//! A run whose parameters may have been written by others: what they wrote is known for what it is from the
//! first event on.

use std::sync::Arc;

use agent_core::agent::Agent;
use agent_core::drive::{self, Person, Told, Watch};
use agent_core::event::RunId;
use agent_core::run::Run;
use agent_core::subagent::AgentRuntime;

use super::begun::Begun;
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
        let begun = Box::pin(self.set_up(id, agent.into(), told.into(), watch, person));
        async move { begun.await?.drive(watch, person).await }
    }

    async fn set_up(
        &self,
        id: RunId,
        agent: Arc<Agent>,
        told: Told,
        watch: &dyn Watch,
        person: Option<&dyn Person>,
    ) -> anyhow::Result<Box<Begun>> {
        let agent = roots::recorded(agent);
        self.takes(&agent, &told.parts)?;
        let launcher = Launch::new(self, self.store()?, &agent, None).await?;
        let assembled = self.assemble(&agent, &launcher).await?;
        let traits = assembled.model.traits();
        let strategy = STRATEGIES.choose(&agent, &traits);
        let specs = assembled.specs();
        let mut run = Box::new(Run::new(id, agent, strategy, traits, specs));
        let driven = assembled.store.drive(run.id())?;
        drive::begin_with(&mut run, told, &assembled.parts(watch, person)).await?;
        Ok(Box::new(Begun { run, assembled, ends: launcher.ends(), driven }))
    }
}
