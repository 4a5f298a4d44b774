//! A conversation: one run to which a person says more after each answer. It is what its journal says
//! at every moment: a turn that is dropped in the middle is one that was interrupted.

use agent_core::agent::Agent;
use agent_core::drive::{self, Person, Unseen, Watch};
use agent_core::event::{RunId, What};
use agent_core::journal::Journal;
use agent_core::run::{Run, ended};
use agent_core::strategy::Entry;
use agent_core::subagent::AgentRuntime;
use store::Drive;

use super::launch::Launch;
use super::runs::{as_of, taken, told};
use super::{Assembled, Errand, Finished, new_id, roots};
use crate::STRATEGIES;

/// A conversation that this process holds.
pub struct Chat {
    id: RunId,
    assembled: Assembled,
    _driven: Drive,
}

/// How a conversation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stands {
    /// The latest thing that was said has its answer, or will have none.
    Answered,
    /// A turn has not come to its end.
    Open,
}

impl Errand {
    /// Begins a conversation; the agent's task is what is said first.
    ///
    /// # Errors
    /// What the agent needs cannot be had, or it is one for research.
    pub async fn chat(&self, agent: Agent) -> anyhow::Result<Chat> {
        let agent = roots::recorded(agent);
        let launch = Launch::new(self, self.store()?, &agent, None).await?;
        let assembled = self.assemble(&agent, &launch).await?;
        let traits = assembled.model.traits();
        let strategy = talks(&agent, STRATEGIES.choose(&agent, &traits))?;
        let mut run = Run::new(new_id(), agent, strategy, traits, assembled.specs());
        let driven = assembled.store.drive(run.id())?;
        drive::begin(&mut run, &assembled.parts(&Unseen, None)).await?;
        Ok(Chat { id: run.id().clone(), assembled, _driven: driven })
    }

    /// Takes a conversation up again, or any run, to say more to it.
    ///
    /// # Errors
    /// There is no such run, another process drives it, or what it needs cannot be had.
    pub async fn chat_on(&self, id: &RunId) -> anyhow::Result<Chat> {
        let store = self.store()?;
        let driven = taken(&store, id).await?;
        let events = told(store.load(id).await)?;
        let agent = as_of(id, &events)?;
        roots::unchanged(&agent)?;
        let launch = Launch::new(self, store, &agent, None).await?;
        let assembled = self.assemble(&agent, &launch).await?;
        let chat = Chat { id: id.clone(), assembled, _driven: driven };
        talks(&agent, chat.run().await?.strategy())?;
        Ok(chat)
    }
}

impl Chat {
    /// The run that it is.
    pub fn id(&self) -> &RunId {
        &self.id
    }

    /// The run as its journal has it.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn run(&self) -> anyhow::Result<Run> {
        let events = self.assembled.store.events(&self.id).await?;
        Ok(drive::fold(
            &self.id,
            &events,
            &STRATEGIES,
            self.assembled.model.traits(),
            self.assembled.specs(),
        )?)
    }

    /// Whether something is left to be done.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn stands(&self) -> anyhow::Result<Stands> {
        let events = self.assembled.store.events(&self.id).await?;
        Ok(if ended(&events).is_some() { Stands::Answered } else { Stands::Open })
    }

    /// A person says this. It is answered by the next [`Chat::turn`].
    ///
    /// # Errors
    /// The journal cannot be written.
    pub async fn say(&self, text: &str) -> anyhow::Result<()> {
        self.note(What::Said { text: text.to_string() }).await
    }

    /// A person takes back what they said last, which is given back. `None` where all that was said
    /// is the task.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub async fn undo(&self) -> anyhow::Result<Option<String>> {
        let Some(said) = self.run().await?.latest_said().map(str::to_string) else {
            return Ok(None);
        };
        self.note(What::Undone).await?;
        Ok(Some(said))
    }

    /// Drives the turn to its end. Dropped before, it can be taken up again, or something else said.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub async fn turn(
        &self,
        watch: &dyn Watch,
        person: Option<&dyn Person>,
    ) -> anyhow::Result<Finished> {
        let events = self.assembled.store.events(&self.id).await?;
        let last = events.last().map(|event| &event.what);
        if !matches!(last, Some(What::Started { .. } | What::Said { .. })) {
            self.note(What::Resumed { model: None }).await?;
        }
        self.assembled.drive(Box::new(self.run().await?), watch, person).await
    }

    /// Writes down what happened between turns. An event of a turn that was dropped may still be on
    /// its way to the journal: then this one's number is taken, and it gets the next.
    async fn note(&self, what: What) -> anyhow::Result<()> {
        let parts = self.assembled.parts(&Unseen, None);
        let mut noted = Ok(());
        for _ in 0..3 {
            let mut run = self.run().await?;
            noted = drive::note(&mut run, what.clone(), &parts).await;
            if noted.is_ok() {
                break;
            }
        }
        Ok(noted?)
    }

    /// The agent that is talked to.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn agent(&self) -> anyhow::Result<Agent> {
        Ok(self.run().await?.agent().clone())
    }
}

/// A research is one question with one report.
fn talks(agent: &Agent, strategy: &'static Entry) -> anyhow::Result<&'static Entry> {
    if strategy.outcome.is_some() {
        anyhow::bail!(
            "agent `{}` does research, which is no conversation\nhint: `errand run` or `errand research` \
             runs it",
            agent.name
        );
    }
    Ok(strategy)
}
