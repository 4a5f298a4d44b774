//! In the place of `remote.rs`, in a build without remote models.

use std::sync::Arc;

use agent_core::agent::ModelConfig;
use agent_core::model::Model;
use agent_file::LeftOut;

/// Nothing is asked, so nothing is learned of it.
#[derive(Clone, Default)]
pub(super) struct Learned {}

pub(super) fn open(config: &ModelConfig, _learned: &Learned) -> anyhow::Result<Arc<dyn Model>> {
    let asked = format!("the remote model `{}`", config.name);
    Err(anyhow::Error::msg(LeftOut::refused("openai", &asked)))
}
