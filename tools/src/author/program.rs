//! Other people's programs: started where their output goes to stderr as it comes, and put in
//! place whole where they have to be unpacked first.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use guard::{Need, Program, Work};

use super::{AuthorError, Kit, disk};

/// What a program is for, and what to do where it is missing.
pub(super) struct Purpose {
    /// What it does: "the component cannot be built".
    pub(super) fails: &'static str,
    /// How to get it.
    pub(super) missing: &'static str,
    /// What may help where it fails.
    pub(super) hint: Option<&'static str>,
}

/// A program of this machine, in a private folder and with what these needs name.
pub(super) fn helper(
    name: &str,
    work: &Work,
    needs: &[Need],
    purpose: &Purpose,
) -> Result<Command, AuthorError> {
    let program = Program::named(name).map_err(|error| nowhere(name, purpose, &error))?;
    Ok(program.helper(work, needs))
}

/// Python, likewise, in isolated mode.
pub(super) fn python(kit: &Kit, work: &Work, purpose: &Purpose) -> Result<Command, AuthorError> {
    let python = guard::python(&kit.python, work);
    python.map_err(|error| nowhere(&kit.python.to_string_lossy(), purpose, &error))
}

/// Its pip.
pub(super) fn pip(kit: &Kit, work: &Work, purpose: &Purpose) -> Result<Command, AuthorError> {
    let pip = guard::pip(&kit.python, work);
    pip.map_err(|error| nowhere(&kit.python.to_string_lossy(), purpose, &error))
}

pub(super) fn nowhere(name: &str, purpose: &Purpose, error: &guard::Missing) -> AuthorError {
    let (program, reason) = (name.to_string(), error.to_string());
    AuthorError::Missing { program, reason, hint: purpose.missing }
}

/// Runs a program to its end; all that it prints goes to stderr.
pub(super) fn run(command: &mut Command, purpose: &Purpose) -> Result<(), AuthorError> {
    command.stdin(Stdio::null()).stdout(io::stderr());
    let status = command.status().map_err(|error| missing(command, purpose, error))?;
    if status.success() { Ok(()) } else { Err(failed(command, purpose, &status.to_string())) }
}

/// Runs a program to its end and gives what it printed on stdout.
pub(super) fn output(command: &mut Command, purpose: &Purpose) -> Result<Vec<u8>, AuthorError> {
    command.stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = command.output().map_err(|error| missing(command, purpose, error))?;
    match output.status.success() {
        true => Ok(output.stdout),
        false => Err(failed(command, purpose, &output.status.to_string())),
    }
}

fn missing(command: &Command, purpose: &Purpose, error: io::Error) -> AuthorError {
    let program = command.get_program().to_string_lossy().into_owned();
    AuthorError::Missing { program, reason: error.to_string(), hint: purpose.missing }
}

fn failed(command: &Command, purpose: &Purpose, how: &str) -> AuthorError {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    AuthorError::Failed {
        what: purpose.fails.to_string(),
        how: format!("`{}` ended with {how}", program.to_string_lossy()),
        hint: purpose.hint,
    }
}

/// A folder that `fill` makes, once: it is filled beside its place and then moved there, so that
/// what is there is whole.
pub(super) fn once(
    folder: &Path,
    fill: impl FnOnce(&Path) -> Result<(), AuthorError>,
) -> Result<PathBuf, AuthorError> {
    if folder.is_dir() {
        return Ok(folder.to_path_buf());
    }
    let mut staging = folder.as_os_str().to_owned();
    staging.push(format!(".{}", std::process::id()));
    let staging = PathBuf::from(staging);
    fs::create_dir_all(&staging).map_err(disk(&staging))?;
    let filled = fill(&staging).and_then(|()| match fs::rename(&staging, folder) {
        // Another process was as fast: its result is as good.
        Err(_) if folder.is_dir() => Ok(()),
        moved => moved.map_err(disk(folder)),
    });
    // Gone already if it was moved.
    let _ = fs::remove_dir_all(&staging);
    filled.map(|()| folder.to_path_buf())
}
