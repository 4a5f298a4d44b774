//! The line before a model, which answers so many requests at a time, and no longer than was said. The next turn
//! is of the user who has the fewest, and of those of the one who waited longest since their last: so a user
//! with many requests keeps others waiting for the end of one of them. Of one user, first come, first served.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::error::ApiError;
use axum::http::StatusCode;

/// The most seconds that a client is told to wait.
const LONGEST: u64 = 60;

/// The line before one model.
pub(crate) struct Queue {
    line: Mutex<Line>,
    /// Places in it, those whose turn was not asked for yet among them.
    waiting: AtomicUsize,
    most: usize,
    /// How many have their turn at once.
    slots: usize,
    /// Milliseconds that a turn took lately.
    pace: AtomicU64,
}

#[derive(Default)]
struct Line {
    waits: VecDeque<Waits>,
    /// Turns that are not taken.
    free: usize,
    /// How many were taken so far.
    turns: u64,
    shares: HashMap<u64, Share>,
}

/// A request that waits for its turn.
struct Waits {
    user: u64,
    tell: oneshot::Sender<Turn>,
}

/// What a user had.
#[derive(Default, Clone, Copy)]
struct Share {
    /// Turns at this moment.
    held: usize,
    /// The number of the last one.
    last: u64,
}

/// A place in the line.
pub(crate) struct Place {
    queue: Arc<Queue>,
    user: u64,
}

/// The turn of one request; the next comes when it is dropped.
pub(crate) struct Turn {
    queue: Arc<Queue>,
    user: u64,
    began: Instant,
}

impl Line {
    /// Takes who is next out of the line, if there is a turn for them.
    fn next(&mut self) -> Option<Waits> {
        self.waits.retain(|waits| !waits.tell.is_closed());
        if self.free == 0 {
            return None;
        }
        let share = |user: u64| self.shares.get(&user).copied().unwrap_or_default();
        let rank = |(at, waits): (usize, &Waits)| {
            let Share { held, last } = share(waits.user);
            (held, last, at)
        };
        let (.., at) = self.waits.iter().enumerate().map(rank).min()?;
        let next = self.waits.remove(at)?;
        self.free -= 1;
        self.turns += 1;
        let share = self.shares.entry(next.user).or_default();
        *share = Share { held: share.held + 1, last: self.turns };
        Some(next)
    }
}

impl Queue {
    pub(crate) fn new(most: usize, slots: usize) -> Arc<Queue> {
        let slots = slots.max(1);
        Arc::new(Queue {
            line: Mutex::new(Line { free: slots, ..Line::default() }),
            waiting: AtomicUsize::new(0),
            most,
            slots,
            pace: AtomicU64::new(1000),
        })
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many requests are in the line, those being answered not among them.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Whether a request is being answered.
    pub(crate) fn busy(&self) -> bool {
        self.line().free < self.slots
    }

    /// Joins the line for a user, or is told when to come again.
    pub(crate) fn join(self: &Arc<Queue>, user: u64) -> Result<Place, ApiError> {
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let place = Place { queue: self.clone(), user };
        // Those that find the model free do not wait.
        if before >= self.most + self.line().free {
            let ahead = (before / self.slots) as u64;
            let wait = self.pace.load(Ordering::Relaxed).saturating_mul(ahead) / 1000;
            let message = format!("{before} requests wait for this model: try again later");
            let full = ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "queue_full", message);
            return Err(full.after(wait.clamp(1, LONGEST)));
        }
        Ok(place)
    }

    /// Gives out the turns that are free.
    fn advance(self: &Arc<Queue>) {
        loop {
            let Some(next) = self.line().next() else { return };
            let turn = Turn { queue: self.clone(), user: next.user, began: Instant::now() };
            // One that went away at this moment gives it back by that.
            drop(next.tell.send(turn));
        }
    }
}

impl Place {
    /// Waits for its turn.
    pub(crate) async fn turn(self) -> Option<Turn> {
        let (tell, told) = oneshot::channel();
        self.queue.line().waits.push_back(Waits { user: self.user, tell });
        self.queue.advance();
        told.await.ok()
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
        let mut line = self.queue.line();
        line.free += 1;
        if let Some(share) = line.shares.get_mut(&self.user) {
            share.held = share.held.saturating_sub(1);
        }
        drop(line);
        self.queue.advance();
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn as_many_have_their_turn_as_there_are_slots() {
        let queue = Queue::new(1, 2);
        let (first, second) = (queue.join(1).unwrap(), queue.join(1).unwrap());
        let turns = (first.turn().await.unwrap(), second.turn().await.unwrap());
        assert_eq!((queue.busy(), queue.waiting()), (true, 0));
        let third = queue.join(1).unwrap();
        assert_eq!(queue.join(1).err().unwrap().code, "queue_full");
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
        let first = queue.join(1).unwrap().turn().await.unwrap();
        let (second, third) = (queue.join(1).unwrap(), queue.join(1).unwrap());
        let full = queue.join(1).err().unwrap();
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
        assert!(queue.join(1).is_ok());
    }

    #[tokio::test]
    async fn a_user_with_many_requests_before_another() {
        const ADA: u64 = 1;
        const BOB: u64 = 2;
        for slots in [1, 2] {
            let queue = Queue::new(32, slots);
            let mut held = Vec::new();
            for _ in 0..slots {
                held.push(queue.join(ADA).unwrap().turn().await.unwrap());
            }
            let place = |user| queue.join(user).unwrap();
            let mut line =
                [ADA, ADA, ADA, BOB, BOB].map(|user| (user, Box::pin(place(user).turn().fuse())));
            // Each asks for its turn in this order.
            for (_, turn) in &mut line {
                assert!(futures::poll!(turn.as_mut()).is_pending());
            }
            let (mut turns, mut order) = (VecDeque::from(held), Vec::new());
            for _ in 0..line.len() {
                turns.pop_front();
                for (user, turn) in &mut line {
                    if let Poll::Ready(Some(turn)) = futures::poll!(turn.as_mut()) {
                        order.push(*user);
                        turns.push_back(turn);
                    }
                }
            }
            // As soon as one turn ends, it is the other's, and both have theirs from then on.
            assert_eq!(order[0], BOB, "{slots}");
            assert_eq!(order[..4].iter().filter(|user| **user == BOB).count(), 2, "{order:?}");
            assert_eq!(order.len(), 5, "{order:?}");
        }
    }
}
