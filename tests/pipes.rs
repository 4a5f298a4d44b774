//! A pipe or a device where a file should lie: nothing waits for it or reads it to an end that it has not.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::place::{Place, Ran, call, say};

fn pipe(place: &Place, name: &str) {
    std::fs::create_dir_all(place.path(name).parent().unwrap()).unwrap();
    assert!(Command::new("mkfifo").arg(place.path(name)).status().unwrap().success());
}

/// Waits until a program ends by itself.
#[track_caller]
fn ended(child: &mut Child, patience: Duration) {
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if began.elapsed() > patience {
            child.kill().unwrap();
            panic!("it waits");
        }
        std::thread::yield_now();
    }
}

/// It ends by itself, with an error.
#[track_caller]
fn refused(place: &Place, args: &[&str]) {
    let mut command = place.command(args);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    ended(&mut child, Duration::from_secs(30));
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

#[test]
fn a_pipe_in_a_tools_project_and_in_a_components_place() {
    let place = Place::bare();
    asked(&place);
    pipe(&place, "pipe.wasm");
    refused(&place, &["tools", "add", "pipe.wasm"]);
    refused(&place, &["tools", "test", "pipe.wasm"]);
    refused(&place, &["tools", "call", "x", "{}", "--component", "pipe.wasm"]);
    refused(&place, &["tools", "add", "other.wasm", "--agent", "pipe.wasm"]);
    pipe(&place, "project/tool.toml");
    refused(&place, &["tools", "build", "project"]);
    place.errand(["tools", "new", "words", "--lang", "python"]);
    pipe(&place, "words/more.py");
    refused(&place, &["tools", "build", "words"]);
    refused(&place, &["report", "check", "pipe.wasm"]);
}

#[test]
fn a_pipe_in_the_place_of_the_lock() {
    let place = Place::bare();
    place.write("a.wasm", "");
    place.agent(
        "act = \"tools\"",
        "[[tools.component]]\nname = \"a\"\nfile = \"a.wasm\"",
        &[say("done")],
    );
    pipe(&place, "errand.lock");
    refused(&place, &["validate", "agent.toml"]);
    refused(&place, &["tools", "list", "--agent", "agent.toml"]);
}

#[test]
fn a_pipe_and_a_link_as_a_log_file() {
    let place = Place::bare();
    asked(&place);
    pipe(&place, "run.log");
    refused(&place, &["--log-file", "run.log", "runs", "list"]);
    place.write("shellrc", "mine\n");
    std::os::unix::fs::symlink("shellrc", place.path("link.log")).unwrap();
    refused(&place, &["--log-file", "link.log", "runs", "list"]);
    assert_eq!(place.read("shellrc"), "mine\n");
}

/// A program that may write in a folder leaves it there; errand looks at each file there that may be an agent file.
#[test]
fn a_pipe_named_as_an_agent_file_in_a_folder_that_is_granted() {
    let place = Place::new();
    pipe(&place, "w/x.toml");
    let tables = "[tools]\nuse = [\"files.write\"]\n[permissions]\nwrite = [\"w\"]";
    let writes = call([("files.write", json!({ "path": "w/x.toml", "content": "a" }))]);
    place.agent("act = \"tools\"", tables, &[writes, say("done")]);
    let mut command = place.command(["run", "agent.toml"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    ended(&mut child, Duration::from_secs(60));
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
