//! Which Python works for errand: its pip brings what is fetched, and it makes components.
//!
//! In a virtual environment that is the environment's own, whether or not it is activated: the
//! package brings pip along, and the system's Python may have none. Everywhere else it is the one
//! on the `PATH`.

use std::path::{Path, PathBuf};

/// The interpreter, as a path or as a name to be looked up.
pub(super) fn interpreter() -> PathBuf {
    let own = std::env::current_exe().ok();
    own.and_then(|program| beside(&program)).unwrap_or_else(|| PathBuf::from("python3"))
}

/// The interpreter of the virtual environment that a program is installed in.
fn beside(program: &Path) -> Option<PathBuf> {
    let scripts = program.parent()?;
    let python = scripts.join("python3");
    (scripts.with_file_name("pyvenv.cfg").is_file() && python.is_file()).then_some(python)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_virtual_environment_has_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let scripts = folder.path().join("bin");
        fs::create_dir(&scripts).unwrap();
        let (program, python) = (scripts.join("errand"), scripts.join("python3"));
        fs::write(&python, "").unwrap();
        // `/usr/bin`, for example.
        assert_eq!(beside(&program), None);
        fs::write(folder.path().join("pyvenv.cfg"), "").unwrap();
        assert_eq!(beside(&program), Some(python.clone()));
        fs::remove_file(python).unwrap();
        assert_eq!(beside(&program), None);
    }
}
