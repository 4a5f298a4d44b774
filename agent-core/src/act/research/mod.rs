//! Web research, by decisions so small that a small local model gets most of them right.
//!
//! A *lead* takes the question apart, sends *readers* after its parts – agents of their own, which
//! search, read pages and come back with findings – and writes the report from what they found. No
//! model ever writes a quote: page texts are cut into passages and sentences here, the model says
//! which answers, and what is cited is the stored text between two offsets. Texts from pages are
//! data: a passage that gives orders is kept from the model, and reported.

mod hits;
mod language;
mod lead;
mod passage;
pub(crate) mod rank;
mod reader;
mod suspicion;
mod twin;
mod weigh;
mod words;

pub(crate) use lead::Lead;
pub use passage::plain;
pub(crate) use reader::Reader;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::Reply;
use crate::report::{Section, Source, Trouble};

/// The tool that searches the web.
pub const SEARCH: &str = "web.search";
/// The tool that reads a whole page.
pub const PAGE: &str = "web.page";

/// What `[permissions] ask` names to be asked about the plan of a research.
pub const PLAN: &str = "plan";
/// The largest part of a page's text that is read, in bytes.
pub const LONGEST: usize = 400_000;

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

/// What a reader comes back with. The numbers of its claims' sources are its own.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Notes {
    pub(crate) section: Section,
    pub(crate) sources: Vec<Source>,
    pub(crate) troubles: Vec<Trouble>,
}

/// A choice as the model wrote it: one that is not held to it adds a full stop or more.
fn chosen<'a>(reply: &Reply, choices: &[&'a str]) -> Option<&'a str> {
    let said = reply.content.trim().to_lowercase();
    choices.iter().find(|choice| said.starts_with(*choice)).copied()
}

/// One line of what a model wrote.
fn line(reply: &Reply) -> String {
    let line = reply.content.trim().lines().next().unwrap_or_default().trim();
    line.trim_matches('"').trim().to_string()
}

/// The strings under this key.
fn listed(text: &str, key: &str) -> Vec<String> {
    let begin = text.find('{').unwrap_or(0);
    let end = text.rfind('}').map_or(text.len(), |end| end + 1);
    let value: Value =
        serde_json::from_str(text.get(begin..end).unwrap_or_default()).unwrap_or_default();
    let items = value[key].as_array().cloned().unwrap_or_default();
    let texts = items.iter().filter_map(Value::as_str).map(str::trim);
    texts.filter(|text| !text.is_empty()).map(str::to_string).collect()
}

/// Whether a model says that there is no answer.
fn no_answer(text: &str) -> bool {
    let text = text.to_lowercase();
    let text = text.trim_matches(|c: char| !c.is_alphanumeric());
    text.is_empty()
        || ["none", "unknown", "n/a", "not stated", "not found", "not mentioned", "not specified"]
            .iter()
            .any(|no| text.starts_with(no))
        || text.contains("do not state")
        || text.contains("does not state")
        || text.contains("not provided in")
        || text.contains("no information")
}
