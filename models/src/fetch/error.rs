//! Why something could not be fetched, in words for the user.

use std::io;
use std::path::{Path, PathBuf};

use super::Plan;
use crate::home::size;

/// Why something could not be fetched, or not be used once it was.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Neither `ERRAND_HOME` nor `HOME` is set.
    #[error("there is no folder to keep models in: set `ERRAND_HOME`")]
    NoHome,
    /// `ERRAND_SOURCES` is not a list of sources.
    #[error("`ERRAND_SOURCES` names `{0}`: the sources are `pypi` and `hub`")]
    Order(String),
    /// The name means nothing.
    #[error(
        "there is no model `{name}`: it is not in the catalog ({known}), no file or folder here, \
         and no hub repository, which is written `owner/name` or `owner/name/file.gguf`"
    )]
    Unknown {
        /// What was asked for.
        name: String,
        /// What the catalog has.
        known: String,
    },
    /// The name means no encoder.
    #[error(
        "there is no encoder `{name}`: it is not in the catalog ({known}), no GGUF file of the `bert` \
         family, and no folder with `tokenizer.json` and `model.onnx` or `model.safetensors`"
    )]
    Encoder {
        /// What was asked for.
        name: String,
        /// What the catalog has.
        known: String,
    },
    /// The catalog has it, for other machines.
    #[error(
        "there is no `{name}` for {platform}: install it, and set `ORT_DYLIB_PATH` if it is the \
         ONNX Runtime library"
    )]
    Platform {
        /// What was asked for.
        name: String,
        /// This machine.
        platform: String,
    },
    /// It would have to be fetched, and that is forbidden.
    #[error(
        "`{name}` is not on this machine and `--offline` forbids fetching it: run once without \
         `--offline`"
    )]
    Offline {
        /// What was asked for.
        name: String,
    },
    /// Every source failed.
    #[error("`{name}` could not be fetched: {}", .tried.join("; "))]
    Sources {
        /// What was asked for.
        name: String,
        /// What each source said.
        tried: Vec<String>,
    },
    /// There is less room than what is about to be fetched takes.
    #[error("{}", room(.0))]
    Room(Box<Plan>),
    /// No room left.
    #[error(
        "the disk is full: `{}` could not be written; free some space and run it again, what is \
         complete is kept", path.display()
    )]
    Full {
        /// What was being written.
        path: PathBuf,
    },
    /// The home folder cannot be used.
    #[error(
        "`{}` cannot be written: {source}; `ERRAND_HOME` chooses another folder", path.display()
    )]
    Home {
        /// What was being written.
        path: PathBuf,
        /// Why it was not.
        source: io::Error,
    },
    /// An imported model is not what was imported.
    #[error(
        "model `{name}` is damaged: `{}` {reason}; `errand models pull {name}` fetches it again",
        path.display()
    )]
    Damaged {
        /// The model.
        name: String,
        /// The file that is not as it was.
        path: PathBuf,
        /// How it differs.
        reason: String,
    },
    /// There is no such model on this machine.
    #[error("model `{name}` is not here\nhint: `errand models list` says which are")]
    Absent {
        /// What was named.
        name: String,
    },
    /// Another process works on it.
    #[error("another process fetches or imports `{name}`\nhint: wait until it is done, or stop it")]
    Busy {
        /// What was named.
        name: String,
    },
    /// The GGUF could not be turned into something that runs.
    #[error("model `{name}` cannot be imported: {reason}")]
    Import {
        /// The model.
        name: String,
        /// Why.
        reason: String,
    },
}

impl FetchError {
    /// Something under the home folder could not be written.
    pub(crate) fn home(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path },
            _ => Self::Home { path, source },
        }
    }
}

fn room(plan: &Plan) -> String {
    let names: Vec<_> = plan.parts.iter().map(|part| format!("`{}`", part.name)).collect();
    let smaller = plan.smaller.as_ref().map_or_else(String::new, |model| {
        format!(", or use a smaller model: `--model {}`", model.name)
    });
    format!(
        "`{}` has {} free, and setting up {} needs {}\nhint: free some space, name another folder \
         in `ERRAND_HOME`{smaller}",
        plan.home.display(),
        size(plan.free.unwrap_or(0)),
        names.join(", "),
        size(plan.needs()),
    )
}

/// What went wrong with one source: either the next one may do better, or none will.
#[derive(Debug)]
pub(crate) enum SourceError {
    /// The source is to blame.
    Source(String),
    /// This machine is.
    Here(FetchError),
}

impl From<FetchError> for SourceError {
    fn from(error: FetchError) -> Self {
        Self::Here(error)
    }
}
