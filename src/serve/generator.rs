//! The models that clients may ask, as the server sees them.

use std::path::Path;
use std::sync::Arc;

use agent_core::agent::{Device, Provider};
use agent_core::model::{Model, ModelError, Reply, Request, Sampling, TokenLogprob, Traits};
use async_trait::async_trait;
use models::onnx::{self, Asking, Onnx, Room};
use models::scripted::Scripted;
use serde_json::Value;
use server::{Calls, Generator, How, Prompt};

use super::file::{Ahead, ModelTable};
use super::placed;
use super::remote::Remote;
use crate::Errand;
use crate::runtime::{CONTEXT, LocalModel};

/// Opens a model of the serve file.
pub(super) async fn open(
    errand: &Errand,
    folder: &Path,
    served: &str,
    table: &ModelTable,
) -> anyhow::Result<Arc<dyn Generator>> {
    let sampling = Sampling { temperature: table.temperature, top_p: table.top_p, seed: 0 };
    if table.provider == Provider::Scripted {
        let script = Scripted::load(placed(folder, &table.name))?;
        return Ok(Arc::new(Played { script, sampling }));
    }
    if table.provider == Provider::Openai {
        return Ok(Arc::new(Remote::new(served, table)?));
    }
    let name = match table.name.ends_with(".gguf") {
        true => placed(folder, &table.name).to_string_lossy().into_owned(),
        false => table.name.clone(),
    };
    let device = match table.device {
        Device::Cpu => onnx::Device::Cpu,
        Device::Cuda => onnx::Device::Cuda,
    };
    errand.fetcher().begin(&errand.plan_of(&name))?;
    let model = LocalModel { name, device, context: table.context.unwrap_or(CONTEXT) };
    let engine = errand.engine(&model, table.slots).await?;
    let ahead = match table.ahead {
        Ahead::Nothing => onnx::Ahead::Nothing,
        Ahead::Drafts => onnx::Ahead::Drafts,
    };
    Ok(Arc::new(Local { onnx: engine, sampling, ahead }))
}

/// A local model.
pub(super) struct Local {
    onnx: Arc<Onnx>,
    sampling: Sampling,
    ahead: onnx::Ahead,
}

#[async_trait]
impl Generator for Local {
    fn traits(&self) -> Traits {
        self.onnx.traits()
    }

    fn taken(&self) -> usize {
        self.onnx.taken()
    }

    fn slots(&self) -> usize {
        self.onnx.slots()
    }

    fn sampling(&self) -> Sampling {
        self.sampling
    }

    fn holds(&self, schema: &Value) -> Result<(), String> {
        onnx::holds(schema)
    }

    async fn generate(
        &self,
        request: &Request,
        how: How,
        on_text: &mut (dyn for<'t> FnMut(&'t str, &'t [TokenLogprob]) + Send),
    ) -> Result<Reply, ModelError> {
        let prompt = match how.prompt {
            Prompt::Chat => onnx::Prompt::Chat,
            Prompt::Raw => onnx::Prompt::Raw,
        };
        let calls = match how.calls {
            Calls::One => onnx::Calls::One,
            Calls::Several => onnx::Calls::Several,
        };
        let asking = Asking {
            sampling: Some(how.sampling),
            room: Room::Left,
            prompt,
            calls,
            logprobs: how.logprobs,
            ahead: self.ahead,
            asker: how.asker,
        };
        self.onnx.ask(request, asking, on_text).await
    }
}

/// A script in a model's place: for tests of what asks it.
pub(super) struct Played {
    script: Scripted,
    sampling: Sampling,
}

#[async_trait]
impl Generator for Played {
    fn traits(&self) -> Traits {
        self.script.traits()
    }

    fn sampling(&self) -> Sampling {
        self.sampling
    }

    fn holds(&self, _: &Value) -> Result<(), String> {
        Err("it is a script, which says what it says".to_string())
    }

    async fn generate(
        &self,
        request: &Request,
        _: How,
        on_text: &mut (dyn for<'t> FnMut(&'t str, &'t [TokenLogprob]) + Send),
    ) -> Result<Reply, ModelError> {
        self.script.think(request, &mut |text| on_text(text, &[])).await
    }
}
