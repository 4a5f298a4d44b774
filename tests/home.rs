//! `errand self`: what is kept on a machine, what of it is removed, and what never is.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use agent_core::event::RunId;
use serde_json::Value;
use sha2::{Digest, Sha256};
use store::Store;

use crate::place::{Place, Ran, block_on};

fn told(ran: &Ran) -> Value {
    assert_eq!(ran.code, Some(0), "{ran}");
    ran.lines().pop().unwrap()
}

/// The paths that were removed or would be, with why; in order.
fn removed(told: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_string();
    let items = told["removed"].as_array().unwrap().iter();
    let mut items: Vec<_> = items.map(|item| (text(&item["path"]), text(&item["why"]))).collect();
    items.sort();
    items
}

/// Makes a path look as if it had been left alone for so long.
fn aged(path: &Path, days: u64) {
    let time = SystemTime::now() - Duration::from_secs(days * 24 * 3600 + 60);
    for entry in fs::read_dir(path).into_iter().flatten() {
        aged(&entry.unwrap().path(), days);
    }
    File::open(path).unwrap().set_modified(time).unwrap();
}

/// Every file and folder below, in order.
fn below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(below(&path));
        }
        found.push(path);
    }
    found.sort();
    found
}

fn sha256(bytes: &str) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The mark of this version's engine, off an artifact that it made.
fn mark(place: &Place) -> String {
    let mut files = fs::read_dir(place.home().join("cache")).unwrap();
    let name = files.next().unwrap().unwrap().file_name().to_string_lossy().into_owned();
    name.split(['-', '.']).nth(1).unwrap().to_string()
}

const MODEL: &str = "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32";
const LARGE: &str = "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046";

#[test]
fn a_home_that_is_not_there() {
    let place = Place::bare();
    insta::assert_snapshot!(place.errand(["self", "size"]).all(), @"
    exit 0
    --- stdout
    HERE/home
      total              0 B
    ");
    insta::assert_snapshot!(place.errand(["self", "prune"]).all(), @"
    exit 0
    --- stdout
    nothing is unused
    ");
    insta::assert_snapshot!(place.errand(["self", "remove"]).all(), @"
    exit 0
    --- stdout
    `HERE/home` is not there
    ");
    assert!(!place.home().exists());
}

#[test]
fn what_there_is_by_kind() {
    let place = Place::bare();
    let file = |path: &str, bytes: usize| {
        place.write(Path::new("home").join(path), "x".repeat(bytes));
    };
    file("models/qwen2.5-coder-0.5b/seal.json", 1000);
    file("models/qwen2.5-coder-0.5b/model.onnx.data", 2_000_000);
    file("files/onnxruntime-6c1585d1bbf4/libonnxruntime.so.1.32.0", 500);
    file("errand.db", 4096);
    file("notes.txt", 7);
    place.write("elsewhere/large", "x".repeat(5000));
    std::os::unix::fs::symlink(place.path("elsewhere"), place.home().join("pages")).unwrap();
    insta::assert_snapshot!(place.errand(["self", "size"]).all(), @"
    exit 0
    --- stdout
    HERE/home
      models            2 MB  imported models: qwen2.5-coder-0.5b
      files            500 B  fetched files: ONNX Runtime, tools of set-up
      pages              0 B  web pages that were read
                              `pages` is a link, and not followed
      journal           4 kB  every run, event by event
      other              7 B  not put there by errand: notes.txt
      total             2 MB
    ");
    let told = told(&place.errand(["self", "size", "--json"]));
    assert_eq!((&told["bytes"], &told["unused"]), (&2_005_603.into(), &0.into()));
    assert_eq!(told["kinds"]["models"]["bytes"], 2_001_000);
    assert_eq!(told["kinds"]["pages"]["entries"][0]["link"], true);
    assert_eq!(told["kinds"]["other"]["entries"][0]["path"], "notes.txt");
}

#[test]
fn exactly_what_is_unused_goes() {
    let place = Place::new();
    let mark = mark(&place);
    let (foreign, guest) = ("0".repeat(16), "the component of another version");
    let cached = |digest: &str, mark: &str, end: &str| format!("cache/{digest}-{mark}.{end}");
    let (a, b) = ("a".repeat(64), "b".repeat(64));
    // What goes, with why, and how many days it has been there.
    let goes: Vec<(String, &str, u64)> = vec![
        (cached(&a, &foreign, "cwasm"), "version", 0),
        (cached(&sha256(guest), &mark, "cwasm"), "version", 0),
        (cached(&a, &foreign, "seal"), "version", 0),
        (cached(&b, &mark, "77.draft"), "gone", 0),
        (format!("guests/python-{b}.wasm"), "version", 0),
        ("guests/work-aB3".to_string(), "gone", 1),
        ("toolchains/work-aB3".to_string(), "gone", 1),
        ("work-aB3".to_string(), "gone", 1),
        ("files/onnxruntime-000000000000".to_string(), "version", 0),
        (format!("files/qwen2.5-coder-0.5b-{}", &MODEL[..12]), "done", 0),
        (format!("partial/{MODEL}"), "done", 0),
        (format!("partial/{a}"), "stale", 7),
        (format!("partial/{LARGE}.wheel"), "gone", 0),
        ("partial/model-qwen2.5-coder-1.5b.part".to_string(), "gone", 0),
        ("toolchains/zig-0.0.1".to_string(), "version", 0),
        ("toolchains/zig-0.17.1.4711".to_string(), "gone", 1),
        (format!("pages/bodies/bb/{b}"), "replaced", 1),
        ("describing-7.wasm".to_string(), "gone", 1),
        ("refetch-7".to_string(), "gone", 1),
    ];
    let stays: Vec<(String, u64)> = vec![
        (cached(&a, &foreign, "lock"), 9),
        (cached(&b, &mark, "cwasm"), 9),
        (cached(&b, &mark, "seal"), 9),
        ("guests/work-cD4".to_string(), 0),
        ("cache.key".to_string(), 9),
        ("files/onnxruntime-6c1585d1bbf4/libonnxruntime.so.1.32.0".to_string(), 9),
        (format!("files/qwen2.5-coder-1.5b-{}", &LARGE[..12]), 9),
        (format!("partial/{LARGE}"), 6),
        (format!("partial/{b}.lock"), 9),
        ("toolchains/zig-0.17.1".to_string(), 9),
        ("toolchains/zig-cache".to_string(), 9),
        (format!("pages/bodies/aa/{a}"), 9),
        ("pages/bodies/cc/fresh".to_string(), 0),
        ("models/qwen2.5-coder-0.5b/seal.json".to_string(), 9),
        ("kv/counter/lock".to_string(), 9),
        ("kv/counter/1.value".to_string(), 9),
        ("agents/research.toml".to_string(), 9),
        ("errand.db".to_string(), 9),
        ("refetch-8".to_string(), 0),
        ("theirs/python-old.wasm".to_string(), 99),
    ];
    let text = |path: &str| if path.starts_with("guests/python-") { guest } else { "x" };
    for path in goes.iter().map(|(path, ..)| path).chain(stays.iter().map(|(path, _)| path)) {
        if !place.home().join(path).exists() {
            place.write(Path::new("home").join(path), text(path));
        }
    }
    let entry = format!(r#"{{"url":"http://a/","sha256":"{a}"}}"#);
    place.write(format!("home/pages/index/aa/{a}.json"), entry);
    let days = goes.iter().map(|(path, _, days)| (path, days));
    for (path, days) in days.chain(stays.iter().map(|(path, days)| (path, days))) {
        if *days > 0 {
            aged(&place.home().join(path), *days);
        }
    }
    let before = below(&place.home());
    let mut expected: Vec<_> =
        goes.iter().map(|(path, why, _)| (path.clone(), (*why).to_string())).collect();
    expected.sort();

    let dry = told(&place.errand(["self", "prune", "--dry-run", "--json"]));
    assert_eq!(removed(&dry), expected);
    assert_eq!(below(&place.home()), before, "saying what would go removes nothing");
    let size = told(&place.errand(["self", "size", "--json"]));
    assert_eq!(size["unused"], dry["bytes"]);

    let done = told(&place.errand(["self", "prune", "--json"]));
    assert_eq!((removed(&done), &done["bytes"]), (expected, &dry["bytes"]));
    let after = below(&place.home());
    for (path, ..) in &goes {
        assert!(!place.home().join(path).exists(), "{path}");
    }
    for (path, _) in &stays {
        assert!(after.contains(&place.home().join(path)), "{path}");
    }
    assert_eq!(removed(&told(&place.errand(["self", "prune", "--json"]))), []);
}

#[test]
fn all_that_can_be_had_again_goes_and_nothing_else() {
    let place = Place::new();
    place.errand(["demo"]);
    let runs = place.errand(["runs", "list", "--json"]).out;
    place.write("home/models/mine/seal.json", "{}").write("home/kv/counter/1.value", "1");
    place.write("home/files/onnxruntime-6c1585d1bbf4/libonnxruntime.so.1.32.0", "x");
    place.write(format!("home/partial/{LARGE}"), "x");
    place.write("home/pages/bodies/aa/x", "x");
    told(&place.errand(["self", "prune", "--all", "--json"]));
    for gone in ["files/onnxruntime-6c1585d1bbf4", "pages/bodies", "demo/agent.toml.draft"] {
        assert!(!place.home().join(gone).exists(), "{gone}");
    }
    assert!(!place.home().join("partial").join(LARGE).exists());
    let compiled = below(&place.home().join("cache"));
    assert!(compiled.iter().all(|path| path.extension().is_some_and(|end| end == "lock")));
    for kept in ["models/mine/seal.json", "kv/counter/1.value", "errand.db", "demo/agent.toml"] {
        assert!(place.home().join(kept).exists(), "{kept}");
    }
    assert_eq!(place.errand(["runs", "list", "--json"]).out, runs);
    assert_eq!(place.errand(["demo"]).code, Some(0), "it is made again");
}

#[test]
fn a_download_that_another_process_works_on_stays() {
    let place = Place::bare();
    let files = [format!("partial/{LARGE}.wheel/a.whl"), "partial/model-x.part/model.onnx".into()];
    let locks = [format!("partial/{LARGE}.lock"), "partial/model-x.lock".to_string()];
    let held: Vec<File> = files
        .iter()
        .zip(&locks)
        .map(|(file, lock)| {
            place.write(Path::new("home").join(file), "x").write(Path::new("home").join(lock), "");
            let lock = File::open(place.home().join(lock)).unwrap();
            lock.lock().unwrap();
            lock
        })
        .collect();
    let done = told(&place.errand(["self", "prune", "--all", "--json"]));
    assert_eq!((removed(&done), done["busy"].as_array().unwrap().len()), (Vec::new(), 2));
    let ran = place.errand(["self", "remove", "--yes"]);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.err.starts_with("error: another process works with `HERE/home/partial/"), "{ran}");
    assert!(files.iter().all(|file| place.home().join(file).exists()));
    drop(held);
    let done = told(&place.errand(["self", "prune", "--json"]));
    assert_eq!(removed(&done).len(), 2);
    assert_eq!(place.errand(["self", "remove", "--yes"]).code, Some(0));
    assert!(!place.home().exists());
}

#[test]
fn a_run_that_goes_on_keeps_everything() {
    let place = Place::bare();
    place.errand(["demo"]);
    let store = Store::open(&place.home()).unwrap();
    let driven = store.drive(&RunId("abc".to_string())).unwrap();
    let before = below(&place.home());
    for args in [&["self", "prune"][..], &["self", "prune", "--all"], &["self", "remove", "--yes"]]
    {
        let ran = place.errand(args);
        assert_eq!(ran.code, Some(1), "{ran}");
        assert!(ran.err.starts_with("error: run `abc` goes on at this moment\nhint: "), "{ran}");
    }
    assert_eq!(below(&place.home()), before);
    drop(driven);
    assert_eq!(place.errand(["self", "remove", "--yes"]).code, Some(0));
    assert!(!place.home().exists());
}

#[test]
fn all_of_it_goes_and_what_links_lead_to_stays() {
    let place = Place::new();
    place.errand(["demo"]);
    place.write("disk/mine/seal.json", "{}").write("disk/mine/model.onnx", "x");
    let link = |to: &str, at: &str| {
        std::os::unix::fs::symlink(place.path(to), place.home().join(at)).unwrap();
    };
    link("disk", "models");
    fs::create_dir_all(place.home().join("guests")).unwrap();
    link("disk", "guests/work-eF5");
    // There is no terminal here.
    let ran = place.errand(["self", "remove"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(
        ran.err
            .contains("error: there is no terminal to ask on\nhint: `--yes` removes what is shown"),
        "{ran}"
    );
    assert!(place.home().join("errand.db").exists());
    let ran = place.errand(["self", "prune", "--all"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(
        place.home().join("models").is_symlink()
            && place.home().join("guests/work-eF5").is_symlink()
    );
    let ran = place.errand(["self", "remove", "--yes"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(!place.home().exists());
    assert_eq!(place.read("disk/mine/model.onnx"), "x");
}

/// Which ends of runs a server has to tell, and where clients of tasks are told.
#[test]
fn what_a_server_has_to_tell_goes_as_well() {
    let place = Place::bare();
    for file in ["notify/s0123456789abcdef_w0", "push/s0123456789abcdef_a0"] {
        place.write(Path::new("home").join(file), "");
    }
    let ran = place.errand(["self", "remove", "--yes"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(!place.home().exists());
}

/// `ERRAND_HOME` by mistake: the user's own folder.
#[test]
fn a_folder_of_somebody_elses() {
    for (file, shown) in [
        ("thesis.tex", "thesis.tex"),
        ("models/car.blend", "models/car.blend"),
        ("models/house/wall.obj", "models/house"),
        ("cache/browser/data", "cache/browser"),
        ("pages/index.html", "pages/index.html"),
        ("kv/shop/customers.csv", "kv/shop"),
        ("drives/c/windows", "drives/c"),
    ] {
        let place = Place::bare();
        place.write(Path::new("home").join(file), "years of work");
        place.write("home/partial/x.lock", "");
        let ran = place.errand(["self", "remove", "--yes"]);
        assert_eq!(ran.code, Some(2), "{file}: {ran}");
        let error = format!(
            "error: `HERE/home` does not look like a folder of errand's: it did not put `HERE/home/{shown}` there\n"
        );
        assert!(ran.err.starts_with(&error), "{ran}");
        for args in [&["self", "prune"][..], &["self", "prune", "--all"]] {
            let ran = place.errand(args);
            assert_eq!(ran.code, Some(0), "{ran}");
        }
        assert_eq!(place.read(Path::new("home").join(file)), "years of work");
    }
}

#[test]
fn a_model_is_removed_when_it_is_named() {
    let place = Place::bare();
    place.write("home/models/smollm2-135m/seal.json", r#"{"files":[]}"#);
    place.write("home/models/mine-0123456789ab/seal.json", r#"{"files":[]}"#);
    insta::assert_snapshot!(place.errand(["models", "remove", "smollm2-135m"]).all(), @"
    exit 0
    --- stdout
    removed smollm2-135m: 12 B
    ");
    insta::assert_snapshot!(place.errand(["models", "remove", "smollm2-135m"]).all(), @"
    exit 1
    --- stderr
    error: model `smollm2-135m` is not here
    hint: `errand models list` says which are
    ");
    assert_eq!(place.errand(["models", "remove", "mine-0123456789ab"]).code, Some(0));
    assert_eq!(place.errand(["models", "remove", ".."]).code, Some(1));
    assert!(place.home().join("models").exists());
}

/// A terminal is there, and the answer is no, then yes.
#[test]
fn a_person_is_asked_before_all_of_it_goes() {
    let script = |answer: &str, place: &Place| {
        let own = env!("CARGO_BIN_EXE_errand");
        let mut command = std::process::Command::new("script");
        command.args(["-qec", &format!("{own} self remove"), "/dev/null"]);
        command.current_dir(place.path("")).env("ERRAND_HOME", place.home());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().ok()?;
        use std::io::{Read, Write};
        // What is typed before the question is no answer.
        let (mut out, mut shown, mut byte) = (child.stdout.take().unwrap(), Vec::new(), [0]);
        while !shown.ends_with(b"[y/N]") && out.read(&mut byte).unwrap() == 1 {
            shown.push(byte[0]);
        }
        child.stdin.take().unwrap().write_all(answer.as_bytes()).unwrap();
        out.read_to_end(&mut shown).unwrap();
        let output = child.wait_with_output().unwrap();
        Some(place.ran(&std::process::Output { stdout: shown, ..output }))
    };
    let place = Place::bare();
    place.errand(["demo"]);
    let Some(ran) = script("n\n", &place) else {
        eprintln!("skipped: `script` is not here to make a terminal");
        return;
    };
    assert!(ran.out.contains("remove all of it, models and runs included? [y/N]"), "{ran}");
    assert!(
        ran.out.contains("nothing was removed") && place.home().join("errand.db").exists(),
        "{ran}"
    );
    let ran = script("y\n", &place).unwrap();
    assert!(!place.home().exists(), "{ran}");
}

/// Two processes that need different things do not wait for each other; two that need the same do.
#[test]
fn a_smaller_model_comes_while_a_larger_one_is_on_its_way() {
    use axum::body::Body;
    use axum::response::Response;
    use std::io::{BufRead, BufReader};

    let (asking, asked) = std::sync::mpsc::channel();
    let server = crate::server::Server::start(move |request: crate::server::Asked| {
        asking.send(request.path).unwrap();
        // The first bytes, and then nothing for as long as it is waited for.
        use futures::StreamExt;
        let first = futures::stream::iter([Ok::<_, std::io::Error>(vec![0_u8; 1000])]);
        let body = Body::from_stream(first.chain(futures::stream::pending()));
        let range = "bytes 0-999/1000";
        Response::builder().status(206).header("content-range", range).body(body).unwrap()
    });
    let place = Place::bare();
    let pull = |name: &str| {
        let mut command = place.command(["models", "pull", name]);
        command.env("ERRAND_SOURCES", "hub").env("HF_ENDPOINT", format!("http://{}", server.at));
        command.env("ORT_DYLIB_PATH", "none").stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let mut first = pull("qwen2.5-coder-1.5b");
    assert!(asked.recv().unwrap().contains("1.5B"));
    let mut second = pull("smollm2-135m");
    assert!(asked.recv().unwrap().contains("SmolLM2"), "it does not wait");
    let mut third = pull("qwen2.5-coder-1.5b");
    let said = BufReader::new(third.stderr.take().unwrap()).lines().map(Result::unwrap);
    let waits = "  qwen2.5-coder-1.5b: waiting for another process";
    assert!(said.into_iter().any(|line| line == waits), "the third waits for the first");
    for child in [&mut first, &mut second, &mut third] {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert_eq!(server.asked().len(), 2);
}

/// The disk is a small one, in a namespace of its own.
#[test]
fn a_disk_without_room_is_refused_before_anything_is_fetched() {
    let place = Place::bare();
    place.write("agent.toml", "name = \"a\"\ntask = \"b\"\n").write("home/.keep", "");
    fs::remove_file(place.home().join(".keep")).unwrap();
    let own = env!("CARGO_BIN_EXE_errand");
    let mounted = "mount -t tmpfs -o size=64m,mode=700 none home || exit 77; exec ";
    let mut command = std::process::Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c"]);
    command.arg(format!("{mounted} {own} run agent.toml"));
    command
        .current_dir(place.path(""))
        .env("ERRAND_HOME", place.home())
        .env_remove("ERRAND_SOURCES");
    let output = command.env("ORT_DYLIB_PATH", "none").output();
    let Some(ran) =
        output.ok().map(|output| place.ran(&output)).filter(|ran| ran.err.starts_with("error:"))
    else {
        eprintln!("skipped: no disk can be mounted in a namespace here");
        return;
    };
    assert_eq!(ran.code, Some(1));
    insta::assert_snapshot!(ran.all(), @"
    exit 1
    --- stderr
    error: `HERE/home` has 67 MB free, and setting up `qwen2.5-coder-1.5b` needs 2,887 MB
    hint: free some space, name another folder in `ERRAND_HOME`, or use a smaller model: `--model qwen2.5-coder-0.5b`
    ");
}

#[test]
fn the_events_of_the_demo_outlive_a_prune() {
    let place = Place::bare();
    let run = place.errand(["demo", "--json"]).run();
    let store = Store::open(&place.home()).unwrap();
    let before = block_on(store.events(&RunId(run.clone()))).unwrap();
    place.errand(["self", "prune", "--all"]);
    assert_eq!(place.events(&run), before);
}
