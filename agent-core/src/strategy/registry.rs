//! The strategies that a program has, by name.

use std::sync::Arc;

use serde_json::Value;

use super::{CODE, Strategy, TOOLS};
use crate::agent::Agent;
use crate::model::Traits;
use crate::tool::ToolSpec;

/// One strategy.
#[derive(Debug)]
pub struct Entry {
    /// What `act` in an agent file calls it, and its runs' journals.
    pub name: &'static str,
    /// How it acts, in a few words for people.
    pub summary: &'static str,
    /// The models that it works with.
    pub models: Models,
    /// What an agent has to have for it.
    pub needs: Needs,
    /// The agent file's table that it reads; other strategies refuse that table.
    pub table: Option<&'static str>,
    /// Whether it proposes a plan, so that `[permissions] ask` can name `plan`.
    pub proposes: bool,
    /// The JSON Schema of its outcome, where that has a form of its own: such an agent has no
    /// `[output]`, and no conversation.
    pub outcome: Option<fn() -> Value>,
    /// A run's strategy at its beginning, with the tools that the run has.
    pub start: fn(&[Arc<ToolSpec>]) -> Box<dyn Strategy>,
}

/// The models that a strategy works with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Models {
    /// Any.
    Any,
    /// Those that plan by themselves; a constrained model uses the registry's strategy for it.
    Planning,
}

/// What an agent has to have for a strategy.
#[derive(Debug, Clone, Copy, Default)]
pub struct Needs {
    /// Tools that the strategy calls by itself.
    pub tools: &'static [&'static str],
    /// A strategy that one of its sub-agents must follow, and the parameter that this one must take.
    pub agent: Option<(&'static str, &'static str)>,
}

/// The strategies that a program has.
#[derive(Debug, Clone, Copy)]
pub struct Strategies {
    /// What a constrained model uses where the agent file names nothing that suits it.
    pub constrained: &'static Entry,
    /// All that an agent file can name, the default first.
    pub all: &'static [&'static Entry],
    /// Those that only a program chooses.
    pub own: &'static [&'static Entry],
}

impl Strategies {
    /// The two plain strategies, for a program with models that plan.
    pub const PLAIN: Strategies =
        Strategies { constrained: &TOOLS, all: &[&TOOLS, &CODE], own: &[] };

    /// The strategy of this name.
    pub fn named(&self, name: &str) -> Option<&'static Entry> {
        // `guided` is what journals of the first version say.
        let name = if name == "guided" { "stepwise" } else { name };
        self.all.iter().chain(self.own).find(|entry| entry.name == name).copied()
    }

    /// The strategy of an agent: what its file names, but that a constrained model neither plans
    /// nor notices what it does wrong.
    pub fn choose(&self, agent: &Agent, traits: &Traits) -> &'static Entry {
        let named = agent.act.as_deref().and_then(|name| self.named(name));
        match named {
            Some(entry) if entry.models == Models::Any || !traits.constrained => entry,
            _ if traits.constrained => self.constrained,
            Some(entry) => entry,
            None => self.all.first().copied().unwrap_or(&TOOLS),
        }
    }

    /// The names that `act` in an agent file can have.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.all.iter().map(|entry| entry.name)
    }
}
