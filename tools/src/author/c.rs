//! C: a compiler for WASI makes a core module of the program, the SDK and a libc, and that is made
//! a component here: no other tool is needed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::made::Inputs;
use super::program::{self, Purpose};
use super::{AuthorError, Built, Kit, Project, disk, world};

/// The version of the PyPI package `ziglang` whose `zig cc` is used.
const VERSION: &str = "0.17.1";

const CC: Purpose = Purpose {
    fails: "the component cannot be built",
    missing: "set `WASI_SDK_PATH` to a WASI SDK, or install Python 3 with pip: `zig cc` is fetched",
    hint: None,
};

/// What compiles C for WASI here.
enum Compiler {
    /// The clang of a WASI SDK.
    Sdk(PathBuf),
    /// A zig that is installed.
    Zig,
    /// The zig of the catalog.
    Fetched(PathBuf),
}

impl Compiler {
    fn found(kit: &Kit) -> Self {
        if let Some(sdk) = std::env::var_os("WASI_SDK_PATH") {
            return Self::Sdk(PathBuf::from(sdk));
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        match std::env::split_paths(&path).any(|folder| folder.join("zig").is_file()) {
            true => Self::Zig,
            false => Self::Fetched(kit.folder.join(toolchain())),
        }
    }

    fn command(&self, kit: &Kit) -> Command {
        let mut command = match self {
            Self::Sdk(folder) => {
                let mut clang = Command::new(folder.join("bin/clang"));
                clang.arg("--target=wasm32-wasip1");
                return clang;
            }
            Self::Zig => Command::new("zig"),
            Self::Fetched(folder) => Command::new(folder.join("ziglang/zig")),
        };
        command.args(["cc", "-target", "wasm32-wasi"]);
        // Compiling the C library takes longer than anything else, and is done once.
        command.env("ZIG_GLOBAL_CACHE_DIR", kit.folder.join("zig-cache"));
        command.env("ZIG_LOCAL_CACHE_DIR", kit.folder.join("zig-cache"));
        command
    }
}

/// What the fetched zig is called.
pub(super) fn toolchain() -> String {
    format!("zig-{VERSION}")
}

pub(super) fn package(kit: &Kit) -> Option<&'static str> {
    match Compiler::found(kit) {
        Compiler::Fetched(folder) if !folder.is_dir() => Some("ziglang"),
        _ => None,
    }
}

pub(super) fn build(
    project: &Project,
    kit: &Kit,
    wheel: Option<&Path>,
    out: &Path,
) -> Result<Built, AuthorError> {
    project.main("main.c", "the tools are in `main.c`")?;
    let work = project.work()?;
    Inputs::of(&project.folder, VERSION)?.make(&work, out, |component| {
        let compiler = Compiler::found(kit);
        if let Compiler::Fetched(folder) = &compiler {
            program::once(folder, |staging| {
                let mut pip = Command::new(&kit.python);
                // pip, and not only unzipping: the program must be one that can be run.
                pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
                    .args(["--no-deps", "--no-index", "--no-compile", "--target"])
                    .arg(staging)
                    .args(wheel)
                    // A `pip.py` in the project is not the pip that is meant.
                    .current_dir(staging);
                program::run(&mut pip, &CC)
            })?;
        }
        let module = work.join("module.wasm");
        let mut sources = Project::sources(&project.folder, "c")?;
        sources.extend(Project::sources(&project.folder.join("sdk"), "c")?);
        let mut cc = compiler.command(kit);
        cc.args(["-mexec-model=reactor", "-std=gnu17", "-Oz", "-Wall", "-ffunction-sections"])
            .arg("-I")
            .arg(project.folder.join("sdk"))
            .args(sources)
            .arg("-o")
            .arg(&module);
        program::run(&mut cc, &CC)?;
        let module = fs::read(&module).map_err(disk(&module))?;
        fs::write(component, world::component(project, module)?).map_err(disk(component))
    })
}
