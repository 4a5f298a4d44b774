//! Builds the Rust guests for wasm32-wasip2 with a cargo of their own, or takes the prebuilt ones
//! where the target cannot be had or `ERRAND_GUESTS=prebuilt` says so. It says which it was.
//!
//! `ERRAND_GUESTS=built` refuses to fall back; `ERRAND_GUESTS=refresh` does that too and replaces
//! the prebuilt components by what was built.

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "wasm32-wasip2";
const GUESTS: [&str; 2] = ["files", "web"];

fn main() -> Result<(), Box<dyn Error>> {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let guests = here.join("guests");
    for watched in [
        "guests/Cargo.toml",
        "guests/Cargo.lock",
        "guests/prebuilt",
        "src/files/types.rs",
        "src/web/types.rs",
        "../agent-core/src/search.rs",
        "../sandbox/wit",
    ] {
        println!("cargo::rerun-if-changed={watched}");
    }
    for guest in GUESTS {
        println!("cargo::rerun-if-changed=guests/{guest}");
    }
    println!("cargo::rerun-if-env-changed=ERRAND_GUESTS");

    let wanted = env::var("ERRAND_GUESTS").unwrap_or_default();
    let built = match wanted.as_str() {
        "prebuilt" => Err("ERRAND_GUESTS=prebuilt".to_string()),
        "" | "built" | "refresh" => add_target().and_then(|()| build(&here, &guests, &out)),
        other => {
            return Err(format!(
                "ERRAND_GUESTS: `{other}` is neither `built`, `prebuilt` nor `refresh`"
            )
            .into());
        }
    };
    match built {
        Ok(folder) => {
            for guest in GUESTS {
                let component = folder.join(format!("{guest}.wasm"));
                fs::copy(&component, out.join(format!("{guest}.wasm")))?;
                if wanted == "refresh" {
                    fs::copy(&component, guests.join("prebuilt").join(format!("{guest}.wasm")))?;
                }
            }
            println!("cargo::warning=guests: built from source for {TARGET}");
            println!("cargo::rustc-env=ERRAND_GUESTS_ARE=built");
        }
        Err(reason) if wanted == "built" || wanted == "refresh" => return Err(reason.into()),
        Err(reason) => {
            for guest in GUESTS {
                fs::copy(
                    guests.join("prebuilt").join(format!("{guest}.wasm")),
                    out.join(format!("{guest}.wasm")),
                )?;
            }
            println!("cargo::warning=guests: prebuilt components are used ({reason})");
            println!("cargo::rustc-env=ERRAND_GUESTS_ARE=prebuilt");
        }
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
    let added =
        Command::new("rustup").args(["target", "add", TARGET]).output().map_err(|error| {
            format!("{TARGET} is not installed, and rustup does not start: {error}")
        })?;
    if added.status.success() {
        Ok(())
    } else {
        Err(format!("{TARGET} is not installed, and rustup cannot add it"))
    }
}

/// One cargo for all guests; gives the folder where the components are.
fn build(here: &Path, guests: &Path, out: &Path) -> Result<PathBuf, String> {
    let target = out.join("guests");
    let home =
        env::var("CARGO_HOME").or_else(|_| env::var("HOME").map(|home| format!("{home}/.cargo")));
    let root = here.parent().unwrap_or(here);
    // Paths of this machine would make every machine's component another one. Bytes are searched
    // sixteen at a time where the target has vectors, as WebAssembly 2 does. A call costs a guest
    // more than a native program, for at each it may be interrupted: so more of them are inlined.
    let mut flags = vec![
        "-Ctarget-feature=+simd128".to_string(),
        "-Cllvm-args=-inline-threshold=1000".to_string(),
        format!("--remap-path-prefix={}=/errand", root.display()),
        format!("--remap-path-prefix={}=/target", target.display()),
    ];
    if let Ok(home) = home {
        flags.push(format!("--remap-path-prefix={home}=/cargo"));
    }
    let mut cargo = Command::new(env::var("CARGO").unwrap_or_else(|_| "cargo".to_string()));
    cargo
        .args(["build", "--release", "--locked", "--quiet", "--target", TARGET])
        .arg("--manifest-path")
        .arg(guests.join("Cargo.toml"))
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
