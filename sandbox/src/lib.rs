//! Wasmtime: components, limits, and the capabilities the host lends to a guest.
//!
//! [`Wasm`] runs one permitted call in a fresh instance. It decides nothing: before each file
//! opened and each request sent it asks the [`Gate`](agent_core::sandbox::Gate), and what the gate
//! allows is then done so that it cannot turn into something else – a path that becomes a link
//! out, a name that becomes a private address. [`Wasm::describe`] says what a component brings.

mod components;
mod concurrency;
mod config;
mod describe;
mod engine;
mod host;
mod lane;
mod limits;
mod outcome;
mod plain;
mod room;
mod session;
mod wasm;

pub use components::{digest, marks};
pub use config::{Config, Secrets, USER_AGENT};
pub use host::pages::{FetchPolicy, Pages, unreferenced};
pub use host::{Resolver, public};
pub use lane::Engines;
pub use room::{Room, memory};
pub use wasm::Wasm;
