//! What a sandbox is given: the folders of one agent, and how much the host carries for a guest.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use agent_core::browser::Browser;
use guard::Kept;

use crate::host::pages::{FetchPolicy, Pages};
use crate::{Engines, Room};

/// The value of a secret, by its name, where it is set. Called when a request that carries it is
/// about to be sent.
pub type Secrets = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// How requests name themselves, where nothing else is said.
pub const USER_AGENT: &str = concat!("errand/", env!("CARGO_PKG_VERSION"));

/// What [`Wasm::new`](crate::Wasm::new) needs to know. Paths are absolute.
#[derive(Clone)]
pub struct Config {
    /// The folder that relative paths start from: the agent file's.
    pub root: PathBuf,
    /// The files and folders that may be read. What lies elsewhere cannot be opened, whatever
    /// the gate says.
    pub read: Vec<PathBuf>,
    /// The files and folders that may be written.
    pub write: Vec<PathBuf>,
    /// What no guest may write, or read, even there.
    pub kept: Arc<Kept>,
    /// Memory for all guests together.
    pub room: Arc<Room>,
    /// What runs the guests: one for all agents of a process.
    pub engines: Arc<Engines>,
    /// Where components keep their values, a folder for each agent's use of each; made if missing.
    /// `None`: nowhere.
    pub kv: Option<PathBuf>,
    /// Whose values they are: the agent file.
    pub agent: PathBuf,
    /// Where the values of secrets come from.
    pub secrets: Secrets,
    /// Where pages are kept, and how servers are treated: one for all agents of a process.
    pub pages: Arc<Pages>,
    /// Shows pages that need it. `None`: nothing does.
    pub browser: Option<Arc<dyn Browser>>,
    /// The `user-agent` header of each request.
    pub user_agent: String,
    /// Bytes of one file, read or written.
    pub file_bytes: u64,
    /// Bytes of one response, decompressed.
    pub response_bytes: u64,
    /// Wall time of one request with all its redirects.
    pub request_time: Duration,
    /// Redirects that one request may follow.
    pub redirects: usize,
}

impl Config {
    /// An agent in `root` that may read and write nothing.
    pub fn new(root: impl Into<PathBuf>, cache: impl Into<PathBuf>) -> Config {
        Config {
            root: root.into(),
            read: Vec::new(),
            write: Vec::new(),
            kept: Arc::default(),
            room: Room::of_process(),
            engines: Arc::new(Engines::new(cache)),
            kv: None,
            agent: PathBuf::new(),
            secrets: Arc::new(|_| None),
            pages: Arc::new(Pages::new(None, FetchPolicy::default())),
            browser: None,
            user_agent: USER_AGENT.to_string(),
            file_bytes: 64 << 20,
            response_bytes: 16 << 20,
            request_time: Duration::from_secs(30),
            redirects: 5,
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Config { root, read, write, kv, .. } = self;
        f.debug_struct("Config")
            .field("root", root)
            .field("read", read)
            .field("write", write)
            .field("kv", kv)
            .finish_non_exhaustive()
    }
}
