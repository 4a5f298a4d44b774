//! GGUF in, ONNX out: turns a downloaded model into what the engine runs.
//!
//! Knows the `llama` and `qwen2` families and refuses every other by name. Nothing here is
//! trusted and nothing is left half written.

use std::io;
use std::path::PathBuf;

mod blocks;
mod gguf;

pub use blocks::{TensorType, dequantize};
pub use gguf::{Gguf, MetaValue, Tensor};

/// Why a model could not be imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The GGUF file could not be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file contradicts itself or is cut.
    #[error("`{}` is not a sound GGUF file: {reason}", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file is sound, and this version cannot use it.
    #[error("`{}` cannot be imported: {reason}", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What it needs.
        reason: String,
    },
    /// The imported model could not be written.
    #[error("cannot write `{}`: {source}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}
