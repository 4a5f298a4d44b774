//! What breaks around a run: the process, the disk, the model. Nothing is lost, nothing that was
//! finished happens again, and the run goes on when things are well.

mod servers;

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use agent_core::event::{Event, What};
use agent_core::tool::Effect;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::place::{Place, call, python, say};
use crate::server::{Asked, Server, reply};

fn write(path: &str, content: &str) -> (&'static str, Value) {
    ("files.write", json!({ "path": path, "content": content }))
}

fn tables(server: &Server, uses: &str) -> String {
    format!(
        "[tools]\nuse = [\"files.read\", \"files.write\", {uses}]\n[permissions]\n\
         read = [\"docs\"]\nwrite = [\"out\"]\nnet = [\"{}\"]\n",
        server.at
    )
}

fn remote(server: &Server, timeout: &str) -> String {
    format!(
        "name = \"remote\"\ntask = \"answer\"\n[model]\nprovider = \"openai\"\nname = \"m\"\n\
         base_url = \"http://{}/v1\"\ntimeout = \"{timeout}\"\n",
        server.at
    )
}

/// The calls that gave something back in these events, and the files that were written by then.
fn finished(events: &[Event]) -> (BTreeSet<String>, BTreeSet<String>) {
    let mut paths = std::collections::BTreeMap::new();
    let (mut calls, mut written) = (BTreeSet::new(), BTreeSet::new());
    for event in events {
        match &event.what {
            What::Judged { action, .. } if action.tool == "files.write" => {
                let path = action.arguments["path"].as_str().unwrap().to_string();
                paths.insert(action.id.to_string(), path);
            }
            What::Observed { call, .. } => {
                calls.insert(call.to_string());
            }
            What::Done { call, .. } => written.extend(paths.get(&call.to_string()).cloned()),
            _ => {}
        }
    }
    (calls, written)
}

/// Cuts the journal of a finished run after each event, resumes it, and compares.
fn resumes_from_every_event(place: &Place, server: &Server, files: &[&str]) {
    let first = place.run();
    assert_eq!(first.code, Some(0), "{first}");
    let outcome = first.finished()["outcome"].clone();
    let (run, whole) = (first.run(), place.events(&first.run()));
    let requests = server.asked().len();
    let count = |events: &[Event]| {
        let fetched = events.iter().filter(|event| {
            matches!(&event.what, What::Observed { observation, .. }
                if observation.origins.iter().any(|origin| origin.untrusted()))
        });
        fetched.count()
    };
    for k in 1..whole.len() {
        let context =
            || format!("cut after event {k}: {}", crate::journal::line(&whole[k - 1].what));
        let home = place.cut(&format!("home-{k}"), &run, &whole[..k]);
        let (done, written) = finished(&whole[..k]);
        // What was finished must not happen again: without the file, it would show.
        for file in files {
            let _ = fs::remove_file(place.path(file));
        }
        let before = server.asked().len();
        let mut command = place.command(["runs", "resume", &run, "--json"]);
        let resumed = place.ran(&command.env("ERRAND_HOME", &home).output().unwrap());
        assert_eq!(resumed.code, Some(0), "{}\n{resumed}", context());
        assert_eq!(resumed.finished()["outcome"], outcome, "{}", context());
        let events = Place::events_in(&home, &run);
        assert_eq!(events[..k], whole[..k], "{}", context());
        assert!(matches!(events[k].what, What::Resumed { .. }), "{}", context());
        let again = events[k..].iter().find_map(|event| match &event.what {
            What::Acting { call, .. } if done.contains(&call.to_string()) => Some(call.clone()),
            _ => None,
        });
        assert_eq!(again, None, "{}", context());
        for file in files {
            let finished_before = written.contains(*file);
            assert_eq!(place.path(file).exists(), !finished_before, "{file}, {}", context());
        }
        if count(&whole[..k]) == count(&whole) {
            assert_eq!(server.asked().len(), before, "{}", context());
        }
        assert!(server.asked().len() - before <= requests, "{}", context());
    }
}

#[test]
fn a_run_killed_between_any_two_events_resumes() {
    let server = Server::start(|_: Asked| "a page\n".into_response());
    let place = Place::new();
    place.write("docs/a.md", "a\n").write("out/.keep", "");
    let page = || ("web.read", json!({ "url": format!("http://{}/page", server.at) }));
    let mut planned = call([("files.read", json!({ "path": "docs/a.md" })), write("out/1", "one")]);
    planned["content"] = json!("Read, then write.");
    place.agent(
        "act = \"tools\"",
        &tables(&server, "\"web.read\""),
        &[
            planned,
            call([page(), write("docs/a.md", "denied"), write("out/2", "two")]),
            call([write("out/3", "three")]),
            say("done"),
        ],
    );
    resumes_from_every_event(&place, &server, &["out/1", "out/2", "out/3"]);
}

#[test]
fn a_snippet_killed_between_any_two_events_resumes() {
    let server = Server::start(|_: Asked| "a page\n".into_response());
    let place = Place::with_python();
    place.write("docs/a.md", "a\n").write("out/.keep", "");
    let code = format!(
        "text = files.read('docs/a.md')\nfiles.write('out/1', 'one')\n\
         page = web.read('http://{}/page')\nfiles.write('out/2', 'two')\nprint('both')",
        server.at
    );
    place.agent(
        "act = \"code\"",
        &tables(&server, "\"web.read\", \"python\""),
        &[python(&code), say("done")],
    );
    resumes_from_every_event(&place, &server, &["out/1", "out/2"]);
}

#[test]
fn a_process_killed_again_and_again_gets_there() {
    let server = Server::start(|_: Asked| "a page\n".into_response());
    let place = Place::new();
    place.write("docs/a.md", "a\n").write("out/.keep", "");
    let steps = 12;
    let page = |n: i32| ("web.read", json!({ "url": format!("http://{}/{n}", server.at) }));
    let mut replies: Vec<Value> =
        (0..steps).map(|n| call([write(&format!("out/{n}"), "x"), page(n)])).collect();
    replies.push(say("done"));
    place.agent(
        "act = \"tools\"",
        &format!("{}[budget]\nsteps = 50\n", tables(&server, "\"web.read\"")),
        &replies,
    );
    let mut args = vec!["run".to_string(), "agent.toml".to_string(), "--json".to_string()];
    let (mut run, mut kills) = (String::new(), 0);
    let last = loop {
        let mut child = place.command(&args).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        run = first["run"].as_str().map_or(run, str::to_string);
        // At a different moment each time, and always further than the last.
        let last = lines.by_ref().take(4 + kills * 5 % 7).map(Result::unwrap).last();
        child.kill().unwrap();
        let rest = lines.map_while(Result::ok).last();
        child.wait().unwrap();
        let last = rest.or(last).unwrap_or_default();
        if last.starts_with("{\"type\":\"finished\"") {
            break last;
        }
        kills += 1;
        assert!(kills < 100, "it gets nowhere: {last}");
        args = ["runs", "resume", &run, "--json"].map(str::to_string).to_vec();
    };
    assert!(kills > 3, "it was killed only {kills} times");
    let last: Value = serde_json::from_str(&last).unwrap();
    assert_eq!(last["outcome"], json!({ "answer": "done" }), "{last}");
    let events = place.events(&run);
    let (done, _) = finished(&events);
    assert_eq!(done.len(), 2 * steps as usize);
    let resumes = events.iter().filter(|event| matches!(event.what, What::Resumed { .. })).count();
    assert!((1..=kills).contains(&resumes), "{resumes} resumes after {kills} kills");
    let mut kept = BTreeSet::new();
    for event in &events {
        match &event.what {
            What::Acting { call, .. } => assert!(!kept.contains(call), "{call} happened again"),
            What::Observed { call, .. } => assert!(kept.insert(call.clone()), "{call} twice"),
            _ => {}
        }
    }
    for n in 0..steps {
        assert!(place.path(format!("out/{n}")).exists(), "out/{n}");
        // A GET that was under way may be sent again; one whose answer is kept is not.
        let observed = |event: &&Event| matches!(&event.what, What::Observed { call, .. } if call.to_string() == format!("c{}", 2 * n + 2));
        assert_eq!(events.iter().filter(observed).count(), 1);
    }
}

#[test]
fn a_call_that_must_not_be_repeated_may_have_happened() {
    let server = Server::start(|_: Asked| "".into_response());
    let place = Place::new();
    place.write("docs/a.md", "a\n").write("out/.keep", "").agent(
        "act = \"tools\"",
        &tables(&server, "\"web.read\""),
        &[call([write("out/1", "one")]), say("I do not know whether it happened")],
    );
    let run = place.run().run();
    let mut events = place.events(&run);
    let acting = events.iter().position(|event| matches!(event.what, What::Acting { .. })).unwrap();
    // As a tool leaves it behind whose effects add up.
    if let What::Acting { effect, .. } = &mut events[acting].what {
        *effect = Effect::Writes;
    }
    fs::remove_file(place.path("out/1")).unwrap();
    let home = place.cut("cut", &run, &events[..=acting]);
    let mut command = place.command(["runs", "resume", &run, "--json"]);
    let resumed = place.ran(&command.env("ERRAND_HOME", &home).output().unwrap());
    assert_eq!(resumed.code, Some(0), "{resumed}");
    assert!(!place.path("out/1").exists());
    insta::assert_snapshot!(
        crate::journal::rendered(&Place::events_in(&home, &run)[acting..]), @r#"
    acting c1 Writes
    resumed
    observed c1 unsure [host] the run was interrupted while this call was under way: it may have happened
    thinking 1
    replied 1 "I do not know whether it happened"
    ended {"answer":"I do not know whether it happened"}
    "#);
}

#[test]
fn a_run_that_is_over_is_only_told_again() {
    let place = Place::new();
    let ran = place.agent("act = \"tools\"", "", &[say("done")]).run();
    let before = place.events(&ran.run());
    let again = place.resume(&ran.run(), &[]);
    assert_eq!((again.code, &again.finished()["outcome"]), (Some(0), &json!({"answer": "done"})));
    assert_eq!(place.events(&ran.run()), before);
}

#[test]
fn a_resume_does_not_need_the_agent_file() {
    let place = Place::new();
    place.write("out/.keep", "");
    let ask = "[tools]\nuse = [\"files.write\"]\n[permissions]\nwrite = [\"out\"]\n\
               ask = [\"files.write\"]";
    let ran =
        place.agent("act = \"tools\"", ask, &[call([write("out/1", "x")]), say("done")]).run();
    assert_eq!(ran.code, Some(3), "{ran}");
    fs::remove_file(place.path("agent.toml")).unwrap();
    assert_eq!(place.approve(&ran).code, Some(0));
    assert_eq!(place.read("out/1"), "x");
}

#[test]
fn two_processes_do_not_drive_one_run() {
    let silent = Server::start(|_: Asked| {
        Response::new(Body::from_stream(
            futures::stream::pending::<Result<String, std::io::Error>>(),
        ))
    });
    let place = Place::new();
    place.write("agent.toml", remote(&silent, "60s"));
    let mut child =
        place.command(["run", "agent.toml", "--json"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let started: Value = serde_json::from_str(&line).unwrap();
    let second = place.resume(started["run"].as_str().unwrap(), &[]);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(second.code, Some(1), "{second}");
    assert!(second.err.contains("is being driven by another process"), "{second}");
}

/// Runs a program with a limit on the size of the files it writes, in blocks of 512 bytes.
fn limited(place: &Place, blocks: u32, args: &[&str]) -> crate::place::Ran {
    let command = place.command(args);
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"")])
        .arg(command.get_program())
        .args(command.get_args())
        .current_dir(place.path(""))
        .env("ERRAND_HOME", place.home());
    place.ran(&shell.output().unwrap())
}

#[test]
fn a_full_disk_stops_a_run_that_then_resumes() {
    let place = Place::new();
    place.write("docs/a.md", "a\n");
    let mut large = call([("files.read", json!({ "path": "docs/a.md" }))]);
    large["content"] = json!("x".repeat(1 << 20));
    place.agent(
        "act = \"tools\"",
        "[tools]\nuse = [\"files.read\"]\n[permissions]\nread = [\"docs\"]\n\
         [budget]\ntokens = 9_000_000",
        &[large, say("done")],
    );
    let stopped = limited(&place, 512, &["run", "agent.toml", "--json"]);
    assert_eq!(stopped.code, Some(1), "{stopped}");
    assert!(stopped.err.contains("the journal cannot be written"), "{stopped}");
    let resumed = place.resume(&stopped.run(), &[]);
    assert_eq!(
        (resumed.code, &resumed.finished()["outcome"]),
        (Some(0), &json!({"answer": "done"}))
    );
}

/// The home lies on a file system of 1 MiB of its own, which is then given more room.
#[test]
fn a_file_system_that_is_full() {
    let place = Place::new();
    let large = json!({ "content": "x".repeat(2 << 20), "tool_calls": [
        { "name": "files.read", "arguments": { "path": "docs/a.md" } }
    ] });
    place.write("docs/a.md", "a\n");
    place.agent(
        "act = \"tools\"",
        "[tools]\nuse = [\"files.read\"]\n[permissions]\nread = [\"docs\"]\n\
         [budget]\ntokens = 9_000_000",
        &[large, say("done")],
    );
    let own = |script: &str| {
        let command = place.command([] as [&str; 0]);
        let mut shell = Command::new("unshare");
        shell
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", script])
            .arg(command.get_program())
            .current_dir(place.path(""))
            .env("ERRAND_HOME", place.home())
            .output()
    };
    let mount = "mount -t tmpfs -o size=1m none \"$ERRAND_HOME\"";
    if !own(mount).is_ok_and(|tried| tried.status.success()) {
        eprintln!("skipped: this machine lets no user mount a file system of its own");
        return;
    }
    let script = format!(
        "{mount} && \"$0\" run agent.toml --json; echo \"exit $?\"; \
         mount -o remount,size=64m \"$ERRAND_HOME\" && \
         \"$0\" runs resume \"$(\"$0\" runs list --json | sed 's/.*\"run\":\"\\([^\"]*\\)\".*/\\1/')\""
    );
    let ran = place.ran(&own(&script).unwrap());
    assert!(ran.out.contains("exit 1\n"), "{ran}");
    assert!(ran.err.contains("is full: make room, then resume"), "{ran}");
    assert_eq!(ran.out.lines().last(), Some("done"), "{ran}");
}

#[test]
fn a_home_that_cannot_be_used() {
    let place = Place::bare();
    place.agent("act = \"tools\"", "", &[say("done")]);
    place.write("home", "a file in the way");
    let ran = place.errand(["run", "agent.toml"]);
    assert_eq!(ran.code, Some(1));
    insta::assert_snapshot!(ran.all(), @r#"
    exit 1
    --- stderr
    error: `HERE/home` cannot hold the journal: Not a directory (os error 20); set ERRAND_HOME to a folder you may write
    "#);
}

#[test]
fn a_home_where_nothing_can_be_made() {
    let place = Place::bare();
    place.agent("act = \"tools\"", "", &[say("done")]);
    let mut command = place.command(["run", "agent.toml"]);
    let ran = place.ran(&command.env("ERRAND_HOME", "/proc/errand").output().unwrap());
    assert_eq!(ran.code, Some(1));
    let run = ran.all().split_once("drives/").unwrap().1.split('`').next().unwrap().to_string();
    insta::assert_snapshot!(ran.all().replace(&run, "ID"), @r#"
    exit 1
    --- stderr
    error: the journal cannot be written: `/proc/errand/drives/ID`: No such file or directory (os error 2); set ERRAND_HOME to a folder you may write
    "#);
}

#[test]
fn a_damaged_journal() {
    let place = Place::new();
    place.agent("act = \"tools\"", "", &[say("done")]);
    place
        .write("home/errand.db", "this is no database, and long enough to be looked at".repeat(99));
    let ran = place.errand(["run", "agent.toml"]);
    assert_eq!(ran.code, Some(1));
    insta::assert_snapshot!(ran.all(), @r#"
    exit 1
    --- stderr
    error: `HERE/home/errand.db` is damaged (file is not a database): restore it, or move it away to begin anew
    "#);
}

#[test]
fn a_corrupted_model_file() {
    let place = Place::new();
    for (name, bytes) in [
        ("empty.gguf", Vec::new()),
        ("garbage.gguf", b"not a model at all".repeat(1000)),
        ("half.gguf", [b"GGUF\x03\0\0\0".as_slice(), &[0xff; 4096]].concat()),
    ] {
        place.write(name, bytes);
        let ran = place.errand(["models", "import", name]);
        assert_eq!(ran.code, Some(1), "{name}: {ran}");
        assert!(ran.err.starts_with("error: ") && ran.err.contains(name), "{name}: {ran}");
        assert!(!ran.err.contains("panicked"), "{name}: {ran}");
    }
}

#[test]
fn a_script_that_ends_too_early_resumes_when_it_is_longer() {
    let place = Place::new();
    let missing = || call([("files.read", json!({ "path": "docs/a.md" }))]);
    let ran = place.agent("act = \"tools\"", "", &[missing()]).run();
    assert_eq!((ran.code, &ran.finished()["reason"]), (Some(1), &json!("fault")), "{ran}");
    place.agent("act = \"tools\"", "", &[missing(), say("done")]);
    assert_eq!(place.resume(&ran.run(), &[]).code, Some(0));
    assert!(Path::new(&place.home()).exists());
}

#[test]
fn a_damaged_model_is_said_to_be_and_not_run() {
    let place = Place::bare();
    place.write("agent.toml", "name = \"a\"\ntask = \"b\"\n[model]\nname = \"smollm2-135m\"\n");
    let run = || {
        let mut command = place.command(["run", "agent.toml", "--offline"]);
        // It is not loaded before the model was looked at.
        command.env("ORT_DYLIB_PATH", place.path("agent.toml"));
        place.ran(&command.output().unwrap())
    };
    place.write("home/models/smollm2-135m/model.onnx", "garbage");
    let unsealed = run();
    assert_eq!(unsealed.code, Some(1), "{unsealed}");
    insta::assert_snapshot!(unsealed.all(), @r#"
    exit 1
    --- stderr
    error: model `smollm2-135m` is damaged: `HERE/home/models/smollm2-135m/seal.json` is not there or cannot be read; `errand models pull smollm2-135m` fetches it again
    "#);
    place.write("home/models/smollm2-135m/seal.json", "{]");
    let garbled = run();
    assert_eq!(garbled.code, Some(1), "{garbled}");
    insta::assert_snapshot!(garbled.all(), @r#"
    exit 1
    --- stderr
    error: model `smollm2-135m` is damaged: `HERE/home/models/smollm2-135m/seal.json` is not there or cannot be read; `errand models pull smollm2-135m` fetches it again
    "#);
}
