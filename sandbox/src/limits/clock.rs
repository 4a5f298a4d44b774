//! The time a guest has worked. It runs while the guest does and while the guest sleeps on
//! purpose; it stands still while the host works for it, and while other tasks have the thread.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use super::Hit;

/// One call's clock.
#[derive(Debug)]
pub(crate) struct Clock {
    limit: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    spent: Duration,
    phase: Phase,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    /// The guest has worked, or slept, since then.
    Running(Instant),
    /// It gave the thread to others, and goes on at the next poll.
    Yielded,
    /// The host works for it.
    Outside,
}

impl Clock {
    pub(crate) fn new(limit: Duration) -> Clock {
        Clock { limit, state: Mutex::new(State { spent: Duration::ZERO, phase: Phase::Yielded }) }
    }

    /// Runs a guest against this clock. Dropping the future stops the guest.
    pub(crate) async fn meter<T>(
        &self,
        work: impl Future<Output = wasmtime::Result<T>>,
    ) -> wasmtime::Result<T> {
        let mut work = pin!(work);
        let mut alarm = None;
        poll_fn(|cx| {
            self.go_on();
            if let Poll::Ready(outcome) = work.as_mut().poll(cx) {
                return Poll::Ready(outcome);
            }
            // It sleeps in WASI: nothing else would wake it at the limit.
            while let Some(left) = self.left() {
                if left.is_zero() {
                    return Poll::Ready(Err(Hit::Time(self.limit).into()));
                }
                let alarm = alarm.insert(Box::pin(tokio::time::sleep(left)));
                if alarm.as_mut().poll(cx).is_pending() {
                    break;
                }
            }
            Poll::Pending
        })
        .await
    }

    /// The guest is about to let other tasks have the thread: may it go on afterwards?
    pub(crate) fn pause(&self) -> Result<(), Hit> {
        let mut state = self.state();
        state.stop(Phase::Yielded);
        if state.spent >= self.limit { Err(Hit::Time(self.limit)) } else { Ok(()) }
    }

    /// Stops the clock until the guard is dropped: the host works for the guest.
    pub(crate) fn outside(&self) -> Outside<'_> {
        self.state().stop(Phase::Outside);
        Outside { clock: self }
    }

    fn go_on(&self) {
        let mut state = self.state();
        if let Phase::Yielded = state.phase {
            state.phase = Phase::Running(Instant::now());
        }
    }

    /// What is left, while the clock runs.
    fn left(&self) -> Option<Duration> {
        let state = self.state();
        match state.phase {
            Phase::Running(since) => Some(self.limit.saturating_sub(state.spent + since.elapsed())),
            Phase::Yielded | Phase::Outside => None,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn stop(&mut self, phase: Phase) {
        if let Phase::Running(since) = self.phase {
            self.spent += since.elapsed();
        }
        self.phase = phase;
    }
}

/// While this lives, the clock stands still.
pub(crate) struct Outside<'a> {
    clock: &'a Clock,
}

impl Drop for Outside<'_> {
    fn drop(&mut self) {
        self.clock.state().phase = Phase::Running(Instant::now());
    }
}
