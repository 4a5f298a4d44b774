//! The local models that all runs of a process share, each of which is open once.

use std::sync::Arc;

use agent_core::model::{Model, ModelError, Reply, Request, Sampling, Traits};
use async_trait::async_trait;
use models::onnx::{Asking, Device, Onnx, OnnxOptions};
use tokio::sync::Mutex;

use crate::Errand;

/// Which local model, and how it is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LocalModel {
    /// Its name in the catalog, or its path.
    pub(crate) name: String,
    /// What computes.
    pub(crate) device: Device,
    /// Tokens that it holds.
    pub(crate) context: u32,
}

/// The local models that are open.
#[derive(Clone, Default)]
pub(crate) struct Engines(Arc<Mutex<Vec<Opened>>>);

/// An engine, and what it was opened for.
type Opened = (LocalModel, Arc<Onnx>);

impl Engines {
    /// The model, opened with so many slots where it is not open yet; 0 for as many as have room.
    pub(crate) async fn open(
        &self,
        errand: &Errand,
        model: &LocalModel,
        slots: usize,
    ) -> anyhow::Result<Arc<Onnx>> {
        let mut open = self.0.lock().await;
        if let Some((_, onnx)) = open.iter().find(|(known, _)| known == model) {
            return Ok(onnx.clone());
        }
        let LocalModel { name, device, context } = model.clone();
        let folder = errand.local(&name, device).await?;
        let options = OnnxOptions { device, context, slots, ..OnnxOptions::default() };
        let onnx = tokio::task::spawn_blocking(move || Onnx::open(&folder, &name, options));
        let onnx = Arc::new(onnx.await??);
        open.push((model.clone(), onnx.clone()));
        Ok(onnx)
    }
}

/// For requests that are no run's.
#[cfg(feature = "cli")]
impl Errand {
    /// A local model of those that all runs share, opened with so many slots where it is not open yet.
    pub(crate) async fn engine(
        &self,
        model: &LocalModel,
        slots: usize,
    ) -> anyhow::Result<Arc<Onnx>> {
        match &self.local_models.engines {
            Some(engines) => engines.open(self, model, slots).await,
            None => Engines::default().open(self, model, slots).await,
        }
    }
}

/// A model that others ask too, as one agent wants it to choose its tokens.
pub(crate) struct Engine {
    pub(crate) onnx: Arc<Onnx>,
    pub(crate) name: String,
    pub(crate) sampling: Sampling,
}

#[async_trait]
impl Model for Engine {
    fn name(&self) -> &str {
        &self.name
    }

    fn traits(&self) -> Traits {
        self.onnx.traits()
    }

    fn count(&self, text: &str) -> u64 {
        self.onnx.count(text)
    }

    async fn think(
        &self,
        request: &Request,
        on_text: &mut (dyn for<'t> FnMut(&'t str) + Send),
    ) -> Result<Reply, ModelError> {
        let asking = Asking { sampling: Some(self.sampling), ..Asking::default() };
        self.onnx.ask(request, asking, &mut |text, _| on_text(text)).await
    }
}
