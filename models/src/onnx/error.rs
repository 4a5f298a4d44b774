//! What can go wrong between a folder with a model and its logits.

use std::path::PathBuf;

use crate::import::ImportError;

/// Why the engine could not do it.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// No ONNX Runtime library could be loaded.
    #[error("cannot load ONNX Runtime from `{}`: {reason}", path.display())]
    Runtime {
        /// The library that was tried.
        path: PathBuf,
        /// What the loader said.
        reason: String,
    },
    /// The device's name is not one of ours.
    #[error("there is no device `{0}`; `cpu` and `cuda` are known")]
    UnknownDevice(String),
    /// The device cannot be used on this machine.
    #[error(
        "device `{device}` cannot be used: {reason}\nhint: it needs an NVIDIA driver, CUDA 13 and \
         cuDNN 9; `device = \"cpu\"` needs nothing"
    )]
    Device {
        /// Its name.
        device: &'static str,
        /// What the runtime said.
        reason: String,
    },
    /// The model's description cannot be used.
    #[error(transparent)]
    Model(#[from] ImportError),
    /// The model's files are not what the description says.
    #[error("cannot open the model in `{}`: {reason}; import it again", folder.display())]
    Open {
        /// The model's folder.
        folder: PathBuf,
        /// What the runtime said.
        reason: String,
    },
    /// A folder does not hold the encoder that is needed.
    #[error("the encoder in `{}` cannot be used: {reason}", folder.display())]
    Encoder {
        /// The encoder's folder.
        folder: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// More tokens than the session holds.
    #[error("{tokens} tokens do not fit into a context of {context}")]
    TooLong {
        /// Those in the cache and the new ones.
        tokens: usize,
        /// What the session holds.
        context: usize,
    },
    /// A token that the vocabulary does not have, or none at all.
    #[error("there is no token {token} in a vocabulary of {vocab}")]
    Token {
        /// The token.
        token: u32,
        /// How many there are.
        vocab: usize,
    },
    /// There was nothing to feed.
    #[error("no token was fed")]
    Empty,
    /// The stop flag was raised.
    #[error("stopped")]
    Stopped,
    /// The runtime failed while running.
    #[error("ONNX Runtime failed: {0}")]
    Run(String),
    /// The vocabulary cannot be used.
    #[error("its tokenizer cannot be used: {0}")]
    Tokenizer(String),
    /// The chat template cannot be compiled or rendered.
    #[error("its chat template cannot be used: {0}")]
    Template(String),
    /// The request's form cannot be held.
    #[error("{0}")]
    Form(String),
    /// The grammar broke down while it held a reply.
    #[error("the grammar failed: {0}")]
    Grammar(String),
}
