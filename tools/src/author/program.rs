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

/// Runs a Python program to its end. Where it fails, its last words are the reason, and all that it
/// said is in a file.
pub(super) fn told(
    command: &mut Command,
    purpose: &Purpose,
    log: &Path,
) -> Result<(), AuthorError> {
    command.stdin(Stdio::null()).stdout(io::stderr());
    let ended = command.stderr(Stdio::piped()).output();
    let ended = ended.map_err(|error| missing(command, purpose, error))?;
    if ended.status.success() {
        return Ok(());
    }
    fs::write(log, &ended.stderr).map_err(disk(log))?;
    let how = match reason(&String::from_utf8_lossy(&ended.stderr)) {
        Some(reason) => reason,
        None => format!("it ended with {}", ended.status),
    };
    Err(AuthorError::Failed {
        what: purpose.fails.to_string(),
        how: format!("{how} (all of it: {})", log.display()),
        hint: purpose.hint,
    })
}

/// The error that a traceback ends with, and the line of the program that it comes from.
fn reason(said: &str) -> Option<String> {
    let named = |line: &&str| {
        let name = line.split(':').next().unwrap_or_default();
        let last = name.rsplit('.').next().unwrap_or_default();
        let upper = last.starts_with(|c: char| c.is_ascii_uppercase());
        let word = name.chars().all(|c| c.is_alphanumeric() || "._".contains(c));
        let known = ["Error", "Exception", "Exit", "Warning"];
        word && upper && line.contains(':') && known.iter().any(|end| last.ends_with(end))
    };
    let error = said.lines().map(str::trim).rfind(named)?;
    let at = said
        .lines()
        .map(str::trim)
        .rfind(|line| line.starts_with("File \"") && line.contains("/main.py\""));
    let line = at
        .and_then(|at| at.split("line ").nth(1))
        .map(|rest| rest.chars().take_while(char::is_ascii_digit).collect::<String>());
    let error: String = error.chars().take(500).collect();
    Some(match line.filter(|line| !line.is_empty()) {
        Some(line) => format!("`main.py` line {line}: {error}"),
        None => error,
    })
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

#[cfg(test)]
mod tests {
    use super::reason;

    #[test]
    fn a_traceback_ends_in_a_sentence() {
        let said = "Traceback (most recent call last):\n  File \"<string>\", line 1, in <module>\n\
                    AssertionError: Traceback (most recent call last):\n  File \"/0/app.py\", line 1, \
                    in <module>\n    import main\n  File \"/2/main.py\", line 3, in <module>\n    \
                    import humanize\nModuleNotFoundError: No module named 'humanize'\n\n\nCaused by:\n    \
                    ModuleNotFoundError: No module named 'humanize'\n";
        assert_eq!(
            reason(said).as_deref(),
            Some("`main.py` line 3: ModuleNotFoundError: No module named 'humanize'")
        );
        assert_eq!(reason("killed"), None);
    }
}
