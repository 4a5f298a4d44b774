//! What errand finds on this machine, what it is for, and how to get what is missing.
//!
//! Programs are looked for on the absolute folders of the search path and started in a folder of
//! their own, each for a bounded time: nothing that lies where errand runs is run. Nothing is
//! fetched and nothing is kept.

mod extras;
mod machine;
mod program;
mod setup;

use std::sync::Arc;

use serde::Serialize;
use tools::process::Cells;

use crate::Errand;
use program::Runner;

/// One thing that was looked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What.
    pub name: &'static str,
    /// Whether it is there.
    pub state: State,
    /// Whether the default set-up – the default model, the tools of `errand init` – works without it.
    pub need: Need,
    /// What is there, or why it is not.
    pub found: String,
    /// What it is for.
    pub purpose: &'static str,
    /// How to get it, where it is missing.
    pub remedy: Option<String>,
}

/// Whether something is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It is.
    Ok,
    /// It is not, and comes by itself when it is first needed.
    Later,
    /// It is not.
    Missing,
    /// That was not looked into.
    Unasked,
}

/// Whether something can be done without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Need {
    /// The default set-up needs it.
    Required,
    /// Only some things need it.
    Optional,
}

impl Check {
    fn new(name: &'static str, purpose: &'static str) -> Check {
        let (found, remedy) = (String::new(), None);
        Check { name, state: State::Unasked, need: Need::Optional, found, purpose, remedy }
    }

    fn required(self, required: bool) -> Check {
        Check { need: if required { Need::Required } else { Need::Optional }, ..self }
    }

    fn ok(self, found: impl Into<String>) -> Check {
        Check { state: State::Ok, found: found.into(), ..self }
    }

    fn missing(self, found: impl Into<String>, remedy: impl Into<String>) -> Check {
        let remedy = Some(remedy.into());
        Check { state: State::Missing, found: found.into(), remedy, ..self }
    }

    fn unasked(self, found: impl Into<String>) -> Check {
        Check { state: State::Unasked, found: found.into(), ..self }
    }

    /// Whether the default set-up cannot work for want of this.
    pub fn fails(&self) -> bool {
        self.state == State::Missing && self.need == Need::Required
    }
}

impl Errand {
    /// Looks at this machine. Where nothing may be fetched, the package registry is not asked, and
    /// what is not here is missing.
    ///
    /// # Errors
    /// No folder can be made for the programs that are asked.
    pub async fn examine(&self) -> std::io::Result<Vec<Check>> {
        let runner = Runner::new(self.fetcher().home().root())?;
        let cells = Cells { confiner: self.confiner.clone(), kept: Arc::default() };
        let default = setup::Setup::of(self);
        let (python, pip, registry, confinement, chromium, node, rust, gpu) = tokio::join!(
            setup::python(&runner, &default),
            setup::pip(&runner, &default),
            setup::registry(&runner, &default),
            machine::confinement(&runner, &cells),
            extras::chromium(&runner),
            extras::node(&runner),
            extras::rust(&runner),
            extras::gpu(&runner),
        );
        let mut checks = vec![setup::home(&runner, &default), python, pip, registry];
        checks.extend(default.fetched());
        checks.extend([default.disk(), machine::memory(default.memory())]);
        checks.extend([machine::landlock(), confinement, machine::cgroups()]);
        checks.extend([chromium, node, rust, gpu]);
        checks.extend([extras::cuda(&runner).await, extras::runtime(self)]);
        Ok(checks)
    }
}
