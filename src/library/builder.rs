//! Errand with what a program adds to it.

use std::path::PathBuf;
use std::sync::Arc;

use agent_core::component::RESERVED;
use agent_core::drive::Person;
use agent_core::model::Model;
use agent_core::policy::Policy;
use agent_core::tool::{Tool, ToolSpec};

use super::FnTool;
use crate::Errand;

/// What a program adds, shared by all of its runs.
#[derive(Clone, Default)]
pub(crate) struct Own {
    pub(crate) model: Option<Arc<dyn Model>>,
    pub(crate) tools: Vec<FnTool>,
    pub(crate) policies: Vec<Arc<dyn Policy>>,
    pub(crate) approver: Option<Arc<dyn Person>>,
}

impl Own {
    /// Its tools as an agent file can name them.
    pub(crate) fn specs(&self) -> impl Iterator<Item = ToolSpec> {
        self.tools.iter().map(|tool| (**tool.spec()).clone())
    }
}

/// Puts an [`Errand`] together. Everything has a default; see [`Errand::builder`].
#[derive(Default)]
#[must_use]
pub struct Builder {
    home: Option<PathBuf>,
    offline: bool,
    own: Own,
}

impl Builder {
    /// Keeps everything below this folder instead of `ERRAND_HOME`.
    pub fn home(mut self, folder: impl Into<PathBuf>) -> Self {
        self.home = Some(folder.into());
        self
    }

    /// Fetches nothing: what is missing is an error.
    pub fn offline(mut self) -> Self {
        self.offline = true;
        self
    }

    /// A tool that agents can name in `[tools] use`.
    pub fn tool(mut self, tool: FnTool) -> Self {
        self.own.tools.push(tool);
        self
    }

    /// The model that every agent thinks with, whatever its file names.
    pub fn model(mut self, model: impl Model + 'static) -> Self {
        self.own.model = Some(Arc::new(model));
        self
    }

    /// One more policy that every action has to pass. The strictest verdict counts, so it can deny
    /// and ask, and never allow what an agent was not granted.
    pub fn policy(mut self, policy: impl Policy + 'static) -> Self {
        self.own.policies.push(Arc::new(policy));
        self
    }

    /// Who answers what the policies leave to a person, in runs of [`Errand::start`].
    pub fn approver(mut self, approver: impl Person + 'static) -> Self {
        self.own.approver = Some(Arc::new(approver));
        self
    }

    /// # Errors
    /// There is no folder to keep files in, a variable of the environment cannot be meant, or a tool
    /// has a name that it cannot have.
    pub fn build(self) -> anyhow::Result<Errand> {
        for (at, tool) in self.own.tools.iter().enumerate() {
            let name = tool.name();
            named(name)?;
            if self.own.tools[..at].iter().any(|other| other.name() == name) {
                anyhow::bail!("two tools are called `{name}`");
            }
        }
        let errand = match &self.home {
            Some(home) => Errand::at(home)?,
            None => Errand::open()?,
        };
        let errand = if self.offline { errand.offline() } else { errand };
        Ok(errand.with(self.own))
    }
}

/// Refuses a name that no tool can have, or that is part of errand.
fn named(name: &str) -> anyhow::Result<()> {
    let word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_lowercase())
            && word
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c))
    };
    anyhow::ensure!(
        name.len() <= 64 && name.split('.').all(word),
        "`{name}` cannot be a tool's name\nhint: lower-case words with dots between them, such as \
         `orders.find`"
    );
    let family = name.split('.').next().unwrap_or_default();
    anyhow::ensure!(
        !RESERVED.contains(&family),
        "`{name}`: the tools of `{family}` are errand's own\nhint: give it another first word"
    );
    Ok(())
}
