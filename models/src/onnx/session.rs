//! A network with its cache: tokens in, the last position's logits out.
//!
//! The keys and values of earlier tokens stay in one buffer per layer that is bound as the
//! graph's past and as its present, so attention writes the new ones in place. The buffers have
//! room for the whole context from the start; the system gives them memory as they fill.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ort::memory::Allocator;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::session::{IoBinding, Session as Runner};
use ort::value::Tensor;

use super::EngineError;
use super::runtime::{self, Device};
use crate::import::{ModelInfo, adapted};

/// Tokens fed at once: what the work on one chunk needs in memory grows with it.
const CHUNK: usize = 256;

/// How to run a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Threads that compute; 0 for as many as the machine runs at once.
    pub threads: usize,
    /// What computes.
    pub device: Device,
    /// The most tokens to hold; 0, or more than the model can, for as many as it can.
    pub context: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { threads: 0, device: Device::Cpu, context: 0 }
    }
}

/// An open model and the tokens it has read.
pub struct Session {
    runner: Runner,
    binding: IoBinding,
    logits: Tensor<f32>,
    stop: Option<Arc<AtomicBool>>,
    length: usize,
    context: usize,
    vocab: usize,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { length, context, vocab, .. } = self;
        write!(f, "Session {{ {length} of {context} tokens, vocabulary of {vocab} }}")
    }
}

impl Session {
    /// Opens an imported model. The runtime must be loaded, or be where [`super::load`] finds it.
    pub fn open(folder: &Path, options: Options) -> Result<Self, EngineError> {
        Self::open_with(folder, None, options)
    }

    /// As [`Self::open`], with a LoRA adapter over the model's weights.
    pub fn open_with(
        folder: &Path,
        adapter: Option<&Path>,
        options: Options,
    ) -> Result<Self, EngineError> {
        let info = ModelInfo::open(folder)?;
        let failed = |error: &dyn fmt::Display| EngineError::Open {
            folder: folder.to_owned(),
            reason: error.to_string(),
        };
        let graph = match adapter {
            Some(adapter) => Some(adapted(folder, &info, adapter)?),
            None => None,
        };
        let runner = runner(folder, graph.as_deref(), options)?;
        let context = match options.context {
            0 => info.context,
            wanted => wanted.min(info.context),
        } as usize;

        let allocator = Allocator::default();
        let mut binding = runner.create_binding().map_err(|error| failed(&error))?;
        let mut bind = || -> ort::Result<Tensor<f32>> {
            for layer in 0..info.layers {
                for part in ["key", "value"] {
                    let shape = [1, info.kv_heads, context, info.head_dim];
                    let mut cache = Tensor::<f32>::new(&allocator, shape)?;
                    binding.bind_input(format!("past_key_values.{layer}.{part}"), &cache)?;
                    binding.bind_output(format!("present.{layer}.{part}"), &mut cache)?;
                }
            }
            let mut logits = Tensor::<f32>::new(&allocator, [1, 1, info.vocab])?;
            binding.bind_output("logits", &mut logits)?;
            Ok(logits)
        };
        let logits = bind().map_err(|error| failed(&error))?;
        Ok(Self { runner, binding, logits, stop: None, length: 0, context, vocab: info.vocab })
    }

    /// How many tokens the cache holds.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether nothing was fed yet.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The most tokens the cache can hold.
    pub fn context(&self) -> usize {
        self.context
    }

    /// Tokens in the vocabulary, and so logits.
    pub fn vocab(&self) -> usize {
        self.vocab
    }

    /// Forgets all but the first `to` tokens. What is kept costs nothing to keep.
    pub fn rewind(&mut self, to: usize) {
        self.length = self.length.min(to);
    }

    /// When the flag is up, [`Self::feed`] stops before its next chunk.
    pub fn stop_on(&mut self, flag: Arc<AtomicBool>) {
        self.stop = Some(flag);
    }

    /// Reads more tokens and returns the logits that follow the last one. After an error
    /// [`Self::len`] says how many tokens were read all the same.
    pub fn feed(&mut self, tokens: &[u32]) -> Result<&[f32], EngineError> {
        let total = self.length + tokens.len();
        if total > self.context {
            return Err(EngineError::TooLong { tokens: total, context: self.context });
        }
        if let Some(&token) = tokens.iter().find(|&&token| token as usize >= self.vocab) {
            return Err(EngineError::Token { token, vocab: self.vocab });
        }
        if tokens.is_empty() {
            return Err(EngineError::Empty);
        }
        for chunk in tokens.chunks(CHUNK) {
            if self.stop.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed)) {
                return Err(EngineError::Stopped);
            }
            self.run(chunk).map_err(|error| EngineError::Run(error.to_string()))?;
            self.length += chunk.len();
        }
        Ok(self.logits.extract_tensor().1)
    }

    fn run(&mut self, chunk: &[u32]) -> ort::Result<()> {
        let total = self.length + chunk.len();
        let ids: Vec<i64> = chunk.iter().map(|&token| i64::from(token)).collect();
        self.binding.bind_input("input_ids", &Tensor::from_array(([1, ids.len()], ids))?)?;
        let mask = Tensor::from_array(([1, total], vec![1_i64; total]))?;
        self.binding.bind_input("attention_mask", &mask)?;
        self.runner.run_binding(&self.binding)?;
        Ok(())
    }
}

/// Opens the graph in the folder, or `graph` in its place; the weights are the folder's in any case.
pub(super) fn runner(
    folder: &Path,
    graph: Option<&[u8]>,
    options: Options,
) -> Result<Runner, EngineError> {
    let failed = |reason: String| EngineError::Open { folder: folder.to_owned(), reason };
    let mut builder = builder(runtime::load(None)?, options)?;
    let opened = match graph {
        None => builder.commit_from_file(folder.join("model.onnx")),
        Some(graph) => {
            let folder = std::path::absolute(folder).map_err(|error| failed(error.to_string()))?;
            builder
                .with_config_entry(
                    "session.model_external_initializers_file_folder_path",
                    folder.to_string_lossy(),
                )
                .map_err(|error| failed(error.to_string()))?
                .commit_from_memory(graph)
        }
    };
    opened.map_err(|error| failed(error.to_string()))
}

/// How sessions are opened here, whatever they run.
pub(crate) fn builder(
    environment: &ort::environment::Environment,
    options: Options,
) -> Result<SessionBuilder, EngineError> {
    let failed = |error: ort::Error<SessionBuilder>| EngineError::Run(error.to_string());
    let threads = match options.threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    };
    let builder = Runner::builder(environment)
        .map_err(|error| EngineError::Run(error.to_string()))?
        .with_optimization_level(GraphOptimizationLevel::All)
        .map_err(failed)?
        .with_intra_threads(threads)
        .map_err(failed)?
        .with_inter_threads(1)
        .map_err(failed)?
        // Threads that wait for the next token must not take the core from who chooses it.
        .with_config_entry("session.force_spinning_stop", "1")
        .map_err(failed)?;
    match options.device {
        Device::Cpu => Ok(builder),
        Device::Cuda => builder
            .with_execution_providers([ort::ep::CUDA::default().build().error_on_failure()])
            .map_err(|error| EngineError::Device {
                device: Device::Cuda.name(),
                reason: cause(&error.to_string()),
            }),
    }
}

/// What the runtime's loader said, without the places in the runtime's source that say it.
fn cause(said: &str) -> String {
    let after = |mark| said.rsplit_once(mark).map(|(_, cause)| cause);
    let cause = after("with error: ").or_else(|| after(" : FAIL : ")).unwrap_or(said);
    cause.trim().trim_end_matches('.').to_string()
}
