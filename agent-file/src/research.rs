//! `[research]`: how far a research goes, in a word or in numbers.

use agent_core::agent::Agent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How far a research goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extent {
    /// The most questions that are looked into at once, the one that was asked among them.
    pub questions: u32,
    /// How often a question may be searched for, and how often new ones may follow.
    pub rounds: u32,
    /// The most pages read for one question.
    pub pages: u32,
    /// Findings wanted for one question, each from another page.
    pub findings: u32,
}

/// How far a research goes, in a word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Depth {
    /// One finding for the question, and for each of its parts where it has some.
    Quick,
    /// A few sub-questions, two findings each.
    #[default]
    Standard,
    /// More of both.
    Deep,
}

impl Depth {
    /// In numbers.
    pub fn extent(self) -> Extent {
        match self {
            Depth::Quick => Extent { questions: 3, rounds: 1, pages: 4, findings: 1 },
            Depth::Standard => Extent { questions: 3, rounds: 2, pages: 6, findings: 2 },
            Depth::Deep => Extent { questions: 6, rounds: 3, pages: 12, findings: 3 },
        }
    }
}

impl Default for Extent {
    fn default() -> Self {
        Depth::default().extent()
    }
}

impl Extent {
    /// What an agent's file says, or the default.
    pub fn of(agent: &Agent) -> Extent {
        Extent::deserialize(&agent.settings).unwrap_or_default()
    }

    /// As an agent's settings.
    pub fn settings(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// How far a research goes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResearchTable {
    /// All of it in a word: `quick`, `standard` (the default) or `deep`. The other keys here change
    /// one number of it.
    #[serde(default)]
    #[schemars(with = "Depth")]
    pub depth: Option<Depth>,

    /// The most questions that are looked into at once, the one that was asked among them.
    #[serde(default)]
    #[schemars(with = "u32", range(min = 1, max = 20))]
    pub questions: Option<u32>,

    /// How often a question may be searched for in other words, and how often new questions may
    /// follow from what was found.
    #[serde(default)]
    #[schemars(with = "u32", range(min = 1, max = 10))]
    pub rounds: Option<u32>,

    /// The most pages that are read for one question.
    #[serde(default)]
    #[schemars(with = "u32", range(min = 1, max = 50))]
    pub pages: Option<u32>,

    /// How many findings are wanted for one question, each from another page.
    #[serde(default)]
    #[schemars(with = "u32", range(min = 1, max = 10))]
    pub findings: Option<u32>,
}

impl ResearchTable {
    /// In numbers.
    pub fn extent(&self) -> Extent {
        let whole = self.depth.unwrap_or_default().extent();
        Extent {
            questions: self.questions.unwrap_or(whole.questions),
            rounds: self.rounds.unwrap_or(whole.rounds),
            pages: self.pages.unwrap_or(whole.pages),
            findings: self.findings.unwrap_or(whole.findings),
        }
    }
}
