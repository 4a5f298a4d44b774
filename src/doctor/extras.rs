//! What only some things need: a browser, what builds tools of one's own, a GPU.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use guard::{Need, Program};
use models::home::size;
use tools::browser::NAMES;

use super::program::{Runner, found};
use super::{Check, State};
use crate::Errand;

const PATIENCE: Duration = Duration::from_secs(10);

/// What ONNX Runtime's CUDA provider is linked with, and cuDNN, which it loads.
const CUDA: [&str; 6] = [
    "libcuda.so.1",
    "libcudart.so.13",
    "libcublas.so.13",
    "libcublasLt.so.13",
    "libcurand.so.10",
    "libcudnn.so.9",
];

pub(super) async fn chromium(runner: &Runner) -> Check {
    let check =
        Check::new("chromium", "pages that say nothing without their scripts (`[browser]`)");
    let Some(program) = NAMES.iter().find_map(|name| found(name)) else {
        let names = NAMES.map(|name| format!("`{name}`")).join(", ");
        return check.missing(
            format!("none of {names} is on the search path"),
            "install your system's package `chromium`, or name a program: `[browser] program`",
        );
    };
    let version = runner.version(&program).await.unwrap_or_else(|| "no version".to_string());
    check.ok(format!("{version}, {}", program.path().display()))
}

pub(super) async fn node(runner: &Runner) -> Check {
    let check = Check::new("node", "builds tools written in JavaScript, runs many MCP servers");
    let remedy = "install Node.js 20 or later, with npm";
    let (Some(node), npm) = (found("node"), found("npm")) else {
        return check.missing("there is no `node` on the search path", remedy);
    };
    let Some(version) = runner.version(&node).await else {
        return check.missing(format!("`{}` does not run", node.path().display()), remedy);
    };
    let major = version.trim_start_matches('v').split('.').next().and_then(|n| n.parse().ok());
    match (major, npm) {
        (Some(20..), Some(_)) => check.ok(version),
        (Some(20..), None) => check.missing(format!("{version}, without npm"), remedy),
        _ => check.missing(format!("{version} is too old"), remedy),
    }
}

pub(super) async fn rust(runner: &Runner) -> Check {
    let check = Check::new("wasm-target", "builds tools written in Rust (`wasm32-wasip2`)");
    let Some(rustc) = found("rustc") else {
        return check.missing("there is no `rustc` on the search path", "install Rust with rustup");
    };
    let mut command = runner.helper(&rustc, &[Need::Cargo]);
    command.args(["--print", "target-libdir", "--target", "wasm32-wasip2"]);
    // Looking is no reason to fetch a toolchain.
    command.env("RUSTUP_AUTO_INSTALL", "0");
    let folder = runner.ask(command, PATIENCE).await.and_then(|said| said.line());
    match folder.filter(|folder| Path::new(folder).is_dir()) {
        Some(_) => check.ok("installed"),
        None => check.missing(
            "Rust is here, and the target is not",
            "`rustup target add wasm32-wasip2`; building a tool does that too",
        ),
    }
}

pub(super) async fn gpu(runner: &Runner) -> Check {
    let check = Check::new("gpu", "local models with `device = \"cuda\"`");
    let driver = fs::read_to_string("/proc/driver/nvidia/version").ok();
    let Some(smi) = found("nvidia-smi") else {
        return match driver {
            Some(_) => check.ok("an NVIDIA driver"),
            None => {
                check.missing("no NVIDIA driver", "install NVIDIA's driver, for a GPU of theirs")
            }
        };
    };
    let mut command = runner.helper(&smi, &[]);
    command.args(["--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]);
    match runner.ask(command, PATIENCE).await.and_then(|said| said.line()) {
        Some(said) => check.ok(said),
        None => check.missing("`nvidia-smi` finds no GPU", "check NVIDIA's driver"),
    }
}

/// The libraries, where the system's loader looks for them.
pub(super) async fn cuda(runner: &Runner) -> Check {
    let check = Check::new("cuda", "CUDA 13 and cuDNN 9, for `device = \"cuda\"`");
    let path = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    let folders: Vec<PathBuf> =
        std::env::split_paths(&path).filter(|folder| folder.is_absolute()).collect();
    let mut known = String::new();
    let loader =
        ["/sbin/ldconfig", "/usr/sbin/ldconfig"].into_iter().find(|p| Path::new(p).is_file());
    if let Some(loader) = loader.and_then(|loader| Program::at(loader).ok()) {
        let mut command = runner.helper(&loader, &[]);
        command.arg("-p");
        known = runner.ask(command, PATIENCE).await.map(|said| said.out).unwrap_or_default();
    }
    let here = |library: &&str| {
        known.lines().any(|line| line.split_whitespace().next() == Some(library))
            || folders.iter().any(|folder| folder.join(library).exists())
    };
    let missing: Vec<&str> = CUDA.iter().copied().filter(|library| !here(library)).collect();
    match missing.is_empty() {
        true => check.ok("the loader finds them"),
        false => check.missing(
            format!("the loader does not find {}", missing.join(", ")),
            "install CUDA 13 and cuDNN 9, or name their folder in `LD_LIBRARY_PATH`",
        ),
    }
}

/// ONNX Runtime with the CUDA provider.
pub(super) fn runtime(errand: &Errand) -> Check {
    const NAME: &str = "onnxruntime-cuda";
    let check = Check::new(NAME, "ONNX Runtime with its CUDA provider (onnxruntime-gpu)");
    let fetcher = errand.fetcher();
    let Some(entry) = fetcher.catalog().get(NAME) else {
        let platform = models::catalog::platform();
        return check.missing(format!("there is none for {platform}"), "set `ORT_DYLIB_PATH`");
    };
    match fetcher.plan(&[NAME]).parts.first() {
        None => check.ok(entry.about.clone()),
        Some(part) => {
            let found = format!("not here yet: {} to fetch when it is asked for", size(part.fetch));
            Check { state: State::Later, found, ..check }
        }
    }
}
