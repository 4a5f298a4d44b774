//! What a sandbox is given: the folders of one agent, and how much the host carries for a guest.

use std::path::PathBuf;
use std::time::Duration;

/// What [`Wasm::new`](crate::Wasm::new) needs to know. Paths are absolute.
#[derive(Debug, Clone)]
pub struct Config {
    /// The folder that relative paths start from: the agent file's.
    pub root: PathBuf,
    /// The files and folders that may be read. What lies elsewhere cannot be opened, whatever
    /// the gate says.
    pub read: Vec<PathBuf>,
    /// The files and folders that may be written.
    pub write: Vec<PathBuf>,
    /// Where compiled components are kept, for this user alone; made if missing.
    pub cache: PathBuf,
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
            cache: cache.into(),
            user_agent: concat!("errand/", env!("CARGO_PKG_VERSION")).to_string(),
            file_bytes: 64 << 20,
            response_bytes: 16 << 20,
            request_time: Duration::from_secs(30),
            redirects: 5,
        }
    }
}
