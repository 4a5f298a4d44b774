//! Which conversation lies where: the account of what a network's slots remember.
//!
//! A prompt that goes on from what a slot holds is read there. One that leaves it early would cost the rest
//! of that slot, so it gets the slot that has the least to lose, and what it shares is copied: a process that
//! asks about several things in turn finds each of them again. What is remembered for one asker helps no
//! other, since how little had to be read tells what was said.

/// So many tokens are given up without a thought: what a reply ended with is often read again otherwise.
const TAIL: usize = 32;

/// The slots of a network.
pub(super) struct Slots {
    slots: Vec<Slot>,
    /// Counts beginnings.
    clock: u64,
}

#[derive(Default)]
struct Slot {
    tokens: Vec<u32>,
    asker: u64,
    taken: bool,
    used: u64,
}

/// Where a prompt is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Begun {
    pub(super) slot: usize,
    /// How many of the prompt's first tokens need not be read.
    pub(super) cached: usize,
    /// The slot that they are to be copied from.
    pub(super) copied: Option<usize>,
}

impl Slots {
    pub(super) fn new(count: usize) -> Self {
        Self { slots: (0..count.max(1)).map(|_| Slot::default()).collect(), clock: 0 }
    }

    /// Takes a slot for a prompt; none is free where there is none. The last token of a prompt is always
    /// read: its logits say what comes next.
    pub(super) fn begin(&mut self, prompt: &[u32], asker: u64) -> Option<Begun> {
        let shared: Vec<usize> = self.slots.iter().map(|slot| slot.shared(prompt, asker)).collect();
        let free = || (0..self.slots.len()).filter(|&at| !self.slots[at].taken);
        let nearest = free().max_by_key(|&at| (shared[at], std::cmp::Reverse(at)))?;
        let lost = |at: usize| self.slots[at].tokens.len() - shared[at];
        let goes_on = shared[nearest] > 0 && lost(nearest) <= TAIL.max(shared[nearest] / 8);
        let slot = match goes_on {
            true => nearest,
            // What was used long ago counts for less.
            false => free().min_by_key(|&at| {
                let age = self.clock - self.slots[at].used + 1;
                ((lost(at) as u64) << 16) / age
            })?,
        };
        let best = (0..shared.len()).max_by_key(|&at| shared[at]).unwrap_or(slot);
        let copied = (shared[best] > shared[slot]).then_some(best);
        let cached = shared[copied.unwrap_or(slot)];
        self.clock += 1;
        let taken = &mut self.slots[slot];
        taken.tokens.truncate(shared[slot]);
        taken.tokens.extend(&prompt[taken.tokens.len()..cached]);
        (taken.asker, taken.taken, taken.used) = (asker, true, self.clock);
        Some(Begun { slot, cached, copied })
    }

    /// The reply is done; what was read stays for the next one.
    pub(super) fn end(&mut self, slot: usize) {
        self.slots[slot].taken = false;
    }

    /// How many slots are taken.
    pub(super) fn taken(&self) -> usize {
        self.slots.iter().filter(|slot| slot.taken).count()
    }

    /// How many tokens a slot holds.
    pub(super) fn length(&self, slot: usize) -> usize {
        self.slots[slot].tokens.len()
    }

    /// What a slot holds.
    pub(super) fn tokens(&self, slot: usize) -> &[u32] {
        &self.slots[slot].tokens
    }

    /// Forgets all but the first `to`.
    pub(super) fn rewind(&mut self, slot: usize, to: usize) {
        self.slots[slot].tokens.truncate(to);
    }

    /// The slot holds these tokens more.
    pub(super) fn read(&mut self, slot: usize, tokens: &[u32]) {
        self.slots[slot].tokens.extend(tokens);
    }
}

impl Slot {
    /// How much of a prompt it remembers for this asker.
    fn shared(&self, prompt: &[u32], asker: u64) -> usize {
        if self.asker != asker {
            return 0;
        }
        let most = prompt.len().saturating_sub(1);
        self.tokens.iter().zip(&prompt[..most]).take_while(|(had, new)| had == new).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a prompt to its end, in a slot that is free again then.
    fn read(slots: &mut Slots, prompt: &[u32], asker: u64) -> Begun {
        let begun = slots.begin(prompt, asker).unwrap();
        assert_eq!(slots.length(begun.slot), begun.cached);
        slots.read(begun.slot, &prompt[begun.cached..]);
        slots.end(begun.slot);
        begun
    }

    #[test]
    fn a_conversation_goes_on_where_it_is() {
        let mut slots = Slots::new(2);
        read(&mut slots, &[1, 2, 3, 4], 0);
        let next = read(&mut slots, &[1, 2, 3, 4, 5, 6], 0);
        assert_eq!(next, Begun { slot: 0, cached: 4, copied: None });
        // The same again: its last token is read.
        assert_eq!(read(&mut slots, &[1, 2, 3, 4, 5, 6], 0).cached, 5);
    }

    #[test]
    fn a_side_question_costs_the_conversation_nothing() {
        let mut slots = Slots::new(2);
        let long: Vec<u32> = (0..100).collect();
        read(&mut slots, &long, 0);
        let aside = [&long[..10], &[200, 201, 202]].concat();
        let begun = read(&mut slots, &aside, 0);
        assert_eq!(begun, Begun { slot: 1, cached: 10, copied: Some(0) });
        let on = [&long[..], &[300, 301]].concat();
        assert_eq!(read(&mut slots, &on, 0), Begun { slot: 0, cached: 100, copied: None });
        // And the next one of its kind finds the first one.
        let other = [&long[..10], &[200, 201, 210]].concat();
        assert_eq!(read(&mut slots, &other, 0), Begun { slot: 1, cached: 12, copied: None });
    }

    #[test]
    fn with_one_slot_what_is_shared_stays() {
        let mut slots = Slots::new(1);
        read(&mut slots, &(0..100).collect::<Vec<_>>(), 0);
        let begun = read(&mut slots, &[0, 1, 2, 50, 51], 0);
        assert_eq!(begun, Begun { slot: 0, cached: 3, copied: None });
        assert_eq!(slots.length(0), 5);
    }

    #[test]
    fn the_slot_longest_unused_is_given_up() {
        let mut slots = Slots::new(3);
        for first in [10, 20, 30] {
            read(&mut slots, &[first, 1, 2, 3], 0);
        }
        read(&mut slots, &[10, 1, 2, 3, 4], 0);
        assert_eq!(read(&mut slots, &[40, 1, 2, 3], 0).slot, 1);
        assert_eq!(read(&mut slots, &[30, 1, 2, 3, 4], 0).cached, 4);
    }

    #[test]
    fn a_slot_that_is_taken_is_read_from_and_not_written() {
        let mut slots = Slots::new(2);
        let first = slots.begin(&[1, 2, 3, 4], 0).unwrap();
        slots.read(first.slot, &[1, 2, 3, 4]);
        let second = slots.begin(&[1, 2, 3, 9], 0).unwrap();
        assert_eq!(second, Begun { slot: 1, cached: 3, copied: Some(0) });
        assert_eq!(slots.begin(&[1, 2], 0), None);
        assert_eq!((slots.length(0), slots.taken()), (4, 2));
    }

    #[test]
    fn what_one_asker_said_helps_no_other() {
        let mut slots = Slots::new(2);
        read(&mut slots, &[1, 2, 3, 4], 7);
        assert_eq!(read(&mut slots, &[1, 2, 3, 4], 8), Begun { slot: 1, cached: 0, copied: None });
        assert_eq!(read(&mut slots, &[1, 2, 3, 4], 9).cached, 0);
        assert_eq!(read(&mut slots, &[1, 2, 3, 4], 7).cached, 0, "its slot went to the third");
        assert_eq!(read(&mut slots, &[1, 2, 3, 4], 9).cached, 3);
    }
}
