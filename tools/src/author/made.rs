//! What was made, and of what: a build whose inputs are those of the last one is not done again.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use guard::file;
use sha2::{Digest, Sha256};

use super::{AuthorError, Built, disk};
use crate::whole;

/// The largest file of a project, in bytes.
const LARGEST: u64 = 256 << 20;

/// The most files of a project.
const MOST: usize = 20_000;

/// What is built, or left behind by building: it makes no difference to the component.
const OUTPUTS: [&str; 4] = ["build", "target", "node_modules", "__pycache__"];

/// The inputs of a build, as a hash.
pub(super) struct Inputs(String);

impl Inputs {
    /// Every file of a project but what is built, hidden or only for tests; and what builds it.
    pub(super) fn of(folder: &Path, builder: &str) -> Result<Self, AuthorError> {
        let mut files = Vec::new();
        collect(folder, &mut files, &mut HashSet::new())?;
        files.sort();
        let mut hash = Sha256::new();
        hash.update(builder);
        for path in files {
            let bytes = file::read(&path, LARGEST).map_err(disk(&path))?;
            let name = path.strip_prefix(folder).unwrap_or(&path);
            for part in [name.as_os_str().as_encoded_bytes(), &bytes] {
                hash.update((part.len() as u64).to_le_bytes());
                hash.update(part);
            }
        }
        Ok(Self(format!("{:x}", hash.finalize())))
    }

    /// Makes the component in the folder `work`, unless it was made of the same inputs before,
    /// and puts it at `out`.
    pub(super) fn make(
        self,
        work: &Path,
        out: &Path,
        make: impl FnOnce(&Path) -> Result<(), AuthorError>,
    ) -> Result<Built, AuthorError> {
        let (component, stamp) = (work.join("component.wasm"), work.join("made-of"));
        let same = fs::read_to_string(&stamp).is_ok_and(|made| made == self.0);
        if !(same && component.is_file()) {
            // Until the new one is whole there is none.
            let _ = fs::remove_file(&stamp);
            make(&component)?;
            fs::write(&stamp, &self.0).map_err(disk(&stamp))?;
        }
        put(&component, out)
    }
}

/// Puts a component where it is wanted, whole; one that is there already stays as it is.
pub(super) fn put(component: &Path, out: &Path) -> Result<Built, AuthorError> {
    let bytes = file::read(component, LARGEST).map_err(disk(component))?;
    if file::read(out, LARGEST).is_ok_and(|there| there == bytes) {
        return Ok(Built::Unchanged);
    }
    whole::write(out, &bytes).map_err(disk(out)).map(|()| Built::New)
}

/// The files of a folder. Each is gone into once, whatever links lead to it.
fn collect(
    folder: &Path,
    files: &mut Vec<PathBuf>,
    seen: &mut HashSet<PathBuf>,
) -> Result<(), AuthorError> {
    if !seen.insert(folder.canonicalize().map_err(disk(folder))?) {
        return Ok(());
    }
    // In an order that is the same each time.
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(disk(folder))? {
        entries.push(entry.map_err(disk(folder))?.path());
    }
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let aside = name.starts_with('.')
            || OUTPUTS.contains(&&*name)
            || [".wasm", ".test.jsonl", ".md"].iter().any(|end| name.ends_with(end));
        match path.is_dir() {
            _ if aside => {}
            true => collect(&path, files, seen)?,
            false if files.len() >= MOST => {
                let error = io::Error::other(format!("the project has more than {MOST} files"));
                return Err(disk(folder)(error));
            }
            false => files.push(path),
        }
    }
    Ok(())
}
