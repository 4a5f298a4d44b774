//! Rules of the house that can be read off the source.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const LIBRARIES: [&str; 11] = [
    "agent-core",
    "agent-file",
    "models",
    "policies",
    "research",
    "sandbox",
    "server",
    "stepwise",
    "store",
    "text",
    "tools",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below a folder, without what is built, fetched, hidden or a fuzzer's.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if name.starts_with('.') && name != ".ci" && name != ".github"
            || name == "target"
            || name == "dist"
            || name == "shared"
            || name == "corpus"
        {
            continue;
        }
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found
}

fn text(path: &Path) -> String {
    String::from_utf8(fs::read(path).unwrap()).unwrap_or_default()
}

fn rust_files(below: &str) -> Vec<PathBuf> {
    let mut found = files(&root().join(below));
    found.retain(|path| path.extension().is_some_and(|end| end == "rs"));
    found
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}

/// The lines of files that break a rule, as `path:line: text`.
fn broken(files: Vec<PathBuf>, breaks: impl Fn(&Path, &str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for path in files {
        for (number, line) in (1..).zip(text(&path).lines()) {
            if breaks(&path, line) {
                found.push(format!("{}:{number}: {}", shown(&path), line.trim()));
            }
        }
    }
    found
}

#[track_caller]
fn none(found: Vec<String>, rule: &str) {
    assert!(found.is_empty(), "{rule}:\n{}", found.join("\n"));
}

/// The names in a manifest's table.
fn table(manifest: &str, table: &str) -> Vec<String> {
    let lines = manifest.lines().skip_while(|line| *line != format!("[{table}]")).skip(1);
    let lines = lines.take_while(|line| !line.starts_with('['));
    let names = lines.filter_map(|line| line.split(['.', ' ', '=']).next());
    names.filter(|name| !name.is_empty()).map(str::to_string).collect()
}

#[test]
fn libraries_do_not_print() {
    let sources = LIBRARIES.iter().flat_map(|library| rust_files(&format!("{library}/src")));
    let sources: Vec<PathBuf> = sources.filter(|path| !is_test(path)).collect();
    let prints = ["println!(", "print!(", "eprintln!(", "eprint!(", "dbg!("];
    none(
        broken(sources, |_, line| prints.iter().any(|print| line.contains(print))),
        "a library says what it has to say by returning it",
    );
}

fn is_test(path: &Path) -> bool {
    let path = path.to_string_lossy();
    path.contains("/tests/") || path.ends_with("tests.rs")
}

#[test]
fn the_middle_names_no_engine() {
    let manifest = text(&root().join("agent-core/Cargo.toml"));
    for engine in ["reqwest", "wasmtime", "ort", "async-openai", "rusqlite", "axum"] {
        for place in ["dependencies", "dev-dependencies"] {
            assert!(!table(&manifest, place).contains(&engine.to_string()), "agent-core: {engine}");
        }
    }
}

#[test]
fn the_crates_in_the_middle_do_not_depend_on_each_other() {
    for library in LIBRARIES {
        let allowed: &[&str] = match library {
            "text" => &[],
            "agent-core" => &["text"],
            "research" => &["agent-core", "agent-file", "text"],
            _ => &["agent-core", "text"],
        };
        let manifest = text(&root().join(library).join("Cargo.toml"));
        let names = table(&manifest, "dependencies");
        let ours = LIBRARIES.iter().filter(|other| names.iter().any(|name| name == *other));
        let found: Vec<_> = ours.filter(|other| !allowed.contains(other)).collect();
        assert!(found.is_empty(), "{library} depends on {found:?}");
    }
}

#[test]
fn a_guest_is_made_of_packages_of_its_own_workspace() {
    let mut manifests = files(&root().join("tools/guests").canonicalize().unwrap());
    manifests.retain(|path| path.ends_with("Cargo.toml"));
    let workspace = |package: &Path| {
        let begins = |manifest: &&Path| {
            manifest.is_file() && text(manifest).lines().any(|line| line == "[workspace]")
        };
        let above: Vec<PathBuf> =
            package.ancestors().map(|folder| folder.join("Cargo.toml")).collect();
        above.iter().map(PathBuf::as_path).find(begins).map(Path::to_path_buf)
    };
    // A package from elsewhere would have its whole path in the symbols of the component.
    let outside = |manifest: &Path, line: &str| {
        let Some((_, path)) = line.split_once("{ path = \"") else { return false };
        let from = manifest.parent().unwrap();
        let package = from.join(path.split('"').next().unwrap()).canonicalize().unwrap();
        workspace(&package) != workspace(from)
    };
    none(broken(manifests, outside), "the same component wherever it is built");
}

#[test]
fn running_and_testing_build_each_crate_once() {
    // A crate as the program gets it: its version and its features.
    let crates = |arguments: &[&str]| -> BTreeSet<String> {
        let printed = Command::new(env!("CARGO"))
            .args(["tree", "--offline", "--locked", "--prefix", "none", "--format", "{p} {f}"])
            .args(arguments)
            .current_dir(root())
            .output()
            .unwrap();
        assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
        let printed = String::from_utf8(printed.stdout).unwrap();
        printed.lines().map(|line| line.trim_end_matches(" (*)").to_string()).collect()
    };
    let run = crates(&["-p", "errand", "-e", "normal,build"]);
    let test = crates(&["--workspace", "-e", "normal,build,dev"]);
    assert!(run.len() > 100, "{run:?}");
    none(
        run.difference(&test).cloned().collect(),
        "`cargo test` wants other features of these than `cargo run`: say them in http-client/Cargo.toml",
    );
}

#[test]
fn a_permit_is_made_in_one_place() {
    let made = |path: &Path, line: &str| {
        let line = line.trim();
        line.contains("Permit {")
            && !["pub struct", "struct", "impl", "//"].iter().any(|start| line.starts_with(start))
            && !line.contains("-> Permit {")
            && !line.contains("Effect::Permit {")
            && !path.ends_with("agent-core/src/action.rs")
            && !path.ends_with("tests/tidy.rs")
    };
    none(broken(rust_files(""), made), "only `action.rs` makes permits");
}

/// A program that is started from anywhere else may be one that the current folder holds.
#[test]
fn a_program_is_started_in_one_place() {
    let folders = LIBRARIES.iter().copied().chain(["guard"]);
    let mut sources: Vec<PathBuf> =
        folders.flat_map(|library| rust_files(&format!("{library}/src"))).collect();
    sources.extend(rust_files("src"));
    sources.retain(|path| !is_test(path) && !path.ends_with("guard/src/program.rs"));
    assert!(sources.len() > 100, "the sources are elsewhere now");
    let starts = |_: &Path, line: &str| {
        let ways = ["Command::new(", "Command::new;", "Command as ", "posix_spawn", "execv"];
        ways.iter().any(|way| line.contains(way)) || line.trim() == "use std::process;"
    };
    none(broken(sources, starts), "only `guard` makes a `Command`");
}

#[test]
fn every_module_says_what_it_is() {
    let silent = |path: &PathBuf| {
        let text = text(path);
        let first = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with("#!["));
        !first.is_some_and(|line| line.starts_with("//!"))
    };
    let mut sources = rust_files("");
    // An example's first lines are the example: it is shown as a whole in the documentation.
    sources.retain(|path| !path.ends_with("examples/library.rs"));
    let found = sources.into_iter().filter(silent).map(|path| shown(&path)).collect();
    none(found, "a module begins with `//!`");
}

/// A reader greps for the field's words: user, caller, process, untrusted.
#[test]
fn nobody_is_called_somebody() {
    let banned = ["somebody", "nobody", "whoever", "anybody", "everybody", "stranger", "strangers"];
    let names = |_: &Path, line: &str| {
        let prose = line.trim_start();
        let comment = prose.find("//").map_or("", |at| &prose[at..]);
        let words = comment.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':');
        words.map(str::to_lowercase).any(|word| banned.contains(&word.as_str()))
    };
    let mut sources = rust_files("");
    // A guest's source is part of what it is built from: its words change when it does.
    sources.retain(|path| !["tools/guests", "/sdk/"].iter().any(|part| shown(path).contains(part)));
    none(broken(sources, names), "say user, caller, process, or untrusted");
}

#[test]
fn no_file_knows_the_machine_it_was_written_on() {
    let folders = ["/work/", "/root/", "/home/"];
    // A home in an example, and the one that a test makes for itself.
    let nobodys = ["/home/me", "/home/you", "HERE/home/"];
    let names = |path: &Path, line: &str| {
        let line = nobodys.iter().fold(line.to_string(), |line, home| line.replace(home, ""));
        !path.ends_with("tests/tidy.rs") && folders.iter().any(|folder| line.contains(folder))
    };
    let mut all = files(root());
    all.retain(|path| !path.ends_with("Cargo.lock"));
    none(broken(all, names), "paths are relative, or of no machine in particular");
}

#[test]
fn only_fetching_knows_where_packages_come_from() {
    let hosts = ["pypi.org", "pythonhosted.org", "crates.io", "npmjs", "proxy.golang"];
    let names = |path: &Path, line: &str| {
        !path.ends_with("tests/tidy.rs") && hosts.iter().any(|host| line.contains(host))
    };
    let mut all = files(root());
    // A lock file and deny.toml say from where a crate may come.
    all.retain(|path| !path.ends_with("Cargo.lock") && !path.ends_with("deny.toml"));
    none(
        broken(all, names),
        "a package has a name; its registry is the package manager's business",
    );
}

/// What lies in a folder of others may be a pipe, which would be waited for. Read otherwise are what errand keeps
/// for itself and what the kernel tells.
#[test]
fn a_file_that_lies_somewhere_is_read_in_one_place() {
    const OWN: [&str; 23] = [
        "agent-file/src/disk.rs",
        "guard/src/cgroup.rs",
        "guard/src/file.rs",
        "models/src/fetch/",
        "models/src/home.rs",
        "models/src/onnx/bench.rs",
        "models/src/onnx/prefixes.rs",
        "sandbox/src/components/seal.rs",
        "sandbox/src/host/kv.rs",
        "sandbox/src/host/pages/store.rs",
        "sandbox/src/room.rs",
        "src/batch/results.rs",
        "src/cli/shipped.rs",
        "src/doctor/",
        "src/home/prune.rs",
        "src/serve/token.rs",
        "store/src/blobs.rs",
        "store/src/drive.rs",
        "store/src/provenance.rs",
        "tools/src/author/c.rs",
        "tools/src/author/made.rs",
        "tools/src/author/packages.rs",
        "tools/src/mcp/oauth/tokens.rs",
    ];
    let folders = LIBRARIES.iter().copied().chain(["guard", "mcp-file"]);
    let mut sources: Vec<PathBuf> =
        folders.flat_map(|library| rust_files(&format!("{library}/src"))).collect();
    sources.extend(rust_files("src"));
    sources.retain(|path| !is_test(path) && !OWN.iter().any(|own| shown(path).starts_with(own)));
    let mut found = Vec::new();
    for path in sources {
        let text = text(&path);
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let reads = |line: &&str| {
            ["fs::read(", "fs::read_to_string(", "File::open("].iter().any(|way| line.contains(way))
        };
        found.extend(code.lines().filter(reads).map(|line| format!("{}: {line}", shown(&path))));
    }
    none(found, "`guard::file` reads what lies in a folder that others may have written");
}

/// A promise whose test was renamed is one that nothing holds.
#[test]
fn each_promise_names_a_test_that_is_there() {
    let sources: String = rust_files("").iter().map(|path| text(path)).collect();
    let functions: BTreeSet<&str> = sources
        .lines()
        .filter_map(|line| line.split("fn ").nth(1)?.split(['(', '<']).next())
        .collect();
    let is_one = |name: &str| match name.strip_prefix('…') {
        Some(end) => functions.iter().any(|function| function.ends_with(end)),
        None => functions.contains(name),
    };
    let mut broken = Vec::new();
    for page in ["ARCHITECTURE.md", "SECURITY.md", "docs/security.md"] {
        let page_text = text(&root().join(page));
        for named in page_text.split('`').skip(1).step_by(2) {
            let letters =
                |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_…".contains(c);
            // A limit, a price and a call of the system.
            let other = ["max_tokens", "cost_usd", "pivot_root"].contains(&named);
            let function = named.contains('_') && named.chars().all(letters) && !other;
            let path = named.contains('/') && named.ends_with(".rs");
            if function && !is_one(named) || path && !exists(named) {
                broken.push(format!("{page}: `{named}` is not there"));
            }
        }
    }
    let page = text(&root().join("docs/security.md"));
    let promises = page.split("## What is promised").nth(1).unwrap();
    let promises = promises.split("## What is not promised").next().unwrap();
    let promises: Vec<&str> =
        promises.split("\n\n").filter(|part| part.trim().starts_with("**")).collect();
    assert!(promises.len() > 20, "the promises are elsewhere now");
    for promise in promises {
        let tested = promise.rsplit(" –").next().unwrap_or_default();
        if tested.len() == promise.len() || !tested.contains(".rs`") && !tested.contains(".md)") {
            broken.push(format!("no test of: {}", promise.lines().next().unwrap_or_default()));
        }
    }
    none(broken, "each promise names its test");
}

/// Whether the file is there, from the root or in the sources of a crate.
fn exists(path: &str) -> bool {
    let crates = LIBRARIES.iter().map(|library| root().join(library).join("src").join(path));
    [root().join(path), root().join("src").join(path)]
        .into_iter()
        .chain(crates)
        .any(|path| path.is_file())
}
