//! Finds and loads the ONNX Runtime library, once for the process.
//!
//! `ORT_DYLIB_PATH` comes first, then the path that the caller gives, then what the system's
//! loader finds. A library that is named and cannot be loaded is an error, never passed over.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Mutex, OnceLock, PoisonError};

use ort::environment::Environment;

use super::EngineError;

/// The library as the system's loader would find it.
const INSTALLED: &str = if cfg!(target_os = "windows") {
    "onnxruntime.dll"
} else if cfg!(target_os = "macos") {
    "libonnxruntime.dylib"
} else {
    "libonnxruntime.so"
};

/// What computes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Device {
    /// The processor.
    #[default]
    Cpu,
    /// An NVIDIA GPU, through the runtime's CUDA provider.
    Cuda,
}

impl Device {
    /// As agent files spell it.
    pub fn name(self) -> &'static str {
        match self {
            Device::Cpu => "cpu",
            Device::Cuda => "cuda",
        }
    }
}

impl FromStr for Device {
    type Err = EngineError;

    fn from_str(name: &str) -> Result<Self, EngineError> {
        match name {
            "cpu" => Ok(Device::Cpu),
            "cuda" => Ok(Device::Cuda),
            _ => Err(EngineError::UnknownDevice(name.to_owned())),
        }
    }
}

/// Loads the library, or returns what is loaded already; then `fetched` does not matter. After an
/// error it can be tried again with another path.
pub fn load(fetched: Option<&Path>) -> Result<&'static Environment, EngineError> {
    static LOADED: OnceLock<Environment> = OnceLock::new();
    static LOADING: Mutex<()> = Mutex::new(());

    if let Some(environment) = LOADED.get() {
        return Ok(environment);
    }
    let _one_at_a_time = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(environment) = LOADED.get() {
        return Ok(environment);
    }
    let path = match std::env::var_os("ORT_DYLIB_PATH").filter(|path| !path.is_empty()) {
        Some(path) => PathBuf::from(path),
        None => fetched.unwrap_or(Path::new(INSTALLED)).to_owned(),
    };
    let failed = |reason: String| EngineError::Runtime { path: path.clone(), reason };
    let environment = ort::init_from(&path)
        .map_err(|error| failed(error.to_string()))?
        .with_name("errand")
        .with_telemetry(false)
        .build()
        .map_err(|error| failed(error.to_string()))?;
    Ok(LOADED.get_or_init(|| environment))
}
