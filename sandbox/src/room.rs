//! Memory for all guests of a process together, whichever agents they work for. A guest waits until
//! there is room for all that it may use, and holds it until it is done; one that may use more than
//! there is waits for all of it. A guest that calls a tool waits for another guest, so each depth has
//! a share of its own, for the reason that [`Slots`](crate::concurrency::Slots) has one.

use std::fs;
use std::sync::{Arc, LazyLock};

use guard::cgroup::{Own, Version};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::concurrency::Depth;

/// The share of each depth is one part in so many.
const SHARES: [u64; 4] = [2, 4, 8, 8];

/// What a machine is taken to have that does not say.
const UNKNOWN: u64 = 4 << 30;

/// The memory that there is for guests.
#[derive(Debug)]
pub struct Room {
    shares: [Share; SHARES.len()],
}

#[derive(Debug)]
struct Share {
    /// In MiB.
    all: u32,
    free: Semaphore,
}

impl Room {
    /// A quarter of the machine's memory: all sandboxes of this process share it.
    pub fn of_process() -> Arc<Room> {
        static ROOM: LazyLock<Arc<Room>> =
            LazyLock::new(|| Arc::new(Room::of(memory().map_or(UNKNOWN, |(all, _)| all) / 4)));
        ROOM.clone()
    }

    /// So many bytes.
    pub fn of(bytes: u64) -> Room {
        let share = |part| {
            let all = mebibytes(bytes / part);
            Share { all, free: Semaphore::new(all as usize) }
        };
        Room { shares: SHARES.map(share) }
    }

    /// Waits for room for so many bytes. `Err` is a sentence for the model.
    pub(crate) async fn take(
        &self,
        depth: Depth,
        bytes: u64,
    ) -> Result<SemaphorePermit<'_>, String> {
        let share = self.shares.get(depth.callers()).ok_or_else(|| depth.too_deep())?;
        let taken = share.free.acquire_many(mebibytes(bytes).min(share.all)).await;
        taken.map_err(|_| "the sandbox was closed".to_string())
    }
}

fn mebibytes(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(1 << 20)).unwrap_or(u32::MAX).max(1)
}

/// Bytes of memory that this machine has, and that can be had now; a container's own limit counts.
pub fn memory() -> Option<(u64, u64)> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let of = |key: &str| -> Option<u64> {
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
        Some(line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? * 1024)
    };
    let (all, free) = (of("MemTotal")?, of("MemAvailable")?);
    let limit = limits().min().unwrap_or(u64::MAX);
    Some((all.min(limit), free.min(limit)))
}

/// The limits of memory of the control groups that this process is in.
fn limits() -> impl Iterator<Item = u64> {
    let own = Own::of("memory").into_iter();
    let files = own.flat_map(|own| {
        let file = match own.version {
            Version::One => "memory.limit_in_bytes",
            Version::Two => "memory.max",
        };
        own.folders().map(|folder| folder.join(file)).collect::<Vec<_>>()
    });
    files.filter_map(|file| fs::read_to_string(file).ok()?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether there is room at this depth now.
    fn now<'a>(room: &'a Room, call: &str, bytes: u64) -> Option<SemaphorePermit<'a>> {
        use std::future::Future;
        use std::task::{Context, Poll, Waker};
        let taking = std::pin::pin!(room.take(Depth::of(call), bytes));
        match taking.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(taken) => Some(taken.unwrap()),
            Poll::Pending => None,
        }
    }

    #[test]
    fn guests_that_together_use_more_than_there_is() {
        let room = Room::of(1 << 30);
        let first = now(&room, "c1", 300 << 20).unwrap();
        assert!(
            now(&room, "c2", 300 << 20).is_none(),
            "half of it is for guests that were not called by other guests"
        );
        let small = now(&room, "c3", 100 << 20).unwrap();
        // A caller that waits for a guest does not keep it from its share.
        let called = now(&room, "c1.1", 256 << 20).unwrap();
        assert!(now(&room, "c3.1", 1).is_none());
        drop((first, small, called));
        // One that may use more than there is has all of it.
        let large = now(&room, "c4", 4 << 30).unwrap();
        assert!(now(&room, "c5", 1).is_none());
        drop(large);
        assert!(now(&room, "c5", 1).is_some());
    }
}
