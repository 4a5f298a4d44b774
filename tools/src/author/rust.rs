//! Rust: cargo builds the component by itself, the target is added where rustup is there.

use std::path::{Path, PathBuf};

use guard::{Need, Work};
use serde_json::Value;

use super::program::{self, Purpose};
use super::{AuthorError, Built, Kit, Project, made};

const TARGET: &str = "wasm32-wasip2";

const CARGO: Purpose = Purpose {
    fails: "the component cannot be built",
    missing: "install Rust with rustup",
    hint: None,
};
const RUSTUP: Purpose = Purpose {
    fails: "the target `wasm32-wasip2` is not installed, and cannot be added",
    missing: "the target `wasm32-wasip2` is not installed: add it with your package manager, or \
              install Rust with rustup",
    hint: Some("try `rustup target add wasm32-wasip2`; it needs the network"),
};

const NEEDS: [Need; 2] = [Need::Network, Need::Cargo];

/// Cargo runs outside the project: a `rust-toolchain.toml` or a `.cargo` in it chooses no compiler.
/// What the program is made of – its dependencies' and its own build scripts – runs all the same.
pub(super) fn build(project: &Project, kit: &Kit, out: &Path) -> Result<Built, AuthorError> {
    let private = kit.work()?;
    add_target(&private)?;
    let mut cargo = program::helper("cargo", &private, &NEEDS, &CARGO)?;
    cargo
        .args(["build", "--release", "--target", TARGET, "--manifest-path"])
        .arg(project.absolute("Cargo.toml")?)
        .arg("--message-format=json-render-diagnostics");
    let printed = program::output(&mut cargo, &CARGO)?;
    let component = component(&printed, &project.folder).ok_or_else(|| AuthorError::NoFile {
        path: project.folder.join("Cargo.toml"),
        hint: "a tool is a library: `[lib]` with `crate-type = [\"cdylib\"]`",
    })?;
    made::put(&component, out)
}

/// The target is there, or rustup adds it.
fn add_target(private: &Work) -> Result<(), AuthorError> {
    let printed = program::helper("rustc", private, &NEEDS, &CARGO).and_then(|mut rustc| {
        rustc.args(["--print", "target-libdir", "--target", TARGET]);
        program::output(&mut rustc, &CARGO)
    });
    let there =
        printed.is_ok_and(|printed| Path::new(String::from_utf8_lossy(&printed).trim()).is_dir());
    if there {
        return Ok(());
    }
    let mut rustup = program::helper("rustup", private, &NEEDS, &RUSTUP)?;
    program::run(rustup.args(["target", "add", TARGET]), &RUSTUP)
}

/// The component of this project's own package, as cargo names it.
fn component(printed: &[u8], folder: &Path) -> Option<PathBuf> {
    let manifest = folder.join("Cargo.toml").canonicalize().ok()?;
    let lines = printed.split(|byte| *byte == b'\n');
    let messages = lines.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    let mut files = messages
        .filter(|message| {
            message["manifest_path"].as_str().is_some_and(|path| manifest == Path::new(path))
        })
        .flat_map(|message| message["filenames"].as_array().cloned().unwrap_or_default());
    files.find_map(|file| file.as_str().filter(|file| file.ends_with(".wasm")).map(PathBuf::from))
}
