//! An engine with what it needs to run guests: its components, and the thread that interrupts them.
//! There are two: most guests run on one that does not count what they do.

use std::path::{Path, PathBuf};

use agent_core::sandbox::SandboxError;
use tokio::sync::OnceCell;
use wasmtime::Engine;

use crate::components::Components;
use crate::concurrency::Slots;
use crate::engine::{self, Ticker};

/// What sandboxes share that are given the same: the engines, each started when the first guest comes
/// that needs it, with the components that were made ready; and the room that an engine has.
pub struct Engines {
    cache: PathBuf,
    pub(crate) slots: Slots,
    free: OnceCell<Lane>,
    counted: OnceCell<Lane>,
}

impl Engines {
    /// Compiled components are kept in this folder, for this user alone; made if missing.
    pub fn new(cache: impl Into<PathBuf>) -> Engines {
        let (free, counted) = (OnceCell::new(), OnceCell::new());
        Engines { cache: cache.into(), slots: Slots::new(), free, counted }
    }

    /// Where compiled components are kept.
    pub fn cache(&self) -> &Path {
        &self.cache
    }

    pub(crate) async fn lane(&self, fuel: Fuel) -> Result<&Lane, SandboxError> {
        let lane = match fuel {
            Fuel::Counted => &self.counted,
            Fuel::Free => &self.free,
        };
        let started = lane.get_or_try_init(async || Lane::start(fuel, &self.cache)).await;
        started.map_err(|error| SandboxError::Component {
            component: "wasmtime".to_string(),
            reason: format!("{error:#}"),
        })
    }
}

/// One engine.
pub(crate) struct Lane {
    pub(crate) engine: Engine,
    pub(crate) ticker: Ticker,
    pub(crate) components: Components,
}

/// Whether an engine counts instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fuel {
    Counted,
    Free,
}

impl Lane {
    pub(crate) fn start(fuel: Fuel, cache: &Path) -> wasmtime::Result<Lane> {
        let engine = match fuel {
            Fuel::Counted => engine::counting()?,
            Fuel::Free => engine::engine()?,
        };
        Ok(Lane {
            ticker: Ticker::start(engine.clone())?,
            components: Components::new(engine.clone(), cache),
            engine,
        })
    }
}
