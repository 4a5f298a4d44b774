//! Agent files that come with errand, put where the paths in them mean something.

use std::fs;
use std::path::PathBuf;

use errand::Errand;

/// A path below the folder, and what is there.
pub(crate) type File = (&'static str, &'static str);

/// Writes files into a folder of the home, as far as they are not there, and gives the folder.
pub(crate) fn written(errand: &Errand, folder: &str, files: &[File]) -> anyhow::Result<PathBuf> {
    let folder = errand.fetcher().home().root().join(folder);
    for (name, text) in files {
        let path = folder.join(name);
        if let Some(above) = path.parent() {
            guard::private::folder(above)?;
        }
        if fs::read_to_string(&path).ok().as_deref() != Some(text) {
            tools::whole::write(&path, text.as_bytes())?;
            guard::private::tree(&path)?;
        }
    }
    Ok(folder)
}
