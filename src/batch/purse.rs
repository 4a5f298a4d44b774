//! What all rows may spend together: a run's budget is set aside before it begins, and settled by
//! what it took. So nothing is overspent, and no run is cut short because others were dear.

use std::time::Duration;

use agent_core::agent::Budget;
use agent_core::ledger::Spent;

/// The limits of a batch; those that are left out do not bind.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Limits {
    /// Tokens read and written.
    pub tokens: Option<u64>,
    /// US dollars; each run must have a limit of its own.
    pub cost_usd: Option<f64>,
    /// Wall time of one invocation.
    pub time: Option<Duration>,
}

/// What is spent or set aside.
pub(super) struct Purse {
    limits: Limits,
    tokens: u64,
    cost_usd: f64,
}

/// What comes of asking for a run's budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// It is set aside.
    Granted,
    /// There is not enough.
    Short,
}

impl Purse {
    pub(super) fn new(limits: Limits, spent: Spent) -> Purse {
        let tokens = spent.input_tokens + spent.output_tokens;
        Purse { limits, tokens, cost_usd: spent.cost_usd }
    }

    /// Sets a run's budget aside, all of it or nothing.
    pub(super) fn take(&mut self, run: &Budget) -> Room {
        let tokens = self.tokens.saturating_add(run.tokens);
        let cost_usd = self.cost_usd + run.cost_usd.unwrap_or(0.0);
        let short = self.limits.tokens.is_some_and(|most| tokens > most)
            || self.limits.cost_usd.is_some_and(|most| cost_usd > most);
        if short {
            return Room::Short;
        }
        (self.tokens, self.cost_usd) = (tokens, cost_usd);
        Room::Granted
    }

    /// What was set aside is settled.
    pub(super) fn settle(&mut self, run: &Budget, spent: &Spent) {
        let took = spent.input_tokens + spent.output_tokens;
        self.tokens = self.tokens.saturating_sub(run.tokens).saturating_add(took);
        self.cost_usd += spent.cost_usd - run.cost_usd.unwrap_or(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spent(tokens: u64, cost_usd: f64) -> Spent {
        Spent { input_tokens: tokens, cost_usd, ..Spent::default() }
    }

    #[test]
    fn what_is_set_aside_is_not_lent_twice() {
        let limits = Limits { tokens: Some(250), ..Limits::default() };
        let mut purse = Purse::new(limits, spent(10, 0.0));
        let run = Budget { tokens: 100, ..Budget::default() };
        assert_eq!([purse.take(&run), purse.take(&run)], [Room::Granted, Room::Granted]);
        assert_eq!(purse.take(&run), Room::Short);
        purse.settle(&run, &spent(30, 0.0));
        assert_eq!(purse.take(&run), Room::Granted);
        purse.settle(&run, &spent(100, 0.0));
        purse.settle(&run, &spent(100, 0.0));
        assert_eq!(purse.take(&run), Room::Short);
    }

    #[test]
    fn dollars_are_kept_likewise() {
        let limits = Limits { cost_usd: Some(1.0), ..Limits::default() };
        let mut purse = Purse::new(limits, spent(5, 0.25));
        let run = Budget { cost_usd: Some(0.5), ..Budget::default() };
        assert_eq!([purse.take(&run), purse.take(&run)], [Room::Granted, Room::Short]);
        purse.settle(&run, &spent(5, 0.125));
        assert_eq!([purse.take(&run), purse.take(&run)], [Room::Granted, Room::Short]);
    }
}
