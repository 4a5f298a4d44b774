//! What must not get through to a server on this machine, named by the attack.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use serde_json::json;

use super::client::{ADA, BOB, Serve, file};
use crate::place::{Place, call, say};

fn serving(limits: &str) -> (Place, Serve) {
    let place = Place::bare();
    place.agent(
        "act = \"tools\"\ntask = \"{{ what }}\"\n[params]\nwhat = { type = \"string\" }",
        "",
        &[say("Done.")],
    );
    file(&place, &["helper"], limits);
    let serve = Serve::start(&place);
    (place, serve)
}

fn authorized(more: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    const AUTHORIZATION: &str = "Bearer errand-ada-0123456789abcdef0123456789abcdef";
    [&[("Authorization", AUTHORIZATION)], more].concat()
}

const BODY: &str = r#"{"model":"echo","messages":[{"role":"user","content":"Hi"}]}"#;

#[test]
fn a_name_that_was_made_to_lead_here() {
    let (_place, serve) = serving("");
    let port = serve.at.rsplit_once(':').unwrap().1.to_string();
    for host in
        ["evil.example", &format!("evil.example:{port}"), "127.0.0.1", "127.0.0.1:1", "localhost."]
    {
        let headers = [authorized(&[]), vec![("Host", host)]].concat();
        serve.send("GET /v1/models", &headers, "").says(421, "unknown_host");
        // Not even whether it lives.
        serve.send("GET /healthz", &[("Host", host)], "").says(421, "unknown_host");
    }
    // An address in the first line counts as well.
    serve.send("GET http://evil.example/v1/models", &authorized(&[]), "").says(421, "unknown_host");
    let local = format!("localhost:{port}");
    assert_eq!(serve.send("GET /healthz", &[("Host", &local)], "").status, 200);
}

#[test]
fn a_request_that_a_page_of_another_site_sends() {
    let (_place, serve) = serving("");
    for header in [
        ("Origin", "https://evil.example"),
        ("Origin", "null"),
        ("Origin", "http://127.0.0.1:1"),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
    ] {
        let refused = serve.send("POST /v1/chat/completions", &authorized(&[header]), BODY);
        refused.says(403, "foreign_origin");
        assert!(!refused.head.contains("access-control-"), "{refused:?}");
    }
    // What a form can send without asking first.
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
        let headers = authorized(&[("Content-Type", kind)]);
        serve.send("POST /v1/chat/completions", &headers, BODY).says(415, "unsupported_media_type");
    }
    let preflight =
        serve.send("OPTIONS /v1/chat/completions", &[("Origin", "https://evil.example")], "");
    assert_eq!(preflight.status, 403);
    let own = format!("http://{}", serve.at);
    let authorization = format!("Bearer {ADA}");
    let headers =
        [("Authorization", &*authorization), ("Origin", &*own), ("Sec-Fetch-Site", "same-origin")];
    assert_eq!(serve.send("POST /v1/chat/completions", &headers, BODY).status, 200);
}

#[test]
fn a_token_in_the_address() {
    let (_place, serve) = serving("");
    for query in ["token=", "api_key=", "x=1&access_token=", "API-KEY=", "key="] {
        let refused = serve.send(&format!("GET /v1/models?{query}{ADA}"), &authorized(&[]), "");
        refused.says(400, "token_in_url");
        assert!(!refused.body.contains(ADA), "{refused:?}");
    }
    let url = format!("GET /v1/models/{ADA}");
    serve.send(&url, &[], "").says(400, "token_in_url");
}

#[test]
fn without_a_token_or_with_half_of_one() {
    let (_place, serve) = serving("");
    let half = format!("Bearer {}", &ADA[..ADA.len() - 1]);
    let more = format!("Bearer {ADA}x");
    let basic = format!("Basic {ADA}");
    for sent in [&half, &more, &basic, ADA, "Bearer", "Bearer ", ""] {
        let refused = serve.send("GET /v1/models", &[("Authorization", sent)], "");
        refused.says(401, "invalid_api_key");
        assert!(refused.head.contains("www-authenticate: bearer"), "{refused:?}");
    }
    for path in ["/v1/models", "/v1/runs", "/v1/agents", "/metrics", "/openapi.json", "/nothing"] {
        serve.send(&format!("GET {path}"), &[], "").says(401, "invalid_api_key");
    }
}

#[test]
fn paths_that_lead_around() {
    let (_place, serve) = serving("");
    for path in
        ["/healthz/../v1/models", "//v1/models", "/healthz/%2e%2e/metrics", "/healthz;/metrics"]
    {
        serve.send(&format!("GET {path}"), &[], "").says(401, "invalid_api_key");
        assert_eq!(serve.get(path, ADA).status, 404, "{path}");
    }
    let run = |id: &str| serve.get(&format!("/v1/runs/{id}"), ADA);
    for id in ["..", "..%2f..%2fetc%2fpasswd", "%00", "%27%20OR%201=1", "x-c1", &"a".repeat(3000)] {
        assert_eq!(run(id).status, 404, "{id}");
    }
}

#[test]
fn headers_that_two_programs_read_differently() {
    let (_place, serve) = serving("");
    let at = &serve.at;
    for twice in [
        format!("Host: {at}\r\nHost: evil.example\r\nAuthorization: Bearer {ADA}\r\n"),
        format!("Host: {at}\r\nAuthorization: Bearer {BOB}\r\nAuthorization: Bearer {ADA}\r\n"),
        format!(
            "Host: {at}\r\nAuthorization: Bearer {ADA}\r\nOrigin: http://{at}\r\nOrigin: null\r\n"
        ),
        format!("Authorization: Bearer {ADA}\r\n"),
    ] {
        let answer =
            serve.raw(&format!("GET /v1/models HTTP/1.1\r\nConnection: close\r\n{twice}\r\n"));
        assert!([400, 421].contains(&answer.status), "{twice}{answer:?}");
    }
    // A second request that is smuggled behind the first is none.
    let smuggled = format!(
        "POST /healthz HTTP/1.1\r\nHost: {at}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n\
         GET /v1/models HTTP/1.1\r\nHost: {at}\r\nAuthorization: Bearer {ADA}\r\nConnection: close\r\n\r\n"
    );
    assert!(!serve.raw(&smuggled).body.contains("echo"));
    let many: String = (0..200).map(|number| format!("X-{number}: x\r\n")).collect();
    let answer = serve.raw(&format!("GET /healthz HTTP/1.1\r\nHost: {at}\r\n{many}\r\n"));
    assert_eq!(answer.status, 431, "{answer:?}");
    let long = "x".repeat(100_000);
    let answer = serve.raw(&format!("GET /healthz HTTP/1.1\r\nHost: {at}\r\nX: {long}\r\n\r\n"));
    assert!([0, 431].contains(&answer.status), "{answer:?}");
    // None of it ended the server.
    assert_eq!(serve.get("/v1/models", ADA).status, 200);
}

#[test]
fn bodies_that_are_too_large_or_too_deep() {
    let (_place, serve) = serving("body = \"64KiB\"");
    let post = "POST /v1/chat/completions";
    let headers =
        authorized(&[("Content-Length", "99999999999"), ("Content-Type", "application/json")]);
    serve.send(post, &headers, "").says(413, "body_too_large");
    let chunk = format!("{:x}\r\n{}\r\n0\r\n\r\n", 70_000, "x".repeat(70_000));
    serve
        .send(post, &authorized(&[("Transfer-Encoding", "chunked")]), &chunk)
        .says(413, "body_too_large");
    serve.send(post, &authorized(&[]), &"[".repeat(60_000)).says(400, "invalid_request");
    let deep = format!("{{\"model\":{}1{}}}", "[".repeat(20_000), "]".repeat(20_000));
    serve.send(post, &authorized(&[]), &deep).says(400, "invalid_request");
    serve.send(post, &authorized(&[]), "\u{feff}{}").says(400, "invalid_request");
    serve.send(post, &authorized(&[]), "[1]").says(400, "invalid_request");
    assert_eq!(serve.chat(json!({})).status, 200);
}

#[test]
fn a_client_that_sends_slowly() {
    let (_place, serve) = serving("client_s = 1\nconnections = 2");
    let began = Instant::now();
    let mut slow: Vec<TcpStream> = (0..2).map(|_| TcpStream::connect(&serve.at).unwrap()).collect();
    slow[0].write_all(b"GET /healthz HTTP/1.1\r\nHost:").unwrap();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {ADA}\r\n",
        serve.at
    );
    let head = format!("{head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{");
    slow[1].write_all(head.as_bytes()).unwrap();
    // Both have all connections there are; others are served once their time is up.
    assert_eq!(serve.get("/v1/models", ADA).status, 200);
    assert!(began.elapsed() < Duration::from_secs(10));
    let mut answer = [0; 12];
    slow[1].set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    slow[1].read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
}

#[test]
fn more_requests_than_a_user_may_send() {
    let (_place, serve) = serving("requests_per_minute = 3");
    let answers: Vec<u16> = (0..5).map(|_| serve.get("/v1/models", ADA).status).collect();
    assert_eq!(answers, [200, 200, 200, 429, 429]);
    let refused = serve.get("/v1/models", ADA);
    refused.says(429, "rate_limit_exceeded");
    assert!(refused.head.contains("retry-after: "), "{refused:?}");
    // What one sends is not taken from the other.
    assert_eq!(serve.get("/v1/models", BOB).status, 200);
}

#[test]
fn the_run_of_another_user() {
    let (_place, serve) = serving("");
    let body = json!({ "agent": "helper", "params": { "what": "secret" } });
    let run = serve.post("/v1/runs", ADA, &body).json()["id"].as_str().unwrap().to_string();
    serve.rests(&run, ADA);
    for path in ["", "/events"] {
        serve.get(&format!("/v1/runs/{run}{path}"), BOB).says(404, "run_not_found");
    }
    for path in ["cancel", "resume", "approval", "reply"] {
        let body = match path {
            "approval" => json!({ "digest": "c1-0", "decision": "approve" }),
            "reply" => json!({ "digest": "c1-0", "text": "x" }),
            _ => json!({}),
        };
        serve.post(&format!("/v1/runs/{run}/{path}"), BOB, &body).says(404, "run_not_found");
    }
    assert_eq!(serve.get("/v1/runs", BOB).json()["data"], json!([]));
    // The same key of another user is another key.
    let keyed = |token: &str| {
        let authorization = format!("Bearer {token}");
        let headers = [("Authorization", &*authorization), ("Idempotency-Key", "k")];
        serve.send("POST /v1/runs", &headers, &body.to_string()).json()["id"].clone()
    };
    assert_ne!(keyed(ADA), keyed(BOB));
}

#[test]
fn a_parameter_that_names_a_file_of_the_server() {
    let (place, serve) = serving("");
    place.write("secret.txt", "what no client may read");
    for what in ["@secret.txt", "@@secret.txt", "@/etc/hostname"] {
        let body = json!({ "agent": "helper", "params": { "what": what } });
        let run = serve.post("/v1/runs", ADA, &body).json();
        assert_eq!(run["params"]["what"], what);
        serve.rests(run["id"].as_str().unwrap(), ADA);
    }
}

#[test]
fn an_approval_that_is_sent_twice_at_once() {
    let place = Place::new();
    let tables = "[tools]\nuse = [\"files.read\"]\n[permissions]\nread = [\"a.txt\"]\nask = [\"files.read\"]";
    let read = || call([("files.read", json!({ "path": "a.txt" }))]);
    place.write("a.txt", "a\n");
    // The same call twice: a yes to the first is none to the second.
    place.agent("act = \"tools\"", tables, &[read(), read(), say("Done.")]);
    file(&place, &["helper"], "");
    let serve = Serve::start(&place);
    let run = serve.post("/v1/runs", ADA, &json!({ "agent": "helper" })).json()["id"].clone();
    let run = run.as_str().unwrap();
    let digest = serve.rests(run, ADA)["waits"]["digest"].clone();
    let path = format!("/v1/runs/{run}/approval");
    let body = json!({ "digest": digest, "decision": "approve" });
    let answers: Vec<u16> = std::thread::scope(|scope| {
        let sent: Vec<_> =
            (0..4).map(|_| scope.spawn(|| serve.post(&path, ADA, &body).status)).collect();
        sent.into_iter().map(|answer| answer.join().unwrap()).collect()
    });
    assert_eq!(answers.iter().filter(|status| **status == 202).count(), 1, "{answers:?}");
    assert!(answers.iter().all(|status| [202, 409].contains(status)), "{answers:?}");
    let waits = serve.rests(run, ADA);
    assert_eq!(waits["status"], "waiting");
    assert_ne!(waits["waits"]["digest"], digest);
    serve.post(&path, ADA, &body).says(409, "not_waiting");
}

/// A file in which Bob may run this and no other agent.
fn bobs(place: &Place, agents: &str) {
    let text = place.read("serve.toml");
    place.write("serve.toml", text.replace("[users.bob]", &format!("[users.bob]\n{agents}")));
}

#[test]
fn an_agent_that_one_may_run_no_more() {
    let place = Place::new();
    let tables = "[tools]\nuse = [\"files.read\", \"ask.person\"]\n[permissions]\nread = [\"a.txt\"]\nask = [\"files.read\"]";
    place.write("a.txt", "what is in it\n");
    let reads = call([("files.read", json!({ "path": "a.txt" }))]);
    place.agent("act = \"tools\"", tables, &[reads, say("Read it.")]);
    file(&place, &["helper", "other"], "");
    let serve = Serve::start(&place);
    let run = serve.post("/v1/runs", BOB, &json!({ "agent": "helper" })).json()["id"].clone();
    let run = run.as_str().unwrap();
    let digest = serve.rests(run, BOB)["waits"]["digest"].clone();
    serve.stop();
    bobs(&place, "agents = [\"other\"]");
    let serve = Serve::start(&place);
    let act = |what: &str, body| serve.post(&format!("/v1/runs/{run}/{what}"), BOB, &body);
    let yes = json!({ "digest": digest, "decision": "approve" });
    act("approval", yes).says(404, "agent_not_found");
    act("reply", json!({ "digest": digest, "text": "yes" })).says(404, "agent_not_found");
    act("resume", json!({})).says(404, "agent_not_found");
    assert!(!place.journal(run).contains("what is in it"));
    // It is still theirs, to be looked at and to be ended.
    assert_eq!(serve.get(&format!("/v1/runs/{run}"), BOB).json()["status"], "waiting");
    assert_eq!(act("cancel", json!({})).json()["status"], "cancelled");
}

#[test]
fn a_user_who_takes_all_runs_there_may_be() {
    let place = Place::bare();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    place.write(
        "agent.toml",
        format!(
            "name = \"test\"\ntask = \"x\"\nact = \"tools\"\n[model]\nprovider = \"openai\"\nname = \"m\"\n\
             base_url = \"http://{}/v1\"\n",
            silent.local_addr().unwrap()
        ),
    );
    file(&place, &["helper"], "runs = 3");
    let serve = Serve::start(&place);
    let start = |token| serve.post("/v1/runs", token, &json!({ "agent": "helper" }));
    assert_eq!([start(ADA).status, start(ADA).status], [201, 201]);
    start(ADA).says(503, "runs_full");
    // By no other way in either.
    let part = json!({ "messageId": "m", "parts": [] });
    let params = json!({ "message": part, "configuration": { "blocking": false } });
    let sent = json!({ "jsonrpc": "2.0", "id": 1, "method": "message/send", "params": params });
    assert_eq!(serve.post("/a2a/helper", ADA, &sent).json()["error"]["code"], -32603);
    assert_eq!(start(BOB).status, 201);
    start(BOB).says(503, "runs_full");
    // As many as the file says, where it says so.
    serve.kill();
    let text = place.read("serve.toml");
    place.write("serve.toml", text.replace("[users.ada]", "[users.ada]\nruns = 1"));
    place.write("home/none", "");
    std::fs::remove_dir_all(place.home()).unwrap();
    let serve = Serve::start(&place);
    let start = |token| serve.post("/v1/runs", token, &json!({ "agent": "helper" })).status;
    assert_eq!([start(ADA), start(ADA), start(BOB), start(BOB)], [201, 503, 201, 201]);
}

#[test]
fn a_run_of_another_journal_under_the_name_of_a_users() {
    let (place, serve) = serving("");
    let body = json!({ "agent": "helper", "params": { "what": "x" } });
    let run = serve.post("/v1/runs", ADA, &body).json()["id"].as_str().unwrap().to_string();
    serve.rests(&run, ADA);
    serve.stop();
    let exported = place.errand(["runs", "export", &run, "run.jsonl"]);
    assert_eq!(exported.code, Some(0), "{exported}");
    std::fs::rename(place.home(), place.path("first")).unwrap();
    let imported = place.errand(["runs", "import", "run.jsonl"]);
    assert_eq!(imported.code, Some(0), "{imported}");
    let serve = Serve::start(&place);
    assert_eq!(serve.get("/v1/runs", ADA).json()["data"], json!([]));
    for path in ["", "/events", "/outcome", "/report"] {
        serve.get(&format!("/v1/runs/{run}{path}"), ADA).says(404, "run_not_found");
    }
    serve.post(&format!("/v1/runs/{run}/cancel"), ADA, &json!({})).says(404, "run_not_found");
}

#[test]
fn many_small_values_in_one_body() {
    let (_place, serve) = serving("");
    let many = format!("[{}0]", "{\"\":0},".repeat(500_000));
    let chat = format!("{{\"model\":\"echo\",\"messages\":{many}}}");
    for (path, body) in [
        ("/v1/chat/completions", chat),
        ("/a2a/helper", format!("{{\"params\":{many}}}")),
        ("/mcp", format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":{many}}}")),
    ] {
        let headers = authorized(&[("Accept", "application/json, text/event-stream")]);
        serve.send(&format!("POST {path}"), &headers, &body).says(413, "body_too_large");
    }
}

#[test]
fn figures_that_tell_of_others() {
    let (place, serve) = serving("");
    serve.stop();
    bobs(&place, "agents = []\nmodels = []");
    let serve = Serve::start(&place);
    let body = json!({ "agent": "helper", "params": { "what": "x" } });
    let run = serve.post("/v1/runs", ADA, &body).json()["id"].clone();
    serve.rests(run.as_str().unwrap(), ADA);
    serve.chat(json!({}));
    assert!(serve.get("/metrics", ADA).body.contains("agent=\"helper\",end=\"done\""));
    let told = serve.get("/metrics", BOB).body;
    assert!(told.contains("errand_runs_active") && !told.contains("helper"), "{told}");
    assert!(!told.contains("echo"), "{told}");
}

#[test]
fn shapes_of_a_request_that_hide_another() {
    let (_place, serve) = serving("");
    let at = &serve.at;
    let hidden = format!(
        "GET /v1/models HTTP/1.1\r\nHost: {at}\r\nAuthorization: Bearer {ADA}\r\nConnection: close\r\n\r\n"
    );
    for head in [
        "Transfer-Encoding: xchunked\r\nContent-Length: 3\r\n\r\nabc",
        "Transfer-Encoding:\u{b}chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
        "Content-Length: +5\r\n\r\nabcde",
        "Content-Length: 0x5\r\n\r\nabcde",
    ] {
        let answer = serve.raw(&format!("POST /healthz HTTP/1.1\r\nHost: {at}\r\n{head}{hidden}"));
        assert!([0, 400].contains(&answer.status), "{head}: {answer:?}");
        assert!(!answer.body.contains("echo"), "{head}: {answer:?}");
    }
    for folded in ["X: a\r\n Authorization: Bearer x\r\n", "Authorization : Bearer x\r\n"] {
        let answer = serve.raw(&format!("GET /healthz HTTP/1.1\r\nHost: {at}\r\n{folded}\r\n"));
        assert_eq!(answer.status, 400, "{folded}: {answer:?}");
    }
    for upgrade in ["websocket", "h2c", "TLS/1.0"] {
        let headers = authorized(&[("Upgrade", upgrade), ("Connection", "Upgrade, close")]);
        assert!(serve.send("GET /mcp", &headers, "").status >= 400, "{upgrade}");
    }
    assert_eq!(serve.get("/v1/models", ADA).status, 200);
}
