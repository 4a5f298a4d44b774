//! Tasks that are told at addresses of clients: which, what, in what order, and to whom nothing is.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use server::Key;

use super::client::{ADA, BOB, Serve, file};
use super::triggers::{comes_again_and_goes_no_further, header, taken};
use crate::place::{Place, call, say};

const SECRET: &str = "whsec_Q5s7u9JbCkXrVw0hT2mY4pLeN8aFdGzR";
const OTHER: &str = "whsec_Zx3nB6vC1kQwE8rT5yUiO9pL2aSdF4gH";
/// What the receiver lets the sender in with.
const BEARER: &str = "credential-0123456789abcdef";

/// An agent that asks which, and says that it is done; these hosts may be sent to.
fn place(hosts: &[&str]) -> Place {
    let place = Place::bare();
    let asks = call([("ask.person", json!({ "question": "Which?" }))]);
    place.agent("act = \"tools\"", "[tools]\nuse = [\"ask.person\"]", &[asks, say("Done it.")]);
    file(&place, &["helper"], "requests_per_minute = 1000000");
    let mut text = place.read("serve.toml");
    for (number, host) in hosts.iter().enumerate() {
        text = format!("[push.\"{host}\"]\nsecret_file = \"secret{number}\"\n{text}");
    }
    place.write("serve.toml", text).write("secret0", SECRET).write("secret1", OTHER);
    place
}

fn listens() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap().to_string();
    (listener, at)
}

fn ask(serve: &Serve, token: &str, method: &str, params: &Value) -> Value {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    serve.post("/a2a/helper", token, &body).json()
}

/// One of the methods of configs.
fn configs(serve: &Serve, token: &str, method: &str, params: &Value) -> Value {
    ask(serve, token, &format!("tasks/pushNotificationConfig/{method}"), params)
}

fn begin(serve: &Serve, config: &Value) -> Value {
    let message = json!({ "kind": "message", "role": "user", "messageId": "m1", "parts": [] });
    let how = json!({ "pushNotificationConfig": config });
    ask(serve, ADA, "message/send", &json!({ "message": message, "configuration": how }))
}

fn answer(serve: &Serve, task: &Value) -> Value {
    let parts = json!([{ "kind": "text", "text": "That." }]);
    let message =
        json!({ "messageId": "m2", "role": "user", "taskId": task["id"], "parts": parts });
    ask(serve, ADA, "message/send", &json!({ "message": message }))["result"].clone()
}

fn task(body: &str) -> Value {
    serde_json::from_str(body).unwrap()
}

/// Waits until nothing is kept of where to tell of tasks.
fn forgotten(place: &Place, serve: &Serve) {
    let began = Instant::now();
    while std::fs::read_dir(place.home().join("push")).unwrap().count() > 0 {
        assert!(began.elapsed() < Duration::from_secs(60), "a config is still there");
        serve.get("/healthz", ADA);
    }
}

#[test]
fn a_task_is_told_in_order_with_its_token_and_a_signature() {
    let (listener, at) = listens();
    let place = place(&[&at]);
    let serve = Serve::start(&place);
    let card = serve.get("/.well-known/agent-card.json", ADA).json();
    assert_eq!(card["capabilities"]["pushNotifications"], true);
    let config = json!({
        "url": format!("http://{at}/told?by=errand"), "token": "t-1",
        "authentication": { "schemes": ["Basic", "bearer"], "credentials": BEARER },
    });
    // Nothing is taken there yet, and the run goes on all the same.
    let asked = begin(&serve, &config)["result"].clone();
    assert_eq!(asked["status"]["state"], "input-required", "{asked}");
    let done = answer(&serve, &asked);
    assert_eq!(done["status"]["state"], "completed", "{done}");

    let mut told = Vec::new();
    for _ in 0..4 {
        let (head, body) = taken(&listener, "200 OK");
        assert!(head.starts_with("POST /told?by=errand "), "{head}");
        assert_eq!(header(&head, "x-a2a-notification-token"), "t-1");
        assert_eq!(header(&head, "authorization"), format!("Bearer {BEARER}"));
        assert_eq!(header(&head, "content-type"), "application/json");
        let (id, time) = (header(&head, "webhook-id"), header(&head, "webhook-timestamp"));
        let signed = Key::of(SECRET).unwrap().sign(&id, time.parse().unwrap(), body.as_bytes());
        assert_eq!(header(&head, "webhook-signature"), signed[2].1);
        told.push(task(&body));
    }
    let states: Vec<&str> =
        told.iter().map(|task| task["status"]["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["working", "input-required", "working", "completed"]);
    assert!(told.iter().all(|task| task["kind"] == "task" && task["id"] == asked["id"]));
    // As it is shown to one who asks.
    assert_eq!((&told[1], &told[3]), (&asked, &done));
    // A secret is kept no longer than there is something to tell.
    forgotten(&place, &serve);
    let params = json!({ "taskId": asked["id"], "pushNotificationConfig": config });
    assert_eq!(configs(&serve, ADA, "set", &params)["error"]["code"], -32004);
}

#[test]
fn configs_are_set_shown_listed_deleted_and_there_after_a_restart() {
    let (listener, at) = listens();
    let place = place(&[&at]);
    let serve = Serve::start(&place);
    let asked = begin(&serve, &Value::Null)["result"].clone();
    let id = &asked["id"];
    let url = format!("http://{at}/");
    let set = |serve: &Serve, config: Value| {
        configs(serve, ADA, "set", &json!({ "taskId": id, "pushNotificationConfig": config }))
    };
    let authentication = json!({ "schemes": ["Bearer"], "credentials": BEARER });
    let first = set(&serve, json!({ "url": url, "authentication": authentication }));
    let shown = json!({
        "taskId": id,
        "pushNotificationConfig": { "id": id, "url": url, "authentication": { "schemes": ["Bearer"] } },
    });
    assert_eq!(first["result"], shown);
    let other = set(&serve, json!({ "id": "b", "url": url, "token": "old" }));
    assert_eq!(other["result"]["pushNotificationConfig"]["token"], "old");
    set(&serve, json!({ "id": "b", "url": url, "token": "new" }));
    for name in ["c", "d"] {
        assert!(set(&serve, json!({ "id": name, "url": url }))["result"].is_object());
    }
    let many = set(&serve, json!({ "id": "e", "url": url }));
    assert_eq!(many["error"]["code"], -32602, "{many}");

    let one = |serve: &Serve, method: &str, name: &str| {
        configs(serve, ADA, method, &json!({ "id": id, "pushNotificationConfigId": name }))
    };
    assert_eq!(configs(&serve, ADA, "get", &json!({ "id": id }))["result"], shown);
    assert_eq!(one(&serve, "get", "b")["result"]["pushNotificationConfig"]["token"], "new");
    for name in ["b", "c", "d"] {
        let gone = one(&serve, "delete", name);
        assert_eq!((gone.get("result"), gone.get("error")), (Some(&Value::Null), None));
    }
    assert_eq!(one(&serve, "get", "b")["error"]["code"], -32602);
    assert_eq!(configs(&serve, ADA, "delete", &json!({ "id": id }))["error"]["code"], -32602);

    serve.kill();
    let serve = Serve::start(&place);
    assert_eq!(configs(&serve, ADA, "list", &json!({ "id": id }))["result"], json!([shown]));
    answer(&serve, &asked);
    // What its client knew when it set the config is not told.
    for state in ["working", "completed"] {
        let (head, body) = taken(&listener, "200 OK");
        assert_eq!(task(&body)["status"]["state"], state);
        assert_eq!(header(&head, "authorization"), format!("Bearer {BEARER}"));
    }
    forgotten(&place, &serve);
    for name in ["errand.db", "errand.db-wal"] {
        let journal = std::fs::read(place.home().join(name)).unwrap_or_default();
        let holds = journal.windows(BEARER.len()).any(|bytes| bytes == BEARER.as_bytes());
        assert!(!holds, "the journal holds the credential");
    }
}

#[test]
fn what_was_not_told_when_the_server_was_killed_is_told_by_the_next() {
    let (listener, at) = listens();
    let place = place(&[&at]);
    let serve = Serve::start(&place);
    let asked = begin(&serve, &json!({ "url": format!("http://{at}/") }))["result"].clone();
    let (_, body) = taken(&listener, "200 OK");
    assert_eq!(task(&body)["status"]["state"], "working");
    let (_, body) = taken(&listener, "500 Broken");
    assert_eq!(task(&body), asked);
    serve.kill();
    let serve = Serve::start(&place);
    let (_, body) = taken(&listener, "200 OK");
    assert_eq!(task(&body), asked);
    let ended = ask(&serve, ADA, "tasks/cancel", &json!({ "id": asked["id"] }))["result"].clone();
    let (_, body) = taken(&listener, "200 OK");
    assert_eq!((&task(&body), &ended["status"]["state"]), (&ended, &json!("canceled")));
    forgotten(&place, &serve);
}

/// Neither by a name that leads to this machine, however often it fails meanwhile where it may go.
#[test]
fn it_is_told_again_until_it_is_taken_and_a_name_leads_to_no_private_address() {
    let ((listener, at), (neighbour, _)) = (listens(), listens());
    neighbour.set_nonblocking(true).unwrap();
    let named = format!("localhost:{}", neighbour.local_addr().unwrap().port());
    let place = place(&[&at, &named]);
    let serve = Serve::with(&place, &["serve.toml", "--log", "debug", "--log-file", "run.log"]);
    let config = json!({
        "url": format!("http://{at}/a-path"), "token": "a-token",
        "authentication": { "schemes": ["Bearer"], "credentials": BEARER },
    });
    let asked = begin(&serve, &config)["result"].clone();
    let config = json!({ "id": "named", "url": format!("https://{named}/") });
    let set = json!({ "taskId": asked["id"], "pushNotificationConfig": config });
    assert!(configs(&serve, ADA, "set", &set)["result"].is_object());
    for state in ["working", "input-required", "working"] {
        let (_, body) = taken(&listener, "204 Taken");
        if state == "input-required" {
            answer(&serve, &asked);
        }
        assert_eq!(task(&body)["status"]["state"], state);
    }
    let (first, body) = taken(&listener, "503 Busy");
    let (again, same) = taken(&listener, "200 OK");
    assert_eq!((header(&first, "webhook-id"), &body), (header(&again, "webhook-id"), &same));
    assert_eq!(task(&body)["status"]["state"], "completed");
    assert_eq!(neighbour.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    // The log says so, and neither what is secret nor where exactly.
    let log = place.read("run.log");
    assert!(log.contains(&format!("`push.{at}` was not told of `")), "{log}");
    assert!(log.contains("names may not lead there"), "{log}");
    for secret in [BEARER, "a-token", "a-path"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}

#[test]
fn a_client_that_sends_on_to_another_host() {
    let (told, other) = crate::redirects::sends_on(307);
    let place = place(&[&told.at.to_string()]);
    let serve = Serve::start(&place);
    begin(&serve, &json!({ "url": format!("http://{}/", told.at), "token": "t-1" }));
    comes_again_and_goes_no_further(&serve, &told, &other);
}

#[test]
fn an_address_that_the_serve_file_does_not_allow() {
    let place = place(&["127.0.0.1:9", "hooks.example.org"]);
    let serve = Serve::start(&place);
    for (config, said) in [
        (json!({ "url": "https://example.org/a" }), "`[push.\"example.org\"]` in the serve file"),
        (
            json!({ "url": "https://hooks.example.org:8443/" }),
            "`[push.\"hooks.example.org:8443\"]`",
        ),
        (json!({ "url": "https://a.hooks.example.org/" }), "`[push.\"a.hooks.example.org\"]`"),
        (json!({ "url": "http://hooks.example.org/" }), "`https://`"),
        (json!({ "url": "http://127.0.0.1:10/" }), "`[push.\"127.0.0.1:10\"]`"),
        (json!({ "url": "http://localhost:9/" }), "`[push.\"localhost:9\"]`"),
        (json!({ "url": "http://169.254.169.254/latest" }), "`[push.\"169.254.169.254\"]`"),
        (json!({ "url": "http://[::1]:9/" }), "`[push.\"[::1]:9\"]`"),
        (json!({ "url": "ftp://127.0.0.1:9/" }), "`https://`"),
        (json!({ "url": "http://me:key@127.0.0.1:9/" }), "`authentication`"),
        (json!({ "url": "nowhere" }), "no URL"),
        (json!({ "url": format!("http://127.0.0.1:9/{}", "a".repeat(2048)) }), "2048"),
        (json!({}), "`url`"),
        (json!({ "url": "http://127.0.0.1:9/", "token": "a\r\nb: c" }), "`token`"),
        (
            json!({ "url": "http://127.0.0.1:9/", "authentication": { "schemes": ["Basic"] } }),
            "`Bearer`",
        ),
    ] {
        let refused = begin(&serve, &config);
        assert_eq!(refused["error"]["code"], -32602, "{config}: {refused}");
        let message = refused["error"]["message"].as_str().unwrap();
        assert!(message.contains(said), "{config}: {message}");
    }
    assert_eq!(serve.get("/v1/runs", ADA).json()["data"], json!([]));
}

#[test]
fn a_server_that_tells_no_clients_says_so() {
    let place = place(&[]);
    let serve = Serve::start(&place);
    let card = serve.get("/.well-known/agent-card.json", ADA).json();
    assert_eq!(card["capabilities"]["pushNotifications"], false);
    let config = json!({ "url": "https://example.org/" });
    assert_eq!(begin(&serve, &config)["error"]["code"], -32003);
    assert_eq!(serve.get("/v1/runs", ADA).json()["data"], json!([]));
    let id = begin(&serve, &Value::Null)["result"]["id"].clone();
    for method in ["set", "get", "list", "delete"] {
        let params = json!({ "id": id, "taskId": id, "pushNotificationConfig": config });
        assert_eq!(configs(&serve, ADA, method, &params)["error"]["code"], -32003, "{method}");
    }
}

#[test]
fn the_configs_of_another_users_task() {
    let place = place(&["127.0.0.1:9"]);
    let serve = Serve::start(&place);
    let id = begin(&serve, &Value::Null)["result"]["id"].clone();
    let config = json!({ "id": "a", "url": "http://127.0.0.1:9/" });
    let params = json!({
        "id": id, "taskId": id, "pushNotificationConfigId": "a", "pushNotificationConfig": config,
    });
    assert!(configs(&serve, ADA, "set", &params)["result"].is_object());
    for method in ["set", "get", "list", "delete"] {
        assert_eq!(configs(&serve, BOB, method, &params)["error"]["code"], -32001, "{method}");
    }
    let list = configs(&serve, ADA, "list", &params)["result"].clone();
    assert_eq!(list.as_array().unwrap().len(), 1, "{list}");
}

#[test]
fn a_serve_file_whose_hosts_are_wrong() {
    for (table, said) in [
        (
            "[push.\"hooks.example.org/a\"]\nsecret_file = \"secret0\"\n",
            "`push.hooks.example.org/a`",
        ),
        ("[push.\"hooks.example.org\"]\n", "`secret_env` or `secret_file`"),
        (
            "[push.\"a.example.org\"]\nsecret_file = \"secret0\"\n[push.\"b.example.org\"]\nsecret_file = \"secret0\"\n",
            "has the secret of `push.a.example.org`",
        ),
    ] {
        let place = place(&[]);
        place.write("serve.toml", format!("{table}{}", place.read("serve.toml")));
        let refused = place.errand(["serve", "serve.toml"]);
        assert_eq!(refused.code, Some(2), "{refused}");
        assert!(refused.err.contains(said), "{refused}");
    }
}
