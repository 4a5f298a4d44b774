//! Which model an agent thinks with, set up and opened.

use std::path::PathBuf;
use std::sync::Arc;

use agent_core::agent::{Agent, Device, ModelConfig, Provider};
use agent_core::model::Model;
use anyhow::Context;
use models::onnx::{self, Onnx, OnnxOptions};
use models::openai::{ApiKey, Learned, OpenAi, RemoteOptions};
use models::scripted::Scripted;

use super::Errand;
use super::engines::{Engine, LocalModel};

/// Tokens that a local model holds: enough for a run, and its cache stays small.
pub(crate) const CONTEXT: u32 = 8192;

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
            Provider::Openai => Ok(Arc::new(remote(config, self.learned.clone())?)),
            Provider::Onnx => {
                let device = match config.device {
                    Device::Cpu => onnx::Device::Cpu,
                    Device::Cuda => onnx::Device::Cuda,
                };
                let name = config.name.clone();
                // A path in an agent file is relative to that file.
                let path = config.path.as_ref().map(|path| path.to_string_lossy().into_owned());
                let wanted = path.as_deref().unwrap_or(&name);
                if let Some(shared) = self.shared.as_ref().filter(|_| config.adapter.is_none()) {
                    let model = LocalModel { name: wanted.to_string(), device, context: CONTEXT };
                    let onnx = shared.engines.open(self, &model, self.slots).await?;
                    return Ok(Arc::new(Engine { onnx, name, sampling: config.sampling }));
                }
                let folder = self.local(wanted, device).await?;
                let (sampling, adapter) = (config.sampling, config.adapter.clone());
                let (context, slots) = (CONTEXT, self.slots);
                let options = OnnxOptions { device, context, sampling, adapter, slots, threads: 0 };
                let open = move || Onnx::open(&folder, &name, options);
                Ok(Arc::new(tokio::task::spawn_blocking(open).await??))
            }
        }
    }

    /// The folder of an imported model, with the library that runs it loaded.
    pub(super) async fn local(&self, name: &str, device: onnx::Device) -> anyhow::Result<PathBuf> {
        let library = self.fetcher.runtime(device, |name| std::env::var_os(name)).await?;
        let folder = self.fetcher.model(name).await?;
        tokio::task::spawn_blocking(move || onnx::load(Some(&library)).map(drop)).await??;
        Ok(folder)
    }

    /// A local model that says how likely texts are, with room for so many tokens; 0 for as many as it holds,
    /// and no more than a run has in any case.
    ///
    /// # Errors
    /// It cannot be had, or does not open.
    pub async fn scorer(&self, name: &str, context: u32) -> anyhow::Result<onnx::Scorer> {
        // An unknown name is said to be one before anything is fetched.
        self.fetcher.model(name).await?;
        let folder = self.local(name, onnx::Device::Cpu).await?;
        let context = if context == 0 { CONTEXT } else { context };
        let options = onnx::Options { context, ..onnx::Options::default() };
        Ok(tokio::task::spawn_blocking(move || onnx::Scorer::open(&folder, options)).await??)
    }

    /// Measures a local model on made-up tokens.
    ///
    /// # Errors
    /// It cannot be had, or does not run.
    pub async fn bench(
        &self,
        name: &str,
        prompt: usize,
        decode: usize,
        threads: usize,
    ) -> anyhow::Result<onnx::Bench> {
        // An unknown name is said to be one before anything is fetched.
        self.fetcher.model(name).await?;
        let folder = self.local(name, onnx::Device::Cpu).await?;
        let work = move || onnx::bench(&folder, prompt, decode, threads);
        Ok(tokio::task::spawn_blocking(work).await??)
    }

    /// Measures what a step of a local model costs after up to `most` tokens of history, so many rounds.
    ///
    /// # Errors
    /// It cannot be had, does not run, or does not hold so many tokens.
    pub async fn bench_history(
        &self,
        name: &str,
        most: usize,
        rounds: usize,
        threads: usize,
    ) -> anyhow::Result<Vec<onnx::Cost>> {
        self.fetcher.model(name).await?;
        let folder = self.local(name, onnx::Device::Cpu).await?;
        let work = move || onnx::history(&folder, most, rounds, threads);
        Ok(tokio::task::spawn_blocking(work).await??)
    }
}

/// The model behind an endpoint.
pub(crate) fn remote(config: &ModelConfig, learned: Learned) -> anyhow::Result<OpenAi> {
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
