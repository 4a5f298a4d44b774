//! HTTP in front of models and agents: OpenAI's API over the models it is handed, runs of the agents that a
//! launcher starts, health and metrics.
//!
//! It owns what stands between a client and those two: who may ask, from where, how much, and in what
//! format. It keeps no state that has to survive it: a run is its journal, and the name of a run says
//! whose it is. It opens no model and reads no agent file; `errand` hands it both.

mod a2a;
mod body;
mod door;
mod error;
mod generator;
mod health;
mod hold;
mod images;
mod launcher;
mod limits;
mod listen;
mod mcp;
mod metrics;
mod openai;
mod openapi;
mod page;
mod queue;
mod routes;
mod runs;
mod session;
mod shared;
mod stall;
mod status;
mod triggers;
mod user;

pub use a2a::{Mark, Push, PushConfig, Update};
pub use error::ApiError;
pub use generator::{Calls, Embedder, Generator, How, Prompt};
pub use launcher::{
    AgentCard, Document, Events, Image, LaunchError, Launched, Launcher, Look, Order, Sought, Waits,
};
pub use limits::Limits;
pub use listen::{routes, serve};
pub use mcp::{callable, serve_pipe};
pub use openapi::document;
pub use routes::Route;
pub use shared::{Doors, Model, Parts};
pub use triggers::{Begun, Fires, Key, Missed, Schedule, Signed, Source, Trigger, Webhook};
pub use user::{TokenHash, User, new_token};
