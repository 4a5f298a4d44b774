//! The tools an agent can be granted: their schemas, their plans, their guests.
//!
//! A tool here says what a call means and which component does the work. It executes nothing: the
//! components run in the sandbox, and everything they touch goes through the host.

pub mod author;
#[cfg(feature = "browser")]
pub mod browser;
mod builtin;
pub mod component;
pub mod data;
pub mod edit;
mod files;
pub mod lock;
#[cfg(feature = "mcp")]
pub mod mcp;
pub mod output;
mod person;
mod plain;
pub mod process;
pub mod program;
pub mod python;
mod query;
pub mod registry;
pub mod schema;
pub mod source;
mod web;
pub mod whole;

pub use registry::{Registry, Setup};
