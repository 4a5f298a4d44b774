//! What begins runs by itself: schedules and webhooks. A firing has one run, whose name is made of the trigger
//! and of the firing: so the same firing begins nothing again, also after a restart or from another server with
//! the same journal, and what was fired is known from the journal alone. A trigger's runs are those of
//! its user, under the agent's own permissions; what such a run asks waits for that user.

mod clock;
mod schedule;
mod signature;
mod webhook;

use std::fmt;
use std::sync::Arc;

use agent_core::event::RunId;
use serde_json::{Map, Value};

pub use schedule::{Missed, Schedule};
pub use signature::{Key, Signed};

use crate::launcher::Order;
use crate::routes::Routes;
use crate::shared::{Account, Shared};
use crate::user::TokenHash;

/// Where webhooks are sent; what follows is a trigger's name.
pub(crate) const PREFIX: &str = "/v1/triggers/";

/// Requests to webhooks that are being read at once: of all together, since a name that had its own would be known
/// to be a trigger's.
pub(crate) const READING: usize = 32;

/// What begins runs of an agent by itself.
#[derive(Debug, Clone)]
pub struct Trigger {
    /// Its name.
    pub name: String,
    /// The name of the user whose runs these are.
    pub user: String,
    /// The agent's name.
    pub agent: String,
    /// The values of its parameters.
    pub params: Map<String, Value>,
    /// When.
    pub fires: Fires,
}

/// When a trigger fires.
#[derive(Debug, Clone)]
pub enum Fires {
    /// At these times.
    At(Schedule, Missed),
    /// When a request is signed with this key.
    On(Webhook),
}

/// What sends a webhook.
#[derive(Clone)]
pub struct Webhook {
    /// Known to the sender and to this server.
    pub key: Key,
    /// How the sender signs.
    pub signed: Signed,
    /// The parameter that gets the body.
    pub param: Option<String>,
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("signed", &self.signed)
            .field("param", &self.param)
            .finish_non_exhaustive()
    }
}

impl Trigger {
    /// The run of a firing.
    pub fn order(&self, run: RunId, params: Map<String, Value>) -> Order {
        Order {
            run,
            agent: self.agent.clone(),
            params,
            images: Vec::new(),
            begun: Begun::By(self.source()),
        }
    }

    fn source(&self) -> Source {
        match self.fires {
            Fires::At(..) => Source::Schedule(self.name.clone()),
            Fires::On(_) => Source::Webhook(self.name.clone()),
        }
    }
}

/// What began a run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Begun {
    /// A user.
    #[default]
    ByUser,
    /// A trigger.
    By(Source),
}

/// Which trigger, by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A time came.
    Schedule(String),
    /// A request came, whose body the run is told.
    Webhook(String),
}

/// A trigger and its user.
pub(crate) struct Armed {
    pub(crate) trigger: Trigger,
    pub(crate) account: Arc<Account>,
}

impl Armed {
    /// The triggers of these users.
    pub(crate) fn all(triggers: Vec<Trigger>, accounts: &[Arc<Account>]) -> Vec<Arc<Armed>> {
        let armed = |trigger: Trigger| {
            let account = accounts.iter().find(|account| account.user.name == trigger.user)?;
            Some(Arc::new(Armed { account: account.clone(), trigger }))
        };
        triggers.into_iter().filter_map(armed).collect()
    }

    /// What the names of its runs begin with, and those of no other trigger.
    fn mark(&self) -> String {
        let of = format!("errand trigger {}", self.trigger.name);
        format!("{}t{}_", self.account.user.mark(), &TokenHash::of(&of).hex()[..12])
    }

    /// The run of the firing of this time, in seconds since 1970.
    fn at(&self, time: i64) -> RunId {
        RunId(format!("{}{time:011}", self.mark()))
    }

    /// The time of the firing that this is the run of.
    fn time(&self, run: &RunId) -> Option<i64> {
        run.0.strip_prefix(&self.mark())?.parse().ok()
    }

    /// The run of what was sent under this name.
    fn on(&self, sent: &str) -> RunId {
        RunId(format!("{}w{}", self.mark(), &TokenHash::of(sent).hex()[..24]))
    }
}

/// The address of webhooks.
pub(crate) fn routes() -> Routes {
    Routes::default().post("/v1/triggers/{name}", webhook::fired)
}

/// Whether a request is let in by its signature, which is looked at once its body is read.
pub(crate) fn signed(path: &str) -> bool {
    path.strip_prefix(PREFIX).is_some_and(|name| !name.is_empty() && !name.contains('/'))
}

/// Lets the schedules run until the server stops.
pub(crate) fn arm(shared: &Arc<Shared>) {
    for armed in &shared.triggers {
        if matches!(armed.trigger.fires, Fires::At(..)) {
            tokio::spawn(clock::run(shared.clone(), armed.clone()));
        }
    }
}
