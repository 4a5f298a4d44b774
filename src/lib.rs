//! Errand runs task agents: a model loops through plan, act and observe, its tools run in a
//! WebAssembly sandbox, and nothing happens without a permit.
//!
//! ```no_run
#![doc = include_str!("../examples/library.rs")]
//! ```

pub mod batch;
pub mod doctor;
pub mod home;
pub mod serve;
mod usage;
mod wire;

pub use agent_core::agent::Agent;
pub use agent_core::agent_file::Invalid;
pub use agent_core::drive::{Approval, Person, Unseen, Watch};
pub use agent_core::event::{Outcome, Reason, RunId};
pub use agent_core::ledger::Spent;
pub use store::{RunRow, Status, Which, Whose};
pub use usage::Usage;
pub use wire::{Caller, Chat, Errand, Finished, Listed, Prepared, Stands, Unfit, run};
