//! A run whose parameters may have been written by others: what they wrote is known for what it is from the
//! first event on.

use agent_core::agent::Agent;
use agent_core::drive::{self, Person, Told, Watch};
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
    pub async fn run_with(
        &self,
        agent: Agent,
        told: impl Into<Told>,
        watch: &dyn Watch,
        person: Option<&dyn Person>,
    ) -> anyhow::Result<Finished> {
        self.run_told(new_id(), agent, told, watch, person).await
    }

    /// Runs an agent under a name that no run has yet, whose parameters are of these origins, and with
    /// these attached to its task.
    ///
    /// # Errors
    /// Its model does not take what is attached, what the run needs cannot be had, or the journal cannot be
    /// written.
    pub async fn run_told(
        &self,
        id: RunId,
        agent: Agent,
        told: impl Into<Told>,
        watch: &dyn Watch,
        person: Option<&dyn Person>,
    ) -> anyhow::Result<Finished> {
        let (agent, told): (Agent, Told) = (roots::recorded(agent), told.into());
        self.takes(&agent, &told.parts)?;
        let launcher = Launch::new(self, self.store()?, &agent, None).await?;
        let assembled = self.assemble(&agent, &launcher).await?;
        let traits = assembled.model.traits();
        let strategy = STRATEGIES.choose(&agent, &traits);
        let mut run = Run::new(id.clone(), agent, strategy, traits, assembled.specs());
        let _driven = assembled.store.drive(run.id())?;
        drive::begin_with(&mut run, told, &assembled.parts(watch, person)).await?;
        let finished = assembled.drive(run, watch, person).await;
        launcher.over(&id).await?;
        finished
    }
}
