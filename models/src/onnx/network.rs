//! One network that several conversations share: a thread owns it and reads for all of them.
//!
//! In each turn every conversation that wants one more token gets it, of several in one pass over the
//! weights, and one that has more to read gets a piece of it read. So a long prompt holds up no reply for
//! longer than a piece takes, and a reply that is given up leaves with the next turn.
//!
//! A conversation lies in a cache of its own, where prompts are read. While several write, their tokens go
//! through one more cache that has a lane for each. What one of the two lacks is copied before it is used;
//! that is little beside a pass.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use ort::session::Session as Runner;

use super::EngineError;
use super::cache::{Cache, Sizes};
use super::conversation::{Ask, Conversation, Feed};
use super::prefixes::{LEAST, Prefixes};
use super::session::{CHUNK, next_chunk, readable};
use super::slots::Slots;

/// Tokens of a prompt that are read at once while others wait.
const PIECE: usize = 64;
/// How long a turn waits for those that are in the middle of a reply: choosing a token takes them less.
const GATHER: Duration = Duration::from_millis(3);

/// Conversations with the network, as many as there are slots. Its thread ends when they are dropped.
/// `counted` counts the tokens that several of them had read in one pass.
pub(super) fn share(
    runner: Runner,
    sizes: Sizes,
    slots: usize,
    prefixes: Option<Prefixes>,
    counted: Arc<AtomicU64>,
) -> ort::Result<Vec<Conversation>> {
    let (asks, inbox) = mpsc::channel();
    // The others are made when they are needed.
    let mut alone = vec![Some(Cache::new(&runner, sizes, 1)?)];
    alone.resize_with(slots, || None);
    let network = Network {
        runner,
        sizes,
        slots: Slots::new(slots),
        alone,
        together: None,
        prefixes,
        counted,
        held: vec![Held::default(); slots],
        waiting: VecDeque::new(),
    };
    thread::spawn(move || network.serve(&inbox));
    Ok((0..slots).map(|_| Conversation::new(asks.clone(), sizes.vocab)).collect())
}

/// What is left of a slot's tokens in its own cache, and in its lane of the shared one.
#[derive(Debug, Clone, Copy, Default)]
struct Held {
    alone: usize,
    together: usize,
    /// How many tokens of its prompt begin many others.
    common: usize,
}

struct Network {
    runner: Runner,
    sizes: Sizes,
    slots: Slots,
    alone: Vec<Option<Cache>>,
    together: Option<Cache>,
    /// What is kept on disk of what many prompts begin with.
    prefixes: Option<Prefixes>,
    /// Tokens read in passes over several lanes.
    counted: Arc<AtomicU64>,
    held: Vec<Held>,
    waiting: VecDeque<Feed>,
}

impl Network {
    fn serve(mut self, inbox: &mpsc::Receiver<Ask>) {
        while self.gather(inbox) {
            if catch_unwind(AssertUnwindSafe(|| self.turn())).is_err() {
                // What the caches hold is not known for sure.
                for slot in 0..self.held.len() {
                    self.keep(slot, 0);
                }
                let crashed = || EngineError::Run("it crashed on this request".to_string());
                self.waiting.drain(..).for_each(|feed| feed.answer(Err(crashed())));
            }
        }
    }

    /// Hears what there is, and waits for something where there is nothing; no one is left to ask otherwise.
    fn gather(&mut self, inbox: &mpsc::Receiver<Ask>) -> bool {
        if self.waiting.is_empty() {
            let Ok(ask) = inbox.recv() else { return false };
            self.hear(ask);
        }
        let until = Instant::now() + GATHER;
        while let Ok(ask) = inbox.try_recv() {
            self.hear(ask);
        }
        while !self.waiting.is_empty() && self.waiting.len() < self.slots.taken() {
            let left = until.saturating_duration_since(Instant::now());
            let Ok(ask) = inbox.recv_timeout(left) else { break };
            self.hear(ask);
        }
        true
    }

    fn hear(&mut self, ask: Ask) {
        match ask {
            Ask::Begin { prompt, common, asker, heard } => {
                let _ = heard.send(self.begin(&prompt, common, asker));
            }
            Ask::Feed(feed) => {
                self.keep(feed.slot, feed.keep);
                match readable(&feed.tokens, self.slots.length(feed.slot), &self.sizes) {
                    Ok(()) => self.waiting.push_back(feed),
                    Err(error) => feed.answer(Err(error)),
                }
            }
            Ask::End { slot, keep } => {
                self.keep(slot, keep);
                self.slots.end(slot);
            }
        }
    }

    /// A slot for the prompt, and how much of it that remembers.
    fn begin(
        &mut self,
        prompt: &[u32],
        common: usize,
        asker: u64,
    ) -> Result<(usize, usize), EngineError> {
        let none = || EngineError::Run("all its slots are taken".to_string());
        let begun = self.slots.begin(prompt, asker).ok_or_else(none)?;
        let slot = begun.slot;
        if self.alone[slot].is_none() {
            match Cache::new(&self.runner, self.sizes, 1) {
                Ok(cache) => self.alone[slot] = Some(cache),
                Err(error) => {
                    self.keep(slot, 0);
                    self.slots.end(slot);
                    return Err(run(error));
                }
            }
        }
        match begun.copied {
            None => self.keep(slot, begun.cached),
            Some(from) => {
                self.bring_home(from);
                if let Some(mut cache) = self.alone[slot].take() {
                    if let Some(from) = &self.alone[from] {
                        cache.take(0, (from, 0), 0..begun.cached);
                    }
                    self.alone[slot] = Some(cache);
                }
                self.held[slot] = Held { alone: begun.cached, ..Held::default() };
            }
        }
        let common = common.min(prompt.len().saturating_sub(1));
        self.held[slot].common = if common < LEAST { 0 } else { common };
        let known =
            self.common_to_read(slot).is_some() && self.load_common(slot, &prompt[..common]);
        Ok((slot, if known { common } else { begun.cached }))
    }

    /// How many tokens of a slot's prompt are common to many and not read yet, where that is worth keeping.
    fn common_to_read(&self, slot: usize) -> Option<usize> {
        self.prefixes.as_ref()?;
        let left = self.held[slot].common.saturating_sub(self.slots.length(slot));
        (left > 0).then_some(left)
    }

    /// Has a slot hold what an earlier process read of these tokens.
    fn load_common(&mut self, slot: usize, tokens: &[u32]) -> bool {
        let (Some(prefixes), Some(cache)) = (&self.prefixes, &mut self.alone[slot]) else {
            return false;
        };
        let known = prefixes.load(tokens, cache);
        if known {
            self.slots.read(slot, &tokens[self.slots.length(slot)..]);
            self.held[slot] = Held { alone: tokens.len(), together: 0, common: tokens.len() };
        }
        known
    }

    /// Forgets all but so many tokens of a slot.
    fn keep(&mut self, slot: usize, to: usize) {
        self.slots.rewind(slot, to);
        let Held { alone, together, .. } = &mut self.held[slot];
        (*alone, *together) = ((*alone).min(to), (*together).min(to));
    }

    /// Has a slot's own cache hold all of it.
    fn bring_home(&mut self, slot: usize) {
        let held = &mut self.held[slot];
        if held.alone < held.together
            && let (Some(cache), Some(from)) = (&mut self.alone[slot], &self.together)
        {
            cache.take(0, (from, slot), held.alone..held.together);
            held.alone = held.together;
        }
    }

    /// Has a slot's lane hold all of it.
    fn bring_together(&mut self, slot: usize) {
        let held = &mut self.held[slot];
        if held.together < held.alone
            && let (Some(from), Some(cache)) = (&self.alone[slot], &mut self.together)
        {
            cache.take(slot, (from, 0), held.together..held.alone);
            held.together = held.alone;
        }
    }

    fn turn(&mut self) {
        let (stopped, waiting): (Vec<Feed>, Vec<Feed>) =
            self.waiting.drain(..).partition(|feed| feed.stop.load(Ordering::Relaxed));
        stopped.into_iter().for_each(|feed| feed.answer(Err(EngineError::Stopped)));
        let (single, long): (Vec<Feed>, Vec<Feed>) =
            waiting.into_iter().partition(Feed::wants_one_token);
        self.waiting = long.into();
        // A pass over all lanes costs a quarter more for each lane, those without a token too.
        if 4 * single.len() > self.held.len() + 3 {
            self.read_together(single);
        } else {
            single.into_iter().for_each(|feed| self.read_alone(feed, CHUNK));
        }
        if let Some(feed) = self.waiting.pop_front() {
            let most = if self.slots.taken() > 1 { PIECE } else { CHUNK };
            self.read_alone(feed, most);
        }
    }

    /// Reads at most so many of the tokens; what is left waits for another turn.
    fn read_alone(&mut self, mut feed: Feed, most: usize) {
        let slot = feed.slot;
        self.bring_home(slot);
        let left = feed.tokens.len() - feed.done;
        // What is kept is read by itself: the next process that begins after it computes the same.
        let common = self.common_to_read(slot).filter(|&common| common < left);
        let next = match common {
            Some(common) => next_chunk(common, 1, most),
            None => next_chunk(left, feed.rows, most),
        };
        let rows = if next == left { feed.rows } else { 1 };
        let tokens = &feed.tokens[feed.done..][..next];
        let total = self.slots.length(slot) + next;
        let Some(cache) = &mut self.alone[slot] else { return };
        if let Err(error) = cache.pass(&mut self.runner, tokens, &[total], rows) {
            return feed.answer(Err(run(error)));
        }
        self.slots.read(slot, tokens);
        self.held[slot].alone = total;
        if common == Some(next)
            && let Some(prefixes) = &self.prefixes
        {
            prefixes.keep(self.slots.tokens(slot), cache);
        }
        feed.done += next;
        if feed.done < feed.tokens.len() {
            return self.waiting.push_back(feed);
        }
        feed.answer_with(cache.logits(0));
    }

    /// Reads one token for each, in one pass.
    fn read_together(&mut self, feeds: Vec<Feed>) {
        if self.together.is_none() {
            match Cache::new(&self.runner, self.sizes, self.held.len()) {
                Ok(cache) => self.together = Some(cache),
                // They may still fit one by one.
                Err(_) => return feeds.into_iter().for_each(|feed| self.read_alone(feed, CHUNK)),
            }
        }
        let (mut tokens, mut totals) = (vec![0; self.held.len()], vec![0; self.held.len()]);
        for feed in &feeds {
            self.bring_together(feed.slot);
            tokens[feed.slot] = feed.tokens[feed.done];
            totals[feed.slot] = self.held[feed.slot].together + 1;
        }
        for slot in (0..totals.len()).filter(|&slot| totals[slot] == 0).collect::<Vec<_>>() {
            // A lane without a token gets one behind its end, where it is written over.
            if self.held[slot].together == self.sizes.context {
                self.bring_home(slot);
                self.held[slot].together -= 1;
            }
            totals[slot] = self.held[slot].together + 1;
        }
        let Some(cache) = &mut self.together else { return };
        if let Err(error) = cache.pass(&mut self.runner, &tokens, &totals, 1) {
            let reason = error.to_string();
            let failed = || EngineError::Run(reason.clone());
            return feeds.into_iter().for_each(|feed| feed.answer(Err(failed())));
        }
        self.counted.fetch_add(feeds.len() as u64, Ordering::Relaxed);
        for feed in feeds {
            let slot = feed.slot;
            self.slots.read(slot, &feed.tokens[feed.done..]);
            self.held[slot].together = totals[slot];
            feed.answer_with(cache.logits(slot));
        }
    }
}

fn run(error: ort::Error) -> EngineError {
    EngineError::Run(error.to_string())
}
