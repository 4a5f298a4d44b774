//! The one place where errand starts another program: nothing else in the workspace makes a
//! `Command` (`tests/tidy.rs`).
//!
//! A program is named by an absolute path. A bare name is looked up once for the life of the
//! process, on the absolute folders of the search path only, so that neither the current folder
//! nor what is written later can take its place. Errand's own helpers (pip, compilers) run in a
//! private folder ([`Work`]) with an environment of only what they need ([`Need`]). A program that an agent file names gets the folder and the environment that the
//! agent file gives it, and no other.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use crate::environment;
use crate::{Need, Work};

/// A program, by its absolute path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program(PathBuf);

impl Program {
    /// The program that the search path has under a bare name. Only absolute folders of it count,
    /// and the first answer in a process is the answer until its end.
    ///
    /// # Errors
    /// There is none, or the name is a path.
    pub fn named(name: &str) -> Result<Program, Missing> {
        static FOUND: Mutex<BTreeMap<String, Option<PathBuf>>> = Mutex::new(BTreeMap::new());
        if name.is_empty() || name.contains('/') {
            return Err(Missing::NotAName(name.to_string()));
        }
        let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
        let path = found
            .entry(name.to_string())
            .or_insert_with(|| on(&std::env::var_os("PATH").unwrap_or_default(), name));
        path.clone().map(Program).ok_or_else(|| Missing::Nowhere(name.to_string()))
    }

    /// The program at an absolute path.
    ///
    /// # Errors
    /// The path is relative.
    pub fn at(path: impl Into<PathBuf>) -> Result<Program, Missing> {
        let path = path.into();
        match path.is_absolute() {
            true => Ok(Program(path)),
            false => Err(Missing::Relative(path)),
        }
    }

    /// The program that is meant by a bare name or an absolute path.
    ///
    /// # Errors
    /// There is none of that name, or the path is relative.
    pub fn meant(named: &Path) -> Result<Program, Missing> {
        match named.to_str().filter(|name| !name.contains('/')) {
            Some(name) => Program::named(name),
            None => Program::at(named),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A helper of errand's own: in a private folder, with what these needs name of the
    /// environment and nothing else of it.
    pub fn helper(&self, work: &Work, needs: &[Need]) -> Command {
        let mut command = self.given(work.path(), environment::of(needs));
        command.env("TMPDIR", work.path());
        command
    }

    /// Another party's program, with the folder and the environment that it was given.
    pub fn given<K: AsRef<OsStr>, V: AsRef<OsStr>>(
        &self,
        folder: &Path,
        env: impl IntoIterator<Item = (K, V)>,
    ) -> Command {
        let mut command = Command::new(&self.0);
        command.current_dir(folder).env_clear().envs(env);
        command
    }
}

/// Looks up, before anything untrusted runs, the programs that a run may have to start.
pub fn settle<'a>(names: impl IntoIterator<Item = &'a str>) {
    for name in names {
        // One that is missing is told where it is started.
        let _missing = Program::named(name);
    }
}

/// The first program of this name in a search path's absolute folders.
fn on(path: &OsStr, name: &str) -> Option<PathBuf> {
    let folders = std::env::split_paths(path).filter(|folder| folder.is_absolute());
    folders.map(|folder| folder.join(name)).find(|path| {
        fs::metadata(path)
            .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
    })
}

/// There is no such program.
#[derive(Debug, thiserror::Error)]
pub enum Missing {
    /// No folder of the search path has it.
    #[error("there is no program `{0}` on the search path")]
    Nowhere(String),
    /// What should be a bare name is none.
    #[error("`{0}` is not the name of a program")]
    NotAName(String),
    /// What should be an absolute path is none.
    #[error("`{}` is a relative path: a program is started by an absolute one", .0.display())]
    Relative(PathBuf),
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    fn put(folder: &Path, name: &str, mode: u32) {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join(name), "#!/bin/sh\n").unwrap();
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_program_in_the_current_folder_is_never_found() {
        let here = std::env::current_dir().unwrap();
        let name = format!("planted-{}", std::process::id());
        put(&here, &name, 0o755);
        for path in ["", ".", ":", "./", "..:.", "src/.."] {
            assert_eq!(on(OsStr::new(path), &name), None, "{path:?}");
        }
        let found = on(here.as_os_str(), &name);
        fs::remove_file(here.join(&name)).unwrap();
        assert_eq!(found, Some(here.join(&name)));
    }

    #[test]
    fn a_file_that_cannot_be_run_does_not_hide_a_program() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join("first"), folder.path().join("second"));
        put(&first, "tool", 0o644);
        put(&second, "tool", 0o755);
        let path = std::env::join_paths([&first, &second]).unwrap();
        assert_eq!(on(&path, "tool"), Some(second.join("tool")));
    }

    #[test]
    fn a_path_is_no_name_and_a_relative_path_no_program() {
        for name in ["", "./pip", "../python3", "bin/sh", "/bin/sh"] {
            assert!(matches!(Program::named(name), Err(Missing::NotAName(_))), "{name}");
        }
        assert!(matches!(Program::at("bin/sh"), Err(Missing::Relative(_))));
    }

    #[test]
    fn a_program_planted_after_the_first_look_is_not_started() {
        // The name is one that no machine has.
        let name = format!("errand-settled-{}", std::process::id());
        settle([&*name]);
        assert!(matches!(Program::named(&name), Err(Missing::Nowhere(_))));
    }

    #[test]
    fn a_helper_runs_in_a_private_folder_with_a_clean_environment() {
        let above = tempfile::tempdir().unwrap();
        let work = Work::new(above.path()).unwrap();
        assert_eq!(fs::metadata(work.path()).unwrap().permissions().mode() & 0o777, 0o700);
        let shell = Program::at("/bin/sh").unwrap();
        let ran = shell.helper(&work, &[]).args(["-c", "pwd -P; env"]).output().unwrap();
        let said = String::from_utf8(ran.stdout).unwrap();
        let mut lines = said.lines();
        let folder = work.path().canonicalize().unwrap();
        assert_eq!(lines.next(), Some(&*folder.to_string_lossy()));
        // A shell adds these itself.
        let own = ["PWD", "OLDPWD", "SHLVL", "_"];
        let passed = ["PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "LC_CTYPE"];
        for line in lines {
            let name = line.split('=').next().unwrap();
            assert!(own.contains(&name) || passed.contains(&name), "{line}");
        }
        let kept = work.path().to_path_buf();
        drop(work);
        assert!(!kept.exists());
    }

    #[test]
    fn the_search_path_of_a_helper_has_no_relative_folder() {
        let cleaned = environment::absolute_only(&OsString::from(".:/usr/bin::bin:/bin"));
        assert_eq!(cleaned, "/usr/bin:/bin");
    }
}
