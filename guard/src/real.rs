//! Where a path leads.

use std::fs;
use std::path::{Path, PathBuf};

/// A path without links, as far as it is there.
pub fn real(path: &Path) -> PathBuf {
    path.ancestors()
        .find_map(|above| {
            let rest = path.strip_prefix(above).ok()?;
            Some(fs::canonicalize(above).ok()?.join(rest).components().collect())
        })
        .unwrap_or_else(|| path.to_path_buf())
}
