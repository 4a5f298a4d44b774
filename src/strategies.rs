//! The strategies of this program. A new one is a line here.

use agent_core::strategy::{CODE, ONE_CALL, Strategies, TOOLS};
#[cfg(feature = "research")]
use research::{READ, RESEARCH};
use stepwise::STEPWISE;

/// Every strategy: those that `act` in an agent file can name, the default first, and a call of a tool for
/// whatever asks for it.
pub static STRATEGIES: Strategies = Strategies {
    constrained: &STEPWISE,
    all: &[
        &TOOLS,
        &CODE,
        &STEPWISE,
        #[cfg(feature = "research")]
        &RESEARCH,
        #[cfg(feature = "research")]
        &READ,
    ],
    own: &[&ONE_CALL],
};
