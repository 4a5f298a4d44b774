//! Remote models, set up.

use std::sync::Arc;

use agent_core::agent::ModelConfig;
use agent_core::model::Model;
use anyhow::Context;
use models::openai::{ApiKey, OpenAi, RemoteOptions};

pub(super) use models::openai::Learned;

/// A model behind the address that the agent file names.
pub(super) fn open(config: &ModelConfig, learned: &Learned) -> anyhow::Result<Arc<dyn Model>> {
    Ok(Arc::new(model(config, learned.clone())?))
}

/// The same, as a server asks it.
pub(crate) fn model(config: &ModelConfig, learned: Learned) -> anyhow::Result<OpenAi> {
    let url = config.base_url.as_ref().map(ToString::to_string).unwrap_or_default();
    let mut options = RemoteOptions::new(&config.name, url);
    if let Some(secret) = &config.api_key {
        let key = std::env::var(secret.variable())
            .with_context(|| format!("the environment variable `{}`", secret.variable()))?;
        options.api_key = Some(ApiKey::new(key));
    }
    options.timeout = config.timeout;
    options.fallback = config.fallback.clone();
    options.protocol = config.protocol;
    options.context = config.context.unwrap_or(0);
    options.input = config.input.clone();
    options.quirks = config.quirks.clone().unwrap_or_default();
    options.learned = learned;
    Ok(OpenAi::new(options)?.sampling(config.sampling))
}
