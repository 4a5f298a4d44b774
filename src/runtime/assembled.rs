//! What one agent is run with, and its drive.

use std::sync::Arc;

use agent_core::drive::{self, Parts, Person, Watch};
use agent_core::model::Model;
use agent_core::policy::Policy;
use agent_core::run::Run;
use agent_core::subagent::AgentRuntime;
use agent_core::tool::{Tool, ToolSpec};
use policies::Chain;
use sandbox::Wasm;
use store::Store;

use super::Finished;

/// What one agent is run with.
pub(super) struct Assembled {
    pub(super) model: Arc<dyn Model>,
    pub(super) tools: Vec<Arc<dyn Tool>>,
    pub(super) policy: Chain,
    pub(super) sandbox: Arc<Wasm>,
    pub(super) store: Store,
}

impl AgentRuntime for Assembled {
    /// The tools as the model sees them: what no grant could ever allow is not there.
    fn specs(&self) -> Vec<Arc<ToolSpec>> {
        let specs = self.tools.iter().map(|tool| tool.spec());
        match self.model.traits().constrained {
            true => {
                let specs: Vec<ToolSpec> = specs.map(|spec| (**spec).clone()).collect();
                self.policy.narrow(&specs).into_iter().map(Arc::new).collect()
            }
            false => specs.cloned().collect(),
        }
    }

    fn parts<'a>(&'a self, watch: &'a dyn Watch, person: Option<&'a dyn Person>) -> Parts<'a> {
        Parts {
            model: &*self.model,
            tools: &self.tools,
            policy: &self.policy,
            sandbox: &*self.sandbox,
            journal: &self.store,
            watch,
            person,
            clock: super::now,
            chance: rand::random,
            sleep: |time| Box::pin(tokio::time::sleep(time)),
        }
    }
}

impl Assembled {
    pub(super) async fn drive(
        &self,
        run: Box<Run>,
        watch: &dyn Watch,
        person: Option<&dyn Person>,
    ) -> anyhow::Result<Finished> {
        let (outcome, run) = drive::drive(run, &self.parts(watch, person)).await?;
        Ok(Finished { run: run.id().clone(), outcome, spent: *run.spent() })
    }
}
