//! In the place of `local.rs`, in a build without local models and encoders.

use std::sync::Arc;

use agent_core::agent::{Agent, ModelConfig};
use agent_core::model::Model;
use agent_core::tool::Tool;
use agent_file::LeftOut;
use sandbox::Wasm;
use serde_json::Value;

use super::{Errand, setup};

/// None is opened.
#[derive(Clone, Default)]
pub(super) struct Local {}

impl Local {
    pub(super) fn slots(self, _slots: usize) -> Local {
        self
    }

    pub(super) fn shared(self) -> Local {
        self
    }
}

/// No decoder is here that would have to.
pub(super) fn holds(_schema: &Value) -> Result<(), String> {
    Ok(())
}

impl Errand {
    pub(super) async fn local_model(&self, config: &ModelConfig) -> anyhow::Result<Arc<dyn Model>> {
        let asked = format!("the local model `{}`", config.name);
        Err(anyhow::Error::msg(LeftOut::refused("onnx", &asked)))
    }

    pub(super) async fn data_tools(
        &self,
        agent: &Agent,
        _setup: &tools::Setup,
        _sandbox: &Arc<Wasm>,
    ) -> anyhow::Result<Vec<Arc<dyn Tool>>> {
        match setup::uses_data(agent) {
            true => Err(anyhow::Error::msg(LeftOut::refused("onnx", "a tool of `data`"))),
            false => Ok(Vec::new()),
        }
    }
}
