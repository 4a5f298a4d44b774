//! The middle of Errand: the words every other crate speaks, the run as a pure value, and the one
//! loop that drives it.
//!
//! Nothing here does IO. What the loop needs from outside – a strategy, a model, a policy, a sandbox,
//! a journal – is a trait that another crate fills in, and `errand`'s `runtime.rs` puts them together.
//! Start reading at [`run`], then [`drive`], then [`strategy`].

pub mod action;
pub mod address;
pub mod agent;
pub mod agreed;
pub mod browser;
pub mod component;
pub mod content;
pub mod drive;
pub mod embed;
pub mod event;
pub mod journal;
pub mod ledger;
pub mod manifest;
pub mod mcp;
pub mod message;
pub mod model;
pub mod output;
pub mod param;
pub mod path;
pub mod permission;
pub mod policy;
pub mod program;
pub mod provenance;
pub mod question;
pub mod quirks;
pub mod replay_seed;
pub mod run;
pub mod sandbox;
pub mod schema;
pub mod scope;
pub mod search;
pub mod strategy;
pub mod subagent;
pub mod template;
pub mod tool;
