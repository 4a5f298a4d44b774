//! What all requests share.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::sync::{Semaphore, watch};

use crate::a2a::Push;
use crate::error::ApiError;
use crate::generator::{Embedder, Generator};
use crate::launcher::Launcher;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::queue::Queue;
use crate::runs::Active;
use crate::session::Sessions;
use crate::triggers::{Armed, READING, Trigger};
use crate::user::{TokenHash, User};

/// What a server is made of.
pub struct Parts {
    /// The models that clients may ask, in the order in which they are listed.
    pub models: Vec<Model>,
    /// Turns texts into vectors, where there is one, by its name.
    pub embedder: Option<(String, Arc<dyn Embedder>)>,
    /// Runs agents, where there are some.
    pub launcher: Option<Arc<dyn Launcher>>,
    /// Who may ask.
    pub users: Vec<User>,
    /// What begins runs by itself.
    pub triggers: Vec<Trigger>,
    /// Tells clients of their tasks at the addresses that they name, where that is allowed.
    pub push: Option<Arc<dyn Push>>,
    /// How much it takes on.
    pub limits: Limits,
    /// Under which names it is reached.
    pub doors: Doors,
    /// Lets the page of the first user in, once.
    pub ticket: Option<TokenHash>,
}

/// A model under the name that clients use.
pub struct Model {
    /// The name.
    pub name: String,
    /// The model.
    pub generator: Arc<dyn Generator>,
}

/// Under which names a server is reached: what a browser was told is another server's does not get in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Doors {
    /// `host` or `host:port` as clients write it in the `Host` header, in lower case.
    pub hosts: Vec<String>,
}

impl Doors {
    /// The names of this machine on this port, and these.
    pub fn local(port: u16, others: impl IntoIterator<Item = String>) -> Self {
        let own = ["127.0.0.1", "localhost", "[::1]"];
        let own = own.iter().map(|host| format!("{host}:{port}"));
        Self {
            hosts: own.chain(others.into_iter().map(|host| host.to_ascii_lowercase())).collect(),
        }
    }

    pub(crate) fn knows(&self, host: &str) -> bool {
        self.hosts.iter().any(|known| known.eq_ignore_ascii_case(host))
    }
}

/// A model and the line before it.
pub(crate) struct Served {
    pub(crate) name: String,
    pub(crate) generator: Arc<dyn Generator>,
    pub(crate) queue: Arc<Queue>,
}

/// What makes vectors, and the line before it.
#[derive(Clone)]
pub(crate) struct Embeds {
    pub(crate) name: String,
    pub(crate) embedder: Arc<dyn Embedder>,
    pub(crate) queue: Arc<Queue>,
}

/// A user and what is left of their share.
pub(crate) struct Account {
    pub(crate) user: User,
    pub(crate) rate: DefaultDirectRateLimiter,
    pub(crate) slots: Arc<Semaphore>,
}

/// What all requests share.
pub(crate) struct Shared {
    pub(crate) models: Vec<Arc<Served>>,
    pub(crate) embedder: Option<Embeds>,
    pub(crate) launcher: Option<Arc<dyn Launcher>>,
    pub(crate) accounts: Vec<Arc<Account>>,
    pub(crate) triggers: Vec<Arc<Armed>>,
    pub(crate) push: Option<Arc<dyn Push>>,
    pub(crate) limits: Limits,
    pub(crate) doors: Doors,
    pub(crate) metrics: Metrics,
    pub(crate) active: Active,
    pub(crate) sessions: Sessions,
    /// Room for requests to webhooks that are being read.
    pub(crate) hooks: Semaphore,
    /// Seconds since 1970 when it began.
    pub(crate) began: u64,
    /// Whether it shall stop.
    pub(crate) stopping: watch::Sender<bool>,
}

impl Shared {
    pub(crate) fn new(parts: Parts) -> Arc<Shared> {
        let Parts { models, embedder, launcher, users, triggers, push, limits, doors, ticket } =
            parts;
        let rate = std::num::NonZeroU32::new(limits.rate).unwrap_or(std::num::NonZeroU32::MIN);
        let account = |user| {
            let rate = RateLimiter::direct(Quota::per_minute(rate));
            let slots = Arc::new(Semaphore::new(limits.concurrent));
            Arc::new(Account { user, rate, slots })
        };
        let served = |Model { name, generator }| {
            let queue = Queue::new(limits.queue, generator.slots());
            Arc::new(Served { name, generator, queue })
        };
        let active = Active::new(limits.runs, &users);
        let accounts: Vec<Arc<Account>> = users.into_iter().map(account).collect();
        let embedder = embedder.map(|(name, embedder)| Embeds {
            name,
            embedder,
            queue: Queue::new(limits.queue, 1),
        });
        Arc::new(Shared {
            models: models.into_iter().map(served).collect(),
            embedder,
            hooks: Semaphore::new(READING),
            launcher,
            triggers: Armed::all(triggers, &accounts),
            push,
            accounts,
            active,
            limits,
            doors,
            metrics: Metrics::default(),
            sessions: Sessions::new(ticket),
            began: now(),
            stopping: watch::Sender::new(false),
        })
    }

    /// The model of this name, if this user may ask it.
    pub(crate) fn model(&self, user: &User, name: &str) -> Result<Arc<Served>, ApiError> {
        let mut may = self.models.iter().filter(|model| user.asks(&model.name));
        may.clone().find(|model| model.name == name).cloned().ok_or_else(|| {
            let names: Vec<String> =
                may.by_ref().map(|model| format!("`{}`", model.name)).collect();
            let there = match names.is_empty() {
                true => "you may ask none here".to_string(),
                false => format!("there is {}", names.join(", ")),
            };
            let name: String = name.chars().take(100).collect();
            let message = format!("the model `{name}` does not exist: {there}");
            ApiError {
                param: Some("model".to_string()),
                ..ApiError::missing("model_not_found", message)
            }
        })
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// A name for something that a client is given: 96 random bits.
pub(crate) fn unique(prefix: &str) -> String {
    let bits: [u8; 12] = rand::random();
    let digits: String = bits.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{prefix}{digits}")
}
