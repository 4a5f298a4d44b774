//! A pipe or a device where a file should lie: nothing waits for it or reads it to an end that it has not.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::place::{Place, Ran, say};

fn pipe(place: &Place, name: &str) {
    std::fs::create_dir_all(place.path(name).parent().unwrap()).unwrap();
    assert!(Command::new("mkfifo").arg(place.path(name)).status().unwrap().success());
}

/// It ends by itself, with an error.
#[track_caller]
fn refused(place: &Place, args: &[&str]) {
    let mut command = place.command(args);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if began.elapsed() > Duration::from_secs(30) {
            child.kill().unwrap();
            panic!("`{args:?}` waits");
        }
        std::thread::yield_now();
    }
    let ran: Ran = place.ran(&child.wait_with_output().unwrap());
    assert!(matches!(ran.code, Some(1 | 2)) && ran.err.contains("error: "), "{args:?}: {ran}");
}

fn asked(place: &Place) {
    place.agent("task = \"{{ x }}\"\n[params]\nx = { type = \"string\" }", "", &[say("done")]);
}

#[test]
fn a_pipe_beside_an_agent_file_and_in_its_place() {
    let place = Place::bare();
    asked(&place);
    pipe(&place, "value");
    refused(&place, &["run", "agent.toml", "-p", "x=@value"]);
    pipe(&place, "own.cedar");
    refused(&place, &["validate", "agent.toml"]);
    pipe(&place, "other.toml");
    refused(&place, &["validate", "other.toml"]);
}

#[test]
fn a_pipe_as_a_table_its_results_and_a_serve_file() {
    let place = Place::bare();
    asked(&place);
    pipe(&place, "pipe.csv");
    place.write("table.csv", "x\n1\n");
    refused(&place, &["batch", "agent.toml", "pipe.csv", "--out", "out.jsonl"]);
    refused(&place, &["batch", "agent.toml", "table.csv", "--out", "pipe.csv"]);
    refused(&place, &["batch", "agent.toml", "table.csv", "--out", "/dev/full"]);
    refused(&place, &["serve", "pipe.csv", "--listen", "127.0.0.1:0"]);
    refused(&place, &["serve", "/dev/zero", "--listen", "127.0.0.1:0"]);
    let columns: Vec<String> = (0..200_000).map(|number| format!("c{number}")).collect();
    place.write("wide.csv", columns.join(","));
    refused(&place, &["batch", "agent.toml", "wide.csv", "--out", "out.jsonl"]);
}

#[test]
fn a_pipe_in_a_models_folder() {
    let place = Place::bare();
    pipe(&place, "model.gguf");
    refused(&place, &["models", "import", "model.gguf"]);
    place.write("model/config.json", "{\"model_type\": \"llama\"}").write("model/none", "");
    pipe(&place, "model/model.safetensors");
    pipe(&place, "model/tokenizer.json");
    refused(&place, &["models", "import", "model"]);
    pipe(&place, "other/config.json");
    refused(&place, &["models", "import", "other"]);
}
