//! `files.move` and `files.delete`: where a file is, not what is in it.

use crate::bindings::errand::tool::files::{self, Existing};
use crate::types::{DeleteArguments, Deleted, MoveArguments, Moved};

pub(crate) fn rename(arguments: MoveArguments) -> Result<Moved, String> {
    let MoveArguments { path: from, to: path, overwrite } = arguments;
    let existing = match overwrite {
        Some(true) => Existing::Replace,
        _ => Existing::Keep,
    };
    files::rename(&from, &path, existing)?;
    Ok(Moved { from, path })
}

pub(crate) fn delete(arguments: DeleteArguments) -> Result<Deleted, String> {
    files::delete(&arguments.path)?;
    Ok(Deleted { deleted: arguments.path })
}
