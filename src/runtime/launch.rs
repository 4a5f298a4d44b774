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
use async_trait::async_trait;
use guard::Kept;
use sandbox::Wasm;
use store::{Drive, Store};
use tools::mcp::{self, McpError};
use tools::process::Cells;

use super::component::Unasked;
use super::{Errand, kept, new_id};

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
    owner: Owner,
    /// What none of them may write.
    pub(super) kept: Arc<Kept>,
}

type Servers = Arc<tokio::sync::Mutex<Vec<(String, Arc<mcp::Client>)>>>;
type Sandboxes = Arc<Mutex<Vec<(Agent, Arc<Wasm>)>>>;
type Owner = Arc<Mutex<Option<(RunId, Drive)>>>;
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
        Ok(Launch {
            errand,
            store,
            approval,
            models,
            servers,
            sandboxes,
            owner: Owner::default(),
            kept,
        })
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

    /// Ends the servers of a run that is over, and notes what they left behind.
    pub(super) async fn over(&self, run: &RunId) -> anyhow::Result<()> {
        for (_, client) in self.servers.lock().await.drain(..) {
            client.end().await;
        }
        self.owner.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(self.store.programs_ended(Some(run)).await?)
    }

    /// What the servers are known by in the journal: driven, as a run is, while this process lives.
    fn owner(&self) -> anyhow::Result<RunId> {
        let mut owner = self.owner.lock().unwrap_or_else(PoisonError::into_inner);
        let (id, driven) = match owner.take() {
            Some(owner) => owner,
            None => {
                let id = new_id();
                (id.clone(), self.store.drive(&id)?)
            }
        };
        *owner = Some((id.clone(), driven));
        Ok(id)
    }

    /// One client for a server, whichever agents of the run use it. A server that has other tools
    /// than were agreed to stops the run before it begins; one that cannot be reached is a failure
    /// of the calls that need it.
    pub(super) async fn server(
        &self,
        name: &str,
        server: &Server,
    ) -> anyhow::Result<Arc<mcp::Client>> {
        let mut servers = self.servers.lock().await;
        let same = |(known, client): &&(String, Arc<mcp::Client>)| {
            known == name && client.server() == server
        };
        if let Some((_, client)) = servers.iter().find(same) {
            return Ok(client.clone());
        }
        let confiner = self.errand.confiner.clone();
        let cells = Cells { confiner, kept: Arc::clone(&self.kept) };
        let owner = if server.writes() { self.owner()? } else { new_id() };
        let client = mcp::Client::new(name, server.clone(), cells, owner);
        let client = Arc::new(client.signed_in(self.errand.tokens()));
        client.watched(&self.store).await?;
        if let Err(error @ McpError::Changed { .. }) = client.ready().await {
            return Err(error.into());
        }
        servers.push((name.to_string(), client.clone()));
        Ok(client)
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
