//! Which model an agent thinks with.

use std::path::PathBuf;
use std::sync::Arc;

use agent_core::agent::{Agent, Provider};
use agent_core::model::Model;
use models::scripted::Scripted;

use super::{Errand, remote};

impl Errand {
    pub(super) async fn model(&self, agent: &Agent) -> anyhow::Result<Arc<dyn Model>> {
        if let Some(model) = &self.own.model {
            return Ok(Arc::clone(model));
        }
        let config = &agent.model;
        match config.provider {
            Provider::Scripted => {
                let path = config.path.clone().unwrap_or_else(|| PathBuf::from(&config.name));
                Ok(Arc::new(Scripted::load(path)?))
            }
            Provider::Openai => remote::open(config, &self.learned),
            Provider::Onnx => self.local_model(config).await,
        }
    }
}
