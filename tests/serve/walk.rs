//! What holds of every address of the server, asserted of each: the list is the one that its router is made with.

use serde_json::json;
use server::{Route, routes};

use super::client::{ADA, Answer, BOB, Serve, file};
use crate::place::{Place, call, say};

/// What needs no token: it holds no data.
fn open(route: &Route) -> bool {
    let page = route.path == "/" || route.path.starts_with("/page/");
    route.method == "GET" && (page || ["/healthz", "/readyz"].contains(&route.path))
}

/// What the server says of the protocol that it speaks there is in that protocol's own document.
fn elsewhere(route: &Route) -> bool {
    route.path == "/mcp" || route.path.starts_with("/page/")
}

/// The request line of a route, with these in the place of its names.
fn line(route: &Route, run: &str, agent: &str, model: &str) -> String {
    let path = route.path.replace("{id}", run).replace("{agent}", agent);
    let path = path.replace("{*name}", model).replace("{name}", "t");
    assert!(!path.contains('{'), "a name that this test does not know: {path}");
    format!("{} {path}", route.method)
}

fn plain(route: &Route) -> String {
    line(route, "none", "helper", "echo")
}

/// A body that most of them take.
fn body(route: &Route) -> &'static str {
    if route.method == "POST" { "{}" } else { "" }
}

fn authorized(token: &str) -> (&'static str, String) {
    ("Authorization", format!("Bearer {token}"))
}

fn ask(serve: &Serve, start: &str, token: &str, more: &[(&str, &str)], body: &str) -> Answer {
    let (name, value) = authorized(token);
    serve.send(start, &[&[(name, &*value)], more].concat(), body)
}

fn serving(limits: &str) -> (Place, Serve) {
    let place = Place::bare();
    place.agent(
        "act = \"tools\"\ntask = \"{{ what }}\"\n[params]\nwhat = { type = \"string\" }",
        "[tools]\nuse = [\"ask.person\"]",
        &[call([("ask.person", json!({ "question": "What of sekrit?" }))]), say("Done.")],
    );
    file(&place, &["helper", "other"], limits);
    let text = place.read("serve.toml");
    let bob = "[users.bob]\nagents = [\"other\"]\nmodels = []";
    place.write("serve.toml", text.replace("[users.bob]", bob));
    let serve = Serve::start(&place);
    (place, serve)
}

const FAST: &str = "requests_per_minute = 1000000";

#[test]
fn every_address_needs_a_token_and_a_name_and_a_page_of_this_server() {
    let (_place, serve) = serving(FAST);
    assert!(routes().len() > 40, "{:?}", routes());
    for route in routes() {
        let (start, body) = (plain(&route), body(&route));
        let without = serve.send(&start, &[], body);
        match open(&route) {
            true => assert_eq!(without.status, 200, "{start}: {without:?}"),
            false => assert_eq!(without.status, 401, "{start}: {without:?}"),
        }
        ask(&serve, &start, ADA, &[("Host", "evil.example")], body).says(421, "unknown_host");
        for foreign in [
            ("Origin", "null"),
            ("Origin", "https://evil.example"),
            ("Sec-Fetch-Site", "cross-site"),
        ] {
            let refused = ask(&serve, &start, ADA, &[foreign], body);
            refused.says(403, "foreign_origin");
            assert!(!refused.head.contains("access-control-"), "{start}: {refused:?}");
        }
        for query in [format!("%74oken={ADA}"), format!("x={}", ADA.replace('-', "%2d"))] {
            let refused = ask(&serve, &format!("{start}?{query}"), ADA, &[], body);
            refused.says(400, "token_in_url");
            assert!(!refused.body.contains("errand-ada"), "{start}: {refused:?}");
        }
        let twice = ask(&serve, &start, BOB, &[("Authorization", &authorized(ADA).1)], body);
        let one = if open(&route) { 200 } else { 400 };
        // A signature and a ticket come in the place of a token.
        let other = ["/v1/triggers/{name}", "/v1/session"].contains(&route.path);
        assert!(twice.status == one || other, "{start}: {twice:?}");
        let large = ask(&serve, &start, ADA, &[("Content-Length", "99999999999")], "");
        large.says(413, "body_too_large");
        // What is not in the list is not taken.
        for method in ["PUT", "PATCH", "TRACE", "OPTIONS", "CONNECT"] {
            let (_, path) = start.split_once(' ').unwrap();
            let refused = ask(&serve, &format!("{method} {path}"), ADA, &[], "");
            assert!((400..500).contains(&refused.status), "{method} {path}: {refused:?}");
        }
        let answer = ask(&serve, &start, ADA, &[], body);
        for head in [
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
            "content-security-policy: default-src 'none'",
            "cross-origin-resource-policy: same-origin",
            "cache-control: no-",
        ] {
            assert!(answer.head.contains(head), "{start}: {answer:?}");
        }
        assert!(!answer.head.contains("set-cookie"), "{start}: {answer:?}");
        assert!(answer.status < 500, "{start}: {answer:?}");
    }
}

#[test]
fn no_address_tells_a_user_of_what_is_anothers() {
    let (_place, serve) = serving(FAST);
    let order = json!({ "agent": "helper", "params": { "what": "sekrit" } });
    let run = serve.post("/v1/runs", ADA, &order).json()["id"].as_str().unwrap().to_string();
    let waits = serve.rests(&run, ADA)["waits"].clone();
    let answer = json!({ "digest": waits["digest"], "text": "x", "decision": "approve" });
    // A run that is not there, and one that is another's, are the same.
    let none = format!("{}x", &run[..run.len() - 1]);
    for route in routes() {
        let asked = |run: &str| {
            let start = line(&route, run, "helper", "echo");
            let body = match route.path.rsplit('/').next().unwrap() {
                "approval" => json!({ "digest": answer["digest"], "decision": "approve" }),
                "reply" => json!({ "digest": answer["digest"], "text": "x" }),
                _ => {
                    json!({ "jsonrpc": "2.0", "id": 1, "method": "tasks/get", "params": { "id": run } })
                }
            };
            let body = if route.method == "POST" { body.to_string() } else { String::new() };
            let both = [("Accept", "application/json, text/event-stream")];
            (start.clone(), ask(&serve, &start, BOB, &both, &body))
        };
        let (start, theirs) = asked(&run);
        for hidden in ["sekrit", "helper", "echo"] {
            let tells = theirs.body.contains(hidden) && !open(&route);
            // What was asked for is repeated.
            let repeats = theirs.status == 404 && start.contains(hidden);
            assert!(!tells || repeats, "{start} tells of `{hidden}`: {theirs:?}");
        }
        if route.path.contains("{id}") {
            assert_eq!(theirs.error(), (404, "run_not_found".to_string()), "{start}");
            assert_eq!(theirs.body, asked(&none).1.body, "{start}");
        }
        if route.path.contains("{agent}") || route.path.contains("{*name}") {
            assert_eq!(theirs.status, 404, "{start}: {theirs:?}");
        }
    }
    assert_eq!(serve.get(&format!("/v1/runs/{run}"), ADA).json()["waits"], waits);
}

#[test]
fn every_address_gives_up_a_body_that_does_not_come() {
    let (_place, serve) = serving(&format!("{FAST}\nclient_s = 1"));
    let routes: Vec<Route> = routes().into_iter().filter(|route| route.method == "POST").collect();
    // All at once: each waits for as long as a client may take.
    std::thread::scope(|scope| {
        for route in &routes {
            scope.spawn(|| {
                let start = plain(route);
                let head = format!(
                    "{start} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {ADA}\r\n\
                     Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n\
                     Content-Length: 100\r\n\r\n{{",
                    serve.at
                );
                let answer = serve.raw(&head);
                // What reads no body answers without one.
                assert!((400..500).contains(&answer.status), "{start}: {answer:?}");
            });
        }
    });
}

#[test]
fn the_document_holds_every_address_and_no_other() {
    let document = server::document();
    let paths = document["paths"].as_object().unwrap();
    let told = |path: &str, method: &str| {
        // The rest of a path has no writing there.
        let path = path.replace("{*name}", "{model}");
        paths.get(&path).is_some_and(|path| path.get(method.to_lowercase()).is_some())
    };
    let routes = routes();
    for route in routes.iter().filter(|route| !elsewhere(route)) {
        assert!(told(route.path, route.method), "{route:?} is not in the document");
    }
    let written: usize =
        paths.values().map(|path| path.as_object().map_or(0, |ways| ways.len())).sum();
    assert_eq!(written, routes.iter().filter(|route| !elsewhere(route)).count());
}
