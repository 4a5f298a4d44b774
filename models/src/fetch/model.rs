//! From a model's name to a folder that runs: fetched, imported, sealed, and found sound.

mod encoder;
mod repository;
mod runtime;
mod seal;

use std::fs;
use std::path::{Path, PathBuf};

use super::{FetchError, Fetcher, Gguf, Network, Part, Plan, Stage};
use crate::catalog::{Entry, Kind};
use crate::home::into_place;
use crate::import::{ImportError, describe, import, is_checkpoint};

pub(crate) use seal::weights;
use seal::{Seal, installed, modified, sound};

/// A model in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// What it is called.
    pub name: String,
    /// One line about it; empty for one that is not in the catalog.
    pub about: String,
    /// Its licence; empty for one that is not in the catalog.
    pub license: String,
    /// Whether the catalog's file was ever fetched and run; true for one that is not in the catalog.
    pub tried: bool,
    /// Bytes to fetch; 0 for one that is not in the catalog.
    pub download: u64,
    /// Whether it is here.
    pub installed: Installed,
}

/// Whether a model is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Installed {
    /// It is not.
    No,
    /// It is, with this many bytes.
    Yes(u64),
    /// It is, and something is wrong with it.
    Damaged,
}

impl Fetcher {
    /// The folder of an imported model: a name from the catalog, a path to a GGUF file or to an
    /// imported folder, or a hub repository, `owner/name` or `owner/name/file.gguf`. Whatever is
    /// missing is fetched and imported; a model that is damaged is an error.
    pub async fn model(&self, name: &str) -> Result<PathBuf, FetchError> {
        let source = self.source(name)?;
        let Some(folder) = source.folder(self) else { return Ok(PathBuf::from(name)) };
        if folder.exists() {
            return sound(name, &folder).await.map(|()| folder);
        }
        if self.network == Network::Forbidden && !matches!(source, Named::Gguf { .. }) {
            return Err(FetchError::Offline { name: name.to_string() });
        }
        let key = key(&folder);
        let _lock = self.lock(&key, name).await?;
        if folder.exists() {
            return Ok(folder);
        }
        let (gguf, ours) = match source {
            Named::Gguf { path, .. } => (path, Gguf::Keep),
            Named::Catalog(entry) => (self.entry(entry).await?, self.after_import()),
            Named::Hub(_) => {
                let entry = self.look_up(name).await?;
                self.begin_with(&entry)?;
                (self.entry(&entry).await?, self.after_import())
            }
            Named::Folder => return Ok(folder),
        };
        let import = match self.catalog.get(name).map(|entry| entry.kind) {
            Some(Kind::Encoder) => encoder::fetched,
            _ => writer,
        };
        self.import(name, &gguf, &folder, &key, import).await?;
        if ours == Gguf::Remove {
            // It cannot be removed: then it stays, and nothing else depends on it.
            let _ = fs::remove_file(&gguf);
            let _ = gguf.parent().map(fs::remove_dir);
        }
        self.progress.report(name, Stage::Done);
        Ok(folder)
    }

    /// As [`Fetcher::model`], but a damaged model is fetched again.
    pub async fn pull(&self, name: &str) -> Result<PathBuf, FetchError> {
        match self.model(name).await {
            Err(FetchError::Damaged { .. }) if self.network == Network::Allowed => {
                if let Some(folder) = self.source(name)?.folder(self) {
                    fs::remove_dir_all(&folder)
                        .map_err(|source| FetchError::home(&folder, source))?;
                }
                self.model(name).await
            }
            other => other,
        }
    }

    /// Removes an imported model, named as [`Fetcher::list`] names it or as it was imported, and says
    /// how many bytes that were. A GGUF file or a folder that lies elsewhere stays as it is.
    pub fn remove(&self, name: &str) -> Result<u64, FetchError> {
        let absent = || FetchError::Absent { name: name.to_string() };
        let plain = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\']);
        let listed = Some(self.home.model(name)).filter(|folder| plain && is_folder(folder));
        let folder = match listed {
            Some(folder) => folder,
            None => {
                self.source(name).ok().and_then(|source| source.folder(self)).ok_or_else(absent)?
            }
        };
        if !is_folder(&folder) {
            return Err(absent());
        }
        let busy = || FetchError::Busy { name: name.to_string() };
        let _lock = self.home.try_lock(&key(&folder))?.ok_or_else(busy)?;
        let bytes = fs::read_dir(&folder)
            .into_iter()
            .flatten()
            .filter_map(|file| Some(file.ok()?.metadata().ok()?.len()))
            .sum();
        fs::remove_dir_all(&folder).map_err(|source| FetchError::home(&folder, source))?;
        Ok(bytes)
    }

    /// The catalog's models, and what else is imported. Compares sizes, not hashes.
    pub fn list(&self) -> Vec<Listed> {
        let entries = self.catalog.entries().filter(|entry| entry.imported());
        let mut listed: Vec<_> = entries
            .map(|entry| Listed {
                name: entry.name.clone(),
                about: entry.about.clone(),
                license: entry.license.clone(),
                tried: entry.tried,
                download: entry.size,
                installed: installed(&self.home.model(&entry.name)),
            })
            .collect();
        let folders = fs::read_dir(self.home.root().join("models")).into_iter().flatten();
        for folder in folders.filter_map(Result::ok) {
            let name = folder.file_name().to_string_lossy().into_owned();
            if self.catalog.get(&name).is_none() && folder.path().is_dir() {
                let installed = installed(&folder.path());
                let (about, license) = (String::new(), String::new());
                listed.push(Listed { name, about, license, tried: true, download: 0, installed });
            }
        }
        listed
    }

    /// What is missing of a model; none where it is here, or not known.
    pub(super) fn part_of_model(&self, name: &str) -> Option<Part> {
        let source = self.source(name).ok()?;
        if source.folder(self)?.exists() {
            return None;
        }
        match source {
            Named::Catalog(entry) => Some(Part::of(entry, self.here(entry))),
            Named::Gguf { path, .. } => Some(Part {
                name: name.to_string(),
                about: "imported from a file here".to_string(),
                kind: Kind::Model,
                fetch: 0,
                keeps: imported(fs::metadata(path).ok()?.len()),
                scratch: 0,
            }),
            Named::Hub(_) | Named::Folder => None,
        }
    }

    /// Whether the library of a package was unpacked here.
    pub(super) fn has_unpacked(&self, entry: &Entry) -> bool {
        runtime::unpacked(&self.home, entry).is_some()
    }

    /// Begins with one entry that was not known before.
    fn begin_with(&self, entry: &Entry) -> Result<(), FetchError> {
        let part = Part::of(entry, self.here(entry));
        let plan = self.plan(&[]);
        self.begin(&Plan { parts: vec![part], ..plan })
    }

    fn source<'a>(&'a self, name: &str) -> Result<Named<'a>, FetchError> {
        let path = Path::new(name);
        if let Some(entry) = self.catalog.get(name).filter(|entry| entry.imported()) {
            return Ok(Named::Catalog(entry));
        }
        if path.is_dir() && !is_checkpoint(path) {
            return Ok(Named::Folder);
        }
        let weights = if path.is_dir() { path.join("config.json") } else { path.to_owned() };
        if let Ok(meta) = fs::metadata(weights) {
            let path = fs::canonicalize(path).map_err(|source| FetchError::home(path, source))?;
            let stem = match path.is_dir() {
                true => path.file_name(),
                false => path.file_stem(),
            };
            let stem = stem.unwrap_or_default().to_string_lossy().into_owned();
            let identity = format!("{} {} {}", path.display(), meta.len(), modified(&meta));
            return Ok(Named::Gguf { folder: format!("{stem}-{}", short_hash(&identity)), path });
        }
        let mut words = name.split('/');
        let is_word = |word: &str| {
            !word.is_empty()
                && !word.starts_with('.')
                && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        };
        let repository = words.next().is_some_and(is_word) && words.next().is_some_and(is_word);
        let file = name.split('/').nth(2).is_none() || name.to_lowercase().ends_with(".gguf");
        match repository && words.all(is_word) && file {
            true => Ok(Named::Hub(name.replace('/', "--"))),
            false => Err(self.unknown(name)),
        }
    }

    /// Has a file or a folder imported, sealed and put in its place. The lock of `key` is held.
    pub(super) async fn import(
        &self,
        name: &str,
        from: &Path,
        folder: &Path,
        key: &str,
        import: Import,
    ) -> Result<(), FetchError> {
        // Whatever has this name was left by a process that is gone.
        let staging = self.home.partial(key);
        clear(&staging)?;
        let (from, into) = (from.to_owned(), staging.clone());
        let (watcher, label) = (self.progress.clone(), name.to_string());
        let imported = tokio::task::spawn_blocking(move || {
            import(&from, &into, &mut |done, total| {
                watcher.report(&label, Stage::Importing { done, total });
            })?;
            Ok(Seal::over(&into))
        })
        .await;
        let broken = |reason: String| FetchError::Import { name: name.to_string(), reason };
        let seal = match imported.map_err(|error| broken(error.to_string()))? {
            Ok(seal) => seal.map_err(|source| FetchError::home(&staging, source))?,
            Err(ImportError::Write { path, source }) => {
                return Err(FetchError::home(&path, source));
            }
            Err(error) => return Err(broken(error.to_string())),
        };
        seal.write(&staging).map_err(|source| FetchError::home(&staging, source))?;
        into_place(&staging, folder)
    }
}

/// Makes a folder that runs of what was fetched, and hears how far it is.
pub(super) type Import = fn(&Path, &Path, &mut dyn FnMut(u64, u64)) -> Result<(), ImportError>;

/// A model that writes text.
fn writer(from: &Path, into: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<(), ImportError> {
    // Before the weights are converted, which takes a while.
    if let Err(error) = crate::onnx::speaks(&describe(from)?) {
        let reason = error.to_string();
        return Err(ImportError::Unsupported { path: from.to_owned(), reason });
    }
    import(from, into, progress)
}

/// What a name means.
enum Named<'a> {
    Catalog(&'a Entry),
    /// A folder that is imported already.
    Folder,
    Gguf {
        path: PathBuf,
        folder: String,
    },
    /// A repository; holds the folder's name.
    Hub(String),
}

impl Named<'_> {
    /// Where the imported model is or will be; none for one that is used where it lies.
    fn folder(&self, fetcher: &Fetcher) -> Option<PathBuf> {
        match self {
            Named::Catalog(entry) => Some(fetcher.home.model(&entry.name)),
            Named::Folder => None,
            Named::Gguf { folder, .. } | Named::Hub(folder) => Some(fetcher.home.model(folder)),
        }
    }
}

/// What a process locks that makes this folder.
pub(super) fn key(folder: &Path) -> String {
    format!("model-{}", folder.file_name().unwrap_or_default().display())
}

/// A folder, and no link to one.
fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir())
}

/// Removes the staging folder, and those the import makes beside it.
fn clear(staging: &Path) -> Result<(), FetchError> {
    let (Some(folder), Some(name)) = (staging.parent(), staging.file_name()) else {
        return Ok(());
    };
    let name = name.to_string_lossy();
    for file in fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
        let found = file.file_name().to_string_lossy().into_owned();
        let ours =
            found == name || found.starts_with(&format!("{name}.")) && found.ends_with(".part");
        if ours {
            let path = file.path();
            fs::remove_dir_all(&path).map_err(|source| FetchError::home(&path, source))?;
        }
    }
    Ok(())
}

/// What a GGUF of so many bytes comes to, imported: a guess that is rather too large, for one that
/// the catalog does not know.
pub(super) fn imported(gguf: u64) -> u64 {
    gguf / 3 * 5
}

/// Enough of a SHA-256 to tell names apart.
pub(super) fn short_hash(text: &str) -> String {
    use sha2::{Digest, Sha256};
    let hash = format!("{:x}", Sha256::digest(text.as_bytes()));
    hash[..12].to_string()
}

#[cfg(test)]
mod tests {
    use super::seal::SEAL;
    use super::*;
    use crate::catalog::Catalog;
    use crate::home::Home;

    /// A home with an imported model `smollm2-135m`, as far as the seal can tell.
    fn imported() -> (tempfile::TempDir, Fetcher, PathBuf) {
        let home = tempfile::tempdir().unwrap();
        let fetcher = Fetcher::new(Home::at(home.path()), Catalog::embedded());
        let fetcher = fetcher.network(Network::Forbidden);
        let folder = fetcher.home().model("smollm2-135m");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("model.onnx"), "graph").unwrap();
        fs::write(folder.join("model.onnx.data"), "weights").unwrap();
        Seal::over(&folder).unwrap().write(&folder).unwrap();
        (home, fetcher, folder)
    }

    async fn damage(fetcher: &Fetcher) -> String {
        let error = fetcher.model("smollm2-135m").await.unwrap_err().to_string();
        assert!(error.starts_with("model `smollm2-135m` is damaged: "), "{error}");
        assert!(error.ends_with("`errand models pull smollm2-135m` fetches it again"), "{error}");
        error
    }

    #[tokio::test]
    async fn an_imported_model_is_used() {
        let (_home, fetcher, folder) = imported();
        assert_eq!(fetcher.model("smollm2-135m").await.unwrap(), folder);
        // A copy has other times, and the same bytes.
        fs::write(folder.join("model.onnx"), "graph").unwrap();
        let before = fs::read(folder.join(SEAL)).unwrap();
        assert_eq!(fetcher.model("smollm2-135m").await.unwrap(), folder);
        assert_ne!(fs::read(folder.join(SEAL)).unwrap(), before);
        let listed = fetcher.list();
        assert_eq!(listed[0].installed, Installed::No);
        assert_eq!(listed[2].name, "smollm2-135m");
        assert_eq!(listed[2].installed, Installed::Yes(12));
    }

    #[tokio::test]
    async fn a_model_is_removed_by_its_name_and_nothing_else() {
        let (home, fetcher, folder) = imported();
        let own = tempfile::tempdir().unwrap();
        for name in ["", "..", "../models", "nosuch", own.path().to_str().unwrap()] {
            let error = fetcher.remove(name).unwrap_err();
            assert!(matches!(error, FetchError::Absent { .. }), "{name}: {error}");
        }
        let held = fetcher.home().try_lock("model-smollm2-135m").unwrap();
        assert!(held.is_some());
        assert!(matches!(fetcher.remove("smollm2-135m"), Err(FetchError::Busy { .. })));
        drop(held);
        assert!(fetcher.remove("smollm2-135m").unwrap() > 12);
        assert!(!folder.exists() && own.path().exists() && home.path().join("models").exists());
        assert_eq!(fetcher.list()[2].installed, Installed::No);
        // A link is the user's own doing.
        std::os::unix::fs::symlink(own.path(), &folder).unwrap();
        assert!(matches!(fetcher.remove("smollm2-135m"), Err(FetchError::Absent { .. })));
    }

    #[tokio::test]
    async fn a_damaged_model_is_named_with_its_remedy() {
        let (_home, fetcher, folder) = imported();
        let data = folder.join("model.onnx.data");
        fs::write(&data, "weighty").unwrap();
        assert!(damage(&fetcher).await.contains("does not have the SHA-256 it had"));
        fs::write(&data, "weigh").unwrap();
        assert!(damage(&fetcher).await.contains("has 5 bytes instead of 7"));
        assert_eq!(fetcher.list()[2].installed, Installed::Damaged);
        fs::remove_file(&data).unwrap();
        assert!(damage(&fetcher).await.contains("cannot be read"));
        fs::remove_file(folder.join(SEAL)).unwrap();
        assert!(damage(&fetcher).await.contains("is not there or cannot be read"));
    }
}
