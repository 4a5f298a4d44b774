//! Room for guests. A guest that calls a tool waits for another guest, so room is kept by depth:
//! a caller only ever waits for guests deeper than itself, and the deepest wait for none. That is
//! why any number of calls at once cannot stop each other for good.

use std::future::Future;

use tokio::sync::{Semaphore, SemaphorePermit};

/// How many guests live at once, by how many callers are above them.
const ROOM: [usize; 4] = [128, 64, 32, 32];

/// All of them together: how many instances the engine must hold.
pub(crate) const TOTAL: u32 = (ROOM[0] + ROOM[1] + ROOM[2] + ROOM[3]) as u32;

tokio::task_local! {
    static DEPTH: usize;
}

/// The room there is.
pub(crate) struct Slots {
    by_depth: [Semaphore; ROOM.len()],
}

impl Slots {
    pub(crate) fn new() -> Slots {
        Slots { by_depth: ROOM.map(Semaphore::new) }
    }

    /// Waits for room. `Err` is a sentence for the model.
    pub(crate) async fn take(&self, depth: Depth) -> Result<SemaphorePermit<'_>, String> {
        let room = self.by_depth.get(depth.0).ok_or_else(|| depth.too_deep())?;
        room.acquire().await.map_err(|_| "the sandbox was closed".to_string())
    }
}

/// How many guests wait for this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Depth(usize);

impl Depth {
    /// Of a call: `c3.1` is one deep. Work for a guest that happens in this task counts too,
    /// whatever its calls are named.
    pub(crate) fn of(call: &str) -> Depth {
        let named = call.matches('.').count();
        Depth(named.max(DEPTH.try_with(|depth| *depth).unwrap_or(0)))
    }

    /// How many guests wait for this one.
    pub(crate) fn callers(self) -> usize {
        self.0
    }

    /// A sentence for the model.
    pub(crate) fn too_deep(self) -> String {
        format!("tools call each other more than {} deep", ROOM.len() - 1)
    }

    /// Does something that a guest at this depth waits for.
    pub(crate) async fn below<F: Future>(self, work: F) -> F::Output {
        DEPTH.scope(self.0 + 1, work).await
    }
}
