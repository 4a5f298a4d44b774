//! The packages of a Python tool: what `requirements.txt` names, as wheels in pure Python. The first
//! build chooses them and writes their hashes into `requirements.lock`; later ones take the same bytes
//! and no others. Nothing of a package is run to fetch it, and none is built.

use std::fs;
use std::path::{Path, PathBuf};

use guard::{Work, file};
use sha2::{Digest, Sha256};

use super::program::{self, Purpose};
use super::{AuthorError, Kit, LONGEST, Project, absolute, disk};
use crate::whole;

const WANTED: &str = "requirements.txt";
const LOCK: &str = "requirements.lock";
/// The Python that a component holds.
const PYTHON: &str = "3.14";

const PIP: Purpose = Purpose {
    fails: "the packages of `requirements.txt` cannot be had",
    missing: "install Python 3.10 or later with pip",
    hint: Some(
        "each, and what it depends on, must be there as a wheel in pure Python (`…-none-any.whl`): \
         what has machine code in it runs in no component",
    ),
};

/// The folder of a project's packages; none where it wants none.
pub(super) fn folder(project: &Project, kit: &Kit) -> Result<Option<PathBuf>, AuthorError> {
    let (wanted, lock) = (project.folder.join(WANTED), project.folder.join(LOCK));
    if !wanted.is_file() {
        return Ok(None);
    }
    let text = file::read_text(&wanted, LONGEST).map_err(disk(&wanted))?;
    if let Err(problem) = checked(&text) {
        return Err(AuthorError::Project { file: wanted, problem });
    }
    let mark = format!("# {WANTED} sha256 {:x}", Sha256::digest(text.as_bytes()));
    let work = project.work(kit)?;
    let (wheels, packages) = (work.join("wheels"), work.join("packages"));
    let locked = file::read_text(&lock, LONGEST).unwrap_or_default();
    let known = locked.lines().next() == Some(&mark);
    if !(known && packages.is_dir() && same(&wheels, &locked)) {
        let _ = fs::remove_dir_all(&wheels);
        fs::create_dir_all(&wheels).map_err(disk(&wheels))?;
        let private = kit.work()?;
        fetch(kit, &private, &wheels, if known { &lock } else { &wanted }, known)?;
        if !known {
            let text = format!("{mark}\n{}", lines(&wheels)?);
            whole::write(&lock, text.as_bytes()).map_err(disk(&lock))?;
        }
        unpack(kit, &private, &wheels, &packages)?;
    }
    Ok(Some(packages))
}

/// Whether these are names and versions and nothing else: an option, an address or a path would have
/// pip take something from elsewhere, and build it.
fn checked(text: &str) -> Result<(), String> {
    for (at, line) in (1..).zip(text.lines()) {
        let line = line.split(" #").next().unwrap_or_default().trim();
        let named = line.starts_with(|c: char| c.is_ascii_alphanumeric());
        if !line.is_empty() && !line.starts_with('#') && (!named || line.contains(['/', '\\', '@']))
        {
            return Err(format!(
                "line {at} is not a package's name with the versions that are wanted, such as `humanize>=4`"
            ));
        }
    }
    Ok(())
}

fn fetch(
    kit: &Kit,
    private: &Work,
    wheels: &Path,
    list: &Path,
    known: bool,
) -> Result<(), AuthorError> {
    let mut pip = program::pip(kit, private, &PIP)?;
    pip.args(["download", "-q", "--disable-pip-version-check", "--only-binary=:all:"])
        .args(["--platform", "any", "--implementation", "py", "--abi", "none"])
        .args(["--python-version", PYTHON]);
    if known {
        pip.args(["--require-hashes", "--no-deps"]);
    }
    pip.arg("-r").arg(absolute(list)?).arg("-d").arg(absolute(wheels)?);
    program::run(&mut pip, &PIP)
}

/// The wheels of a folder with their hashes, as pip reads them.
fn lines(wheels: &Path) -> Result<String, AuthorError> {
    let mut lines = String::new();
    for path in Project::sources(wheels, "whl")? {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let mut parts = name.split('-');
        let (Some(name), Some(version)) = (parts.next(), parts.next()) else { continue };
        let hash = Sha256::digest(fs::read(&path).map_err(disk(&path))?);
        lines += &format!("{name}=={version} --hash=sha256:{hash:x}\n");
    }
    Ok(lines)
}

/// Whether a folder holds what a lock names, and nothing else.
fn same(wheels: &Path, locked: &str) -> bool {
    let rest = locked.split_once('\n').map(|(_, rest)| rest);
    wheels.is_dir() && lines(wheels).is_ok_and(|lines| Some(lines.as_str()) == rest)
}

fn unpack(kit: &Kit, private: &Work, wheels: &Path, packages: &Path) -> Result<(), AuthorError> {
    let _ = fs::remove_dir_all(packages);
    fs::create_dir_all(packages).map_err(disk(packages))?;
    for wheel in Project::sources(wheels, "whl")? {
        let mut python = program::python(kit, private, &PIP)?;
        python.args(["-m", "zipfile", "-e"]).arg(absolute(&wheel)?).arg(absolute(packages)?);
        program::run(&mut python, &PIP)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_and_versions_are_wanted() {
        for fine in [
            "humanize",
            "humanize>=4,<5  # sizes\n\n# more\nattrs==26.1.0",
            "x[y]; python_version > \"3\"",
        ] {
            assert_eq!(checked(fine), Ok(()), "{fine}");
        }
        for odd in [
            "-e .",
            "--index-url https://evil.example",
            "./local",
            "x @ https://evil.example/x.whl",
            "git+https://evil.example/x",
            "humanize\n../up",
        ] {
            assert!(checked(odd).is_err(), "{odd}");
        }
    }
}
