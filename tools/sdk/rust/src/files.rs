//! Files of the agent. Paths are relative to the agent file's folder; every use is judged when it
//! is made.

use crate::bindings::errand::tool::files;
pub use files::{Entry, Existing};

/// The folders and files that the agent may read, as its file names them.
pub fn roots() -> Vec<String> {
    files::roots()
}

/// The whole file.
///
/// # Errors
/// A sentence: it is not there, or not granted.
pub fn read(path: &str) -> Result<Vec<u8>, String> {
    files::read(path)
}

/// The whole file as text.
///
/// # Errors
/// As [`read`], or it is not UTF-8.
pub fn read_text(path: &str) -> Result<String, String> {
    String::from_utf8(read(path)?).map_err(|_| format!("`{path}` is not UTF-8 text"))
}

/// What is directly in a folder, sorted by name.
///
/// # Errors
/// As [`read`].
pub fn list(path: &str) -> Result<Vec<Entry>, String> {
    files::list(path)
}

/// Creates or replaces the whole file, or leaves it as it was.
///
/// # Errors
/// As [`read`].
pub fn write(path: &str, bytes: impl AsRef<[u8]>) -> Result<(), String> {
    files::write(path, bytes.as_ref())
}

/// Gives a file or a folder another path, and makes the folders above it.
///
/// # Errors
/// As [`read`], or something stands there that is not to be replaced.
pub fn rename(path: &str, to: &str, existing: Existing) -> Result<(), String> {
    files::rename(path, to, existing)
}

/// Removes a file or an empty folder.
///
/// # Errors
/// As [`read`], or the folder holds something.
pub fn delete(path: &str) -> Result<(), String> {
    files::delete(path)
}
