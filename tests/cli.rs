//! What a person sees at the prompt: help, mistakes, exit codes.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use axum::body::Body;
use axum::response::Response;
use serde_json::{Value, json};

use crate::place::{Place, Ran, call, say};
use crate::server::{Asked, Server, reply};

fn shown(place: &Place, args: &[&str]) -> String {
    place.errand(args).all()
}

#[test]
fn errand_alone() {
    insta::assert_snapshot!(shown(&Place::bare(), &[]), @"");
}

#[test]
fn run_help() {
    insta::assert_snapshot!(shown(&Place::bare(), &["run", "--help"]), @"");
}

#[test]
fn runs_help() {
    insta::assert_snapshot!(shown(&Place::bare(), &["runs", "--help"]), @"");
}

#[test]
fn a_wrong_key() {
    let place = Place::bare();
    place.write("agent.toml", "name = \"a\"\ntask = \"b\"\n\n[budget]\nstep = 3\n");
    insta::assert_snapshot!(shown(&place, &["run", "agent.toml"]), @"");
    assert!(!place.home().exists(), "a file that is wrong leaves no run behind");
}

#[test]
fn a_missing_file() {
    insta::assert_snapshot!(shown(&Place::bare(), &["run", "agent.toml"]), @"");
}

#[test]
fn a_parameter_that_is_not_given() {
    let place = Place::bare();
    let head = "[params.question]\ntype = \"string\"\nrequired = true";
    place.agent(head, "", &[say("x")]);
    insta::assert_snapshot!(shown(&place, &["run", "agent.toml"]), @"");
    insta::assert_snapshot!(shown(&place, &["run", "agent.toml", "-p", "question"]), @"");
    insta::assert_snapshot!(shown(&place, &["run", "agent.toml", "-p", "qestion=x"]), @"");
}

#[test]
fn a_model_that_is_missing_and_may_not_be_fetched() {
    let place = Place::bare();
    place.write("agent.toml", "name = \"a\"\ntask = \"b\"\n");
    let mut command = place.command(["run", "agent.toml", "--offline"]);
    let ran = place.ran(&command.env_remove("ORT_DYLIB_PATH").output().unwrap());
    assert_eq!(ran.code, Some(1), "{ran}");
    insta::assert_snapshot!(ran.all(), @"");
}

#[test]
fn a_model_that_nobody_knows() {
    let place = Place::bare();
    place.write("agent.toml", "name = \"a\"\ntask = \"b\"\n[model]\nname = \"qwen\"\n");
    insta::assert_snapshot!(shown(&place, &["run", "agent.toml"]), @"");
}

#[test]
fn usage_that_cannot_be_meant() {
    let place = Place::bare();
    insta::assert_snapshot!(shown(&place, &["fly"]), @"");
    insta::assert_snapshot!(shown(&place, &["runs", "resume", "x", "--approve", "--deny"]), @"");
}

#[test]
fn a_run_that_does_not_exist() {
    let place = Place::bare();
    insta::assert_snapshot!(shown(&place, &["runs", "resume", "nosuch"]), @"");
    insta::assert_snapshot!(shown(&place, &["runs", "show", "nosuch"]), @"");
    insta::assert_snapshot!(shown(&place, &["runs", "list"]), @"");
}

/// Without what differs from run to run.
fn steady(ran: &Ran) -> String {
    let text = ran.all();
    let words = text.split_inclusive([' ', '\n', '`']);
    let steady = words.map(|word| {
        let bare = word.trim_end_matches([' ', '\n', '`']);
        let id = bare.len() == 12 && bare.chars().all(|c| c.is_ascii_alphanumeric()) && bare.chars().any(|c| c.is_ascii_digit());
        let seconds = bare.len() >= 3 && bare.parse::<f64>().is_ok() && bare.contains('.');
        match (id, seconds) {
            (true, _) => word.replace(bare, "ID"),
            (_, true) => word.replace(bare, "0.1"),
            _ => word.to_string(),
        }
    });
    steady.collect()
}

#[test]
fn a_run_as_a_person_sees_it() {
    let place = Place::new();
    place.write("docs/a.md", "The tower is 30 m high.\n");
    let mut first = call([
        ("files.read", json!({ "path": "docs/a.md" })),
        ("files.read", json!({ "path": "/etc/passwd" })),
    ]);
    first["content"] = json!("Read the file.");
    let tables = "[tools]\nuse = [\"files.read\"]\n[permissions]\nread = [\"docs\"]";
    place.agent("act = \"tools\"", tables, &[first, say("30 m")]);
    insta::assert_snapshot!(steady(&place.errand(["run", "agent.toml"])), @"");
}

#[test]
fn a_run_that_waits_as_a_person_sees_it() {
    let place = Place::new();
    place.write("out/.keep", "");
    let tables = "[tools]\nuse = [\"files.write\"]\n[permissions]\nwrite = [\"out\"]\n\
                  ask = [\"files.write\"]";
    let first = call([("files.write", json!({ "path": "out/a.md", "content": "x" }))]);
    place.agent("act = \"tools\"", tables, &[first, say("written")]);
    let ran = place.errand(["run", "agent.toml"]);
    assert_eq!(ran.code, Some(3));
    insta::assert_snapshot!(steady(&ran), @"");
}

#[test]
fn a_budget_that_is_spent_as_a_person_sees_it() {
    let place = Place::new();
    let tables = "[tools]\nuse = [\"files.read\"]\n[budget]\nsteps = 1";
    let first = call([("files.read", json!({ "path": "a.md" }))]);
    place.agent("act = \"tools\"", tables, &[first]);
    let ran = place.errand(["run", "agent.toml"]);
    assert_eq!(ran.code, Some(1));
    insta::assert_snapshot!(steady(&ran), @"");
}

#[test]
fn an_agent_file_that_is_right() {
    let place = Place::bare();
    place.write("docs/a.md", "a");
    let tables = "[tools]\nuse = [\"files.read\"]\n[permissions]\nread = [\"docs\"]";
    place.agent("act = \"tools\"", tables, &[say("x")]);
    insta::assert_snapshot!(shown(&place, &["validate", "agent.toml"]), @"");
}

#[test]
fn a_fresh_agent_is_right() {
    let place = Place::bare();
    insta::assert_snapshot!(shown(&place, &["init", "hello"]), @"");
    insta::assert_snapshot!(shown(&place, &["validate", "hello/agent.toml"]), @"");
    insta::assert_snapshot!(shown(&place, &["init", "hello"]), @"");
}

#[test]
fn the_tools_there_are() {
    insta::assert_snapshot!(shown(&Place::bare(), &["tools", "list"]), @"");
}

#[test]
fn completions_name_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let ran = Place::bare().errand(["completions", shell]);
        assert!(ran.code == Some(0) && ran.out.contains("resume"), "{shell}: {ran}");
    }
}

#[test]
fn the_schema_is_a_schema() {
    let ran = Place::bare().errand(["schema"]);
    let schema: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(schema["properties"]["act"]["description"].is_string(), true);
    jsonschema::validator_for(&schema).unwrap();
}

#[test]
fn a_reader_that_goes_away() {
    let place = Place::new();
    place.agent("act = \"tools\"", "", &[say("done")]);
    for args in [&["schema"][..], &["run", "agent.toml", "--json"], &["run", "agent.toml"], &["tools", "list", "--json"]] {
        let mut child = place.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // Nobody reads.
        drop(child.stdout.take());
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        let status = child.wait().unwrap();
        assert!(!said.contains("panicked"), "{args:?}: {said}");
        assert_eq!(status.code(), Some(0), "{args:?}: {said}");
    }
}

#[test]
fn ctrl_c_stops_a_run_that_then_resumes() {
    let server = Server::start(|asked: Asked| match asked.number {
        0 => Response::new(Body::from_stream(
            futures::stream::pending::<Result<String, std::io::Error>>(),
        )),
        _ => reply(&json!({ "content": "here" })),
    });
    let place = Place::new();
    place.write(
        "agent.toml",
        format!(
            "name = \"slow\"\ntask = \"b\"\n[model]\nprovider = \"openai\"\nname = \"m\"\n\
             base_url = \"http://{}/v1\"\n",
            server.at
        ),
    );
    let mut child = place
        .command(["run", "agent.toml"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    let run = first.rsplit(' ').next().unwrap().to_string();
    let interrupted = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    let said: Vec<String> = lines.map(Result::unwrap).collect();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{said:?}");
    let hint = format!("stopped; `errand runs resume {run}` goes on from here");
    assert_eq!(said.last(), Some(&hint), "{said:?}");
    let resumed = place.resume(&run, &[]);
    assert_eq!(resumed.finished()["outcome"], json!({ "answer": "here" }), "{resumed}");
}
