//! What of a run a power cut may take.

use super::Run;
use crate::action::{Capability, Decision};
use crate::event::What;

impl Run {
    /// Whether a power cut may take this event from the end of the journal: without it the run does
    /// again what came to it, and nothing outside is other for it. What was decided or changed
    /// outside, or told to a person, may not be; nor may what precedes such an act, since another
    /// reply of the model would lead to another act beside the one that has happened.
    pub fn may_be_lost(&self, what: &What) -> bool {
        match what {
            What::Thinking { .. } | What::Replied { .. } | What::Planned { .. } => true,
            // The run asks again, and syncs before it does.
            What::Judged { .. } => true,
            What::Acting { effect, .. } => !effect.changes(),
            What::Used { capability, verdict, .. } => {
                verdict.decision != Decision::Allow || looks(capability)
            }
            // The call runs again, or where it may not, is told to the model as one that perhaps has.
            What::Observed { call, .. } => {
                self.calls.effect(call).is_some_and(|effect| effect.may_repeat())
            }
            What::Started { .. }
            | What::Resumed { .. }
            | What::Said { .. }
            | What::Undone
            | What::Unanswered { .. }
            | What::Revised { .. }
            | What::Answered { .. }
            | What::Done { .. }
            | What::Ended { .. } => false,
        }
    }
}

/// Whether a use leaves what is outside as it is.
fn looks(capability: &Capability) -> bool {
    match capability {
        Capability::Read(_) => true,
        Capability::Fetch { method, .. } => matches!(method.as_str(), "GET" | "HEAD"),
        Capability::Write(_) | Capability::Delete(_) | Capability::Run { .. } => false,
    }
}
