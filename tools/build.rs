//! Gives the crate its Rust guests. The prebuilt components are used as long as they are made of
//! the very sources that stand here; the SHA-256 of those, in `guests/prebuilt/sources`, decides.
//! Changed sources are built for wasm32-wasip2 with a cargo of their own.
//!
//! `ERRAND_GUESTS=prebuilt` takes the prebuilt components whatever the sources say, `reproduce`
//! builds and refuses a component that differs from the prebuilt one, `refresh` builds and
//! replaces the prebuilt ones.

use std::env;
use std::error::Error;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

const TARGET: &str = "wasm32-wasip2";
const GUESTS: [&str; 2] = ["files", "web"];

/// Bytes are searched sixteen at a time where the target has vectors, as WebAssembly 2 does. A call
/// costs a guest more than a native program, for at each it may be interrupted: so more of them are
/// inlined.
const FLAGS: [&str; 2] = ["-Ctarget-feature=+simd128", "-Cllvm-args=-inline-threshold=1000"];

/// All else that a component's bytes depend on, from the folder of this crate.
const SOURCES: [&str; 11] = [
    "../rust-toolchain.toml",
    "guests/Cargo.lock",
    "guests/Cargo.toml",
    "guests/documents",
    "guests/files",
    "guests/web",
    "src/data/types.rs",
    "src/files/types.rs",
    "src/web/types.rs",
    "../agent-core/src/search.rs",
    "../sandbox/wit",
];

/// Which components the crate is given, `ERRAND_GUESTS`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// Nothing is set: the prebuilt ones, or built ones where the sources have changed.
    Current,
    Prebuilt,
    Reproduced,
    Refreshed,
}

fn main() -> Result<(), Box<dyn Error>> {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let prebuilt = here.join("guests/prebuilt");
    for watched in SOURCES {
        println!("cargo::rerun-if-changed={watched}");
    }
    println!("cargo::rerun-if-changed=guests/prebuilt");
    println!("cargo::rerun-if-env-changed=ERRAND_GUESTS");

    let wanted = wanted()?;
    let sources = hash(&here)?;
    let recorded = fs::read_to_string(prebuilt.join("sources")).unwrap_or_default();
    let current = recorded.trim() == sources;
    if wanted == Wanted::Prebuilt || wanted == Wanted::Current && current {
        if !current {
            println!(
                "cargo::warning=guests: prebuilt from other sources than those that stand here"
            );
        }
        return give(&prebuilt, &out);
    }

    add_target()?;
    let built = build(&here, &out)?;
    match wanted {
        Wanted::Reproduced => {
            for guest in GUESTS {
                let file = format!("{guest}.wasm");
                if fs::read(built.join(&file))? != fs::read(prebuilt.join(&file))? {
                    return Err(format!("guests/prebuilt/{file} is not what its sources build; run `ERRAND_GUESTS=refresh cargo build --release` and commit it").into());
                }
            }
            if !current {
                return Err("guests/prebuilt/sources is the hash of other sources; run `ERRAND_GUESTS=refresh cargo build --release` and commit it".into());
            }
        }
        Wanted::Refreshed => {
            give(&built, &prebuilt)?;
            fs::write(prebuilt.join("sources"), format!("{sources}\n"))?;
        }
        Wanted::Current | Wanted::Prebuilt => {
            println!(
                "cargo::warning=guests: their sources have changed, so they were built; \
                 `ERRAND_GUESTS=refresh cargo build --release` makes them the prebuilt ones"
            );
        }
    }
    give(&built, &out)
}

fn wanted() -> Result<Wanted, String> {
    match env::var("ERRAND_GUESTS").unwrap_or_default().as_str() {
        "" => Ok(Wanted::Current),
        "prebuilt" => Ok(Wanted::Prebuilt),
        "reproduce" => Ok(Wanted::Reproduced),
        "refresh" => Ok(Wanted::Refreshed),
        other => Err(format!(
            "ERRAND_GUESTS: `{other}` is neither `prebuilt`, `reproduce` nor `refresh`"
        )),
    }
}

/// Copies every guest's component from one folder to another.
fn give(from: &Path, to: &Path) -> Result<(), Box<dyn Error>> {
    for guest in GUESTS {
        let file = format!("{guest}.wasm");
        fs::copy(from.join(&file), to.join(&file))?;
    }
    Ok(())
}

/// The SHA-256 over the flags, and the path and the bytes of every source, in hexadecimal.
fn hash(here: &Path) -> io::Result<String> {
    let mut hash = Sha256::new();
    hash.update(FLAGS.join(" "));
    for source in SOURCES {
        let mut files = Vec::new();
        below(&here.join(source), &mut files)?;
        files.sort();
        for file in files {
            let path = file.strip_prefix(here).unwrap_or(&file);
            let text = fs::read(&file)?;
            for part in [path.to_string_lossy().as_bytes(), &text] {
                hash.update((part.len() as u64).to_le_bytes());
                hash.update(part);
            }
        }
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn below(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if !path.is_dir() {
        files.push(path.to_path_buf());
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        below(&entry?.path(), files)?;
    }
    Ok(())
}

/// The target is there, or rustup adds it.
fn add_target() -> Result<(), String> {
    let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_string());
    let printed = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()
        .map_err(|error| format!("rustc: {error}"))?;
    let folder = String::from_utf8_lossy(&printed.stdout).trim().to_string();
    if printed.status.success() && Path::new(&folder).is_dir() {
        return Ok(());
    }
    let added = Command::new("rustup").args(["target", "add", TARGET]).output();
    if added.is_ok_and(|added| added.status.success()) {
        return Ok(());
    }
    Err(format!(
        "the guests have to be built, and {TARGET} is neither installed nor can rustup add it; \
         `ERRAND_GUESTS=prebuilt` takes the components as they were committed"
    ))
}

/// One cargo for all guests; gives the folder where the components are.
fn build(here: &Path, out: &Path) -> Result<PathBuf, String> {
    let target = out.join("guests");
    let home =
        env::var("CARGO_HOME").or_else(|_| env::var("HOME").map(|home| format!("{home}/.cargo")));
    let root = here.parent().unwrap_or(here);
    // Paths of this machine would make every machine's component another one.
    let mut flags = FLAGS.map(str::to_string).to_vec();
    flags.push(format!("--remap-path-prefix={}=/errand", root.display()));
    flags.push(format!("--remap-path-prefix={}=/target", target.display()));
    if let Ok(home) = home {
        flags.push(format!("--remap-path-prefix={home}=/cargo"));
    }
    let mut cargo = Command::new(env::var("CARGO").unwrap_or_else(|_| "cargo".to_string()));
    cargo
        .args(["build", "--release", "--locked", "--quiet", "--target", TARGET])
        .arg("--manifest-path")
        .arg(here.join("guests/Cargo.toml"))
        .arg("--target-dir")
        .arg(&target);
    // The outer cargo's settings are for the host.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        let settings = [
            "CARGO_ENCODED_RUSTFLAGS",
            "RUSTFLAGS",
            "CARGO_BUILD_",
            "CARGO_PROFILE_",
            "CARGO_TARGET_",
            "RUSTC_WRAPPER",
            "RUSTC_WORKSPACE_WRAPPER",
            "CARGO_FEATURE_",
            "CARGO_CFG_",
        ];
        if settings.iter().any(|setting| text.starts_with(setting)) {
            cargo.env_remove(&name);
        }
    }
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    let built = cargo.output().map_err(|error| format!("cargo: {error}"))?;
    if !built.status.success() {
        let said = String::from_utf8_lossy(&built.stderr);
        let said: Vec<&str> =
            said.lines().filter(|line| line.starts_with("error")).take(3).collect();
        return Err(format!("the guests cannot be built: {}", said.join("; ")));
    }
    Ok(target.join(TARGET).join("release"))
}
