//! What a reply may go on with, looked up in what was read and written so far (prompt lookup: Saxena,
//! 2023): the tokens that followed the last place with the same end. A draft is a guess that saves
//! passes where it is right; it never decides anything.

use std::collections::HashMap;

/// Tokens that must be the same before a place is taken for one like it.
const SAME: usize = 3;
/// The longest draft.
const MOST: usize = 16;
/// Below this share of drafted tokens that came true no more are drafted for a while: each costs a
/// fraction of a pass, right or wrong.
const POOR: f32 = 0.3;
/// Tokens of that while.
const REST: usize = 32;

/// Drafts for one reply.
pub(super) struct Drafts {
    /// Where a run of tokens was seen last: the place after it.
    places: HashMap<[u32; SAME], usize>,
    /// How much of the text is in `places`.
    seen: usize,
    /// The share that came true lately.
    right: f32,
    /// How many tokens there must be before the next draft.
    next: usize,
}

impl Drafts {
    pub(super) fn new() -> Drafts {
        Drafts { places: HashMap::new(), seen: 0, right: 0.5, next: 0 }
    }

    /// What may follow `text`; nothing where it has no like, or drafts have failed lately.
    pub(super) fn after(&mut self, text: &[u32]) -> Vec<u32> {
        if text.len() < self.next || text.len() <= SAME {
            return Vec::new();
        }
        // The end itself is looked for, so it must not be found.
        for end in self.seen.max(SAME)..text.len() {
            if let Some(&run) = text[end - SAME..].first_chunk::<SAME>() {
                self.places.insert(run, end);
            }
        }
        self.seen = text.len();
        let place = text.last_chunk::<SAME>().and_then(|run| self.places.get(run));
        let Some(&place) = place else { return Vec::new() };
        let width = (self.right * self.right * MOST as f32).round() as usize;
        text[place..].iter().copied().take(width.clamp(2, MOST)).collect()
    }

    /// How many tokens of a draft came true, when the text had so many.
    pub(super) fn came(&mut self, drafted: usize, true_ones: usize, length: usize) {
        if drafted == 0 {
            return;
        }
        let share = true_ones as f32 / drafted as f32;
        self.right = 0.6 * self.right + 0.4 * share;
        if self.right < POOR {
            self.next = length + REST;
            self.right = POOR + 0.05;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_followed_the_same_end_is_drafted() {
        let mut drafts = Drafts::new();
        assert!(drafts.after(&[1, 2, 3]).is_empty());
        assert!(drafts.after(&[1, 2, 3, 4, 5, 6, 7, 1, 2]).is_empty());
        assert_eq!(drafts.after(&[1, 2, 3, 4, 5, 6, 7, 1, 2, 3]), [4, 5, 6, 7]);
        // The latest place counts.
        assert_eq!(drafts.after(&[1, 2, 3, 4, 5, 6, 7, 1, 2, 3, 9, 1, 2, 3])[0], 9);
        assert_eq!(Drafts::new().after(&[5, 5, 5, 5]), [5]);
    }

    #[test]
    fn drafts_that_fail_stop_for_a_while_and_ones_that_come_true_grow() {
        let text: Vec<u32> = (0..40).chain(0..3).collect();
        let mut drafts = Drafts::new();
        let first = drafts.after(&text).len();
        (0..5).for_each(|_| drafts.came(first, first, text.len()));
        assert!(drafts.after(&text).len() > 2 * first);
        (0..5).for_each(|_| drafts.came(4, 0, text.len()));
        assert!(drafts.after(&text).is_empty());
        let later: Vec<u32> = text.iter().copied().chain(100..140).chain(0..3).collect();
        assert_eq!(drafts.after(&later).len(), 2);
    }
}
