//! Whether the one tool that there is can do the task. A small model calls what sounds like it, also where
//! it can't; so before the first call it is asked about that, and its answer is held against how likely the
//! task takes no tool at all. Where there are several, each may be a step to what they do together, and what
//! a lookup did not give is told from its result.

use super::calibration::thresholds;
use super::effects::is_agent;
use super::{Stage, Stepwise};
use agent_core::agent::Agent;
use agent_core::strategy::Decision;

impl Stepwise {
    /// Whether it has yet to be asked if this tool can do the task. An agent tells by itself.
    pub(super) fn asks_whether_it_suits(&self, agent: &Agent, name: &str) -> bool {
        let only = self.tools.len() == 1 && !is_agent(agent, name);
        only && !self.suited && self.taken.is_empty()
    }

    /// How likely this tool does just what the task asks for.
    pub(super) fn suits(&mut self, agent: &Agent, name: &str, odds: f32) -> Decision {
        if beside(self.own, odds) > thresholds(agent).suits {
            return self.suited(agent, name);
        }
        self.stage = Stage::Opens(name.to_string());
        Decision::default()
    }

    /// How likely the answer to anything may be in what this tool gives: then only a look tells.
    pub(super) fn opens(&mut self, agent: &Agent, name: &str, odds: f32) -> Decision {
        if odds >= thresholds(agent).opens {
            return self.suited(agent, name);
        }
        let plan = Some(format!("leave out {name}: it is for something else"));
        Decision { plan, next: self.no_tool(agent), ..Decision::default() }
    }

    fn suited(&mut self, agent: &Agent, name: &str) -> Decision {
        self.suited = true;
        self.stage = self.toward(agent, name);
        self.begun(name)
    }
}

/// How likely a tool does what a task asks for, held against how likely that takes no tool.
pub(super) fn beside(own: f32, suits: f32) -> f32 {
    log_odds(suits) - log_odds(own)
}

/// 0 for an even chance, and the same distance up and down for a likelihood and its opposite.
pub(super) fn log_odds(likely: f32) -> f32 {
    const LEAST: f32 = 0.001;
    let less = likely.min(1.0 - likely).max(LEAST);
    let distance = ((1.0 - less) / less).ln();
    if likely < 0.5 { -distance } else { distance }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_odds_are_even_in_the_middle_and_never_endless() {
        assert!(log_odds(0.5).abs() < 1e-6);
        assert!((log_odds(0.9) + log_odds(0.1)).abs() < 1e-4);
        // Of a model that tells no probabilities, a yes and a no are even.
        assert!(log_odds(1.0) + log_odds(0.0) == 0.0);
        assert!(log_odds(1.0) < 7.0 && log_odds(0.0) > -7.0);
    }
}
