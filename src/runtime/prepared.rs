//! An agent made ready to run more than once: its model is loaded, its tools are set up, and runs
//! that differ in what they are asked share them.

use std::sync::Arc;

use agent_core::agent::{Agent, Budget};
use agent_core::drive::{self, Person, Watch};
use agent_core::event::RunId;
use agent_core::journal::{Journal, JournalError};
use agent_core::run::Run;
use agent_core::subagent::{AgentRuntime, Launcher};

use super::launch::Launch;
use super::runs::{as_of, over, taken};
use super::{Assembled, Errand, Finished, roots};
use crate::STRATEGIES;

/// What runs of one agent file share.
pub struct Prepared {
    agent: Arc<Agent>,
    assembled: Assembled,
    launch: Launch,
}

impl Errand {
    /// Makes an agent ready.
    ///
    /// # Errors
    /// What it needs cannot be had.
    pub async fn prepare(&self, agent: &Agent) -> anyhow::Result<Prepared> {
        let agent = roots::recorded(agent.clone());
        let launch = Launch::new(self, self.store()?, &agent, None).await?;
        let assembled = self.assemble(&agent, &launch).await?;
        Ok(Prepared { agent, assembled, launch })
    }
}

impl Prepared {
    /// Runs an agent under this name: one that differs from the prepared one in its parameters, task,
    /// instructions and budget only. A run of this name that was begun with the same is gone on with;
    /// one that is over is told again.
    ///
    /// # Errors
    /// The agent, or what the run of this name was begun with, is another one; another process
    /// drives it; or the journal cannot be written.
    pub async fn run_as(
        &self,
        id: &RunId,
        agent: Agent,
        watch: &dyn Watch,
        person: Option<&dyn Person>,
    ) -> anyhow::Result<Finished> {
        let agent = roots::recorded(agent);
        anyhow::ensure!(alike(&self.agent, &agent), "the agent is not the one that was made ready");
        let store = &self.assembled.store;
        let _driven = taken(store, id).await?;
        let traits = self.assembled.model.traits();
        let events = match store.load(id).await {
            Ok(events) => events,
            Err(JournalError::Unknown(_)) => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        let parts = self.assembled.parts(watch, person);
        if events.is_empty() {
            let strategy = STRATEGIES.choose(&agent, &traits);
            let mut run = Run::new(id.clone(), agent, strategy, traits, self.assembled.specs());
            drive::begin(&mut run, &parts).await?;
            return self.assembled.drive(Box::new(run), watch, person).await;
        }
        let begun = as_of(id, &events)?;
        roots::unchanged(&begun)?;
        if !alike(&begun, &agent) || begun.params != agent.params || begun.task != agent.task {
            anyhow::bail!(
                "run `{id}` was begun with another agent or other parameters\nhint: put back what it \
                 was begun with; `errand runs show {id}` has it"
            );
        }
        if let Some(outcome) = agent_core::run::ended(&events) {
            let outcome = outcome.clone();
            return Ok(Finished { run: id.clone(), outcome, spent: *over(id, &events)?.spent() });
        }
        let mut run = drive::fold(id, &events, &STRATEGIES, traits, self.assembled.specs())?;
        drive::resume(&mut run, None, |action| self.launch.answer(action), &parts).await?;
        self.assembled.drive(Box::new(run), watch, person).await
    }
}

/// Whether two agents need the same of this machine.
fn alike(one: &Agent, other: &Agent) -> bool {
    bare(one) == bare(other)
}

/// An agent without that in which runs of one agent file may differ.
pub(crate) fn bare(agent: &Agent) -> Agent {
    let mut agent = agent.clone();
    agent.params.clear();
    agent.task.clear();
    agent.instructions.clear();
    agent.budget = Budget::default();
    agent
}
