//! How a graph is opened on the runtime: threads, device, and where its weights lie.

use std::path::Path;

use ort::session::Session;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};

use super::EngineError;
use super::runtime::{self, Device};

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

/// Opens a graph whose weights are the folder's.
pub(super) fn runner(
    folder: &Path,
    graph: &[u8],
    options: Options,
) -> Result<Session, EngineError> {
    let failed = |reason: String| EngineError::Open { folder: folder.to_owned(), reason };
    let builder = builder(runtime::load(None)?, options)?;
    let folder = std::path::absolute(folder).map_err(|error| failed(error.to_string()))?;
    builder
        .with_config_entry(
            "session.model_external_initializers_file_folder_path",
            folder.to_string_lossy(),
        )
        .map_err(|error| failed(error.to_string()))?
        .commit_from_memory(graph)
        .map_err(|error| failed(error.to_string()))
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
    let builder = Session::builder(environment)
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
