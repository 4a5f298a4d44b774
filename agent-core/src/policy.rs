//! What a policy is to the loop: an action in, a verdict out.

use crate::action::{Action, Verdict};
use crate::tool::ToolSpec;

/// Decides what may happen. Does no IO, and has no clock: the same action gets the same verdict.
pub trait Policy: Send + Sync {
    /// May this happen? Default deny.
    fn judge(&self, action: &Action) -> Verdict;

    /// The tools, and for each the argument values, that could still be allowed: what a local
    /// model sees as its grammar. It only narrows; [`Policy::judge`] decides all the same.
    fn narrow(&self, tools: &[ToolSpec]) -> Vec<ToolSpec>;
}
