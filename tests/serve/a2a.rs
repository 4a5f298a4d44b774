//! Agents for other agents: tasks over JSON-RPC.

use serde_json::{Value, json};

use super::client::{ADA, BOB, Serve, file};
use crate::place::{Place, call, say};

fn saying() -> (Place, Serve) {
    let place = Place::bare();
    let head = "act = \"tools\"\ndescription = \"Says it.\"\ntask = \"{{ what }} {{ times }}\"\n[params]\n\
                what = { type = \"string\" }\ntimes = { type = \"integer\", default = 1 }";
    place.agent(head, "", &[say("Done it.")]);
    file(&place, &["helper"], "");
    let serve = Serve::start(&place);
    (place, serve)
}

fn ask(serve: &Serve, token: &str, method: &str, params: &Value) -> Value {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let answer = serve.post("/a2a/helper", token, &body);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn send(serve: &Serve, id: &str, more: Value) -> Value {
    let mut message = json!({ "kind": "message", "role": "user", "messageId": id });
    message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    ask(serve, ADA, "message/send", &json!({ "message": message }))
}

fn text(words: &str) -> Value {
    json!([{ "kind": "text", "text": words }])
}

#[test]
fn a_message_begins_a_task_once_and_gets_its_outcome() {
    let (_place, serve) = saying();
    let card = serve.get("/.well-known/agent-card.json", ADA).json();
    assert_eq!(card["url"], format!("http://{}/a2a/helper", serve.at), "{card}");
    assert_eq!(
        (&card["name"], &card["skills"][0]["description"]),
        (&json!("helper"), &json!("Says it."))
    );
    let task = send(&serve, "m1", json!({ "parts": text("@it") }))["result"].clone();
    assert_eq!(task["status"]["state"], "completed", "{task}");
    assert_eq!(task["artifacts"][0]["parts"], text("Done it."));
    let id = task["id"].as_str().unwrap();
    let run = serve.get(&format!("/v1/runs/{id}"), ADA).json();
    assert_eq!(run["params"], json!({ "what": "@it", "times": 1 }));
    assert_eq!(ask(&serve, ADA, "tasks/get", &json!({ "id": id }))["result"], task);
    assert_eq!(send(&serve, "m1", json!({ "parts": text("again") }))["result"]["id"], id);
    let data = json!([{ "kind": "data", "data": { "what": "that", "times": 2 } }]);
    let other = send(&serve, "m2", json!({ "parts": data }))["result"].clone();
    assert_ne!(other["id"], id);
    assert_eq!(ask(&serve, ADA, "tasks/cancel", &json!({ "id": id }))["error"]["code"], -32002);
}

#[test]
fn what_does_not_fit_is_refused() {
    let (_place, serve) = saying();
    for message in [
        json!({ "parts": [{ "kind": "data", "data": { "what": 1 } }] }),
        json!({ "parts": [{ "kind": "file", "file": {} }] }),
        json!({}),
    ] {
        assert_eq!(send(&serve, "m1", message)["error"]["code"], -32602);
    }
    assert_eq!(send(&serve, "", json!({ "parts": text("x") }))["error"]["code"], -32602);
    assert_eq!(ask(&serve, ADA, "message/stream", &json!({}))["error"]["code"], -32602);
    assert_eq!(ask(&serve, ADA, "tasks/list", &json!({}))["error"]["code"], -32601);
    let none = json!({ "id": "none" });
    assert_eq!(ask(&serve, ADA, "tasks/resubscribe", &none)["error"]["code"], -32001);
    assert_eq!(ask(&serve, ADA, "tasks/get", &json!({ "id": "none" }))["error"]["code"], -32001);
    assert_eq!(serve.get("/v1/runs", ADA).json()["data"], json!([]));
    serve.post("/a2a/other", ADA, &json!({})).says(404, "agent_not_found");
    serve.send("POST /a2a/helper", &[], "{}").says(401, "invalid_api_key");
    serve.send("GET /.well-known/agent-card.json", &[], "").says(401, "invalid_api_key");
}

#[test]
fn the_task_of_another_user_is_not_there() {
    let (_place, serve) = saying();
    let id = send(&serve, "m1", json!({ "parts": text("x") }))["result"]["id"].clone();
    for method in ["tasks/get", "tasks/cancel", "tasks/resubscribe"] {
        assert_eq!(ask(&serve, BOB, method, &json!({ "id": id }))["error"]["code"], -32001);
    }
    let message = json!({ "messageId": "m2", "taskId": id, "parts": text("x") });
    let sent = ask(&serve, BOB, "message/send", &json!({ "message": message }));
    assert_eq!(sent["error"]["code"], -32001, "{sent}");
}

#[test]
fn what_a_task_waits_for_is_answered_by_a_message() {
    let place = Place::new();
    let tables = "[tools]\nuse = [\"files.read\", \"ask.person\"]\n[permissions]\nread = [\"a.txt\"]\nask = [\"files.read\"]";
    let replies = [
        call([("ask.person", json!({ "question": "Which?" }))]),
        call([("files.read", json!({ "path": "a.txt" }))]),
        say("Read it."),
    ];
    place.write("a.txt", "what is in it\n");
    place.agent("act = \"tools\"", tables, &replies);
    file(&place, &["helper"], "");
    let serve = Serve::start(&place);
    let asked = send(&serve, "m1", json!({ "parts": [] }))["result"].clone();
    assert_eq!(asked["status"]["state"], "input-required", "{asked}");
    assert_eq!(asked["status"]["message"]["parts"][0]["text"], "Which?");
    let id = asked["id"].clone();
    let wants =
        send(&serve, "m2", json!({ "taskId": id, "parts": text("That.") }))["result"].clone();
    let waits = wants["status"]["message"]["parts"][1]["data"].clone();
    assert_eq!(
        (&waits["tool"], &waits["arguments"]["path"]),
        (&json!("files.read"), &json!("a.txt")),
        "{wants}"
    );
    let word = |digest: &Value| {
        let data = json!({ "digest": digest, "decision": "approve" });
        send(&serve, "m3", json!({ "taskId": id, "parts": [{ "kind": "data", "data": data }] }))
    };
    assert_eq!(word(&json!("c1-000000000000"))["error"]["code"], -32004);
    // A text is no yes.
    let yes = send(&serve, "m4", json!({ "taskId": id, "parts": text("yes") }));
    assert_eq!(yes["error"]["code"], -32602, "{yes}");
    let done = word(&waits["digest"])["result"].clone();
    assert_eq!(done["status"]["state"], "completed", "{done}");
    assert_eq!(word(&waits["digest"])["error"]["code"], -32004);
}

#[test]
fn a_task_that_is_cancelled_stays_so() {
    let place = Place::new();
    let asks = call([("ask.person", json!({ "question": "Which?" }))]);
    place.agent("act = \"tools\"", "[tools]\nuse = [\"ask.person\"]", &[asks, say("Noted.")]);
    file(&place, &["helper"], "");
    let serve = Serve::start(&place);
    let id = send(&serve, "m1", json!({ "parts": [] }))["result"]["id"].clone();
    let ended = ask(&serve, ADA, "tasks/cancel", &json!({ "id": id }))["result"].clone();
    assert_eq!(ended["status"]["state"], "canceled", "{ended}");
    let late = send(&serve, "m2", json!({ "taskId": id, "parts": text("That.") }));
    assert_eq!(late["error"]["code"], -32004, "{late}");
}

/// What a stream says, each a response to its request.
fn updates(serve: &Serve, method: &str, params: &Value) -> Vec<Value> {
    let body = json!({ "jsonrpc": "2.0", "id": "s", "method": method, "params": params });
    let answer = serve.post("/a2a/helper", ADA, &body);
    assert!(answer.head.to_lowercase().contains("text/event-stream"), "{answer:?}");
    let lines = answer.body.lines().filter_map(|line| line.strip_prefix("data: "));
    lines
        .map(|line| {
            let said: Value = serde_json::from_str(line).unwrap();
            assert_eq!((&said["jsonrpc"], &said["id"]), (&json!("2.0"), &json!("s")), "{said}");
            said["result"].clone()
        })
        .collect()
}

fn last(updates: &[Value]) -> (&Value, &Value, &Value) {
    let last = updates.last().unwrap();
    (&last["kind"], &last["status"]["state"], &last["final"])
}

#[test]
fn a_task_is_followed_to_its_question_and_on_to_its_outcome() {
    let place = Place::new();
    let asks = call([("ask.person", json!({ "question": "Which?" }))]);
    place.agent("act = \"tools\"", "[tools]\nuse = [\"ask.person\"]", &[asks, say("Noted.")]);
    file(&place, &["helper"], "");
    let serve = Serve::start(&place);
    let card = serve.get("/.well-known/agent-card.json", ADA).json();
    assert_eq!(card["capabilities"]["streaming"], true);
    let message = json!({ "kind": "message", "role": "user", "messageId": "m1", "parts": [] });
    let asked = updates(&serve, "message/stream", &json!({ "message": message }));
    let (update, waits, yes) = (json!("status-update"), json!("input-required"), json!(true));
    assert_eq!(asked[0]["kind"], "task", "{asked:?}");
    assert_eq!(last(&asked), (&update, &waits, &yes), "{asked:?}");
    let id = asked[0]["id"].clone();
    // What it does meanwhile is told by names alone. A run that rests by the time it is looked at did nothing since.
    let meanwhile = json!(asked[1..asked.len() - 1]).to_string();
    assert!(!meanwhile.contains("Which?"), "{meanwhile}");

    let message = json!({
        "kind": "message", "role": "user", "messageId": "m2", "taskId": id, "parts": text("That."),
    });
    let done = updates(&serve, "message/stream", &json!({ "message": message }));
    assert_eq!(last(&done), (&update, &json!("completed"), &yes), "{done:?}");
    let artifact = &done[done.len() - 2];
    assert_eq!(
        (&artifact["kind"], &artifact["artifact"]["parts"]),
        (&json!("artifact-update"), &text("Noted.")),
        "{done:?}"
    );
    assert!(done.iter().all(|update| update["taskId"] == id || update["id"] == id), "{done:?}");

    // One that comes back is told where the task is, and how it ended.
    let again = updates(&serve, "tasks/resubscribe", &json!({ "id": id }));
    assert_eq!(again[0]["status"]["state"], "completed", "{again:?}");
    assert_eq!(last(&again), (&update, &json!("completed"), &yes), "{again:?}");
}
