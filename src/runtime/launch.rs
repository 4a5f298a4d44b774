//! What the agents of one run share: the journal, the models and the MCP servers that several name.

use std::sync::{Arc, Mutex, PoisonError};

use crate::STRATEGIES;
use agent_core::action::Action;
use agent_core::agent::{Agent, ModelConfig};
use agent_core::drive::Approval;
use agent_core::event::RunId;
use agent_core::journal::Journal;
use agent_core::mcp::Server;
use agent_core::model::Model;
use agent_core::strategy::{ONE_CALL, Strategies};
use agent_core::subagent::{AgentRuntime, Launcher};
use agent_core::tool::Tool;
use async_trait::async_trait;
use guard::Kept;
use sandbox::Wasm;
use store::Store;

use super::component::Unasked;
use super::servers::Servers;
use super::{Errand, kept};

/// Starts the agents that an agent calls: in the same journal, and with the same local model where
/// they name the same.
#[derive(Clone)]
pub(super) struct Launch {
    errand: Errand,
    pub(super) store: Store,
    approval: Arc<Mutex<Option<Approval>>>,
    models: Models,
    servers: Servers,
    sandboxes: Sandboxes,
    /// What none of them may write.
    pub(super) kept: Arc<Kept>,
}

/// What the agents of one run leave behind.
pub(super) struct Ends {
    store: Store,
    servers: Servers,
}

impl Ends {
    /// Ends the servers of a run that is over, and notes what they left behind.
    pub(super) async fn over(&self, run: &RunId) -> anyhow::Result<()> {
        self.servers.end().await;
        Ok(self.store.programs_ended(Some(run)).await?)
    }
}

type Sandboxes = Arc<Mutex<Vec<(Agent, Arc<Wasm>)>>>;
type Models = Arc<tokio::sync::Mutex<Vec<(ModelConfig, Arc<dyn Model>)>>>;

impl Launch {
    /// What programs left behind of runs that were killed is noted before any of it can be read.
    pub(super) async fn new(
        errand: &Errand,
        store: Store,
        agent: &Agent,
        approval: Option<Approval>,
    ) -> anyhow::Result<Launch> {
        store.programs_ended(None).await?;
        let kept = Arc::new(kept::of(errand.fetcher.home().root(), agent, &errand.kept));
        let approval = Arc::new(Mutex::new(approval));
        let (models, servers) = (Models::default(), Servers::default());
        let (errand, sandboxes) = (errand.clone(), Sandboxes::default());
        Ok(Launch { errand, store, approval, models, servers, sandboxes, kept })
    }

    /// The sandbox of an agent. The first that asks for its own has those of all the agents below
    /// opened with it: what they are granted is what it was when the run began.
    pub(super) fn sandbox(&self, agent: &Agent) -> anyhow::Result<Arc<Wasm>> {
        let mut opened = self.sandboxes.lock().unwrap_or_else(PoisonError::into_inner);
        if alone(agent) && opened.is_empty() {
            return Ok(Arc::new(self.errand.sandbox(agent, self)?));
        }
        self.opened(agent, &mut opened)
    }

    fn opened(
        &self,
        agent: &Agent,
        opened: &mut Vec<(Agent, Arc<Wasm>)>,
    ) -> anyhow::Result<Arc<Wasm>> {
        let known = opened.iter().find(|(known, _)| {
            known.file == agent.file
                && known.grants == agent.grants
                && known.secrets == agent.secrets
                && known.browser == agent.browser
        });
        if let Some((_, sandbox)) = known {
            return Ok(Arc::clone(sandbox));
        }
        let sandbox = Arc::new(self.errand.sandbox(agent, self)?);
        opened.push((agent.clone(), Arc::clone(&sandbox)));
        for sub in agent.agents.values() {
            self.opened(&sub.agent, opened)?;
        }
        Ok(sandbox)
    }

    pub(super) async fn model(&self, agent: &Agent) -> anyhow::Result<Arc<dyn Model>> {
        if asks_no_model(agent) {
            return Ok(Arc::new(Unasked));
        }
        let mut models = self.models.lock().await;
        if alone(agent) && models.is_empty() {
            return self.errand.model(agent).await;
        }
        if let Some((_, model)) = models.iter().find(|(config, _)| *config == agent.model) {
            return Ok(model.clone());
        }
        let model = self.errand.model(agent).await?;
        models.push((agent.model.clone(), model.clone()));
        Ok(model)
    }

    /// What is left to do once a run is over. A run that waits needs nothing else of what it was begun with.
    pub(super) fn ends(&self) -> Ends {
        Ends { store: self.store.clone(), servers: self.servers.clone() }
    }

    /// The tools of a server, whichever agents of the run use it.
    pub(super) async fn server_tools(
        &self,
        name: &String,
        server: &Server,
    ) -> anyhow::Result<Vec<Arc<dyn Tool>>> {
        self.servers.tools(&self.errand, &self.store, &self.kept, (name, server)).await
    }
}

#[async_trait]
impl Launcher for Launch {
    async fn launch(&self, agent: &Agent) -> Result<Box<dyn AgentRuntime>, String> {
        match self.errand.assemble(agent, self).await {
            Ok(assembled) => Ok(Box::new(assembled)),
            Err(error) => Err(format!("{error:#}")),
        }
    }

    fn strategies(&self) -> Strategies {
        STRATEGIES
    }

    fn journal(&self) -> &dyn Journal {
        &self.store
    }

    fn answer(&self, action: &Action) -> Option<Approval> {
        let mut approval = self.approval.lock().ok()?;
        match &*approval {
            // It was said of another.
            Some(Approval::Marked(mark)) if *mark != action.mark() => None,
            _ => approval.take(),
        }
    }
}

/// Whether nothing that is made for this agent is made for another one too.
fn alone(agent: &Agent) -> bool {
    agent.agents.is_empty()
}

/// Whether a run of this agent asks no model for anything.
pub(super) fn asks_no_model(agent: &Agent) -> bool {
    agent.act.as_deref() == Some(ONE_CALL.name)
}
