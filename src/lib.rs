//! Errand runs task agents: a model loops through plan, act and observe, its tools run in a
//! WebAssembly sandbox, and nothing happens without a permit.
//!
//! ```no_run
#![doc = include_str!("../examples/library.rs")]
//! ```

pub mod batch;
#[cfg(feature = "cli")]
pub mod doctor;
mod features;
pub mod home;
mod library;
mod runtime;
#[cfg(feature = "cli")]
pub mod serve;
mod strategies;
mod usage;

pub use agent_core;
pub use agent_core::action::{self, Action, Capability, Verdict};
pub use agent_core::agent::{self, Agent};
pub use agent_core::drive::{Approval, Person, Unseen, Watch};
pub use agent_core::event::{Event, Outcome, Reason, RunId, What};
pub use agent_core::ledger::Spent;
pub use agent_core::message::{self, Message};
pub use agent_core::model::{self, Model};
pub use agent_core::policy::Policy;
pub use agent_core::tool::{Effect, Tool, ToolSpec};
pub use agent_file::Invalid;
pub use agent_file::{self, AgentFile};
pub use library::{Builder, FnTool, Running};
#[cfg(feature = "onnx")]
pub use models::embed::{Embedded, Embedder, EncodeOptions, Reranker, Scored};
pub use runtime::{
    Caller, Chat, Difference, ENCODER, Errand, Finished, Listed, Prepared, Replayed, Stands, Unfit,
    run,
};
pub use store::{Audit, RunRow, Status, Which, Whose};
pub use strategies::STRATEGIES;
pub use tools::data::{CLUSTER, OUTLIERS, SEARCH, Text, Texts};
pub use usage::Usage;
