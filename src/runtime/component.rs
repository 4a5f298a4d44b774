//! Components, before an agent has them and without a run: what one says of itself, what an agent
//! file would come to with one, and a single call.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use agent_core::agent::Agent;
use agent_core::content::ContentPart;
use agent_core::drive::{self, Parts, Person, Watch};
use agent_core::event::{Event, Observation, RunId};
use agent_core::journal::{Journal, JournalError, Lasting};
use agent_core::manifest::Manifest;
use agent_core::message::ToolCall;
use agent_core::model::{Model, ModelError, Reply, Request, Traits};
use agent_core::run::Run;
use agent_core::strategy::TOOLS;
use agent_core::tool::{Component, Tool};
use agent_file::{Checked, Invalid, Known};
use async_trait::async_trait;
use policies::Chain;
use sandbox::{Config, Wasm};
use tools::lock::Lock;

use super::launch::Launch;
use super::{Errand, new_id, now};

impl Errand {
    /// What these bytes say of themselves as a component. They run with nothing granted.
    ///
    /// # Errors
    /// They are no component, or say what none may.
    pub async fn describe(&self, bytes: &[u8]) -> anyhow::Result<Manifest> {
        let home = std::path::absolute(self.fetcher().home().root())?;
        guard::private::folder(&home)?;
        let draft = Draft(home.join(format!("describing-{}.wasm", std::process::id())));
        guard::private::write(&draft.0, bytes)?;
        let wasm = Wasm::new(Config::new(&home, home.join("cache")))?;
        let component = Component::File(Arc::new(draft.0.clone()));
        // The draft's name means nothing to who gave the bytes.
        let name = format!(" `{}`", draft.0.display());
        let described = wasm.describe(&component).await;
        let manifest = described.map_err(|error| anyhow::Error::msg(error.replace(&name, "")))?;
        tools::component::check_manifest(&manifest).map_err(anyhow::Error::msg)?;
        Ok(manifest)
    }

    /// Checks what an agent file would be with this text and this lock.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn check_text(&self, file: &Path, text: &str, lock: &Lock) -> Result<Checked, Invalid> {
        self.known(None, |known| {
            let locked = |_: &Path| Ok(lock.clone().agreed());
            let known = Known { locked: &locked, ..*known };
            Checked::of(file, text.as_bytes(), &[], &known)
        })
    }

    /// What single calls of an agent are made with.
    ///
    /// # Errors
    /// A component is not what the agent was made with, or a tool cannot be set up.
    pub async fn caller(&self, agent: Agent) -> anyhow::Result<Caller> {
        let launcher = Launch::new(self, self.store()?, &agent, None).await?;
        let sandbox = launcher.sandbox(&agent)?;
        Ok(Caller {
            tools: self.tools(&agent, &launcher, &sandbox).await?,
            policy: Chain::new(&agent.grants, &agent.above)?,
            sandbox,
            agent,
        })
    }
}

/// Makes single calls under an agent's grants, without a model.
pub struct Caller {
    pub(super) agent: Agent,
    pub(super) tools: Vec<Arc<dyn Tool>>,
    pub(super) policy: Chain,
    pub(super) sandbox: Arc<Wasm>,
}

impl Caller {
    /// One call: planned, judged, permitted and run as in a run. Nothing of it is kept.
    ///
    /// # Errors
    /// The sandbox broke.
    pub async fn call(
        &self,
        call: &ToolCall,
        watch: &dyn Watch,
        person: Option<&dyn Person>,
    ) -> anyhow::Result<Observation> {
        let agent = self.agent.clone();
        let run = Run::new(new_id(), agent, &TOOLS, Unasked.traits(), Vec::new());
        let parts = Parts {
            model: &Unasked,
            tools: &self.tools,
            policy: &self.policy,
            sandbox: &*self.sandbox,
            journal: &Unkept,
            watch,
            person,
            clock: now,
            chance: rand::random,
            sleep: |time| Box::pin(tokio::time::sleep(time)),
        };
        Ok(drive::call(run, call, &parts).await?)
    }
}

/// A file that is gone once it was looked at.
struct Draft(std::path::PathBuf);

impl Drop for Draft {
    fn drop(&mut self) {
        // Nothing depends on it, and the next one of this process replaces it.
        let _ = fs::remove_file(&self.0);
    }
}

/// The model of a call that no model asks for.
pub(super) struct Unasked;

#[async_trait]
impl Model for Unasked {
    fn name(&self) -> &str {
        "none"
    }

    fn traits(&self) -> Traits {
        Traits { constrained: false, caches: false, context: 0 }
    }

    async fn think(
        &self,
        _request: &Request,
        _on_text: &mut (dyn for<'t> FnMut(&'t str) + Send),
    ) -> Result<Reply, ModelError> {
        Err(ModelError::Broken { model: "none".into(), reason: "a single call has none".into() })
    }
}

/// The journal of a call that is no run.
struct Unkept;

#[async_trait]
impl Journal for Unkept {
    async fn append_all(
        &self,
        _run: &RunId,
        _seq: u64,
        _events: &[Event],
        _lasting: Lasting,
    ) -> Result<(), JournalError> {
        Ok(())
    }

    /// What is given back is named; nothing reads its bytes afterwards.
    async fn keep(&self, _run: &RunId, _part: &ContentPart) -> Result<(), JournalError> {
        Ok(())
    }

    async fn load(&self, run: &RunId) -> Result<Vec<Event>, JournalError> {
        Err(JournalError::Unknown(run.clone()))
    }
}
