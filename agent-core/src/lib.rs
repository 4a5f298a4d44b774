//! The middle of Errand: the words every other crate speaks, the run as a pure value, and the one
//! loop that drives it.
//!
//! Nothing here does IO, but for reading an agent file and looking at what it names. What the loop needs from outside – a model, a policy, a sandbox, a
//! journal – is a trait that another crate fills in, and `errand`'s `wire.rs` puts them together.

pub mod act;
pub mod action;
pub mod address;
pub mod agent;
pub mod agent_file;
pub mod browser;
pub mod component;
pub mod delegate;
pub mod drive;
pub mod embed;
pub mod event;
pub mod journal;
pub mod label;
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
pub mod question;
pub mod quirks;
pub mod report;
pub mod run;
pub mod sandbox;
pub mod schema;
pub mod scope;
pub mod search;
pub mod start;
pub mod template;
pub mod text;
pub mod tool;
pub mod words;
