//! Python: componentize-py puts CPython, the program and the SDK into one component.

use std::fs;
use std::path::{Path, PathBuf};

use super::made::Inputs;
use super::program::{self, Purpose};
use super::{AuthorError, Built, Kit, Project, absolute, disk, packages, world};
use crate::python::VERSION;

/// The module that componentize-py starts from: it imports the program, so that its tools are
/// known, and gives what the world asks for.
const APP: &str = "import main\nfrom errand_sdk.world import WitWorld\n";

const PYTHON: Purpose = Purpose {
    fails: "the component cannot be built",
    missing: "install Python 3.10 or later",
    hint: Some(
        "what `main.py` imports must be in the standard library, beside it, or a package in pure \
         Python that `requirements.txt` names",
    ),
};

pub(super) fn package(kit: &Kit) -> Option<&'static str> {
    (!folder(kit).is_dir()).then_some("componentize-py")
}

fn folder(kit: &Kit) -> PathBuf {
    kit.folder.join(toolchain())
}

/// What the package is called here.
pub(super) fn toolchain() -> String {
    format!("componentize-py-{VERSION}")
}

pub(super) fn build(
    project: &Project,
    kit: &Kit,
    wheel: Option<&Path>,
    out: &Path,
) -> Result<Built, AuthorError> {
    project.main("main.py", "the tools are in `main.py`")?;
    let work = project.work(kit)?;
    let packages = packages::folder(project, kit)?;
    Inputs::of(&project.folder, VERSION)?.make(&work, out, |component| {
        let private = kit.work()?;
        let package = program::once(&folder(kit), |staging| {
            let mut unpack = program::python(kit, &private, &PYTHON)?;
            let wheel = wheel.map(absolute).transpose()?;
            unpack.args(["-m", "zipfile", "-e"]).args(wheel).arg(absolute(staging)?);
            program::run(&mut unpack, &PYTHON)
        })?;
        fs::write(work.join("app.py"), APP).map_err(disk(&work))?;
        // componentize-py warns where an environment has none.
        let installed = work.join("lib/python3/site-packages");
        fs::create_dir_all(&installed).map_err(disk(&installed))?;
        let wit = world::narrowed(project, &work, "py", takes)?;
        let mut python = program::python(kit, &private, &PYTHON)?;
        python
            .args(["-B", "-c", crate::python::RUN])
            .arg(absolute(&package)?)
            .args(["-q", "-w", "tool", "-d"])
            .arg(wit)
            .args(["componentize", "app"]);
        python.arg("-p").arg(absolute(&work)?);
        for folder in ["sdk", ""] {
            python.arg("-p").arg(project.absolute(folder)?);
        }
        if let Some(packages) = &packages {
            python.arg("-p").arg(absolute(packages)?);
        }
        python
            .arg("-o")
            .arg(absolute(component)?)
            // What is installed on this machine is no part of the component.
            .env("VIRTUAL_ENV", absolute(&work)?);
        program::told(&mut python, &PYTHON, &work.join("python.log"))
    })
}

/// Whether a text imports this module of the SDK. Brackets may spread an import over lines.
fn takes(text: &str, module: &str) -> bool {
    let words = |text: &str| {
        let words = text.split(|c: char| !(c.is_alphanumeric() || "_.".contains(c)));
        words.map(str::to_string).collect::<Vec<_>>()
    };
    text.contains(&format!("errand_sdk.{module}"))
        || text.split("from errand_sdk import").skip(1).any(|rest| {
            let rest = rest.trim_start();
            let end = if rest.starts_with('(') { ')' } else { '\n' };
            words(rest.split(end).next().unwrap_or_default()).iter().any(|word| word == module)
        })
}

#[cfg(test)]
mod tests {
    use super::takes;

    #[test]
    fn imports_are_found() {
        assert!(takes("from errand_sdk import tool, http\n", "http"));
        assert!(takes("from errand_sdk import (\n    tool,\n    kv,\n)\n", "kv"));
        assert!(takes("import errand_sdk.files as files\n", "files"));
        assert!(!takes("from errand_sdk import tool\nimport http\n", "http"));
        assert!(!takes("from errand_sdk import tool\n", "tools"));
    }
}
