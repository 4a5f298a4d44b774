//! Agents as tools of the Model Context Protocol, over HTTP at `/mcp` and over a pipe. A call of a tool is a run
//! of its agent, named, limited and kept as any that a user starts. What a run waits for is asked of the
//! client where that can ask its user, and else told. Nothing is granted here: an agent may what its file says.

mod ask;
mod call;
mod http;
mod offered;
mod pipe;
mod progress;
mod result;
mod unread;

pub(crate) use http::{endpoints, routes};
pub use offered::callable;
pub use pipe::serve_pipe;
