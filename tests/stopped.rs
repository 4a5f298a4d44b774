//! A program that is stopped, or whose reader is gone.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use axum::body::Body;
use axum::response::Response;
use serde_json::{Value, json};

use crate::place::{Place, say};
use crate::server::{Asked, Server, reply};

#[test]
fn a_reader_that_goes_away() {
    let place = Place::new();
    place.agent("act = \"tools\"", "", &[say("done")]);
    for args in [
        &["schema"][..],
        &["run", "agent.toml", "--json"],
        &["run", "agent.toml"],
        &["tools", "list", "--json"],
        &["completions", "bash"],
    ] {
        let mut child =
            place.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // No reader.
        drop(child.stdout.take());
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        let status = child.wait().unwrap();
        assert!(!said.contains("panicked"), "{args:?}: {said}");
        assert_eq!(status.code(), Some(0), "{args:?}: {said}");
    }
}

/// What was printed and is nowhere was lost without a word.
#[test]
fn output_that_a_full_disk_does_not_take_is_an_error() {
    let place = Place::bare();
    for args in [&["schema"][..], &["completions", "zsh"], &["tools", "list", "--json"]] {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let ran = place.ran(&place.command(args).stdout(full).output().unwrap());
        assert_eq!(ran.code, Some(1), "{args:?}: {ran}");
        assert!(ran.err.contains("error: standard output cannot be written: "), "{ran}");
    }
}

/// A supervisor's SIGTERM ended it without its last line.
#[test]
fn a_run_that_is_stopped_says_so_and_resumes() {
    for signal in ["-INT", "-TERM"] {
        let (asking, asked) = std::sync::mpsc::channel();
        let server = Server::start(move |request: Asked| match request.number {
            0 => {
                asking.send(()).unwrap();
                Response::new(Body::from_stream(futures::stream::pending::<
                    Result<String, std::io::Error>,
                >()))
            }
            _ => reply(&json!({ "content": "here" })),
        });
        let place = Place::new();
        let model =
            format!("provider = \"openai\"\nname = \"m\"\nbase_url = \"http://{}/v1\"", server.at);
        place.write("agent.toml", format!("name = \"slow\"\ntask = \"b\"\n[model]\n{model}\n"));
        let mut child = place
            .command(["run", "agent.toml", "--json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut line = move || -> Option<Value> {
            Some(serde_json::from_str(&lines.next()?.unwrap()).unwrap())
        };
        let run = line().unwrap()["run"].as_str().unwrap().to_string();
        asked.recv().unwrap();
        let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let last = std::iter::from_fn(line).last().unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(1), "{signal}: {last}");
        assert_eq!(last["type"], "finished", "{signal}: {last}");
        assert_eq!(last["reason"], "cancelled", "{signal}: {last}");
        let resumed = place.resume(&run, &[]);
        assert_eq!(resumed.finished()["outcome"], json!({ "answer": "here" }), "{resumed}");
    }
}
