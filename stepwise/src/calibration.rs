//! Where the decisions of a model part. A threshold is made from what one model answers to a labelled set, so it
//! means nothing for another: a model has those of its own file in `calibration/`, or none, and then its likelier
//! choice counts. `benches/calibration` makes the files; [`measured`] is how it asks what the strategy asks.

pub mod measured;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use agent_core::agent::{Agent, ModelConfig};

/// One line for each model that was calibrated.
const FILES: [&str; 1] = [include_str!("../calibration/qwen2.5-coder-1.5b.toml")];

static CALIBRATIONS: LazyLock<Vec<Calibration>> =
    LazyLock::new(|| FILES.iter().filter_map(|text| Calibration::read(text).ok()).collect());

/// The likelier of two choices counts, of two questions what they say together, and nothing has a margin.
static NONE: Thresholds = Thresholds {
    own: EVEN,
    margin: 0.0,
    margin_of_facts: 0.0,
    fits: EVEN,
    suits: 0.0,
    opens: EVEN,
    whole: EVEN,
    looks: EVEN,
    acts: EVEN,
    acts_surely: EVEN,
    claims: EVEN,
    leaves: 0.0,
    asked: EVEN,
    several: EVEN,
    each: EVEN,
    compute: EVEN,
    number: EVEN,
    maybe: EVEN,
    holds: EVEN,
    holds_unnamed: EVEN,
    holds_surely: EVEN,
    holds_row: EVEN,
    holds_after_all: EVEN,
    column: EVEN,
    speaks_of_none: EVEN,
    stated: EVEN,
    stated_after: EVEN,
};

const EVEN: f32 = 0.5;

/// The names of the models that have a file.
pub fn models() -> impl Iterator<Item = &'static str> {
    CALIBRATIONS.iter().map(|calibration| calibration.model.as_str())
}

/// Where decisions part for the model of an agent.
pub(crate) fn thresholds(agent: &Agent) -> &'static Thresholds {
    of(&agent.model).map_or(&NONE, |calibration| &calibration.thresholds)
}

/// The file of a model. An adapter makes another model of it, and a path or an endpoint may hold any.
fn of(model: &ModelConfig) -> Option<&'static Calibration> {
    let as_it_is = model.provider.capabilities().local && model.path.is_none();
    let named = |calibration: &&Calibration| calibration.model == model.name;
    CALIBRATIONS.iter().find(named).filter(|_| as_it_is && model.adapter.is_none())
}

/// Each is a probability from which on a decision counts, unless it says otherwise.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Thresholds {
    /// What is known is enough, if it is as much likelier than that a tool fits as `margin` says …
    pub(crate) own: f32,
    pub(crate) margin: f32,
    /// … or by more than this, where facts can be looked up.
    pub(crate) margin_of_facts: f32,
    /// Below this, no tool fits.
    pub(crate) fits: f32,
    /// Above this the only tool can do the task: its log odds less those of `own`.
    pub(crate) suits: f32,
    /// The answer to anything may be in what a tool gives.
    pub(crate) opens: f32,
    /// A whole text has to be read.
    pub(crate) whole: f32,
    /// A tool only looks.
    pub(crate) looks: f32,
    /// A task wants something changed …
    pub(crate) acts: f32,
    /// … so surely that it is asked whether an answer tells of it, where nothing was changed.
    pub(crate) acts_surely: f32,
    /// An answer says that something was done.
    pub(crate) claims: f32,
    /// Above this an answer leaves undone what the task wants: its log odds and those of `acts` together.
    pub(crate) leaves: f32,
    /// A task asks for what a tool changes.
    pub(crate) asked: f32,
    /// A tool is called for several things.
    pub(crate) several: f32,
    /// A task means the others of a list as well.
    pub(crate) each: f32,
    /// Something is to be computed.
    pub(crate) compute: f32,
    /// The answer is a number.
    pub(crate) number: f32,
    /// Of `compute`: a table is asked where no passage states the answer.
    pub(crate) maybe: f32,
    /// A table holds what is asked for …
    pub(crate) holds: f32,
    /// … where the question names none of its values …
    pub(crate) holds_unnamed: f32,
    /// … so surely that no other table is asked, and that all its rows may be added up or counted …
    pub(crate) holds_surely: f32,
    /// … where an answer was read in one of its rows …
    pub(crate) holds_row: f32,
    /// … and where passages were read in vain.
    pub(crate) holds_after_all: f32,
    /// A form goes by the column that was named, where it was filled in with another.
    pub(crate) column: f32,
    /// A question speaks of none of the columns that a form may go by.
    pub(crate) speaks_of_none: f32,
    /// A passage states an answer, by what it gave to `stated` and to `answers` together …
    pub(crate) stated: f32,
    /// … and after a second search.
    pub(crate) stated_after: f32,
}

/// A model's file.
#[derive(Debug)]
struct Calibration {
    model: String,
    thresholds: Thresholds,
}

/// What a threshold was made from is for people.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    model: String,
    decisions: BTreeMap<String, Made>,
}

/// A threshold, and beside it how many examples it was held against, the area under their curve, and how many
/// of them are on the wrong side of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "what a file says beside a threshold is checked, and read by people")]
struct Made {
    threshold: f32,
    examples: Option<u32>,
    area: Option<f32>,
    wrong: Option<u32>,
    note: Option<String>,
}

impl Calibration {
    fn read(text: &str) -> Result<Calibration, toml::de::Error> {
        let File { model, decisions } = toml::from_str(text)?;
        let thresholds = decisions
            .into_iter()
            .map(|(name, made)| (name, toml::Value::from(made.threshold)))
            .collect::<toml::Table>()
            .try_into()?;
        Ok(Calibration { model, thresholds })
    }
}
