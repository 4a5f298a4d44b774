//! A Python with packages from pip, in a virtual environment that outlives the tests.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The interpreter of the environment of this name, which can import these; or why it cannot be had.
pub(crate) fn with(name: &str, imports: &str, packages: &[&str]) -> Result<PathBuf, String> {
    let venv = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let python = venv.join("bin/python3");
    let run = |program: &Path, words: &[&str]| {
        let ran = Command::new(program).args(words).stdin(Stdio::null()).output();
        match ran {
            Ok(ran) if ran.status.success() => Ok(()),
            Ok(ran) => Err(String::from_utf8_lossy(&ran.stderr).trim().to_string()),
            Err(error) => Err(error.to_string()),
        }
    };
    if run(&python, &["-c", &format!("import {imports}")]).is_ok() {
        return Ok(python);
    }
    run("python3".as_ref(), &["-m", "venv", &venv.to_string_lossy()])?;
    let pip = ["-m", "pip", "install", "--quiet", "--only-binary=:all:"];
    run(&python, &[&pip[..], packages].concat())?;
    Ok(python)
}
