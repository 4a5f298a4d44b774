//! An engine with what it needs to run guests: its components, and the thread that interrupts them.
//! There are two: most guests run on one that does not count what they do.

use std::path::Path;

use wasmtime::Engine;

use crate::components::Components;
use crate::engine::{self, Ticker};

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
