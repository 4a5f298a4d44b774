//! A private folder for one helper to work in.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;

use crate::private;

/// A fresh folder that only this user may enter, gone when it is let go of.
///
/// It lies below a folder of errand's own and not in the system's `/tmp`, since programs look for
/// their configuration in the folders above the one they run in.
#[derive(Debug)]
pub struct Work(TempDir);

impl Work {
    /// Below this folder, which is made where it is missing.
    ///
    /// # Errors
    /// The disk does not allow it.
    pub fn new(above: &Path) -> io::Result<Work> {
        private::folder(above)?;
        let above = above.canonicalize()?;
        let ours = Permissions::from_mode(0o700);
        tempfile::Builder::new().prefix("work-").permissions(ours).tempdir_in(above).map(Work)
    }

    /// Where it is: an absolute path.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}
