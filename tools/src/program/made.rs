//! What no agent may write, made by a program where there was none. Mounts keep what is there, and
//! nothing can be mounted over what is not; so it is looked for when the program has ended.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use guard::Kept;

/// What of this kind is there.
pub(super) fn there(write: &[PathBuf], kept: &Kept) -> Result<BTreeSet<PathBuf>, String> {
    let mut there = BTreeSet::new();
    for granted in write {
        there.extend(kept.within_or_linked(granted)?);
    }
    Ok(there)
}

/// Removes what is new of it. The error names what it was.
pub(super) fn removed(
    before: &BTreeSet<PathBuf>,
    write: &[PathBuf],
    kept: &Kept,
) -> Result<(), String> {
    let now = there(write, kept)?;
    let new: Vec<&PathBuf> = now.difference(before).collect();
    for path in &new {
        let gone = match fs::symlink_metadata(path).is_ok_and(|state| state.is_dir()) {
            true => fs::remove_dir_all(path),
            false => fs::remove_file(path),
        };
        // What lay in a folder that is gone is gone.
        if let Err(error) = gone.as_ref().or_else(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Ok(&()),
            _ => Err(error),
        }) {
            return Err(format!(
                "it made `{}`, which no agent may write, and that cannot be removed: {error}",
                path.display()
            ));
        }
    }
    let names: Vec<String> = new.iter().map(|path| format!("`{}`", path.display())).collect();
    match names.is_empty() {
        true => Ok(()),
        false => {
            Err(format!("it made {}, which no agent may write: removed again", names.join(", ")))
        }
    }
}
