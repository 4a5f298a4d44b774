//! The tools an agent can be granted: their schemas, their plans, their guests.
//!
//! A tool here says what a call means and which component does the work. It executes nothing: the
//! components run in the sandbox, and everything they touch goes through the host.

mod builtin;
mod files;
pub mod python;
pub mod registry;
pub mod schema;
mod web;

pub use registry::{Registry, Setup};
