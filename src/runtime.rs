//! The one place where an `Agent` becomes concrete types: which model, which tools, which policy,
//! which sandbox, which journal.

mod assembled;
mod attached;
mod begun;
#[cfg_attr(not(feature = "browser"), path = "runtime/no_browser.rs")]
mod browser;
mod chat;
mod component;
mod kept;
mod launch;
#[cfg_attr(not(feature = "onnx"), path = "runtime/no_local.rs")]
mod local;
mod model;
mod now;
mod prepared;
mod python;
#[cfg_attr(not(feature = "openai"), path = "runtime/no_remote.rs")]
mod remote;
mod replay;
#[cfg(feature = "research")]
mod report;
mod resumed;
mod roots;
mod runs;
mod sandboxed;
#[cfg_attr(not(feature = "mcp"), path = "runtime/no_servers.rs")]
mod servers;
mod setup;
mod told;
mod transfer;
mod unfit;

pub use chat::{Chat, Stands};
pub use component::Caller;
#[cfg(feature = "cli")]
pub(crate) use local::{CONTEXT, LocalModel};
pub(crate) use now::{new_id, now};
pub use prepared::Prepared;
pub(crate) use prepared::bare;
#[cfg(feature = "cli")]
pub(crate) use remote::model as remote;
pub use replay::{Difference, Replayed};
pub use runs::Listed;
#[cfg(feature = "cli")]
pub(crate) use runs::{as_of, over};
pub use setup::ENCODER;
pub use unfit::Unfit;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use agent_core::agent::Agent;
use agent_core::drive::{self, Person, Unseen, Watch};
use agent_core::event::{Outcome, RunId};
use agent_core::ledger::Spent;
use agent_core::mcp::Server;
use agent_core::strategy::PYTHON;
use agent_core::subagent::SubagentTool;
use agent_core::tool::{Tool, ToolSpec};
use agent_file::{AgentFile, Checked, Invalid, Known};
use anyhow::Context;
use models::fetch::{Fetcher, Network, Progress};
use policies::Policies;
use sandbox::{FetchPolicy, Pages, Room, Wasm};
use store::Store;
use tools::lock::Lock;
use tools::process::Cells;
use tools::registry::{Registries, Setup};

use crate::STRATEGIES;
use crate::features::{ModelFrom, left_out};
use crate::library::{Builder, Own};
use assembled::Assembled;
use launch::Launch;
use local::Local;
use remote::Learned;

/// Where files are kept, and how what a run needs gets there.
#[derive(Clone)]
pub struct Errand {
    fetcher: Fetcher,
    /// Of all agents of this process.
    pages: Arc<Pages>,
    /// What no agent may write, beside what makes agents what they are.
    kept: Vec<PathBuf>,
    /// Memory for the guests of all of them.
    room: Arc<Room>,
    /// What runs them.
    guest_engines: Arc<sandbox::Engines>,
    /// Policies that were put together, by what they grant.
    policies: Arc<Policies>,
    /// The built-in tools, by how they are set up.
    registries: Arc<Registries>,
    /// The program that confines others.
    pub(crate) confiner: Option<PathBuf>,
    /// What its models' endpoints were found to want.
    learned: Learned,
    /// What the program adds that errand is part of.
    pub(crate) own: Arc<Own>,
    /// The journal of its runs, where they share one.
    shared: Option<Store>,
    /// How it opens local models.
    local_models: Local,
}

/// How a run ended, for now or for good.
#[derive(Debug, Clone)]
pub struct Finished {
    /// Which run.
    pub run: RunId,
    /// What came of it.
    pub outcome: Outcome,
    /// What it took.
    pub spent: Spent,
}

/// Runs an agent with the defaults: `ERRAND_HOME`, fetching what is missing, without an observer.
///
/// # Errors
/// What the run needs cannot be had. A run that ends without an outcome is no error.
pub async fn run(agent: Agent) -> anyhow::Result<Finished> {
    Errand::open()?.run(agent, &Unseen, None).await
}

impl Errand {
    /// With what the environment says; `ERRAND_HOME` above all.
    ///
    /// # Errors
    /// There is no folder to keep files in, or a variable that cannot be meant.
    pub fn open() -> anyhow::Result<Self> {
        Self::from_env(|name| std::env::var_os(name))
    }

    /// With what the environment says, but in this folder.
    pub(crate) fn at(home: &Path) -> anyhow::Result<Self> {
        Self::from_env(|name| match name {
            "ERRAND_HOME" => Some(home.as_os_str().to_os_string()),
            name => std::env::var_os(name),
        })
    }

    fn from_env(variable: impl Fn(&str) -> Option<OsString>) -> anyhow::Result<Self> {
        // A run may have to make the python guest; by then, something untrusted may have run.
        guard::settle(["python3"]);
        let fetcher = Fetcher::from_env(variable)?.interpreter(python::interpreter());
        guard::private::settle(fetcher.home().root())?;
        let folder = fetcher.home().root().join("pages");
        let guest_engines = Arc::new(sandbox::Engines::new(fetcher.home().root().join("cache")));
        let pages = Arc::new(Pages::new(Some(folder), FetchPolicy::default()));
        Ok(Self {
            fetcher,
            pages,
            kept: Vec::new(),
            room: setup::room()?,
            guest_engines,
            policies: Arc::default(),
            registries: Arc::default(),
            confiner: None,
            learned: Learned::default(),
            own: Arc::default(),
            shared: None,
            local_models: Local::default(),
        })
    }

    /// Puts one together for a program that adds tools, a model or a policy of its own.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn with(self, own: Own) -> Self {
        Self { own: Arc::new(own), ..self }
    }

    /// Fetches nothing from now on: what is missing is an error.
    #[must_use]
    pub fn offline(self) -> Self {
        Self { fetcher: self.fetcher.network(Network::Forbidden), ..self }
    }

    /// Confines servers and browsers with this program: `errand`, which is started for that. In a
    /// program of your own this is the one that is installed, and without it nothing is started that
    /// must be confined.
    #[must_use]
    pub fn confined_by(self, errand: PathBuf) -> Self {
        Self { confiner: Some(errand), ..self }
    }

    /// Keeps pages in this folder instead, away from those that were read before.
    #[must_use]
    pub fn pages(self, folder: PathBuf) -> Self {
        Self { pages: Arc::new(Pages::new(Some(folder), FetchPolicy::default())), ..self }
    }

    /// Keeps these files from the agents too: none of them writes there, whatever it was granted.
    #[must_use]
    pub fn keeping(mut self, files: impl IntoIterator<Item = PathBuf>) -> Self {
        self.kept.extend(files);
        self
    }

    /// Shares the journal and the local models among all runs from now on: for a program that runs
    /// many, and stays.
    ///
    /// # Errors
    /// The journal cannot be opened.
    pub fn sharing(self) -> anyhow::Result<Self> {
        let shared = Some(self.store()?);
        Ok(Self { shared, local_models: self.local_models.shared(), ..self })
    }

    /// Has local models answer so many requests at once, each with memory for a conversation.
    #[must_use]
    pub(crate) fn slots(self, slots: usize) -> Self {
        Self { local_models: self.local_models.slots(slots), ..self }
    }

    /// Tells how far a fetch is.
    #[must_use]
    pub fn progress(self, progress: Arc<dyn Progress>) -> Self {
        Self { fetcher: self.fetcher.progress(progress), ..self }
    }

    /// Fetches models, lists them, says where they are.
    pub fn fetcher(&self) -> &Fetcher {
        &self.fetcher
    }

    /// Reads and checks an agent file. `model` takes the place of the file's own.
    ///
    /// # Errors
    /// Everything that is wrong with the file and the parameters.
    pub fn load(
        &self,
        file: &Path,
        params: &[(String, String)],
        model: Option<&str>,
    ) -> Result<Agent, Invalid> {
        self.known(model, |known| agent_file::load(file, params, known))
    }

    /// Makes an agent that is described in code: checked as a file in this folder would be, whose
    /// paths are relative to it.
    ///
    /// # Errors
    /// Everything that is wrong with it and the parameters, by its place in the file it would be.
    pub fn agent(
        &self,
        folder: impl AsRef<Path>,
        file: &AgentFile,
        params: &[(String, String)],
    ) -> anyhow::Result<Agent> {
        let path = folder.as_ref().join("agent.toml");
        Ok(self.load_text(&path, &file.to_toml()?, params, None)?)
    }

    /// Checks an agent file; required parameters may be missing.
    ///
    /// # Errors
    /// Everything that is wrong with the file and the parameters.
    pub fn check(&self, file: &Path, params: &[(String, String)]) -> Result<Checked, Invalid> {
        self.known(None, |known| Checked::read(file, params, known))
    }

    /// Checks what an agent file at this path would be with this text, and makes the agent. `model`
    /// takes the place of the text's own.
    ///
    /// # Errors
    /// Everything that is wrong with the text and the parameters.
    pub fn load_text(
        &self,
        file: &Path,
        text: &str,
        params: &[(String, String)],
        model: Option<&str>,
    ) -> Result<Agent, Invalid> {
        self.known(model, |known| Checked::of(file, text.as_bytes(), params, known)?.ready())
    }

    fn known<T>(&self, model: Option<&str>, with: impl FnOnce(&Known<'_>) -> T) -> T {
        let models: Vec<String> = self.fetcher.catalog().models().map(str::to_string).collect();
        let from = match self.own.model {
            Some(_) => ModelFrom::Program,
            None => ModelFrom::File,
        };
        let left_out = left_out(from);
        let there = |spec: &&ToolSpec| !left_out.iter().any(|part| part.brings(&spec.name));
        let known = tools::registry::known().iter().filter(there).cloned();
        let tools: Vec<ToolSpec> = known.chain(self.own.specs()).collect();
        with(&Known {
            tools: &tools,
            forms: &tools::registry::FORMS,
            left_out: &left_out,
            strategies: &STRATEGIES,
            models: &models,
            default_model: models::DEFAULT,
            model_override: model,
            locked: &|folder| {
                let lock = Lock::read(folder).map_err(|error| error.to_string())?;
                Ok(lock.agreed())
            },
            policy_holds: &policies::own::check,
            decoder_holds: &local::holds,
        })
    }

    /// Runs an agent to its end, or until it cannot go on. Many runs of one agent share an `Arc` of it.
    ///
    /// # Errors
    /// What the run needs cannot be had, or the journal cannot be written.
    pub fn run(
        &self,
        agent: impl Into<Arc<Agent>>,
        watch: &dyn Watch,
        person: Option<&dyn Person>,
    ) -> impl Future<Output = anyhow::Result<Finished>> + Send {
        self.run_as(new_id(), agent, watch, person)
    }

    /// Runs an agent under a name that no run has yet.
    ///
    /// # Errors
    /// What the run needs cannot be had, or the journal cannot be written.
    pub fn run_as(
        &self,
        id: RunId,
        agent: impl Into<Arc<Agent>>,
        watch: &dyn Watch,
        person: Option<&dyn Person>,
    ) -> impl Future<Output = anyhow::Result<Finished>> + Send {
        self.run_told(id, agent, drive::Told::default(), watch, person)
    }

    /// What the servers of an agent file are started with, to be looked at.
    ///
    pub fn cells<'a>(&self, file: &Path, servers: impl IntoIterator<Item = &'a Server>) -> Cells {
        let kept = kept::of_file(self.fetcher.home().root(), file, servers);
        Cells { confiner: self.confiner.clone(), kept: Arc::new(kept) }
    }

    pub(crate) fn store(&self) -> anyhow::Result<Store> {
        if let Some(shared) = &self.shared {
            return Ok(shared.clone());
        }
        Ok(Store::open(self.fetcher.home().root())?)
    }

    async fn assemble(&self, agent: &Agent, launch: &Launch) -> anyhow::Result<Assembled> {
        setup::settle(agent);
        // Said, and found to fit on the disk, before the first byte of it comes.
        self.fetcher.begin(&self.missing(agent))?;
        // What is granted is opened before anything runs that could put another thing in its place.
        let sandbox = launch.sandbox(agent)?;
        Ok(Assembled {
            tools: self.tools(agent, launch, &sandbox).await?,
            model: launch.model(agent).await?,
            policy: self
                .policies
                .chain(&agent.grants, &agent.above)?
                .and(self.own.policies.iter().cloned()),
            sandbox,
            store: launch.store.clone(),
        })
    }

    /// The tools that an agent uses, and no others.
    async fn tools(
        &self,
        agent: &Agent,
        launch: &Launch,
        sandbox: &Arc<Wasm>,
    ) -> anyhow::Result<Vec<Arc<dyn Tool>>> {
        let setup = Setup {
            root: agent.root.clone(),
            read: agent.grants.read.clone(),
            user_agent: sandbox::USER_AGENT.to_string(),
            search: agent.search.clone(),
            browser: agent.browser.is_some(),
            python: None,
        };
        let mut registry = self.registries.builtin(&setup);
        for tool in &self.own.tools {
            registry.add(Arc::new(tool.clone()));
        }
        for tool in self.data_tools(agent, &setup, sandbox).await? {
            registry.add(tool);
        }
        if let Some(programs) = &agent.grants.programs {
            // Before a server runs that could put another thing in the place of what is granted.
            let cells = Cells { confiner: self.confiner.clone(), kept: Arc::clone(&launch.kept) };
            registry.add(tools::program::tool(&agent.grants, programs, &agent.linked, cells));
        }
        for pinned in &agent.components {
            tools::component::unchanged(pinned)?;
            // A component that the agent has no scope for gets nothing.
            let scope = agent.grants.scopes.get(&pinned.name).cloned().unwrap_or_default();
            for tool in tools::component::tools(pinned, &scope) {
                registry.add(tool);
            }
        }
        for (name, server) in &agent.mcp {
            for tool in launch.server_tools(name, server).await? {
                registry.add(tool);
            }
        }
        for (name, sub) in &agent.agents {
            registry.add(Arc::new(SubagentTool::new(name, sub.clone(), Arc::new(launch.clone()))));
        }
        let used = |registry: &tools::Registry| -> Vec<Arc<dyn Tool>> {
            agent.tools.iter().filter_map(|name| registry.get(name).cloned()).collect()
        };
        if agent.tools.iter().any(|tool| tool == PYTHON) {
            let python = self.python().await.context("the `python` tool cannot be set up")?;
            let mut others: Vec<ToolSpec> =
                used(&registry).iter().map(|tool| (**tool.spec()).clone()).collect();
            others.push(tools::output::spec());
            registry.add(tools::python::tool(python, &others));
        }
        let mut used = used(&registry);
        used.push(tools::output::tool());
        Ok(used)
    }
}
