//! The seal of an imported model: the size, the time and the SHA-256 of every file. A start compares sizes and
//! times, and works out the hash only of a file whose time has changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use super::super::{FetchError, sha256};
use super::Installed;

pub(super) const SEAL: &str = "seal.json";

/// What an import wrote.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Seal {
    files: Vec<Sealed>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Sealed {
    file: String,
    size: u64,
    /// Nanoseconds since 1970, as a string of digits: JSON numbers are too small for them.
    modified: String,
    sha256: String,
}

impl Seal {
    pub(super) fn over(folder: &Path) -> std::io::Result<Self> {
        let mut files = Vec::new();
        for file in fs::read_dir(folder)? {
            let path = file?.path();
            fs::File::open(&path)?.sync_all()?;
            let meta = fs::metadata(&path)?;
            files.push(Sealed {
                file: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
                size: meta.len(),
                modified: modified(&meta),
                sha256: sha256(&path)?,
            });
        }
        files.sort_by(|a, b| a.file.cmp(&b.file));
        Ok(Self { files })
    }

    fn read(folder: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(folder.join(SEAL)).ok()?).ok()
    }

    pub(super) fn write(&self, folder: &Path) -> std::io::Result<()> {
        let text = serde_json::to_vec_pretty(self)?;
        let staged = folder.join(format!("{SEAL}.{}", std::process::id()));
        guard::private::write(&staged, &text)?;
        fs::rename(staged, folder.join(SEAL))
    }
}

/// Checks an imported model against its seal.
pub(in super::super) async fn sound(name: &str, folder: &Path) -> Result<(), FetchError> {
    let (name, folder) = (name.to_string(), folder.to_owned());
    let damaged =
        |path: PathBuf, reason: String| FetchError::Damaged { name: name.clone(), path, reason };
    let Some(mut seal) = Seal::read(&folder) else {
        return Err(damaged(folder.join(SEAL), "is not there or cannot be read".to_string()));
    };
    let mut touched = false;
    for sealed in &mut seal.files {
        let path = folder.join(&sealed.file);
        let meta = match fs::metadata(&path) {
            Ok(meta) => meta,
            Err(error) => return Err(damaged(path, format!("cannot be read: {error}"))),
        };
        if meta.len() != sealed.size {
            let reason = format!("has {} bytes instead of {}", meta.len(), sealed.size);
            return Err(damaged(path, reason));
        }
        if modified(&meta) == sealed.modified {
            continue;
        }
        let hashed = path.clone();
        let found = tokio::task::spawn_blocking(move || sha256(&hashed)).await;
        match found.map_err(std::io::Error::other).and_then(|found| found) {
            Ok(found) if found == sealed.sha256 => {
                sealed.modified = modified(&meta);
                touched = true;
            }
            Ok(_) => return Err(damaged(path, "does not have the SHA-256 it had".to_string())),
            Err(error) => return Err(damaged(path, format!("cannot be read: {error}"))),
        }
    }
    if touched {
        // Only saves the next start the work; a home that cannot be written is no reason to stop.
        let _ = seal.write(&folder);
    }
    Ok(())
}

/// What tells the files of an imported model from those of any other, where it is sealed.
pub(crate) fn weights(folder: &Path) -> Option<String> {
    let seal = Seal::read(folder)?;
    Some(seal.files.iter().map(|sealed| format!("{} {}\n", sealed.sha256, sealed.file)).collect())
}

/// Whether a folder holds an imported model, by the sizes of its files.
pub(super) fn installed(folder: &Path) -> Installed {
    if !folder.exists() {
        return Installed::No;
    }
    let Some(seal) = Seal::read(folder) else { return Installed::Damaged };
    let same = |sealed: &Sealed| {
        fs::metadata(folder.join(&sealed.file)).is_ok_and(|meta| meta.len() == sealed.size)
    };
    match seal.files.iter().all(same) {
        true => Installed::Yes(seal.files.iter().map(|sealed| sealed.size).sum()),
        false => Installed::Damaged,
    }
}

/// When a file was written, in nanoseconds since 1970.
pub(super) fn modified(meta: &fs::Metadata) -> String {
    let time = meta.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    time.unwrap_or_default().as_nanos().to_string()
}
