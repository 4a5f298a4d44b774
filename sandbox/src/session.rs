//! One instance's life: a store with its limits set, a clock, and the way to its gate.

use std::sync::Arc;

use agent_core::replay_seed::Start;
use agent_core::tool::Guest;
use wasmtime::{Engine, Store, UpdateDeadline};

use crate::host::{Asked, GateChannel, Host, Lent, Said};
use crate::limits::Clock;

/// What the engine may carry from a guest to the host at once, beyond what the call is about.
const HOST_CALL_SLACK: usize = 1 << 20;

/// What it takes to run one guest.
pub(crate) struct Session {
    pub(crate) store: Store<Host>,
    pub(crate) clock: Arc<Clock>,
    pub(crate) asked: Asked,
    pub(crate) stderr: Said,
    /// What may be carried to the host at once, in bytes.
    pub(crate) carried: usize,
}

impl Session {
    /// `carried` is the most that the call is about: a result, or a file that is written.
    pub(crate) fn new(
        engine: &Engine,
        lent: &Arc<Lent>,
        guest: &Guest,
        carried: usize,
        start: Start,
    ) -> wasmtime::Result<Session> {
        let clock = Arc::new(Clock::new(guest.limits.time));
        let (channel, asked) = GateChannel::new();
        let host = Host::new(lent, guest, channel, Arc::clone(&clock), start);
        let stderr = host.stderr();
        let mut store = Store::new(engine, host);
        store.limiter(|host| host.memory());
        let carried = carried.saturating_add(HOST_CALL_SLACK);
        store.set_hostcall_fuel(carried);
        if let Some(fuel) = guest.limits.fuel {
            store.set_fuel(fuel)?;
        }
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|store| {
            store.data().clock().pause()?;
            Ok(UpdateDeadline::Yield(1))
        });
        Ok(Session { store, clock, asked, stderr, carried })
    }
}
