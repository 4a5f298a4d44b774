//! The thread that advances the engine's epoch while guests run, and sleeps while none does. A
//! tick is when a guest lets other tasks run and its clock is read.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use wasmtime::Engine;

const TICK: Duration = Duration::from_millis(5);

/// Owns the thread; it ends with this.
pub(crate) struct Ticker {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    running: usize,
    asleep: bool,
    ended: bool,
}

impl Ticker {
    pub(crate) fn start(engine: Engine) -> std::io::Result<Ticker> {
        let shared = Arc::new(Shared { state: Mutex::default(), wake: Condvar::new() });
        let ours = Arc::clone(&shared);
        thread::Builder::new().name("epoch".to_string()).spawn(move || ours.tick(&engine))?;
        Ok(Ticker { shared })
    }

    /// While the guard lives, the epoch advances.
    pub(crate) fn run(&self) -> Running<'_> {
        let mut state = self.shared.state();
        state.running += 1;
        if state.asleep {
            self.shared.wake.notify_one();
        }
        Running { ticker: self }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.state().ended = true;
        self.shared.wake.notify_one();
    }
}

/// A guest runs.
pub(crate) struct Running<'a> {
    ticker: &'a Ticker,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.ticker.shared.state().running -= 1;
    }
}

impl Shared {
    fn tick(&self, engine: &Engine) {
        loop {
            let mut state = self.state();
            while state.running == 0 && !state.ended {
                state.asleep = true;
                state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            state.asleep = false;
            if state.ended {
                return;
            }
            drop(state);
            thread::sleep(TICK);
            engine.increment_epoch();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
