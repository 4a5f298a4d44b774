//! What a run has lent to the agents that it called and that are still at work. What they spent is
//! in the ledger once they are observed; until then it is set aside here, so that agents side by
//! side cannot spend the same token.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::action::CallId;
use crate::agent::Budget;

/// The loans of one run.
#[derive(Default)]
pub(super) struct BudgetPool {
    books: Mutex<Books>,
}

#[derive(Default)]
struct Books {
    /// How many of the calls that go side by side have not borrowed yet.
    waiting: u32,
    lent: BTreeMap<CallId, Budget>,
}

impl BudgetPool {
    /// So many calls are about to borrow: each gets its share.
    pub(super) fn expect(&self, calls: usize) {
        self.books().waiting = u32::try_from(calls).unwrap_or(u32::MAX);
    }

    /// Lends at most so much of what is left.
    pub(super) fn lease(
        &self,
        call: &CallId,
        most: Budget,
        mut left: Budget,
    ) -> Result<Budget, String> {
        let mut books = self.books();
        let shares = books.waiting.max(1);
        books.waiting = shares - 1;
        for lent in books.lent.values() {
            left.steps = left.steps.saturating_sub(lent.steps);
            left.tokens = left.tokens.saturating_sub(lent.tokens);
            left.cost_usd = left.cost_usd.map(|left| left - lent.cost_usd.unwrap_or_default());
        }
        let share = Budget {
            steps: left.steps / shares,
            tokens: left.tokens / u64::from(shares),
            // Time passes for all of them at once.
            time: left.time,
            cost_usd: left.cost_usd.map(|left| left / f64::from(shares)),
        };
        let spent = |what: &str, key: &str| {
            Err(format!("this run has no {what} left to lend: [budget] {key} is nearly spent"))
        };
        let lease = most.within(share);
        if lease.steps == 0 {
            return spent("steps", "steps");
        } else if lease.tokens == 0 {
            return spent("tokens", "tokens");
        } else if lease.time.is_zero() {
            return spent("time", "time");
        } else if lease.cost_usd.is_some_and(|usd| usd <= 0.0) {
            return spent("dollars", "cost_usd");
        }
        books.lent.insert(call.clone(), lease);
        Ok(lease)
    }

    /// A call is observed: what it spent is in the ledger.
    pub(super) fn settle(&self, call: &CallId) {
        self.books().lent.remove(call);
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Duration;

    use super::*;

    fn budget(steps: u32, tokens: u64) -> Budget {
        Budget { steps, tokens, time: Duration::from_secs(9), cost_usd: Some(1.0) }
    }

    fn call(name: &str) -> CallId {
        CallId(name.to_string())
    }

    #[test]
    fn agents_side_by_side_never_borrow_more_than_there_is() {
        let (budget_pool, left, most) = (BudgetPool::default(), budget(10, 1000), budget(99, 9999));
        budget_pool.expect(3);
        let loans: Vec<Budget> =
            ["c1", "c2", "c3"].map(|id| budget_pool.lease(&call(id), most, left).unwrap()).to_vec();
        assert_eq!(loans.iter().map(|lease| lease.steps).collect::<Vec<_>>(), [3, 3, 4]);
        assert_eq!(loans.iter().map(|lease| lease.tokens).sum::<u64>(), 1000);
        assert!(loans.iter().filter_map(|lease| lease.cost_usd).sum::<f64>() < 1.0 + 1e-9);
        let refused = budget_pool.lease(&call("c4"), most, left).unwrap_err();
        assert_eq!(refused, "this run has no steps left to lend: [budget] steps is nearly spent");
        budget_pool.settle(&call("c1"));
        assert_eq!(budget_pool.lease(&call("c4"), most, left).unwrap().steps, 3);
    }

    #[test]
    fn an_agent_gets_no_more_than_it_may_have() {
        let budget_pool = BudgetPool::default();
        let lease = budget_pool.lease(&call("c1"), budget(2, 50), budget(10, 1000)).unwrap();
        assert_eq!((lease.steps, lease.tokens), (2, 50));
    }
}
