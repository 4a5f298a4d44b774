//! The guests, built before anything is measured: two for wasm by a cargo of their own, one by the
//! C compiler.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Where they are.
pub(crate) struct Built {
    pub(crate) component: PathBuf,
    pub(crate) plugin: PathBuf,
    pub(crate) c: PathBuf,
    pub(crate) python: PathBuf,
    /// Python itself: what is called `python3` may be a script that looks for it first.
    pub(crate) interpreter: PathBuf,
}

impl Built {
    pub(crate) fn new(folder: &Path) -> Result<Built> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let guests = here.join("guests");
        let target = here.join("target/guests");
        let wasm = |package: &str, triple: &str| {
            run(Command::new("rustup").args(["target", "add", triple]).current_dir(&guests))?;
            run(Command::new(env!("CARGO"))
                .args(["build", "--quiet", "--release", "--locked", "--package", package])
                .args(["--target", triple, "--target-dir"])
                .arg(&target)
                .current_dir(&guests))?;
            anyhow::Ok(target.join(triple).join("release").join(format!("{package}.wasm")))
        };
        let c = folder.join("count");
        let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
        run(Command::new(compiler).arg("-O2").arg("-o").arg(&c).arg(guests.join("count.c")))?;
        Ok(Built {
            component: wasm("ours", "wasm32-wasip2")?,
            plugin: wasm("plugin", "wasm32-unknown-unknown")?,
            c,
            python: guests.join("count.py"),
            interpreter: interpreter()?,
        })
    }
}

fn interpreter() -> Result<PathBuf> {
    let asked = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output();
    let asked = asked.context("`python3` does not start")?;
    Ok(PathBuf::from(String::from_utf8(asked.stdout)?.trim()))
}

fn run(command: &mut Command) -> Result<()> {
    let shown = format!("{command:?}");
    let ran = command.output().with_context(|| shown.clone())?;
    let said = String::from_utf8_lossy(&ran.stderr);
    ensure!(ran.status.success(), "{shown}: {}", said.trim());
    Ok(())
}
