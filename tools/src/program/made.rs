//! What no agent may write, made by a program where there was none. Mounts keep what is there, and
//! nothing can be mounted over what is not; so it is looked for when the program has ended. Only what
//! was not there before is removed.

use std::collections::HashSet;
use std::fs::{self, Permissions, ReadDir};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use guard::{Kept, LOOKED_AT};
use rustix::fs::{Access, access};

/// All that is there before a program runs. What is new and must not be is removed with this, also
/// where the call is given up.
pub(super) struct Made {
    /// Until it was compared with.
    before: Option<HashSet<PathBuf>>,
    /// Folders in which nothing can be read or written.
    closed: HashSet<PathBuf>,
    write: Vec<PathBuf>,
    kept: Arc<Kept>,
}

impl Made {
    /// Blocks, as what follows does.
    pub(super) fn watch(write: Vec<PathBuf>, kept: Arc<Kept>) -> Result<Self, String> {
        let (mut before, mut closed) = (HashSet::new(), HashSet::new());
        for granted in &write {
            let mut unreadable = |path: &Path, error: io::Error| {
                if access(path, Access::WRITE_OK | Access::EXEC_OK).is_ok() {
                    return Err(format!(
                        "`{}` cannot be looked into, and a program could write there: {error}\nhint: \
                         make it readable, or grant another folder",
                        path.display()
                    ));
                }
                closed.insert(path.to_path_buf());
                Ok(None)
            };
            kept.walk(granted, &mut unreadable, &mut |path, _, _| {
                before.insert(path.to_path_buf());
                match before.len() > LOOKED_AT {
                    true => Err(format!(
                        "`{}` holds more than {LOOKED_AT} files and folders, too many to look after \
                         when a program has ended\nhint: grant it a folder below",
                        granted.display()
                    )),
                    false => Ok(()),
                }
            })?;
        }
        Ok(Self { before: Some(before), closed, write, kept })
    }

    /// Removes what is new. The error names what it was.
    pub(super) fn removed(mut self) -> Result<(), String> {
        self.remove()
    }

    fn remove(&mut self) -> Result<(), String> {
        let Some(before) = self.before.take() else { return Ok(()) };
        let mut new = Vec::new();
        let opened = |path: &Path, error: io::Error| match self.closed.contains(path) {
            true => Ok(None),
            false => open(path, error).map(Some),
        };
        for granted in &self.write {
            self.kept.walk(granted, opened, &mut |path, _, kept| {
                if kept && !before.contains(path) {
                    new.push(path.to_path_buf());
                }
                Ok(())
            })?;
        }
        for path in &new {
            gone(path).map_err(|error| {
                format!("it made `{}`, which no agent may write: {error}", path.display())
            })?;
        }
        let names: Vec<String> = new.iter().map(|path| format!("`{}`", path.display())).collect();
        match names.is_empty() {
            true => Ok(()),
            false => {
                let names = names.join(", ");
                Err(format!("it made {names}, which no agent may write: removed again"))
            }
        }
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        // Where it was compared already nothing is done; else there is no caller to tell.
        let _untold = self.remove();
    }
}

/// A folder that the program took the right to read from.
fn open(path: &Path, error: io::Error) -> Result<ReadDir, String> {
    let opened = match error.kind() {
        ErrorKind::PermissionDenied => {
            let mode = path.metadata().map_or(0, |state| state.mode() & 0o777);
            fs::set_permissions(path, Permissions::from_mode(mode | 0o700))
                .and_then(|()| path.read_dir())
        }
        _ => Err(error),
    };
    opened.map_err(|error| format!("what it made in `{}` cannot be told: {error}", path.display()))
}

/// What lay in a folder that is gone is gone.
fn gone(path: &Path) -> io::Result<()> {
    let gone = match fs::symlink_metadata(path).is_ok_and(|state| state.is_dir()) {
        true => fs::remove_dir_all(path),
        false => fs::remove_file(path),
    };
    match gone {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        gone => gone,
    }
}
