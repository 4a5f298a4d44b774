//! Runs over HTTP: from the start to the outcome, through approvals, answers, stops and restarts.

use serde_json::{Value, json};
use server::{TokenHash, User};

use super::client::{ADA, Serve, file};
use crate::place::{Place, call, say};

/// An agent that says one thing.
fn saying() -> (Place, Serve) {
    let place = Place::bare();
    let head = "act = \"tools\"\ntask = \"{{ what }} for {{ names }}\"\n[params]\n\
                what = { type = \"string\" }\nnames = { type = \"list\", default = [\"all\"] }";
    place.agent(head, "", &[say("Done it.")]);
    file(&place, &["helper"], "");
    let serve = Serve::start(&place);
    (place, serve)
}

/// An agent that reads a file, which a person has to allow.
fn asking() -> (Place, Serve) {
    let place = Place::new();
    let tables = "[tools]\nuse = [\"files.read\"]\n[permissions]\nread = [\"a.txt\"]\nask = [\"files.read\"]";
    let reads = call([("files.read", json!({ "path": "a.txt" }))]);
    place.write("a.txt", "what is in it\n");
    place.agent("act = \"tools\"", tables, &[reads, say("Read it.")]);
    file(&place, &["helper"], "");
    let serve = Serve::start(&place);
    (place, serve)
}

fn start(serve: &Serve, params: Value) -> Value {
    let begun = serve.post("/v1/runs", ADA, &json!({ "agent": "helper", "params": params }));
    assert_eq!(begun.status, 201, "{begun:?}");
    begun.json()
}

fn id(run: &Value) -> String {
    run["id"].as_str().unwrap().to_string()
}

#[test]
fn a_run_begins_is_followed_and_comes_to_its_outcome() {
    let (_place, serve) = saying();
    let agents = serve.get("/v1/agents", ADA).json();
    assert_eq!(agents["data"][0]["params"]["required"], json!(["what"]));
    let run = start(&serve, json!({ "what": "It" }));
    let id = id(&run);
    assert_eq!(run["params"], json!({ "what": "It", "names": ["all"] }));
    let done = serve.rests(&id, ADA);
    assert_eq!(
        (&done["status"], &done["outcome"]),
        (&json!("done"), &json!({ "answer": "Done it." }))
    );
    assert_eq!(done, serve.get(&format!("/v1/runs/{id}"), ADA).json());
    assert_eq!(serve.get("/v1/runs?limit=5", ADA).json()["data"][0]["id"], *id);

    // A client that was cut off goes on after the last event that it had.
    let events = serve.get(&format!("/v1/runs/{id}/events"), ADA);
    let ids: Vec<&str> = events.body.lines().filter_map(|line| line.strip_prefix("id: ")).collect();
    let all: Vec<String> = (0..ids.len()).map(|number| number.to_string()).collect();
    assert_eq!(ids, all);
    assert!(!events.body.contains(env!("CARGO_MANIFEST_DIR")), "{events:?}");
    let path = format!("GET /v1/runs/{id}/events");
    let authorization = format!("Bearer {ADA}");
    let rest = serve.send(&path, &[("Authorization", &authorization), ("Last-Event-ID", "0")], "");
    let ids: Vec<&str> = rest.body.lines().filter_map(|line| line.strip_prefix("id: ")).collect();
    assert_eq!(ids, all[1..]);
}

#[test]
fn parameters_that_do_not_fit_begin_nothing() {
    let (_place, serve) = saying();
    for params in [
        json!({}),
        json!({ "what": 1 }),
        json!({ "what": "x", "more": 1 }),
        json!({ "what": "x", "names": [] }),
    ] {
        let refused = serve.post("/v1/runs", ADA, &json!({ "agent": "helper", "params": params }));
        refused.says(400, "invalid_params");
    }
    serve.post("/v1/runs", ADA, &json!({ "agent": "other" })).says(404, "agent_not_found");
    serve.post("/v1/runs", ADA, &json!({ "agnt": "helper" })).says(400, "invalid_request");
    assert_eq!(serve.get("/v1/runs", ADA).json()["data"], json!([]));
}

#[test]
fn the_same_request_begins_one_run() {
    let (place, serve) = saying();
    let authorization = format!("Bearer {ADA}");
    let headers = [("Authorization", &*authorization), ("Idempotency-Key", "order-7")];
    let body = json!({ "agent": "helper", "params": { "what": "It" } }).to_string();
    let first = serve.send("POST /v1/runs", &headers, &body);
    assert_eq!(first.status, 201, "{first:?}");
    serve.rests(&id(&first.json()), ADA);
    // Another server knows it too.
    serve.kill();
    let serve = Serve::start(&place);
    let second = serve.send("POST /v1/runs", &headers, &body);
    assert_eq!((second.status, id(&second.json())), (200, id(&first.json())));
    let other = json!({ "agent": "helper", "params": { "what": "That" } }).to_string();
    serve.send("POST /v1/runs", &headers, &other).says(422, "idempotency_key_reused");
}

#[test]
fn an_approval_is_to_one_action_and_counts_once() {
    let (place, serve) = asking();
    let run = id(&start(&serve, json!({})));
    let waits = serve.rests(&run, ADA);
    assert_eq!(waits["status"], "waiting");
    assert_eq!(waits["waits"]["tool"], "files.read");
    assert_eq!(waits["waits"]["arguments"], json!({ "path": "a.txt" }));
    let digest = waits["waits"]["digest"].as_str().unwrap().to_string();
    let approval = |serve: &Serve, digest: &str, decision: &str| {
        let body = json!({ "digest": digest, "decision": decision });
        serve.post(&format!("/v1/runs/{run}/approval"), ADA, &body)
    };
    approval(&serve, "c1-000000000000", "approve").says(409, "not_waiting");
    let reply = json!({ "digest": digest, "text": "yes" });
    serve.post(&format!("/v1/runs/{run}/reply"), ADA, &reply).says(409, "waits_for_approval");
    // It waits on when the server is gone, and after.
    assert_eq!(serve.stop(), Some(0));
    let serve = Serve::start(&place);
    assert_eq!(approval(&serve, &digest, "approve").status, 202);
    let done = serve.rests(&run, ADA);
    assert_eq!(
        (&done["status"], &done["outcome"]),
        (&json!("done"), &json!({ "answer": "Read it." }))
    );
    assert!(place.journal(&run).contains("what is in it"));
    approval(&serve, &digest, "approve").says(409, "not_waiting");
}

#[test]
fn a_denial_is_told_to_the_model() {
    let (place, serve) = asking();
    let run = id(&start(&serve, json!({})));
    let digest = serve.rests(&run, ADA)["waits"]["digest"].clone();
    let body = json!({ "digest": digest, "decision": "deny" });
    assert_eq!(serve.post(&format!("/v1/runs/{run}/approval"), ADA, &body).status, 202);
    assert_eq!(serve.rests(&run, ADA)["status"], "done");
    assert!(!place.journal(&run).contains("what is in it"));
}

#[test]
fn a_question_gets_its_reply() {
    let place = Place::new();
    let asks =
        call([("ask.person", json!({ "question": "Which?", "choices": ["seven", "eight"] }))]);
    place.agent("act = \"tools\"", "[tools]\nuse = [\"ask.person\"]", &[asks, say("Noted.")]);
    file(&place, &["helper"], "");
    let serve = Serve::start(&place);
    let run = id(&start(&serve, json!({})));
    let waits = serve.rests(&run, ADA)["waits"].clone();
    assert_eq!(
        (&waits["question"], &waits["choices"]),
        (&json!("Which?"), &json!(["seven", "eight"]))
    );
    let reply = |text: &str| {
        let body = json!({ "digest": waits["digest"], "text": text });
        serve.post(&format!("/v1/runs/{run}/reply"), ADA, &body)
    };
    reply("nine").says(409, "unfit");
    assert_eq!(reply("2").status, 202);
    assert_eq!(serve.rests(&run, ADA)["outcome"], json!({ "answer": "Noted." }));
    assert!(place.journal(&run).contains("observed c1 ok [host] eight"));
}

#[test]
fn a_run_that_is_cancelled_stays_so() {
    let (place, serve) = asking();
    let run = id(&start(&serve, json!({})));
    let digest = serve.rests(&run, ADA)["waits"]["digest"].clone();
    let cancelled = serve.post(&format!("/v1/runs/{run}/cancel"), ADA, &json!({})).json();
    assert_eq!(cancelled["status"], "cancelled");
    let body = json!({ "digest": digest, "decision": "approve" });
    serve.post(&format!("/v1/runs/{run}/approval"), ADA, &body).says(409, "not_waiting");
    serve.post(&format!("/v1/runs/{run}/resume"), ADA, &json!({})).says(409, "not_resumable");
    serve.kill();
    let serve = Serve::start(&place);
    assert_eq!(serve.get(&format!("/v1/runs/{run}"), ADA).json()["status"], "cancelled");
}

#[test]
fn what_a_crash_interrupted_goes_on_by_itself() {
    let (place, serve) = saying();
    let run = id(&start(&serve, json!({ "what": "It" })));
    serve.rests(&run, ADA);
    serve.kill();
    // What the journal held when the model was being asked.
    let events = place.events(&run);
    let home = place.cut("crashed", &run, &events[..2]);
    std::fs::rename(place.home(), place.path("before")).unwrap();
    std::fs::rename(home, place.home()).unwrap();
    let serve = Serve::start(&place);
    let done = serve.rests(&run, ADA);
    assert_eq!(
        (&done["status"], &done["outcome"]),
        (&json!("done"), &json!({ "answer": "Done it." }))
    );
    assert!(place.journal(&run).contains("resumed"), "{}", place.journal(&run));
    // It is its user's run because of its name.
    let ada = User {
        name: "ada".to_string(),
        token: TokenHash::of(ADA),
        models: None,
        agents: None,
        most: None,
    };
    assert!(run.starts_with(&ada.mark()));
}

#[test]
fn runs_are_chosen_by_status_agent_and_time_and_what_came_of_one_is_a_file() {
    let (_place, serve) = asking();
    let run = start(&serve, json!({}));
    let id = id(&run);
    let waits = serve.rests(&id, ADA)["waits"].clone();
    let listed = |query: &str| {
        let list = serve.get(&format!("/v1/runs?{query}"), ADA).json();
        list["data"].as_array().unwrap().len()
    };
    let before = run["created_ms"].as_u64().unwrap();
    for (query, count) in [
        ("status=waiting", 1),
        ("status=done", 0),
        ("agent=helper", 1),
        ("agent=other", 0),
        (&*format!("before_ms={before}"), 0),
        (&*format!("before_ms={}", before + 1), 1),
    ] {
        assert_eq!(listed(query), count, "{query}");
    }
    serve.get("/v1/runs?which=all", ADA).says(400, "invalid_request");
    serve.get(&format!("/v1/runs/{id}/outcome"), ADA).says(404, "no_outcome");
    serve.get(&format!("/v1/runs/{id}/report"), ADA).says(404, "no_report");
    let yes = json!({ "digest": waits["digest"], "decision": "approve" });
    assert_eq!(serve.post(&format!("/v1/runs/{id}/approval"), ADA, &yes).status, 202);
    let done = serve.rests(&id, ADA);
    // Twice: what is known of it by then is not read again.
    for _ in 0..2 {
        let listed = serve.get("/v1/runs?status=done", ADA).json()["data"][0].clone();
        assert!(listed.get("outcome").is_none(), "a list has no outcomes");
        for told in ["id", "task", "model", "params", "usage", "budget", "events", "detail"] {
            assert_eq!(listed[told], done[told], "{told}");
        }
    }
    assert_eq!((listed("status=waiting"), listed("status=done")), (0, 1));
    let file = serve.get(&format!("/v1/runs/{id}/outcome"), ADA);
    assert_eq!(file.json(), done["outcome"]);
    let name = format!("content-disposition: attachment; filename=\"{}.json\"", id.to_lowercase());
    assert!(file.head.contains(&name), "{file:?}");

    // What was taken is on each event, and grows up to what the run says itself.
    let events = serve.get(&format!("/v1/runs/{id}/events"), ADA).events();
    let tokens: Vec<u64> = events[..events.len() - 1]
        .iter()
        .map(|event| event["usage"]["output_tokens"].as_u64().unwrap())
        .collect();
    assert!(tokens.is_sorted() && tokens[0] == 0, "{tokens:?}");
    assert_eq!(tokens.last().copied(), done["usage"]["output_tokens"].as_u64());
    assert_eq!(done["budget"]["steps"], 16);
    let status = serve.get("/v1/status", ADA).json();
    assert_eq!((&status["user"], &status["models"][0]["busy"]), (&json!("ada"), &json!(false)));
}

#[test]
fn a_run_is_cancelled_at_whatever_moment() {
    let (_place, serve) = saying();
    for _ in 0..40 {
        let run = id(&start(&serve, json!({ "what": "it" })));
        let cancelled = serve.post(&format!("/v1/runs/{run}/cancel"), ADA, &json!({}));
        // An event that was on its way into the journal is none that is in the way.
        assert_eq!(cancelled.status, 200, "{cancelled:?}");
        let status = cancelled.json()["status"].clone();
        assert!(status == "cancelled" || status == "done", "{status}");
    }
}
