//! The runs that this server drives at this moment.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use agent_core::event::RunId;
use axum::http::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::AbortHandle;

use crate::error::ApiError;
use crate::user::User;

/// The runs that are being driven. Clones share it.
#[derive(Clone)]
pub(crate) struct Active {
    slots: Arc<Semaphore>,
    /// How many of them may be a user's, by the mark in the names of their runs.
    shares: Arc<HashMap<String, Arc<Semaphore>>>,
    runs: Arc<Mutex<HashMap<RunId, Entry>>>,
    /// How many there are.
    count: watch::Sender<usize>,
}

struct Entry {
    count: watch::Sender<u64>,
    handle: Handle,
}

/// What stops the work on a run, once it has begun.
#[derive(Clone, Default)]
pub(crate) struct Handle(Arc<Mutex<(Option<AbortHandle>, bool)>>);

impl Handle {
    pub(crate) fn set(&self, work: AbortHandle) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.1 {
            work.abort();
        }
        state.0 = Some(work);
    }

    fn stop(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.1 = true;
        if let Some(work) = &state.0 {
            work.abort();
        }
    }
}

/// The right to work on a run: nothing else of this server does until it is dropped.
pub(crate) struct Claim {
    active: Active,
    run: RunId,
    count: watch::Sender<u64>,
    handle: Handle,
    _held: Held,
}

/// A place among all runs, and one among its user's.
#[derive(Default)]
struct Held(
    #[expect(dead_code, reason = "given back when it is dropped")] Vec<OwnedSemaphorePermit>,
);

impl Claim {
    pub(crate) fn run(&self) -> &RunId {
        &self.run
    }

    /// How many events the run has, as far as is known here.
    pub(crate) fn count(&self) -> &watch::Sender<u64> {
        &self.count
    }

    pub(crate) fn handle(&self) -> Handle {
        self.handle.clone()
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut runs = self.active.runs();
        runs.remove(&self.run);
        self.active.count.send_replace(runs.len());
    }
}

impl Active {
    /// Room for so many runs. Among several users none has all of it, unless the serve file says so.
    pub(crate) fn new(most: usize, users: &[User]) -> Self {
        let slots = Arc::new(Semaphore::new(most));
        let usual = if users.len() > 1 { most.saturating_sub(1).max(1) } else { most };
        let share = |user: &User| {
            let most = user.most.unwrap_or(usual).min(Semaphore::MAX_PERMITS);
            (user.mark(), Arc::new(Semaphore::new(most)))
        };
        let shares = Arc::new(users.iter().map(share).collect());
        Self { slots, shares, runs: Arc::default(), count: watch::Sender::new(0) }
    }

    /// Places of the user whose run this is.
    fn share(&self, run: &RunId) -> Option<Arc<Semaphore>> {
        self.shares.get(User::mark_of(run)?).cloned()
    }

    fn runs(&self) -> MutexGuard<'_, HashMap<RunId, Entry>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn count(&self) -> usize {
        self.runs().len()
    }

    /// Takes a run to drive it, where there is room for one more.
    pub(crate) fn claim(&self, run: &RunId) -> Result<Claim, ApiError> {
        if self.follow(run).is_some() {
            return Err(busy(run));
        }
        let full = |whose: &str| {
            let message =
                format!("as many runs as this server drives at once{whose} are under way");
            ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "runs_full", message).after(5)
        };
        let mut held = Vec::new();
        if let Some(share) = self.share(run) {
            held.push(share.try_acquire_owned().map_err(|_| full(" for one user"))?);
        }
        held.push(self.slots.clone().try_acquire_owned().map_err(|_| full(""))?);
        self.enter(run, Held(held)).ok_or_else(|| busy(run))
    }

    /// Takes a run to drive it, once there is room; `None` where something else works on it.
    pub(crate) async fn claim_in_turn(&self, run: &RunId) -> Option<Claim> {
        let mut held = Vec::new();
        // First: one that waits for its user's turn takes no place from others.
        if let Some(share) = self.share(run) {
            held.push(share.acquire_owned().await.ok()?);
        }
        held.push(self.slots.clone().acquire_owned().await.ok()?);
        self.enter(run, Held(held))
    }

    /// Takes a run to write something down of it, after stopping whatever drives it.
    pub(crate) async fn stop(&self, run: &RunId) -> Claim {
        let mut changes = self.count.subscribe();
        loop {
            changes.mark_unchanged();
            if let Some(claim) = self.enter(run, Held::default()) {
                return claim;
            }
            if let Some(entry) = self.runs().get(run) {
                entry.handle.stop();
            }
            // It lives as long as this value.
            let _ = changes.changed().await;
        }
    }

    fn enter(&self, run: &RunId, held: Held) -> Option<Claim> {
        let mut runs = self.runs();
        if runs.contains_key(run) {
            return None;
        }
        let (count, handle) = (watch::Sender::new(0), Handle::default());
        runs.insert(run.clone(), Entry { count: count.clone(), handle: handle.clone() });
        self.count.send_replace(runs.len());
        drop(runs);
        Some(Claim { active: self.clone(), run: run.clone(), count, handle, _held: held })
    }

    /// How many events the run has, told as they come; `None` where it is not driven here.
    pub(crate) fn follow(&self, run: &RunId) -> Option<watch::Receiver<u64>> {
        self.runs().get(run).map(|entry| entry.count.subscribe())
    }

    /// Comes back once no run is being driven.
    pub(crate) async fn idle(&self) {
        let _ = self.count.subscribe().wait_for(|count| *count == 0).await;
    }

    /// Stops the work on all of them.
    pub(crate) fn drop_all(&self) {
        self.slots.close();
        self.shares.values().for_each(|share| share.close());
        self.runs().values().for_each(|entry| entry.handle.stop());
    }
}

fn busy(run: &RunId) -> ApiError {
    ApiError::conflict("run_active", format!("run `{run}` is being worked on"))
}
