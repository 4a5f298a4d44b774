//! C: a compiler for WASI makes a core module of the program, the SDK and a libc, and that is made
//! a component here: no other tool is needed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use guard::{Program, Work};

use super::made::Inputs;
use super::program::{self, Purpose};
use super::{AuthorError, Built, Kit, Project, absolute, disk, world};

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
    Zig(Program),
    /// The zig of the catalog.
    Fetched(PathBuf),
}

impl Compiler {
    fn found(kit: &Kit) -> Self {
        if let Some(sdk) = std::env::var_os("WASI_SDK_PATH") {
            return Self::Sdk(PathBuf::from(sdk));
        }
        match Program::named("zig") {
            Ok(zig) => Self::Zig(zig),
            Err(_) => Self::Fetched(kit.folder.join(toolchain())),
        }
    }

    fn command(&self, kit: &Kit, private: &Work) -> Result<Command, AuthorError> {
        let at = |path: PathBuf| {
            let named = path.to_string_lossy().into_owned();
            Program::at(absolute(&path)?).map_err(|error| program::nowhere(&named, &CC, &error))
        };
        let zig = match self {
            Self::Sdk(folder) => {
                let mut clang = at(folder.join("bin/clang"))?.helper(private, &[]);
                clang.arg("--target=wasm32-wasip1");
                return Ok(clang);
            }
            Self::Zig(zig) => zig.clone(),
            Self::Fetched(folder) => at(folder.join("ziglang/zig"))?,
        };
        let mut command = zig.helper(private, &[]);
        command.args(["cc", "-target", "wasm32-wasi"]);
        // Compiling the C library takes longer than anything else, and is done once.
        let cache = absolute(&kit.folder.join("zig-cache"))?;
        command.env("ZIG_GLOBAL_CACHE_DIR", &cache).env("ZIG_LOCAL_CACHE_DIR", cache);
        Ok(command)
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
    let work = project.work(kit)?;
    Inputs::of(&project.folder, VERSION)?.make(&work, out, |component| {
        let compiler = Compiler::found(kit);
        let private = kit.work()?;
        if let Compiler::Fetched(folder) = &compiler {
            program::once(folder, |staging| {
                let mut pip = program::pip(kit, &private, &CC)?;
                // pip, and not only unzipping: the program must be one that can be run.
                pip.args(["install", "--quiet", "--disable-pip-version-check"])
                    .args(["--no-deps", "--no-index", "--no-compile", "--target"])
                    .arg(absolute(staging)?)
                    .args(wheel.map(absolute).transpose()?);
                program::run(&mut pip, &CC)
            })?;
        }
        let module = work.join("module.wasm");
        let sdk = project.absolute("sdk")?;
        let mut sources = Project::sources(&absolute(&project.folder)?, "c")?;
        sources.extend(Project::sources(&sdk, "c")?);
        let mut cc = compiler.command(kit, &private)?;
        cc.args(["-mexec-model=reactor", "-std=gnu17", "-Oz", "-Wall", "-ffunction-sections"])
            .arg("-I")
            .arg(sdk)
            .args(sources)
            .arg("-o")
            .arg(absolute(&module)?);
        program::run(&mut cc, &CC)?;
        let module = fs::read(&module).map_err(disk(&module))?;
        fs::write(component, world::component(project, module)?).map_err(disk(component))
    })
}
