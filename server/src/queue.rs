//! The line before a model, which answers so many requests at a time: first come, first served, and no
//! longer than was said.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::ApiError;
use axum::http::StatusCode;

/// The most seconds that a client is told to wait.
const LONGEST: u64 = 60;

/// The line before one model.
pub(crate) struct Queue {
    turn: Arc<Semaphore>,
    waiting: AtomicUsize,
    most: usize,
    /// How many have their turn at once.
    slots: usize,
    /// Milliseconds that a turn took lately.
    pace: AtomicU64,
}

/// A place in the line.
pub(crate) struct Place {
    queue: Arc<Queue>,
}

/// The turn of one request; the next comes when it is dropped.
pub(crate) struct Turn {
    queue: Arc<Queue>,
    began: Instant,
    _permit: OwnedSemaphorePermit,
}

impl Queue {
    pub(crate) fn new(most: usize, slots: usize) -> Arc<Queue> {
        let slots = slots.max(1);
        Arc::new(Queue {
            turn: Arc::new(Semaphore::new(slots)),
            waiting: AtomicUsize::new(0),
            most,
            slots,
            pace: AtomicU64::new(1000),
        })
    }

    /// How many requests are in the line, those being answered not among them.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Whether a request is being answered.
    pub(crate) fn busy(&self) -> bool {
        self.turn.available_permits() < self.slots
    }

    /// Joins the line, or is told when to come again.
    pub(crate) fn join(self: &Arc<Queue>) -> Result<Place, ApiError> {
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let place = Place { queue: self.clone() };
        // Those that find the model free do not wait.
        if before >= self.most + self.turn.available_permits() {
            let ahead = (before / self.slots) as u64;
            let wait = self.pace.load(Ordering::Relaxed).saturating_mul(ahead) / 1000;
            let message = format!("{before} requests wait for this model: try again later");
            let full = ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "queue_full", message);
            return Err(full.after(wait.clamp(1, LONGEST)));
        }
        Ok(place)
    }
}

impl Place {
    /// Waits for its turn.
    pub(crate) async fn turn(self) -> Option<Turn> {
        let permit = self.queue.turn.clone().acquire_owned().await.ok()?;
        Some(Turn { queue: self.queue.clone(), began: Instant::now(), _permit: permit })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.queue.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let took = u64::try_from(self.began.elapsed().min(Duration::from_secs(600)).as_millis());
        let before = self.queue.pace.load(Ordering::Relaxed);
        let pace = (before * 3 + took.unwrap_or(before)) / 4;
        self.queue.pace.store(pace, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn as_many_have_their_turn_as_there_are_slots() {
        let queue = Queue::new(1, 2);
        let (first, second) = (queue.join().unwrap(), queue.join().unwrap());
        let turns = (first.turn().await.unwrap(), second.turn().await.unwrap());
        assert_eq!((queue.busy(), queue.waiting()), (true, 0));
        let third = queue.join().unwrap();
        assert_eq!(queue.join().err().unwrap().code, "queue_full");
        let mut turn_of_third = Box::pin(third.turn());
        assert!(futures::poll!(&mut turn_of_third).is_pending());
        drop(turns.1);
        drop(turn_of_third.await.unwrap());
        drop(turns.0);
        assert!(!queue.busy());
    }

    #[tokio::test]
    async fn the_line_is_bounded_and_in_order() {
        let queue = Queue::new(2, 1);
        let first = queue.join().unwrap().turn().await.unwrap();
        let (second, third) = (queue.join().unwrap(), queue.join().unwrap());
        let full = queue.join().err().unwrap();
        assert_eq!((full.status.as_u16(), full.code), (503, "queue_full"));
        assert!(full.retry.is_some_and(|seconds| (1..=60).contains(&seconds)));
        assert_eq!(queue.waiting(), 2);

        let mut turn_of_third = Box::pin(third.turn());
        let mut turn_of_second = Box::pin(second.turn());
        // Who asked for its turn first has it first.
        assert!(futures::poll!(&mut turn_of_second).is_pending());
        assert!(futures::poll!(&mut turn_of_third).is_pending());
        drop(first);
        assert!(futures::poll!(&mut turn_of_third).is_pending());
        let second = turn_of_second.await.unwrap();
        // One that goes away makes room.
        drop(turn_of_third);
        assert_eq!(queue.waiting(), 0);
        drop(second);
        assert!(queue.join().is_ok());
    }
}
