//! The chain of a run's events: the hash of each covers the one before, so that none can be changed, left out
//! or moved without every later one being another.
//!
//! SHA-256 over the hash before (of the first: 32 zero bytes), the run's name, the event's number and moment
//! as little-endian 64-bit integers, and its JSON; the name and the JSON with their lengths before them.

use agent_core::event::RunId;
use sha2::{Digest, Sha256};

/// Of which no run is long: what is hashed in the place of a hash before the first.
const NOTHING: [u8; 32] = [0; 32];

/// How far a chain has come. `None`: the run began before there were chains, and has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chain(Option<[u8; 32]>);

/// What an event adds.
pub(crate) struct Link<'a> {
    pub(crate) seq: u64,
    pub(crate) at: u64,
    pub(crate) json: &'a str,
}

impl Chain {
    /// Of a run without an event.
    pub(crate) fn begin() -> Chain {
        Chain(Some(NOTHING))
    }

    /// As it is kept with an event.
    pub(crate) fn from(hash: Option<Vec<u8>>) -> Chain {
        Chain(hash.and_then(|hash| hash.try_into().ok()))
    }

    /// With one more event.
    pub(crate) fn then(&self, run: &RunId, link: &Link<'_>) -> Chain {
        let Some(before) = self.0 else { return Chain(None) };
        let mut hash = Sha256::new();
        hash.update(before);
        hash.update((run.0.len() as u64).to_le_bytes());
        hash.update(&run.0);
        hash.update(link.seq.to_le_bytes());
        hash.update(link.at.to_le_bytes());
        hash.update((link.json.len() as u64).to_le_bytes());
        hash.update(link.json);
        Chain(Some(hash.finalize().into()))
    }

    pub(crate) fn hash(&self) -> Option<&[u8]> {
        self.0.as_ref().map(|hash| &hash[..])
    }
}
