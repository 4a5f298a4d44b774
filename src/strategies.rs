//! The strategies of this program. A new one is a line here.

use agent_core::strategy::{CODE, Strategies, TOOLS};
use research::{READ, RESEARCH};
use stepwise::STEPWISE;

/// Every strategy that `act` in an agent file can name, the default first.
pub static STRATEGIES: Strategies =
    Strategies { constrained: &STEPWISE, all: &[&TOOLS, &CODE, &STEPWISE, &RESEARCH, &READ] };
