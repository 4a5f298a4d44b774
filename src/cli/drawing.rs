//! Drawings, written where `--svg` asks for them.

use std::path::Path;

use super::terminal::Usage;

/// Writes a drawing, whole or not at all.
pub(super) fn write(path: &Path, svg: &str) -> anyhow::Result<()> {
    tools::whole::write(path, svg.as_bytes())
        .map_err(|error| Usage(format!("`{}` cannot be written: {error}", path.display())).into())
}
