//! Gives the crate its Rust guests. The prebuilt components are used as long as they are made of
//! the very sources that stand here; the SHA-256 of those, in `guests/prebuilt/sources`, decides.
//! Changed sources are built for wasm32-wasip2 with a cargo of their own.
//!
//! A prebuilt component is kept compressed, `GUEST.wasm.zst`, beside its SHA-256, `GUEST.sha256`. One
//! that was built here is taken as it is.
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

/// Guests that are built by one cargo.
struct Bundle {
    guests: &'static [&'static str],
    manifest: &'static str,
    /// All else than the flags that a component's bytes depend on, from the folder of this crate.
    sources: &'static [&'static str],
    /// Where their hash is kept, beside the prebuilt components.
    recorded: &'static str,
    /// What is set for the C in them; without C nothing.
    c: &'static [(&'static str, &'static str)],
}

const BUNDLES: [Bundle; 2] = [
    Bundle {
        guests: &["files", "web"],
        manifest: "guests/Cargo.toml",
        sources: &[
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
            "guests/text",
            "../text/src",
            "../sandbox/wit",
        ],
        recorded: "sources",
        c: &[],
    },
    Bundle {
        guests: &["data"],
        manifest: "guests/data/Cargo.toml",
        sources: &[
            "../rust-toolchain.toml",
            "guests/data",
            "guests/files/src/records.rs",
            "guests/files/src/text.rs",
            "src/query/types.rs",
            "../sandbox/wit",
        ],
        recorded: "sources-data",
        c: &[("LIBSQLITE3_FLAGS", SQLITE)],
    },
];

/// SQLite without files, threads and extensions: it is given bytes.
const SQLITE: &str = "-DSQLITE_OS_OTHER=1 -DSQLITE_TEMP_STORE=3 -USQLITE_ENABLE_LOAD_EXTENSION \
    -DSQLITE_OMIT_LOAD_EXTENSION -DSQLITE_MAX_EXPR_DEPTH=200";
/// The compiler of the C in guests, PyPI's `ziglang`.
const ZIG: &str = "0.17.1";

/// Bytes are searched sixteen at a time where the target has vectors, as WebAssembly 2 does. A call
/// costs a guest more than a native program, for at each it may be interrupted: so more of them are
/// inlined.
const FLAGS: [&str; 2] = ["-Ctarget-feature=+simd128", "-Cllvm-args=-inline-threshold=1000"];

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
    println!("cargo::rerun-if-changed=guests/prebuilt");
    println!("cargo::rerun-if-env-changed=ERRAND_GUESTS");
    let wanted = wanted()?;
    // One's last step has a core for itself for minutes, which leaves the others to the next.
    std::thread::scope(|scope| {
        let make = |bundle| move || make(bundle, wanted).map_err(|error| error.to_string());
        let making = BUNDLES.each_ref().map(|bundle| scope.spawn(make(bundle)));
        let made =
            making.map(|bundle| bundle.join().unwrap_or_else(|_| Err("a panic".to_string())));
        made.into_iter().collect::<Result<(), String>>()
    })?;
    Ok(())
}

fn make(bundle: &Bundle, wanted: Wanted) -> Result<(), Box<dyn Error>> {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let prebuilt = here.join("guests/prebuilt");
    for watched in bundle.sources {
        println!("cargo::rerun-if-changed={watched}");
    }

    let sources = hash(bundle, &here)?;
    let recorded = fs::read_to_string(prebuilt.join(bundle.recorded)).unwrap_or_default();
    let current = recorded.trim() == sources;
    if wanted == Wanted::Prebuilt || wanted == Wanted::Current && current {
        if !current {
            println!(
                "cargo::warning=guests: prebuilt from other sources than those that stand here"
            );
        }
        return give_prebuilt(bundle, &prebuilt, &out);
    }

    add_target()?;
    let built = build(bundle, &here, &out)?;
    match wanted {
        Wanted::Reproduced => {
            for guest in bundle.guests {
                let recorded = fs::read_to_string(prebuilt.join(format!("{guest}.sha256")))?;
                if digest(&fs::read(built.join(format!("{guest}.wasm")))?) != recorded.trim() {
                    return Err(format!("guests/prebuilt/{guest}.wasm.zst is not what its sources build; run `ERRAND_GUESTS=refresh cargo build --release` and commit it").into());
                }
            }
            if !current {
                return Err(format!("guests/prebuilt/{} is the hash of other sources; run `ERRAND_GUESTS=refresh cargo build --release` and commit it", bundle.recorded).into());
            }
            // They are the same, so what is tested is what ships.
            return give_prebuilt(bundle, &prebuilt, &out);
        }
        Wanted::Refreshed => {
            pack(bundle, &built, &prebuilt)?;
            fs::write(prebuilt.join(bundle.recorded), format!("{sources}\n"))?;
        }
        Wanted::Current | Wanted::Prebuilt => {
            println!(
                "cargo::warning=guests: their sources have changed, so they were built; \
                 `ERRAND_GUESTS=refresh cargo build --release` makes them the prebuilt ones"
            );
        }
    }
    give_built(bundle, &built, &out)
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

/// Leaves every guest's component, and its hash, where the crate looks for them.
fn give_prebuilt(bundle: &Bundle, from: &Path, out: &Path) -> Result<(), Box<dyn Error>> {
    for guest in bundle.guests {
        fs::copy(from.join(format!("{guest}.wasm.zst")), out.join(format!("{guest}.packed")))?;
        let sum = fs::read_to_string(from.join(format!("{guest}.sha256")))?;
        fs::write(out.join(format!("{guest}.sha256")), sum.trim())?;
    }
    Ok(())
}

fn give_built(bundle: &Bundle, from: &Path, out: &Path) -> Result<(), Box<dyn Error>> {
    for guest in bundle.guests {
        let wasm = fs::read(from.join(format!("{guest}.wasm")))?;
        fs::write(out.join(format!("{guest}.packed")), &wasm)?;
        fs::write(out.join(format!("{guest}.sha256")), digest(&wasm))?;
    }
    Ok(())
}

/// Makes what was built the prebuilt components.
fn pack(bundle: &Bundle, from: &Path, prebuilt: &Path) -> Result<(), Box<dyn Error>> {
    for guest in bundle.guests {
        let wasm = from.join(format!("{guest}.wasm"));
        let packed = prebuilt.join(format!("{guest}.wasm.zst"));
        let zstd =
            Command::new("zstd").args(["-19", "-q", "-f", "-o"]).arg(packed).arg(&wasm).status();
        if !zstd.map_err(|error| format!("`zstd`, which packs the guests: {error}"))?.success() {
            return Err(format!("`zstd` does not pack `{}`", wasm.display()).into());
        }
        fs::write(prebuilt.join(format!("{guest}.sha256")), digest(&fs::read(&wasm)?) + "\n")?;
    }
    Ok(())
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The SHA-256 over the flags, and the path and the bytes of every source, in hexadecimal.
fn hash(bundle: &Bundle, here: &Path) -> io::Result<String> {
    let mut hash = Sha256::new();
    hash.update(FLAGS.join(" "));
    for (_, setting) in bundle.c {
        hash.update(ZIG);
        hash.update(setting);
    }
    for source in bundle.sources {
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

/// One cargo for all guests of a bundle; gives the folder where the components are.
fn build(bundle: &Bundle, here: &Path, out: &Path) -> Result<PathBuf, String> {
    let target = out.join(format!("guests-{}", bundle.recorded));
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
        .arg(here.join(bundle.manifest))
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
    if !bundle.c.is_empty() {
        compile_c(&mut cargo, out)?;
        cargo.envs(bundle.c.iter().copied());
    }
    let built = cargo.output().map_err(|error| format!("cargo: {error}"))?;
    if !built.status.success() {
        let said = String::from_utf8_lossy(&built.stderr);
        let said: Vec<&str> =
            said.lines().filter(|line| line.starts_with("error")).take(3).collect();
        return Err(format!("the guests cannot be built: {}", said.join("; ")));
    }
    Ok(target.join(TARGET).join("release"))
}

/// Lets cargo's build scripts compile C with zig, which has WASI's headers.
fn compile_c(cargo: &mut Command, out: &Path) -> Result<(), String> {
    let zig = zig()?;
    let folder = out.join("zig");
    // The name that Rust has for the target is none of zig's.
    let cc = format!(
        "#!/bin/sh\nfor arg do shift; case \"$arg\" in --target=*) ;; *) set -- \"$@\" \"$arg\";; \
         esac; done\nexec {zig} cc -target wasm32-wasi \"$@\"\n"
    );
    for (name, text) in [("cc", cc), ("ar", format!("#!/bin/sh\nexec {zig} ar \"$@\"\n"))] {
        let path = folder.join(name);
        let written = fs::create_dir_all(&folder)
            .and_then(|()| fs::write(&path, text))
            .and_then(|()| executable(&path));
        written.map_err(|error| format!("{}: {error}", path.display()))?;
        cargo.env(format!("{}_wasm32_wasip2", name.to_uppercase()), path);
    }
    cargo.env("ZIG_GLOBAL_CACHE_DIR", folder.join("cache"));
    cargo.env("ZIG_LOCAL_CACHE_DIR", folder.join("cache"));
    Ok(())
}

#[cfg(unix)]
fn executable(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn executable(_: &Path) -> io::Result<()> {
    Err(io::Error::other("guests with C in them are built on Unix"))
}

/// How the right zig is called here: components are to be the same wherever they are built.
fn zig() -> Result<&'static str, String> {
    let found = ["zig", "python3 -m ziglang"].into_iter().find(|zig| {
        let mut words = zig.split(' ');
        let version =
            Command::new(words.next().unwrap_or_default()).args(words).arg("version").output();
        version.is_ok_and(|said| String::from_utf8_lossy(&said.stdout).trim() == ZIG)
    });
    found.ok_or_else(|| {
        format!(
            "the guest `data` has to be built, and its C wants zig {ZIG}: `pip install \
             ziglang=={ZIG}`; `ERRAND_GUESTS=prebuilt` takes the components as they were committed"
        )
    })
}
