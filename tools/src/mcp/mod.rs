//! MCP servers as tools: a client of what others wrote in whatever language.
//!
//! A server is untrusted and outside the sandbox. Its tools are the ones that the user reviewed and
//! agreed to (`errand.lock`), its schemas are bounded before anything reads them, its results are
//! labelled as its own, and a program is confined before it starts, or does not start. Refuses to
//! go on with a server whose tools are not the ones that were agreed to.

mod asking;
mod bounded;
mod client;
mod connect;
mod content;
mod fault;
mod greeting;
mod heard;
mod hints;
mod list;
mod mended;
mod names;
mod needs;
mod oauth;
mod schemas;
mod server_requests;
mod tool;
mod values;

pub use client::Client;
pub use heard::{Called, heard};
pub use needs::advice;
pub use oauth::{Login, LoginClient, Tokens};
pub use tool::tools;

use agent_core::mcp::Pinned;

/// What a server offers.
#[derive(Debug, Clone, PartialEq)]
pub struct Offered {
    /// The tools that an agent can be given.
    pub pinned: Pinned,
    /// What is left out and why, and what has another name here: one sentence each.
    pub remarks: Vec<String>,
}

/// A server cannot be spoken to, or is not the one that was agreed to.
#[derive(Debug, Clone, thiserror::Error)]
pub enum McpError {
    /// It does not start, or does not answer.
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
}
