//! Local models and encoders: set up, opened, shared.

mod embed;
mod engines;

use std::path::PathBuf;
use std::sync::Arc;

use agent_core::agent::{Device, ModelConfig};
use agent_core::model::Model;
use agent_core::strategy::cited;
use models::onnx::{self, Onnx, OnnxOptions};
use serde_json::Value;

use super::Errand;
pub(crate) use engines::LocalModel;
use engines::{Engine, Engines};

/// Tokens that a local model holds: enough for a run, and its cache stays small.
pub(crate) const CONTEXT: u32 = 8192;

/// How local models are opened, and those that are.
#[derive(Clone, Default)]
pub(super) struct Local {
    /// Conversations that one has at once; 0 for as many as have room.
    slots: usize,
    /// Those that all runs of the process share, where they do.
    engines: Option<Engines>,
}

impl Local {
    /// With so many conversations at once in each.
    pub(super) fn slots(self, slots: usize) -> Local {
        Local { slots, ..self }
    }

    /// Each is opened once from now on.
    pub(super) fn shared(self) -> Local {
        Local { engines: Some(Engines::default()), ..self }
    }
}

/// Whether a local model can be held to an answer's schema; the error names what it cannot hold.
pub(super) fn holds(schema: &Value) -> Result<(), String> {
    onnx::holds(&cited::narrowed(schema, &[]))
}

impl Errand {
    /// The local model that an agent names.
    pub(super) async fn local_model(&self, config: &ModelConfig) -> anyhow::Result<Arc<dyn Model>> {
        let device = match config.device {
            Device::Cpu => onnx::Device::Cpu,
            Device::Cuda => onnx::Device::Cuda,
        };
        let name = config.name.clone();
        // A path in an agent file is relative to that file.
        let path = config.path.as_ref().map(|path| path.to_string_lossy().into_owned());
        let wanted = path.as_deref().unwrap_or(&name);
        let slots = self.local_models.slots;
        if let Some(engines) =
            self.local_models.engines.as_ref().filter(|_| config.adapter.is_none())
        {
            let model = LocalModel { name: wanted.to_string(), device, context: CONTEXT };
            let onnx = engines.open(self, &model, slots).await?;
            return Ok(Arc::new(Engine { onnx, name, sampling: config.sampling }));
        }
        let folder = self.local(wanted, device).await?;
        let (sampling, adapter) = (config.sampling, config.adapter.clone());
        let options =
            OnnxOptions { device, context: CONTEXT, sampling, adapter, slots, threads: 0 };
        let open = move || Onnx::open(&folder, &name, options);
        Ok(Arc::new(tokio::task::spawn_blocking(open).await??))
    }

    /// The folder of an imported model, with the library that runs it loaded.
    pub(super) async fn local(&self, name: &str, device: onnx::Device) -> anyhow::Result<PathBuf> {
        let library = self.fetcher.runtime(device, |name| std::env::var_os(name)).await?;
        let folder = self.fetcher.model(name).await?;
        tokio::task::spawn_blocking(move || onnx::load(Some(&library)).map(drop)).await??;
        Ok(folder)
    }

    /// The same for the processor. An unknown name is said to be one before anything is fetched.
    async fn on_processor(&self, name: &str) -> anyhow::Result<PathBuf> {
        self.fetcher.model(name).await?;
        self.local(name, onnx::Device::Cpu).await
    }

    /// A local model that says how likely texts are, with room for so many tokens; 0 for as many as it holds,
    /// and no more than a run has in any case.
    ///
    /// # Errors
    /// It cannot be had, or does not open.
    pub async fn scorer(&self, name: &str, context: u32) -> anyhow::Result<onnx::Scorer> {
        let folder = self.on_processor(name).await?;
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
        let folder = self.on_processor(name).await?;
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
        let folder = self.on_processor(name).await?;
        let work = move || onnx::history(&folder, most, rounds, threads);
        Ok(tokio::task::spawn_blocking(work).await??)
    }
}
