//! The budget: what a run may spend, reserved before the work and reconciled after it.
//!
//! The ledger is folded from events like the rest of a run. Near the end of a budget it grants one
//! last model call, so that a run gives the best answer it has instead of stopping short.

use serde::{Deserialize, Serialize};

use crate::agent::{Budget, Price};
use crate::event::Reason;
use crate::model::Tokens;

/// What a run has spent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Spent {
    /// Model calls that led to an action or an answer.
    pub steps: u64,
    /// Tokens read (cached ones excluded).
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// US dollars; 0 for a model without a price.
    pub cost_usd: f64,
    /// Milliseconds of running time.
    pub time_ms: u64,
}

impl Spent {
    /// Whether it is nothing at all.
    pub fn is_nothing(&self) -> bool {
        *self == Spent::default()
    }
}

/// What is left for the next model call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// Enough for this call and a last one after it.
    Plenty,
    /// Enough for one call: it must be the answer.
    Last,
    /// Nothing.
    Spent(Reason),
}

/// What a model call was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallKind {
    /// A step of the budget: an action, or an answer.
    Step,
    /// One word, on the way to a step.
    Decision,
}

/// The books of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Ledger {
    budget: Budget,
    price: Option<Price>,
    spent: Spent,
    /// Tokens of the call that is under way.
    reserved: u64,
    longest_call_ms: u64,
    asked_at: u64,
    clock: Option<u64>,
}

impl Ledger {
    /// Opens the books.
    pub fn new(budget: Budget, price: Option<Price>) -> Self {
        Self {
            budget,
            price,
            spent: Spent::default(),
            reserved: 0,
            longest_call_ms: 0,
            asked_at: 0,
            clock: None,
        }
    }

    /// What has been spent so far.
    pub fn spent(&self) -> &Spent {
        &self.spent
    }

    /// What may be spent.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Milliseconds until the budget's time is spent.
    pub fn time_left_ms(&self) -> u64 {
        (self.budget.time.as_millis() as u64).saturating_sub(self.spent.time_ms)
    }

    fn tokens_left(&self) -> u64 {
        self.budget.tokens.saturating_sub(self.spent.input_tokens + self.spent.output_tokens)
    }

    /// What is left for a call that reads `input` tokens (cached ones excluded; an estimate will
    /// do) and may write `output`.
    pub fn room(&self, input: u64, output: u64) -> Room {
        let steps_left = u64::from(self.budget.steps).saturating_sub(self.spent.steps);
        if steps_left == 0 {
            return Room::Spent(Reason::Steps);
        }
        let mut last = steps_left == 1;
        // After this call a last one reads what it wrote as well.
        let (then_input, then_output) = (input + output, output);
        if self.tokens_left() <= input {
            return Room::Spent(Reason::Tokens);
        }
        last |= self.tokens_left() < input + output + then_input + then_output;
        if let (Some(budget), Some(price)) = (self.budget.cost_usd, self.price) {
            let left = budget - self.spent.cost_usd;
            if left < price.of(input, 1) {
                return Room::Spent(Reason::Cost);
            }
            last |= left < price.of(input + then_input, output + then_output);
        }
        if self.time_left_ms() == 0 {
            return Room::Spent(Reason::Time);
        }
        last |= self.time_left_ms() < 2 * self.longest_call_ms;
        if last { Room::Last } else { Room::Plenty }
    }

    /// The most tokens a call that reads `input` may write, at most `wanted`; `None` where not
    /// one fits.
    pub fn affordable(&self, input: u64, wanted: u64) -> Option<u64> {
        let mut most = wanted.min(self.tokens_left().saturating_sub(input));
        if let (Some(budget), Some(price)) = (self.budget.cost_usd, self.price)
            && price.output > 0.0
        {
            let left = budget - self.spent.cost_usd - price.of(input, 0);
            most = most.min((left.max(0.0) / price.output * 1e6) as u64);
        }
        (most > 0).then_some(most)
    }

    /// Time passes; `resumed` says that no process was driving since the last event.
    pub(crate) fn tick(&mut self, at: u64, resumed: bool) {
        if let Some(before) = self.clock
            && !resumed
        {
            self.spent.time_ms += at.saturating_sub(before);
        }
        self.clock = Some(at);
    }

    /// What is spent from here on is counted at this price.
    pub(crate) fn reprice(&mut self, price: Option<Price>) {
        self.price = price;
    }

    /// As much may be spent once more, whatever was spent before.
    pub(crate) fn renew(&mut self, budget: Budget) {
        let Spent { steps, input_tokens, output_tokens, cost_usd, time_ms } = self.spent;
        self.budget = Budget {
            steps: budget.steps.saturating_add(u32::try_from(steps).unwrap_or(u32::MAX)),
            tokens: budget.tokens.saturating_add(input_tokens + output_tokens),
            time: budget.time + std::time::Duration::from_millis(time_ms),
            cost_usd: budget.cost_usd.map(|most| most + cost_usd),
        };
    }

    /// A call is about to be made.
    pub(crate) fn reserve(&mut self, tokens: u64) {
        self.reserved = tokens;
        self.asked_at = self.spent.time_ms;
    }

    /// The call was answered: what it really took replaces what was reserved.
    pub(crate) fn reconcile(&mut self, usage: Tokens, kind: CallKind) {
        self.reserved = 0;
        let input = usage.input.saturating_sub(usage.cached);
        self.spent.steps += u64::from(kind == CallKind::Step);
        self.spent.input_tokens += input;
        self.spent.output_tokens += usage.output;
        self.spent.cost_usd += self.price.map_or(0.0, |price| price.of(input, usage.output));
        self.longest_call_ms = self.longest_call_ms.max(self.spent.time_ms - self.asked_at);
    }

    /// An agent that this run called has spent this. Its time has passed here as well.
    pub(crate) fn spend(&mut self, other: &Spent) {
        self.spent.steps += other.steps;
        self.spent.input_tokens += other.input_tokens;
        self.spent.output_tokens += other.output_tokens;
        self.spent.cost_usd += other.cost_usd;
    }

    /// What other agents may spend: all that is left but for one more model call of this run,
    /// which reads `input` tokens and writes `output`.
    pub fn leasable(&self, input: u64, output: u64) -> Budget {
        let steps = u64::from(self.budget.steps).saturating_sub(self.spent.steps + 1);
        let time = self.time_left_ms().saturating_sub(self.longest_call_ms);
        let call = self.price.map_or(0.0, |price| price.of(input, output));
        Budget {
            steps: u32::try_from(steps).unwrap_or(u32::MAX),
            tokens: self.tokens_left().saturating_sub(input + output),
            time: std::time::Duration::from_millis(time),
            cost_usd: self.budget.cost_usd.map(|usd| (usd - self.spent.cost_usd - call).max(0.0)),
        }
    }

    /// Tokens of the model call under way.
    pub fn reserved(&self) -> u64 {
        self.reserved
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn budget() -> Budget {
        Budget { steps: 3, tokens: 10_000_000, ..Budget::default() }
    }

    fn used(input: u64, output: u64) -> Tokens {
        Tokens { input, cached: 0, output }
    }

    #[test]
    fn the_last_step_is_for_the_answer() {
        let mut ledger = Ledger::new(budget(), None);
        assert_eq!(ledger.room(10, 10), Room::Plenty);
        ledger.reconcile(used(10, 10), CallKind::Step);
        ledger.reconcile(used(10, 10), CallKind::Step);
        assert_eq!(ledger.room(10, 10), Room::Last);
        ledger.reconcile(used(10, 10), CallKind::Step);
        assert_eq!(ledger.room(10, 10), Room::Spent(Reason::Steps));
    }

    #[test]
    fn tokens_are_kept_for_a_last_call() {
        let mut ledger = Ledger::new(Budget { tokens: 1000, steps: 99, ..budget() }, None);
        assert_eq!(ledger.room(200, 100), Room::Plenty);
        ledger.reconcile(used(200, 100), CallKind::Step);
        assert_eq!(ledger.room(300, 100), Room::Last);
        assert_eq!(ledger.affordable(300, 1000), Some(400));
        ledger.reconcile(used(300, 100), CallKind::Step);
        assert_eq!(ledger.room(400, 100), Room::Spent(Reason::Tokens));
        assert_eq!(ledger.affordable(300, 1000), None);
    }

    #[test]
    fn what_the_cache_held_is_not_paid_again() {
        let mut ledger = Ledger::new(budget(), Some(Price { input: 1.0, output: 2.0 }));
        ledger.reconcile(
            Tokens { input: 1_000_000, cached: 900_000, output: 100_000 },
            CallKind::Step,
        );
        assert_eq!(ledger.spent().input_tokens, 100_000);
        assert!((ledger.spent().cost_usd - 0.3).abs() < 1e-9);
    }

    #[test]
    fn time_between_stop_and_resume_is_free() {
        let mut ledger = Ledger::new(Budget { time: Duration::from_secs(1), ..budget() }, None);
        ledger.tick(0, false);
        ledger.tick(400, false);
        ledger.tick(99_000, true);
        ledger.tick(99_100, false);
        assert_eq!(ledger.time_left_ms(), 500);
    }
}
