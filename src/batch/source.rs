//! The agent file of a batch, read once: each row's agent is made of it when its run begins.

use std::path::PathBuf;

use agent_core::agent::Agent;
use agent_core::component::digest;
use agent_file::{Checked, Invalid};
use serde_json::json;

use super::rows::{Row, literal};
use super::{BatchError, Order};
use crate::Errand;
use crate::runtime::bare;

/// What every row's agent is made of.
pub(super) struct Source {
    file: PathBuf,
    checked: Checked,
    model: Option<String>,
    /// The parameters that all rows have in common, as they were when the batch was opened.
    common: Vec<(String, String)>,
}

impl Source {
    /// Reads the agent file, and the files that parameters come from.
    pub(super) fn read(errand: &Errand, order: &Order) -> Result<Source, BatchError> {
        let checked = errand.check(&order.file, &order.params)?;
        let given = |name: &str| order.params.iter().any(|(given, _)| given == name);
        let common = checked.agent.params.iter().filter(|(name, _)| given(name));
        let common = common.flat_map(|(name, value)| literal(name, value)).collect();
        Ok(Source { file: order.file.clone(), checked, model: order.model.clone(), common })
    }

    /// Whether the agent file has a parameter of this name.
    pub(super) fn takes(&self, name: &str) -> bool {
        self.checked.params().contains_key(name)
    }

    /// A row's agent.
    pub(super) fn agent(&self, errand: &Errand, row: &Row) -> Result<Agent, Invalid> {
        let mut params = self.common.clone();
        params.extend(row.params().filter(|(name, _)| self.takes(name)));
        errand.load_text(&self.file, self.checked.contents(), &params, self.model.as_deref())
    }

    /// What a row's result depends on beside the row, as a digest: the agent file as it is written,
    /// what else it comes to here, and what all rows have in common.
    pub(super) fn digest(&self, agent: &Agent) -> String {
        let text = digest(self.checked.contents().as_bytes());
        digest(json!([bare(agent), text, self.common]).to_string().as_bytes())
    }
}
