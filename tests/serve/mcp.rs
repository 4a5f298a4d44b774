//! `/mcp`: agents as tools over HTTP, and what must not get through there.

use serde_json::{Value, json};

use super::client::{ADA, Answer, BOB, Serve, file};
use crate::place::{Place, call, say};

const BOTH: (&str, &str) = ("Accept", "application/json, text/event-stream");

fn saying() -> (Place, Serve) {
    let place = Place::bare();
    place.agent("act = \"tools\"", "", &[say("Done it.")]);
    file(&place, &["helper"], "");
    let serve = Serve::start(&place);
    (place, serve)
}

/// One message to the endpoint.
fn post(serve: &Serve, token: &str, more: &[(&str, &str)], body: &Value) -> Answer {
    let authorization = format!("Bearer {token}");
    let headers = [&[("Authorization", &*authorization), BOTH], more].concat();
    serve.send("POST /mcp", &headers, &body.to_string())
}

/// The message that answers a request.
fn answer(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    let messages = match answer.head.contains("text/event-stream") {
        true => {
            let data = answer.body.lines().filter_map(|line| line.strip_prefix("data: "));
            data.filter_map(|data| serde_json::from_str::<Value>(data).ok()).collect()
        }
        false => vec![answer.json()],
    };
    let last = messages.into_iter().find(|message| message.get("id").is_some());
    last.unwrap_or_else(|| panic!("no answer: {answer:?}"))
}

fn hello() -> Value {
    json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {},
        "clientInfo": { "name": "test", "version": "1" },
    }})
}

/// Begins a session, and gives its name.
fn session(serve: &Serve, token: &str) -> String {
    let begun = post(serve, token, &[], &hello());
    assert_eq!(answer(&begun)["result"]["serverInfo"]["name"], "errand", "{begun:?}");
    let name = begun.head.lines().find_map(|line| line.strip_prefix("mcp-session-id: ")).unwrap();
    let initialized = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    let told = post(serve, token, &[("Mcp-Session-Id", name)], &initialized);
    assert_eq!(told.status, 202, "{told:?}");
    name.to_string()
}

fn calls() -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "helper", "arguments": {} } })
}

#[test]
fn an_agent_is_called_in_a_session_and_its_run_is_the_users() {
    let (_place, serve) = saying();
    let name = session(&serve, ADA);
    let session = [("Mcp-Session-Id", &*name)];
    let list = json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/list" });
    let tools = answer(&post(&serve, ADA, &session, &list));
    assert_eq!(tools["result"]["tools"][0]["name"], "helper", "{tools}");
    let done = answer(&post(&serve, ADA, &session, &calls()))["result"].clone();
    assert_eq!(done["structuredContent"], json!({ "answer": "Done it." }), "{done}");
    let run = done["_meta"]["errand/run"].as_str().unwrap();
    assert_eq!(serve.get(&format!("/v1/runs/{run}"), ADA).json()["status"], "done");
    serve.get(&format!("/v1/runs/{run}"), BOB).says(404, "run_not_found");
    assert_eq!(serve.stop(), Some(0));
}

#[test]
fn the_session_of_another_user() {
    let (_place, serve) = saying();
    let name = session(&serve, ADA);
    let session = [("Mcp-Session-Id", &*name)];
    assert_eq!(post(&serve, BOB, &session, &calls()).status, 404);
    let authorization = format!("Bearer {BOB}");
    let headers = [("Authorization", &*authorization), ("Accept", "text/event-stream"), session[0]];
    assert_eq!(serve.send("GET /mcp", &headers, "").status, 404);
    serve.send("DELETE /mcp", &headers, "");
    assert_eq!(serve.get("/v1/runs", BOB).json()["data"], json!([]));
    // It is still there for the one whose it is.
    let done = answer(&post(&serve, ADA, &session, &calls()));
    assert_eq!(done["result"]["isError"], false, "{done}");
}

#[test]
fn a_request_that_does_not_pass_the_door() {
    let (_place, serve) = saying();
    serve.send("POST /mcp", &[BOTH], &hello().to_string()).says(401, "invalid_api_key");
    post(&serve, ADA, &[("Origin", "https://evil.example")], &hello()).says(403, "foreign_origin");
    post(&serve, ADA, &[("Host", "evil.example")], &hello()).says(421, "unknown_host");
    assert_eq!(post(&serve, ADA, &[("Content-Type", "text/plain")], &hello()).status, 415);
    let large = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping", "params": { "x": "x".repeat(5 << 20) } });
    assert_eq!(post(&serve, ADA, &[], &large).status, 413);
}

#[test]
fn an_agent_that_the_user_may_not_run_is_no_tool() {
    let place = Place::bare();
    place.agent("act = \"tools\"", "", &[say("Done it.")]);
    file(&place, &["helper", "other"], "");
    let text = place.read("serve.toml").replace("[users.bob]", "[users.bob]\nagents = [\"other\"]");
    place.write("serve.toml", text);
    let serve = Serve::start(&place);
    let name = session(&serve, BOB);
    let session = [("Mcp-Session-Id", &*name)];
    let list = json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/list" });
    let tools = answer(&post(&serve, BOB, &session, &list))["result"]["tools"].clone();
    assert_eq!(
        (&tools[0]["name"], tools.as_array().unwrap().len()),
        (&json!("other"), 1),
        "{tools}"
    );
    assert_eq!(answer(&post(&serve, BOB, &session, &calls()))["error"]["code"], -32602);
}

/// A request of the protocol without sessions, in which a server asks with its result.
fn modern(serve: &Serve, token: &str, more: Value) -> Value {
    let mut params = json!({ "name": "helper", "arguments": {}, "_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": { "elicitation": { "form": {} } },
    }});
    params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let body = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params });
    let headers = [
        ("MCP-Protocol-Version", "2026-07-28"),
        ("Mcp-Method", "tools/call"),
        ("Mcp-Name", "helper"),
    ];
    answer(&post(serve, token, &headers, &body))["result"].clone()
}

#[test]
fn what_a_run_waits_for_comes_with_the_result_and_is_answered_with_the_next_call() {
    let place = Place::new();
    let tables = "[tools]\nuse = [\"files.read\"]\n[permissions]\nread = [\"a.txt\"]\nask = [\"files.read\"]";
    let reads = call([("files.read", json!({ "path": "a.txt" }))]);
    place.write("a.txt", "what is in it\n");
    place.agent("act = \"tools\"", tables, &[reads, say("Read it.")]);
    file(&place, &["helper", "other"], "");
    let serve = Serve::start(&place);
    let asked = modern(&serve, ADA, json!({}));
    assert_eq!(asked["resultType"], "input_required", "{asked}");
    let request = &asked["inputRequests"]["answer"];
    assert_eq!(request["method"], "elicitation/create", "{asked}");
    assert!(request["params"]["message"].as_str().unwrap().contains("a.txt"), "{asked}");
    let state = asked["requestState"].as_str().unwrap().to_string();
    let yes = json!({ "answer": { "action": "accept", "content": { "decision": "approve" } } });

    // Of another user, for another action, and made up: none of them is a yes.
    let (run, digest) = state.split_once(' ').unwrap();
    let elsewhere = modern(&serve, BOB, json!({ "requestState": state, "inputResponses": yes }));
    assert_eq!(elsewhere["isError"], true, "{elsewhere}");
    let other = modern(
        &serve,
        ADA,
        json!({ "requestState": format!("{run} c1-000000000000"), "inputResponses": yes }),
    );
    assert_ne!(other["isError"], false, "{other}");
    let none = modern(&serve, ADA, json!({ "requestState": "x", "inputResponses": yes }));
    assert_eq!(none["isError"], true, "{none}");
    assert_eq!(serve.get(&format!("/v1/runs/{run}"), ADA).json()["waits"]["digest"], digest);

    let done = modern(&serve, ADA, json!({ "requestState": state, "inputResponses": yes }));
    assert_eq!(done["structuredContent"], json!({ "answer": "Read it." }), "{done}");
    assert!(place.journal(run).contains("what is in it"));
}
