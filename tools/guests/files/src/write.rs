//! `files.write`: the whole file, or nothing.

use crate::bindings::errand::tool::files;
use crate::types::{WriteArguments, Written};

pub(crate) fn write(arguments: WriteArguments) -> Result<Written, String> {
    let WriteArguments { path, content } = arguments;
    files::write(&path, content.as_bytes())?;
    Ok(Written { path, bytes: content.len() as u64 })
}
