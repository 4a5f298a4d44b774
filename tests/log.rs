//! What errand logs, and what a collector is sent: names, counts and times, never what was said.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use serde_json::json;

use crate::place::{Place, block_on, call, say};

/// An agent that reads a file with a secret in it.
fn reader() -> Place {
    let place = Place::new();
    place.write("a.md", "the cat is called Minka\n").agent(
        "act = \"tools\"",
        "[tools]\nuse = [\"files.read\"]\n[permissions]\nread = [\".\"]",
        &[call([("files.read", json!({ "path": "a.md" }))]), say("Minka")],
    );
    place
}

#[test]
fn each_model_call_and_tool_call_is_a_line_with_its_time() {
    let place = reader();
    let quiet = place.errand(["run", "agent.toml"]);
    assert!(!quiet.err.contains("execute_tool"), "{quiet}");
    let ran = place.errand(["--log", "info", "--log-file", "run.log", "run", "agent.toml"]);
    assert_eq!((ran.code, &*ran.out), (Some(0), &*quiet.out), "{ran}");
    let log = place.read("run.log");
    for said in
        ["invoke_agent", "chat", "execute_tool", "gen_ai.tool.name", "files.read", "time.busy"]
    {
        assert!(log.contains(said), "{said}: {log}");
    }
    assert!(!log.contains("Minka"), "{log}");
}

#[test]
fn what_is_no_filter_is_an_error() {
    let ran = reader().errand(["run", "agent.toml", "--log", "no=such=level"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.err.contains("no log filter"), "{ran}");
}

type Sent = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

async fn keep(State(sent): State<Sent>, headers: HeaderMap, body: Bytes) {
    sent.lock().unwrap().push((headers, body));
}

#[test]
fn a_collector_gets_a_run_as_spans() {
    let place = reader();
    let sent = Sent::default();
    let ran = block_on(async {
        let collector = Router::new().route("/v1/traces", post(keep)).with_state(sent.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, collector).into_future());
        let mut command = place.command(["run", "agent.toml"]);
        command
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
            .env("OTEL_EXPORTER_OTLP_HEADERS", "x-team=errands");
        let output = tokio::task::spawn_blocking(move || command.output()).await;
        place.ran(&output.unwrap().unwrap())
    });
    assert_eq!(ran.code, Some(0), "{ran}");
    let sent = sent.lock().unwrap();
    let all: Vec<u8> = sent.iter().flat_map(|(_, body)| body.to_vec()).collect();
    let all = String::from_utf8_lossy(&all);
    for said in [
        "invoke_agent test",
        "execute_tool files.read",
        "chat ",
        "gen_ai.conversation.id",
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.output_tokens",
        "service.name",
    ] {
        assert!(all.contains(said), "{said}: {all}");
    }
    assert!(!all.contains("Minka"), "{all}");
    assert!(sent.iter().all(|(headers, _)| headers["x-team"] == "errands"));
}

#[test]
fn a_collector_that_is_not_there_costs_no_run() {
    let place = reader();
    let mut command = place.command(["run", "agent.toml"]);
    let output = command.env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1").output().unwrap();
    let ran = place.ran(&output);
    assert_eq!(ran.code, Some(0), "{ran}");
}
