//! The plan before it is carried out: where `[permissions] ask` names it, a person sees it first,
//! and may put other questions in its place. What follows up later is shown and not asked for.

use super::{Kind, Lead, Stage};
use agent_core::agent::Agent;
use agent_core::strategy::Next;
use agent_core::strategy::PLAN;

impl Lead {
    /// Sends readers after the plan, once a person has seen it who wants to.
    pub(super) fn propose(&mut self, agent: &Agent) -> Next {
        let wants = agent.grants.ask.iter().any(|asked| asked == PLAN);
        match wants && !self.seen {
            true => self.turn(Stage::Proposed),
            false => self.send(agent),
        }
    }

    /// The questions that wait for a person.
    pub(crate) fn proposed(&self) -> Option<&[String]> {
        (self.stage == Stage::Proposed).then_some(&*self.todo)
    }

    /// A person put these in their place.
    pub(crate) fn replan(&mut self, questions: &[String]) {
        if self.stage == Stage::Proposed && !questions.is_empty() {
            self.todo = questions.to_vec();
            // What is to be looked into is settled: no other way is taken.
            self.kind = Kind::Subject;
        }
    }

    /// A person said yes or no.
    pub(crate) fn decide(&mut self, agent: &Agent, granted: bool, now: u64) -> Next {
        if self.stage != Stage::Proposed {
            return Next::Again;
        }
        self.seen = true;
        if granted {
            return self.send(agent);
        }
        self.stage = Stage::Done;
        Next::Answer(self.report(now, Some("a person said no to its plan".to_string())))
    }
}

/// Questions as a plan is shown.
pub(super) fn listed_as_text(questions: &[String]) -> String {
    let lines = questions.iter().map(|question| format!("– {question}"));
    lines.collect::<Vec<_>>().join("\n")
}
