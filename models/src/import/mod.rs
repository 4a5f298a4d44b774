//! GGUF in, ONNX out: turns a downloaded model into what the engine runs.
//!
//! A checkpoint's folder (`config.json`, `tokenizer.json`, `*.safetensors`) is told in a GGUF's words
//! and goes the same way. Families that are not known are refused by name. Nothing here is trusted and
//! nothing is left half written.

use std::path::{Path, PathBuf};
use std::{fs, io};

use prost::Message;

mod adapter;
mod bert;
mod bert_folder;
mod blocks;
mod byte_level;
mod checkpoint;
mod config;
mod draft;
mod encoder;
mod gguf;
mod graph;
mod info;
mod names;
mod onnx;
mod opened;
mod parts;
mod pooled;
mod quantize;
mod safetensors;
mod spm;
mod weights;

use adapter::Delta;

pub use adapter::Adapter;
pub(crate) use adapter::adapted;
pub use blocks::{TensorType, dequantize};
pub(crate) use checkpoint::is_one as is_checkpoint;
pub(crate) use encoder::TOKENIZER;
pub use encoder::{EncoderInfo, Pooling, encoder};
pub use gguf::{Gguf, MetaValue, Tensor};
pub use info::{ModelInfo, TokenizerInfo};
pub(crate) use onnx::ModelProto;
pub(crate) use opened::POSITIONS;
pub use quantize::Precision;
pub(crate) use spm::is_text;

/// What a model's file or folder says of it, without its weights.
pub fn describe(model: &Path) -> Result<ModelInfo, ImportError> {
    Ok(decoder(&Gguf::open(model)?)?.1)
}

/// What a model that writes text says of itself.
fn decoder(model: &Gguf) -> Result<(config::Config, ModelInfo), ImportError> {
    let config = config::Config::read(model)?;
    if pooled::pooling(model).is_some() {
        let reason = "it makes vectors or scores of texts and writes none\n\
                      hint: `errand embed --model` takes it";
        return Err(ImportError::Unsupported {
            path: model.path().to_owned(),
            reason: reason.to_owned(),
        });
    }
    let info = ModelInfo::read(model, &config)?;
    Ok((config, info))
}

/// Imports a GGUF file or a checkpoint's folder into the folder `into`, which gets `model.onnx`,
/// `model.onnx.data` and `model.json`. The folder appears when all of it is there; one that exists is
/// replaced. `progress` hears how many bytes of how many are converted.
pub fn import(
    model: &Path,
    into: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), ImportError> {
    write_into(&Gguf::open(model)?, into, Precision::Native, progress)
}

/// As [`import`], of a model that is open, with so many bits for each weight.
pub fn write_into(
    model: &Gguf,
    into: &Path,
    precision: Precision,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), ImportError> {
    let (config, info) = decoder(model)?;
    staged(into, |part| write(model, &config, &info, precision, part, progress))
}

/// Has a folder written beside its place, and puts it there once it is whole.
fn staged(
    into: &Path,
    write: impl FnOnce(&Path) -> Result<(), ImportError>,
) -> Result<(), ImportError> {
    let mut name = into.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = into.with_file_name(name);
    let failed = |source| ImportError::Write { path: part.clone(), source };
    guard::private::folder(&part).map_err(failed)?;
    // A killed process's lock is gone and its files are written over; a living one keeps its own.
    let lock = fs::File::create(part.join("lock")).map_err(failed)?;
    lock.try_lock().map_err(|error| match error {
        fs::TryLockError::WouldBlock => ImportError::Busy { path: into.to_owned() },
        fs::TryLockError::Error(source) => failed(source),
    })?;
    let written = write(&part).and_then(|()| {
        fs::remove_file(part.join("lock")).map_err(failed)?;
        guard::private::tree(&part).map_err(failed)?;
        if into.exists() {
            fs::remove_dir_all(into).map_err(failed)?;
        }
        fs::rename(&part, into).map_err(failed)
    });
    if written.is_err() {
        // The error is what matters; a folder that cannot be removed says the same.
        let _ = fs::remove_dir_all(&part);
    }
    written
}

fn write(
    gguf: &Gguf,
    config: &config::Config,
    info: &ModelInfo,
    precision: Precision,
    folder: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), ImportError> {
    let weights = weights::Weights::create(gguf, folder, progress)?;
    let model = graph::build(gguf, config, graph::Gives::Logits, precision, weights)?;
    let save = |name: &str, bytes: Vec<u8>| {
        let path = folder.join(name);
        fs::write(&path, bytes).map_err(|source| ImportError::Write { path, source })
    };
    save("model.onnx", model.encode_to_vec())?;
    let json = serde_json::to_vec(info).map_err(|error| ImportError::Write {
        path: folder.join("model.json"),
        source: error.into(),
    })?;
    save("model.json", json)
}

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
    /// A file of another format contradicts itself or is cut.
    #[error("`{}` is not sound: {reason}", path.display())]
    Sound {
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
    /// The adapter is none that is known, or was made for another model.
    #[error("the adapter `{}` cannot be used: {reason}", path.display())]
    Adapter {
        /// Its file or folder.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Another process is importing into the same folder.
    #[error("`{}` is being imported by another process", path.display())]
    Busy {
        /// The folder.
        path: PathBuf,
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
