//! What a run took, as programs are told it: in `--json`, in lists, and in the results of a batch.

use agent_core::ledger::Spent;
use serde::{Deserialize, Serialize};

/// What a run took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Model calls that led to an action or an answer.
    pub steps: u64,
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// US dollars.
    pub cost_usd: f64,
    /// Running time.
    pub seconds: f64,
}

impl From<Spent> for Usage {
    fn from(spent: Spent) -> Usage {
        Usage {
            steps: spent.steps,
            input_tokens: spent.input_tokens,
            output_tokens: spent.output_tokens,
            cost_usd: spent.cost_usd,
            seconds: spent.time_ms as f64 / 1000.0,
        }
    }
}

impl From<Usage> for Spent {
    fn from(usage: Usage) -> Spent {
        Spent {
            steps: usage.steps,
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            cost_usd: usage.cost_usd,
            time_ms: (usage.seconds * 1000.0) as u64,
        }
    }
}
