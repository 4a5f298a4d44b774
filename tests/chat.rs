//! A conversation: one run, told more after each answer, over a pipe as over a terminal.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::response::Response;
use serde_json::{Value, json};

use crate::place::{Place, Ran, call, say};
use crate::server::{Server, reply};

fn chat(place: &Place, args: &[&str], typed: &str) -> Ran {
    let mut child = place
        .command([&["chat"], args].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _gone = child.stdin.take().unwrap().write_all(typed.as_bytes());
    place.ran(&child.wait_with_output().unwrap())
}

/// The roles and beginnings of what a model was asked.
fn asked(body: &[u8]) -> Vec<String> {
    let body: Value = serde_json::from_slice(body).unwrap();
    let messages = body["messages"].as_array().unwrap().iter().skip(1);
    messages.map(|m| format!("{}: {}", m["role"].as_str().unwrap(), m["content"])).collect()
}

type Seen = Arc<Mutex<Vec<Vec<String>>>>;

/// A server that counts its answers, and what it was asked.
fn server() -> (Server, Seen) {
    let seen = Seen::default();
    let heard = seen.clone();
    let server = Server::start(move |request| {
        heard.lock().unwrap().push(asked(&request.body));
        reply(&json!({ "content": format!("answer {}", request.number + 1) }))
    });
    (server, seen)
}

fn remote(server: &Server, head: &str) -> String {
    format!(
        "name = \"talk\"\ntask = \"{{{{ first }}}}\"\n{head}\n[params.first]\ntype = \"string\"\n[model]\n\
         provider = \"openai\"\nname = \"m\"\nbase_url = \"http://{}/v1\"\n",
        server.at
    )
}

#[test]
fn what_is_said_is_one_run() {
    let (server, seen) = server();
    let place = Place::bare();
    place.write("agent.toml", remote(&server, ""));
    let ran = chat(&place, &["agent.toml"], "one\n\ntwo\\\nlines\n/undo\n//three\n/nosuch\n");
    assert_eq!(ran.code, Some(0), "{ran}");
    assert_eq!(ran.out, "answer 1\nanswer 2\nanswer 3\n", "{ran}");
    assert!(ran.err.contains("taken back: two\nlines\n"), "{ran}");
    assert!(ran.err.contains("there is no command `/nosuch`\nhint: `/help` lists them\n"), "{ran}");
    let turns = seen.lock().unwrap().clone();
    let first = ["user: \"one\"", "assistant: \"answer 1\""];
    assert_eq!(turns[1], [&first[..], &["user: \"two\\nlines\""]].concat());
    assert_eq!(turns[2], [&first[..], &["user: \"/three\""]].concat());
    let listed = place.errand(["runs", "list", "--json"]).lines();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["status"], "done");
    assert_eq!(listed[0]["outcome"], json!({ "answer": "answer 3" }));
    let journal = place.journal(listed[0]["run"].as_str().unwrap());
    let said: Vec<&str> = journal.lines().filter(|line| !line.starts_with("thinking")).collect();
    let expected = [
        "started talk by tools",
        "replied 0 \"answer 1\"",
        "ended {\"answer\":\"answer 1\"}",
        "said two⏎lines",
        "replied 1 \"answer 2\"",
        "ended {\"answer\":\"answer 2\"}",
        "undone",
        "said /three",
        "replied 2 \"answer 3\"",
        "ended {\"answer\":\"answer 3\"}",
    ];
    assert_eq!(said, expected);
}

#[test]
fn a_chat_goes_on_where_it_was() {
    let (server, seen) = server();
    let place = Place::bare();
    place.write("agent.toml", remote(&server, ""));
    // Any run can be gone on with.
    let ran = place.errand(["run", "agent.toml", "one", "--json"]);
    let run = ran.run();
    let ran = chat(&place, &["--resume", "latest"], "two\n/exit\nnever\n");
    assert_eq!(ran.out, "answer 2\n", "{ran}");
    let ran = chat(&place, &["--resume", &run[..10]], "three\n");
    assert!(ran.err.contains("you said last: two\n"), "{ran}");
    let all =
        ["user: \"one\"", "assistant: \"answer 1\"", "user: \"two\"", "assistant: \"answer 2\""];
    assert_eq!(seen.lock().unwrap()[2], [&all[..], &["user: \"three\""]].concat());
    let again = place.resume(&run, &[]);
    assert_eq!(again.finished()["outcome"], json!({ "answer": "answer 3" }), "{again}");
}

#[test]
fn each_turn_has_the_agents_budget() {
    let (server, _) = server();
    let place = Place::bare();
    place.write(
        "agent.toml",
        remote(&server, "") + "max_tokens = 20\n[budget]\nsteps = 1\ntokens = 900\n",
    );
    let ran = chat(&place, &["agent.toml"], "one\ntwo\nthree\n/budget\n");
    assert_eq!(ran.out, "answer 1\nanswer 2\nanswer 3\n", "{ran}");
    assert!(ran.err.contains("this turn has 0 of 1 steps and 885 of 900 tokens left"), "{ran}");
    assert!(ran.err.contains("the chat has taken 3 steps, 45 tokens"), "{ran}");
}

#[test]
fn what_needs_a_yes_is_asked_in_between() {
    let place = Place::new();
    place.write("docs/a.md", "a lamp\n").agent(
        "task = \"{{ first }}\"\n[params.first]\ntype = \"string\"",
        "[tools]\nuse = [\"files.read\"]\n[permissions]\nread = [\"docs\"]\nask = [\"files.read\"]",
        &[
            call([("files.read", json!({ "path": "docs/a.md" }))]),
            say("a lamp"),
            call([("files.read", json!({ "path": "docs/a.md" }))]),
            say("not seen"),
        ],
    );
    let ran = chat(&place, &["agent.toml"], "look\ny\nlook again\nn\n/tools\n");
    assert_eq!(ran.out, "a lamp\nnot seen\n", "{ran}");
    assert!(ran.err.contains("  saw      c1 a lamp\n"), "{ran}");
    assert!(ran.err.contains("  denied   c2 a person said no\n"), "{ran}");
    assert!(ran.err.contains("  may read   docs\n  may write  nothing\n"), "{ran}");
}

#[test]
fn ctrl_c_stops_the_turn_and_not_the_chat() {
    let (asking, waited) = channel();
    let seen = Seen::default();
    let heard = seen.clone();
    let server = Server::start(move |request| {
        heard.lock().unwrap().push(asked(&request.body));
        if request.number == 1 {
            asking.send(()).unwrap();
            let never = futures::stream::pending::<Result<String, std::io::Error>>();
            return Response::new(Body::from_stream(never));
        }
        reply(&json!({ "content": format!("answer {}", request.number + 1) }))
    });
    let place = Place::bare();
    place.write("agent.toml", remote(&server, ""));
    let mut child = place
        .command(["chat", "agent.toml"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"one\ntwo\n").unwrap();
    waited.recv().unwrap();
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let stopped = lines.find(|line| line.starts_with("stopped; ")).unwrap();
    assert_eq!(stopped, "stopped; `/resume` goes on with it, or say something else");
    stdin.write_all(b"three\n").unwrap();
    drop(stdin);
    let rest: Vec<String> = lines.collect();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{rest:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "answer 1\nanswer 3\n");
    let last = seen.lock().unwrap()[2].clone();
    assert_eq!(last, ["user: \"one\"", "assistant: \"answer 1\"", "user: \"two\\n\\nthree\""]);
}

/// There is no turn yet that it could stop.
#[test]
fn ctrl_c_while_a_model_is_fetched() {
    let (asking, asked) = channel();
    let server = Server::start(move |_| {
        asking.send(()).unwrap();
        let never = futures::stream::pending::<Result<String, std::io::Error>>();
        Response::new(Body::from_stream(never))
    });
    let place = Place::bare();
    place.write("agent.toml", "name = \"talk\"\ntask = \"do it\"\n");
    let mut command = place.command(["chat", "agent.toml"]);
    command.env("ERRAND_SOURCES", "hub").env("HF_ENDPOINT", format!("http://{}", server.at));
    command.env("ORT_DYLIB_PATH", "none").stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.stdin(Stdio::piped()).spawn().unwrap();
    asked.recv().unwrap();
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let ran = place.ran(&child.wait_with_output().unwrap());
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.err.ends_with("error: stopped before the chat began\n"), "{ran}");
}

/// A call that was stopped has an answer all the same: no conversation has a call without one.
#[test]
fn a_call_that_was_stopped_is_told_as_such() {
    let place = Place::new();
    place.write("docs/a.md", "a lamp\n").agent(
        "task = \"{{ first }}\"\n[params.first]\ntype = \"string\"",
        "[tools]\nuse = [\"files.read\"]\n[permissions]\nread = [\"docs\"]\nask = [\"files.read\"]",
        &[call([("files.read", json!({ "path": "docs/a.md" }))]), say("as you like")],
    );
    // The pipe ends where a yes is asked for: it waits.
    let ran = chat(&place, &["agent.toml"], "look\n");
    assert!(ran.err.contains("not decided; "), "{ran}");
    assert_eq!(ran.code, Some(3), "over a pipe the code is the last turn's: {ran}");
    let listed = place.errand(["runs", "list", "--json"]).lines();
    assert_eq!(listed[0]["status"], "approval");
    let run = listed[0]["run"].as_str().unwrap().to_string();
    // Its turn is open, so it is asked again; then something else is said.
    let events = place.events(&run);
    let cut = place.cut("other", &run, &events);
    let mut store = place.command(["chat", "--resume", &run]);
    store.env("ERRAND_HOME", &cut).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = store.stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"n\n").unwrap();
    let ran = place.ran(&child.wait_with_output().unwrap());
    assert_eq!(ran.out, "as you like\n", "{ran}");
}

#[test]
fn a_chat_without_an_agent_file() {
    let place = Place::with_python();
    let replies = [call([("files.read", json!({ "path": "docs/a.md" }))]), say("a lamp")];
    let script: String = replies.iter().map(|reply| format!("{reply}\n")).collect();
    place.write("script.jsonl", script).write("docs/a.md", "a lamp\n");
    let args = ["--read", "docs", "--model", "script.jsonl", "--json"];
    let ran = chat(&place, &args, "What is in a.md?\n");
    assert_eq!(ran.finished()["outcome"], json!({ "answer": "a lamp" }), "{ran}");
    assert_eq!(ran.lines()[0]["type"], "started", "{ran}");
}

#[test]
fn what_is_no_conversation() {
    let (server, _) = server();
    let place = Place::bare();
    place.write("agent.toml", remote(&server, ""));
    let told = |ran: Ran| format!("{ran}");
    let cases = [
        told(chat(&place, &["agent.toml", "--read", "."], "")),
        told(chat(&place, &["agent.toml", "-p", "first=@-"], "")),
        told(chat(&place, &["--resume", "nosuch"], "")),
        told(chat(&place, &["--resume", "latest", "--read", "."], "")),
        told(chat(&place, &["missing.toml"], "")),
        told(chat(&place, &["agent.toml"], "/tools\n/help\n")),
    ];
    insta::assert_snapshot!(cases.join("\n"));
}
