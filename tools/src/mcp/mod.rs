//! MCP servers as tools: a client of what others wrote in whatever language.
//!
//! A server is a stranger outside the sandbox. Its tools are the ones that somebody looked at and
//! agreed to (`errand.lock`), its schemas are bounded before anything reads them, its results are
//! labelled as its own, and a program is confined before it starts, or does not start. Refuses to
//! go on with a server whose tools are not the ones that were agreed to.

mod bounded;
mod client;
mod content;
mod list;
mod tool;
mod values;

pub use client::Client;
pub use tool::tools;

/// A server cannot be spoken to, or is not the one that was agreed to.
#[derive(Debug, Clone, thiserror::Error)]
pub enum McpError {
    /// It does not start, or nobody answers.
    #[error("server `{server}` cannot be reached: {reason}")]
    Gone {
        /// Which.
        server: String,
        /// Why.
        reason: String,
    },
    /// Its tools are others than were agreed to.
    #[error(
        "server `{server}` has other tools than were agreed to: {change}\nhint: `errand mcp pin` \
         shows them and asks again"
    )]
    Changed {
        /// Which.
        server: String,
        /// What is different.
        change: String,
    },
    /// What it offers cannot be used.
    #[error("server `{server}` offers what cannot be used: {reason}")]
    Unfit {
        /// Which.
        server: String,
        /// Why.
        reason: String,
    },
}
