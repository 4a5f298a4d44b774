//! The clocks and random numbers of one call. They begin where the journal says, so a call that runs
//! again after an interruption sees the same moment and draws the same numbers.
//!
//! Time goes on at this machine's pace, in coarse steps: a call that is done within one sees a
//! single moment, whichever machine it runs on and however often. Random numbers are made from a
//! seed that the journal holds: they cannot be foreseen, and a reader of the journal can tell them
//! afterwards, as everything else of the run.

use std::time::{Duration, Instant};

use agent_core::replay_seed::{Seed, Start};
use chacha20::ChaCha12Rng;
use chacha20::rand_core::{Rng as _, SeedableRng as _};
use sha2::{Digest as _, Sha256};
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock};

/// How coarse time is.
const STEP: Duration = Duration::from_millis(100);

/// Gives a guest its clocks and its random numbers.
pub(super) fn begin(wasi: &mut WasiCtxBuilder, start: Start) {
    let moment = Moment { at: Duration::from_millis(start.at), begun: Instant::now() };
    let (secure, mut insecure) = random(start.seed);
    let [high, low] = [insecure.next_u64(), insecure.next_u64()].map(u128::from);
    wasi.wall_clock(moment)
        .monotonic_clock(moment)
        .insecure_random_seed((high << 64) | low)
        .secure_random(secure)
        .insecure_random(insecure);
}

#[derive(Clone, Copy)]
struct Moment {
    at: Duration,
    begun: Instant,
}

impl Moment {
    /// The time since it began, in whole steps.
    fn passed(self) -> Duration {
        let steps = self.begun.elapsed().as_nanos() / STEP.as_nanos();
        STEP * u32::try_from(steps).unwrap_or(u32::MAX)
    }
}

impl HostWallClock for Moment {
    fn resolution(&self) -> Duration {
        STEP
    }

    fn now(&self) -> Duration {
        self.at + self.passed()
    }
}

impl HostMonotonicClock for Moment {
    fn resolution(&self) -> u64 {
        nanoseconds(STEP)
    }

    fn now(&self) -> u64 {
        nanoseconds(self.passed())
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Two streams of one key: what is drawn from one tells nothing of the other.
fn random(seed: Seed) -> (ChaCha12Rng, ChaCha12Rng) {
    let key: [u8; 32] = Sha256::digest(seed.0.to_le_bytes()).into();
    let (first, mut second) = (ChaCha12Rng::from_seed(key), ChaCha12Rng::from_seed(key));
    second.set_stream(1);
    (first, second)
}
