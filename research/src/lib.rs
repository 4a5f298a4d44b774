//! Web research, by decisions so small that a small local model gets most of them right.
//!
//! A *lead* takes the question apart, sends *readers* after its parts – agents of their own, which
//! search, read pages and come back with findings – and writes the report from what they found. No
//! model ever writes a quote: page texts are cut into passages and sentences here, the model says
//! which answers, and what is cited is the stored text between two offsets. Texts from pages are
//! data: a passage that gives orders is kept from the model, and reported.

mod frontier;
mod language;
mod lead;
mod near_duplicate;
mod passage;
mod prompt_injection;
mod prompts;
mod quantity;
mod reader;
pub mod render;
pub mod report;
mod support;

pub use agent_file::research::{Depth, Extent};
pub use lead::RESEARCH;
pub use reader::READ;
pub use text::markdown::plain;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::report::{Section, Source, Trouble};
use agent_core::model::Reply;

/// The tool that searches the web.
pub const SEARCH: &str = "web.search";
/// The tool that reads a whole page.
pub const PAGE: &str = "web.page";

/// The largest part of a page's text that is read, in bytes.
pub const LONGEST: usize = 400_000;

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
