//! `errand doctor` on machines that have everything, nothing, and traps.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::response::Response;
use serde_json::Value;

use crate::place::{Place, Ran};
use crate::server::{Asked, Server};

/// What it looks for.
const NAMES: [&str; 18] = [
    "home",
    "python",
    "pip",
    "registry",
    "model",
    "onnxruntime",
    "python-guest",
    "disk",
    "memory",
    "landlock",
    "confinement",
    "cgroups",
    "chromium",
    "node",
    "wasm-target",
    "gpu",
    "cuda",
    "onnxruntime-cuda",
];

/// The one line of `--json`, and the check of a name.
fn told(ran: &Ran) -> Value {
    ran.lines().pop().unwrap()
}

#[track_caller]
fn check<'a>(told: &'a Value, name: &str) -> &'a Value {
    let checks = told["checks"].as_array().unwrap();
    checks.iter().find(|check| check["name"] == name).unwrap()
}

/// An empty folder as a search path: a machine without any program.
fn nothing(place: &Place) -> PathBuf {
    let folder = place.path("no-programs");
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn program(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A home in which the default set-up is whole, as far as can be told without running it.
fn whole() -> Place {
    let place = Place::with_python();
    place.write("home/models/qwen2.5-coder-1.5b/seal.json", r#"{"files":[]}"#);
    place.write("libonnxruntime.so", "");
    place
}

#[test]
fn everything_says_what_it_is_for_and_how_to_get_it() {
    let place = Place::bare();
    let mut command = place.command(["doctor", "--json"]);
    command.env("PIP_INDEX_URL", "http://127.0.0.1:9/").env_remove("PIP_EXTRA_INDEX_URL");
    let told = told(&place.ran(&command.output().unwrap()));
    let checks = told["checks"].as_array().unwrap();
    let names: Vec<_> = checks.iter().map(|check| check["name"].as_str().unwrap()).collect();
    assert_eq!(names, NAMES);
    for check in checks {
        assert!(!check["purpose"].as_str().unwrap().is_empty(), "{check}");
        assert!(!check["found"].as_str().unwrap().is_empty(), "{check}");
        assert_eq!(check["state"] == "missing", check["remedy"].is_string(), "{check}");
    }
    assert_eq!(check(&told, "model")["state"], "later");
    assert!(!place.home().exists(), "looking makes nothing");
}

#[test]
fn a_machine_without_any_program() {
    let place = Place::bare();
    let mut command = place.command(["doctor", "--json"]);
    let ran = place.ran(&command.env("PATH", nothing(&place)).output().unwrap());
    assert_eq!(ran.code, Some(1), "{ran}");
    let told = told(&ran);
    assert_eq!(told["ok"], false);
    for name in ["python", "pip", "registry"] {
        let check = check(&told, name);
        assert_eq!(
            (&check["state"], &check["need"]),
            (&"missing".into(), &"required".into()),
            "{name}"
        );
    }
    for name in ["chromium", "node", "wasm-target"] {
        let check = check(&told, name);
        assert_eq!(
            (&check["state"], &check["need"]),
            (&"missing".into(), &"optional".into()),
            "{name}"
        );
    }
    let mut command = place.command(["doctor"]);
    let ran = place.ran(&command.env("PATH", nothing(&place)).output().unwrap());
    let last = ran.out.lines().last().unwrap();
    assert!(
        last.starts_with("the default set-up cannot work without: python, pip, registry"),
        "{ran}"
    );
    assert!(
        ran.out.contains("  MISSING  python           there is no `python3` on the search path\n"),
        "{ran}"
    );
}

/// What is wrong with the folder is told like all the rest.
#[test]
fn a_home_that_cannot_be_made() {
    let place = Place::bare();
    place.write("file", "");
    for home in [place.path("file/home"), "/proc/errand".into()] {
        let mut command = place.command(["doctor", "--json", "--offline"]);
        let ran = place.ran(&command.env("ERRAND_HOME", &home).output().unwrap());
        assert_eq!(ran.code, Some(1), "{ran}");
        let told = told(&ran);
        let found = check(&told, "home");
        assert_eq!((&found["state"], &found["need"]), (&"missing".into(), &"required".into()));
        assert!(found["found"].as_str().unwrap().starts_with("nothing can be made in `"), "{told}");
        assert_eq!(check(&told, "python")["state"], "ok", "{told}");
    }
}

#[test]
fn what_is_here_needs_nothing_to_fetch_it_with() {
    let place = whole();
    for args in [&["doctor", "--json"][..], &["doctor", "--json", "--offline"]] {
        let mut command = place.command(args);
        command.env("PATH", nothing(&place)).env("ORT_DYLIB_PATH", place.path("libonnxruntime.so"));
        let ran = place.ran(&command.output().unwrap());
        let told = told(&ran);
        for name in ["python", "pip", "registry"] {
            assert_eq!(check(&told, name)["need"], "optional", "{name}: {ran}");
        }
        for name in ["model", "onnxruntime", "python-guest"] {
            assert_eq!(check(&told, name)["state"], "ok", "{name}: {ran}");
        }
        // A machine may have too little memory for the model: that is all that may be wrong.
        let memory = check(&told, "memory");
        let small = memory["state"] == "missing" && memory["need"] == "required";
        assert_eq!((told["ok"] == true, ran.code), (!small, Some(i32::from(small))), "{ran}");
    }
}

#[test]
fn offline_what_is_not_here_is_missing() {
    let place = Place::bare();
    let ran = place.errand(["doctor", "--json", "--offline"]);
    let told = told(&ran);
    assert_eq!(check(&told, "registry")["state"], "unasked");
    assert_eq!(check(&told, "model")["remedy"], "run once without `--offline`");
    assert_eq!(ran.code, Some(1), "{ran}");
}

#[test]
fn a_damaged_model_is_not_a_model() {
    let place = whole();
    fs::remove_file(place.home().join("models/qwen2.5-coder-1.5b/seal.json")).unwrap();
    let mut command = place.command(["doctor", "--json"]);
    command.env("PATH", nothing(&place)).env("ORT_DYLIB_PATH", place.path("libonnxruntime.so"));
    let ran = place.ran(&command.output().unwrap());
    let told = told(&ran);
    let model = check(&told, "model");
    assert_eq!((&model["state"], ran.code), (&"missing".into(), Some(1)), "{ran}");
    assert_eq!(model["remedy"], "`errand models pull qwen2.5-coder-1.5b` fetches it again");
}

/// pip is asked, and no host is named: whatever index it is set up for answers.
#[test]
fn the_registry_that_pip_is_set_up_for() {
    let index = Server::start(|asked: Asked| {
        assert_eq!(asked.path, "/simple/pip/");
        let page =
            r#"<!DOCTYPE html><a href="pip-99.0-py3-none-any.whl">pip-99.0-py3-none-any.whl</a>"#;
        Response::builder().header("content-type", "text/html").body(Body::from(page)).unwrap()
    });
    let place = Place::bare();
    let ask = |index: String, args: &[&str]| {
        let mut command = place.command(args);
        command.env("PIP_INDEX_URL", index).env_remove("PIP_EXTRA_INDEX_URL");
        command.env("PIP_CONFIG_FILE", "/dev/null").env_remove("PIP_NO_INDEX");
        for proxy in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
            command.env_remove(proxy);
        }
        told(&place.ran(&command.output().unwrap()))
    };
    let simple = format!("http://{}/simple/", index.at);
    let told = ask(simple.clone(), &["doctor", "--json"]);
    assert_eq!(check(&told, "registry")["state"], "ok", "{told}");
    assert_eq!(index.asked(), ["/simple/pip/"]);
    ask(simple, &["doctor", "--json", "--offline"]);
    assert_eq!(index.asked().len(), 1, "`--offline` asks no index");
    // Nothing listens on this port.
    let told = ask("http://127.0.0.1:9/simple/".to_string(), &["doctor", "--json"]);
    let registry = check(&told, "registry");
    assert_eq!((&registry["state"], &registry["need"]), (&"missing".into(), &"required".into()));
}

/// Programs and modules that lie where errand runs, on a search path that leads there.
#[test]
fn what_lies_in_the_current_folder_is_not_run() {
    let place = Place::bare();
    let ran = place.path("ran");
    let trap = format!("#!/bin/sh\necho $0 >> {}\n", ran.display());
    for name in ["python3", "node", "npm", "rustc", "chromium", "nvidia-smi", "ldconfig"] {
        program(&place.path(name), &trap);
    }
    let trap = format!("open({:?}, 'a').write(__name__)\n", ran.display().to_string());
    for name in ["pip", "runpy", "sitecustomize", "usercustomize", "encodings"] {
        place.write(format!("{name}.py"), &trap);
    }
    place.write("rust-toolchain.toml", "[toolchain]\npath = \"here\"\n");
    place.write("here/bin/.keep", "");
    program(&place.path("here/bin/rustc"), "#!/bin/sh\ntouch ran\n");
    let rest = std::env::var("PATH").unwrap();
    for path in [format!(".:{rest}"), format!(":{rest}"), format!("here/..:{rest}")] {
        let mut command = place.command(["doctor", "--json", "--offline"]);
        let doctor = place.ran(&command.env("PATH", path).output().unwrap());
        assert_eq!(told(&doctor)["checks"].as_array().unwrap().len(), NAMES.len());
        assert!(!ran.exists(), "{} ran", fs::read_to_string(ran).unwrap());
    }
}
