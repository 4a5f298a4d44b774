//! Python and its pip. Which interpreter is meant is for the caller to say: an absolute path, or a
//! name that is looked up as every program's is.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::{Missing, Need, Program, Work};

/// pip's own command line, without the folder that it is started in: with `-m pip` a `pip.py` that
/// lies there would be run. `-I` would hide a pip that lies in the user's own site as well.
const PIP: &str = "import sys; sys.path[:] = filter(None, sys.path); import runpy; \
                   runpy.run_module('pip', run_name='__main__', alter_sys=True)";

/// Python in isolated mode: it imports nothing from the current folder, from `PYTHONPATH` or from
/// the user's own packages. Its arguments are for the caller to add.
///
/// # Errors
/// There is no such interpreter.
pub fn python(interpreter: &Path, work: &Work) -> Result<Command, Missing> {
    let mut command = Program::meant(interpreter)?.helper(work, &[]);
    command.arg("-I").stdin(Stdio::null());
    Ok(command)
}

/// pip of that Python, with whatever mirror or proxy it is set up for. It may lie in the user's own
/// packages, and nothing of the current folder or of `PYTHONPATH` is imported.
///
/// # Errors
/// There is no such interpreter.
pub fn pip(interpreter: &Path, work: &Work) -> Result<Command, Missing> {
    let mut command = Program::meant(interpreter)?.helper(work, &[Need::Network, Need::Pip]);
    command.args(["-c", PIP]).stdin(Stdio::null());
    Ok(command)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn said(command: &mut Command) -> String {
        let ran = command.output().unwrap();
        assert!(ran.status.success(), "{ran:?}");
        String::from_utf8(ran.stdout).unwrap()
    }

    #[test]
    fn a_module_in_the_folder_that_python_runs_in() {
        let above = tempfile::tempdir().unwrap();
        let work = Work::new(above.path()).unwrap();
        for name in ["pip.py", "runpy.py", "zipfile.py", "json.py"] {
            fs::write(work.path().join(name), "open('ran', 'w')\n").unwrap();
        }
        let mut pip = pip("python3".as_ref(), &work).unwrap();
        assert!(said(pip.arg("--version")).starts_with("pip "));
        said(
            python("python3".as_ref(), &work).unwrap().args(["-c", "import json, zipfile, runpy"]),
        );
        assert!(!work.path().join("ran").exists());
    }

    /// `python3 -m pip install --user --upgrade pip` puts it there, and a distribution's own may be
    /// missing.
    #[test]
    fn a_pip_in_the_users_own_packages() {
        let above = tempfile::tempdir().unwrap();
        let work = Work::new(above.path()).unwrap();
        let user = above.path().join("me");
        let of = |command: &mut Command| said(command.env("HOME", &user));
        let asked = |interpreter: &str, print: &str| {
            of(python(interpreter.as_ref(), &work).unwrap().args(["-c", print])).trim().to_string()
        };
        // In a virtual environment there are none.
        let base = asked("python3", "import sys; print(sys._base_executable)");
        let packages = asked(&base, "import site; print(site.getusersitepackages())");
        let packages = Path::new(&packages).join("pip");
        fs::create_dir_all(&packages).unwrap();
        fs::write(packages.join("__init__.py"), "").unwrap();
        fs::write(packages.join("__main__.py"), "print('the user has this one')\n").unwrap();
        let theirs = of(&mut pip(base.as_ref(), &work).unwrap());
        assert_eq!(theirs, "the user has this one\n");
    }

    #[test]
    fn an_interpreter_at_a_relative_path() {
        let above = tempfile::tempdir().unwrap();
        let work = Work::new(above.path()).unwrap();
        for path in ["bin/python3", "./python3", "../python3"] {
            let refused = pip(path.as_ref(), &work);
            assert!(matches!(refused, Err(Missing::Relative(_))), "{path}");
        }
    }
}
