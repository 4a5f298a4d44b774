//! What is on this machine where an agent file points: the only module of the crate that asks the
//! file system and the environment.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use super::suggest;
use agent_core::path::resolve;

/// What a file should be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// A file, to be read.
    File,
    /// A file or a folder.
    Any,
}

/// What is wrong with a path, and what to do.
pub(super) struct Missing {
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

/// Reads a file of at most so many bytes.
pub(super) fn read(path: &Path, most: usize) -> Result<Vec<u8>, Missing> {
    let name = path.display();
    let failed = |error: &io::Error| Missing { message: why(error), hint: None };
    let status = fs::metadata(path).map_err(|error| failed(&error))?;
    if status.is_dir() {
        return Err(Missing { message: "this is a folder".into(), hint: None });
    }
    // One that lies here would be waited for; what a person names in `/dev` is what they mean.
    if status.file_type().is_fifo() && !path.starts_with("/dev") && !path.starts_with("/proc") {
        return Err(Missing { message: "this is a pipe, and no file".into(), hint: None });
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| failed(&error))?;
    file.take(most as u64 + 1).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
    if bytes.len() > most {
        let message = format!("larger than {} KiB", most / 1024);
        return Err(Missing { message, hint: Some(format!("is `{name}` the file you meant?")) });
    }
    Ok(bytes)
}

/// The folder of the agent file and the file in it, absolute, the folder without links.
pub(super) fn home(file: &Path) -> io::Result<(PathBuf, PathBuf)> {
    let absolute = std::path::absolute(file)?;
    let name = absolute.file_name().map(PathBuf::from).unwrap_or_default();
    let folder = absolute.parent().unwrap_or(&absolute).canonicalize()?;
    let file = folder.join(name);
    Ok((folder, file))
}

const NO_PATTERNS: &str =
    "patterns are not understood: name a folder, and all that is in it is meant";

/// The absolute path of something that must be there.
pub(super) fn existing(root: &Path, written: &str, wanted: Wanted) -> Result<PathBuf, Missing> {
    let path = sound(root, written)?;
    match fs::metadata(&path) {
        Ok(status) if wanted == Wanted::File && status.is_dir() => {
            Err(Missing { message: format!("`{written}` is a folder, not a file"), hint: None })
        }
        Ok(_) => Ok(path),
        Err(error) => Err(absent(root, written, &path, &error)),
    }
}

/// The absolute path of something that is there or can be made: its nearest existing ancestor is
/// a folder.
pub(super) fn creatable(root: &Path, written: &str) -> Result<PathBuf, Missing> {
    let path = sound(root, written)?;
    if written.contains(['*', '?']) && !path.exists() {
        let message = format!("`{written}` is a pattern");
        return Err(Missing { message, hint: Some(NO_PATTERNS.to_string()) });
    }
    for (depth, ancestor) in path.ancestors().enumerate() {
        match fs::metadata(ancestor) {
            Ok(status) if depth == 0 || status.is_dir() => return Ok(path),
            Ok(_) => {
                let message = format!(
                    "`{written}` cannot be made: `{}` is a file",
                    agent_core::path::display(root, ancestor)
                );
                return Err(Missing { message, hint: None });
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                let message = format!("`{written}` cannot be looked at: {}", why(&error));
                return Err(Missing { message, hint: None });
            }
        }
    }
    Ok(path)
}

/// Whether an environment variable is set to something.
pub(super) fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| !value.is_empty())
}

/// What an error of the file system says, in our words where they are plainer.
pub(super) fn why(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".to_string(),
        io::ErrorKind::PermissionDenied => "it may not be read by this user".to_string(),
        io::ErrorKind::NotADirectory => "a part of its path is a file, not a folder".to_string(),
        _ => error.to_string().to_lowercase(),
    }
}

fn sound(root: &Path, written: &str) -> Result<PathBuf, Missing> {
    let refuse =
        |message: String, hint: &str| Err(Missing { message, hint: Some(hint.to_string()) });
    if written.trim().is_empty() {
        return refuse("a path is empty".into(), "`.` is the agent file's own folder");
    }
    if written.starts_with('~') {
        let message = format!("`{written}` begins with `~`, which is not replaced here");
        return refuse(message, "write the whole path, or one relative to the agent file");
    }
    resolve(root, written).map_err(|message| Missing { message, hint: None })
}

fn absent(root: &Path, written: &str, path: &Path, error: &io::Error) -> Missing {
    if error.kind() != io::ErrorKind::NotFound {
        let message = format!("`{written}` cannot be looked at: {}", why(error));
        return Missing { message, hint: None };
    }
    let hint = if written.contains(['*', '?', '{']) {
        NO_PATTERNS.to_string()
    } else {
        sibling(path).map_or_else(
            || format!("paths are relative to the agent file, in `{}`", root.display()),
            |near| format!("did you mean `{}`?", agent_core::path::display(root, &near)),
        )
    };
    Missing { message: format!("there is no `{written}`"), hint: Some(hint) }
}

/// What is beside a missing file and is called nearly so.
fn sibling(path: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(path.parent()?).ok()?.take(1000).flatten();
    let names: Vec<String> =
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    let near = suggest::nearest(path.file_name()?.to_str()?, names.iter().map(String::as_str))?;
    Some(path.with_file_name(near))
}
