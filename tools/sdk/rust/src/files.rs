//! Files of the agent. Paths are relative to the agent file's folder; every use is judged when it
//! is made.

use crate::bindings::errand::tool::files;
pub use files::Entry;

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
