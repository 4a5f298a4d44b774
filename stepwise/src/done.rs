//! Whether what the task wants was done. An answer that tells of a change which no tool made, or that tells
//! something else where a change is wanted, is held back: the run ends without one, and says why.

use serde_json::Value;

use super::calibration::thresholds;
use super::fitting::log_odds;
use super::{Stage, Stepwise, Then};
use agent_core::agent::Agent;
use agent_core::strategy::{Decision, Next};

impl Stepwise {
    /// An answer, once it is known to leave nothing undone and to tell of nothing that was not done.
    pub(super) fn unless_undone(&mut self, agent: &Agent, value: Value) -> Decision {
        // What is filled in stands on what was observed, and what was looked up in a folder in its files' words.
        let verbatim = agent.output.is_some() || self.folder.is_some();
        if verbatim || self.wrote || self.succeeded().any(|step| self.may_change(&step.tool)) {
            return given(value);
        }
        match self.acts {
            None => self.ask_next(Stage::Acts(Then::Answer(value))),
            Some(acts) => self.acts(agent, Then::Answer(value), acts),
        }
    }

    /// An answer where nothing was changed; `acts` is how likely the task wants that.
    pub(super) fn with_nothing_changed(
        &mut self,
        agent: &Agent,
        value: Value,
        acts: f32,
    ) -> Decision {
        let limits = thresholds(agent);
        match acts {
            acts if acts >= limits.acts_surely => self.ask_next(Stage::Claims(value)),
            acts if acts >= limits.acts => self.ask_next(Stage::Leaves(value)),
            _ => given(value),
        }
    }

    /// How likely the answer says that something was done. A small model says so where nothing was.
    pub(super) fn claims(&mut self, agent: &Agent, value: Value, odds: f32) -> Decision {
        match odds >= thresholds(agent).claims {
            true => stopped("the answer says that it was done, and no tool did anything"),
            false => self.ask_next(Stage::Leaves(value)),
        }
    }

    /// How likely the answer only tells something where the task wants it done. Many a task that is met by a
    /// text sounds like one of doing, and many an answer fits the words of a task that it leaves undone:
    /// only both together tell.
    pub(super) fn leaves(&self, agent: &Agent, value: Value, odds: f32) -> Decision {
        let acts = self.acts.unwrap_or_default();
        match together(acts, odds) > thresholds(agent).leaves {
            true => stopped("the task wants something done, and no tool did it"),
            false => given(value),
        }
    }

    /// Whether something was changed that the task asks for.
    pub(super) fn changed(&self) -> bool {
        self.wrote || self.succeeded().any(|step| self.wants_it(&step.tool))
    }

    /// Why what the task asks for was not done, where a change was asked for and none was made.
    pub(super) fn undone(&self, agent: &Agent) -> Option<String> {
        if let Some(file) = self.owed(agent).first() {
            return Some(format!("{file} was asked for and not written"));
        }
        let name = self.wanted.first().filter(|_| !self.changed())?;
        let failed = self.taken.iter().rev().find(|step| &step.tool == name);
        let why =
            failed.map_or("it was not called", |step| step.shown.lines().next().unwrap_or(""));
        Some(format!("{name} was asked for and not done: {why}"))
    }

    /// How the last step failed, where steps were taken and each of them did.
    pub(super) fn failed(&self) -> Option<String> {
        let last = self.taken.last()?;
        let all = self.succeeded().next().is_none();
        let why = last.shown.lines().next().unwrap_or_default();
        all.then(|| format!("every step failed, {} last: {why}", last.tool))
    }
}

/// How likely a task wants something changed and an answer leaves that undone.
pub(super) fn together(acts: f32, leaves: f32) -> f32 {
    log_odds(acts) + log_odds(leaves)
}

pub(super) fn given(value: Value) -> Decision {
    Decision { next: Next::Answer(value), ..Decision::default() }
}

fn stopped(why: &str) -> Decision {
    Decision { next: Next::Stop(format!("{why}: nothing was changed")), ..Decision::default() }
}
