//! A model's server that is ill for a while.

use super::*;

/// A server that answers with `ill` until it is well.
fn recovers(timeout: &str, ill: impl Fn() -> Response + Clone + Send + Sync + 'static) -> String {
    let well = Arc::new(AtomicBool::new(false));
    let is_well = well.clone();
    let server = Server::start(move |_: Asked| match is_well.load(Ordering::SeqCst) {
        true => reply(&json!({ "content": "well again" })),
        false => ill(),
    });
    let place = Place::new();
    let ran = place.write("agent.toml", remote(&server, timeout)).run();
    assert_eq!((ran.code, &ran.finished()["reason"]), (Some(1), &json!("fault")), "{ran}");
    let detail = ran.finished()["detail"].as_str().unwrap().to_string();
    well.store(true, Ordering::SeqCst);
    let resumed = place.resume(&ran.run(), &[]);
    assert_eq!(resumed.code, Some(0), "{resumed}");
    assert_eq!(resumed.finished()["outcome"], json!({ "answer": "well again" }));
    detail.replace(&server.at.to_string(), "SERVER")
}

fn status(code: u16, text: &'static str) -> Response {
    Response::builder().status(code).header("retry-after", "0").body(text.into()).unwrap()
}

fn stream(body: Body) -> Response {
    Response::builder().header("content-type", "text/event-stream").body(body).unwrap()
}

#[test]
fn a_model_server_that_is_too_busy() {
    let said = recovers("30s", || status(429, "{\"error\":{\"message\":\"slow down\"}}"));
    insta::assert_snapshot!(said, @r#"model `m` did not answer: the server answered 429 Too Many Requests: slow down"#);
}

#[test]
fn a_model_server_that_broke() {
    insta::assert_snapshot!(recovers("30s", || status(500, "oops")), @r#"model `m` did not answer: the server answered 500 Internal Server Error: oops"#);
}

#[test]
fn a_model_server_that_talks_garbage() {
    insta::assert_snapshot!(recovers("30s", || stream("data: {]\n\ndata: 7\n\n".into())), @r#"model `m` did not answer: it sent `{]`, which is no reply"#);
}

#[test]
fn a_model_server_that_is_a_web_page() {
    insta::assert_snapshot!(recovers("30s", || "<html>welcome</html>".into_response()), @r"
    model `m` did not answer: it answered a page of HTML where a reply was expected
    hint: nothing answers at `http://SERVER/v1/chat/completions`: check `base_url`
    ");
}

#[test]
fn a_model_server_that_stops_in_the_middle() {
    let said = recovers("30s", || {
        let event = json!({"choices": [{"index": 0, "delta": {"content": "half a"}}]});
        let events = [Ok(format!("data: {event}\n\n")), Err(std::io::Error::other("cut"))];
        // While the body waits the server flushes what it has.
        let events = futures::StreamExt::then(futures::stream::iter(events), |event| async {
            tokio::task::yield_now().await;
            event
        });
        stream(Body::from_stream(events))
    });
    insta::assert_snapshot!(said, @r#"model `m` did not answer: the reply broke off: the connection broke: unexpected EOF during chunk size line"#);
}

#[test]
fn a_model_server_that_says_nothing() {
    let said = recovers("1s", || {
        stream(Body::from_stream(futures::stream::pending::<Result<String, std::io::Error>>()))
    });
    insta::assert_snapshot!(said, @r#"model `m` did not answer: it was silent for 1 s, its `timeout`"#);
}

/// Each resume waited again, and none of it was spent.
#[test]
fn a_wait_that_failed_counts_as_the_time_it_took() {
    let server = Server::start(|_: Asked| {
        stream(Body::from_stream(futures::stream::pending::<Result<String, std::io::Error>>()))
    });
    let place = Place::new();
    let agent = remote(&server, "1s") + "[budget]\ntime = \"1900ms\"\n";
    let first = place.write("agent.toml", agent).run();
    assert_eq!(first.finished()["reason"], "fault", "{first}");
    let second = place.resume(&first.run(), &[]);
    assert_eq!(second.finished()["reason"], "time", "{second}");
}

#[test]
fn a_model_server_that_is_not_there() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let place = Place::new();
    let server = format!(
        "name = \"remote\"\ntask = \"answer\"\n[model]\nprovider = \"openai\"\nname = \"m\"\n\
         base_url = \"http://{gone}/v1\"\n"
    );
    let ran = place.write("agent.toml", server).run();
    assert_eq!((ran.code, &ran.finished()["reason"]), (Some(1), &json!("fault")), "{ran}");
    let said = ran.finished()["detail"].as_str().unwrap().replace(&gone.to_string(), "SERVER");
    insta::assert_snapshot!(said, @r#"model `m` did not answer: no connection to `SERVER`: connection refused"#);
}

/// A run died of it and of each resume, since it was unknown what the model holds.
#[test]
fn a_conversation_that_is_too_long_for_the_model() {
    let server = Server::start(|asked: Asked| {
        let body: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
        let size: usize = body["messages"].to_string().len();
        let text =
            "{\"error\":{\"message\":\"This model's maximum context length is 2000 tokens.\"}}";
        match (size > 8000, body["messages"].as_array().map_or(0, Vec::len)) {
            (true, _) => status(400, text),
            (_, 0..6) => reply(&json!({ "content": null, "tool_calls": [
                { "name": "files_read", "arguments": { "path": "docs/a.md" } }] })),
            _ => reply(&json!({ "content": "read" })),
        }
    });
    let place = Place::new();
    place.write("docs/a.md", "The lamp is lit at dusk.\n".repeat(200));
    let tools = "[tools]\nuse = [\"files.read\"]\n[permissions]\nread = [\"docs\"]\n";
    let ran = place.write("agent.toml", remote(&server, "30s") + tools).run();
    assert_eq!(ran.code, Some(0), "{ran}");
    assert_eq!(ran.finished()["outcome"], json!({ "answer": "read" }));
}

#[test]
fn an_option_that_a_server_refuses_is_said() {
    let server = Server::start(|asked: Asked| {
        let body: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
        match body["stream_options"].is_null() {
            true => reply(&json!({ "content": "well" })),
            false => status(422, "{\"detail\":\"stream_options: extra inputs are not permitted\"}"),
        }
    });
    let ran = Place::new().write("agent.toml", remote(&server, "30s")).run();
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(ran.out.contains("\"note\"") && ran.out.contains("`stream_options = false`"), "{ran}");
}

/// It was cut off after its `timeout` as a whole.
#[test]
fn a_reply_that_comes_slowly() {
    let server = Server::start(|_: Asked| {
        let words = ["it ", "comes ", "slowly"].map(|word| json!({ "content": word }));
        let events = words.into_iter().map(|delta| json!({ "choices": [{ "delta": delta }] }));
        let end = json!({ "choices": [{ "delta": {}, "finish_reason": "stop" }] });
        let events = futures::stream::iter(events.chain([end]));
        stream(Body::from_stream(futures::StreamExt::then(events, |event| async move {
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            Ok::<_, std::io::Error>(format!("data: {event}\n\n"))
        })))
    });
    let ran = Place::new().write("agent.toml", remote(&server, "600ms")).run();
    assert_eq!(ran.finished()["outcome"], json!({ "answer": "it comes slowly" }), "{ran}");
}

/// The system's certificates are read for a server that shows one, and for no other: a bare container has none.
#[test]
fn a_machine_without_certificates() {
    let server = Server::start(|_: Asked| reply(&json!({ "content": "well" })));
    let place = Place::new();
    let bare = |base: &str| {
        place.write("agent.toml", remote(&server, "1s").replace("http://", base));
        let mut command = place.command(["run", "agent.toml", "--json"]);
        command.env("SSL_CERT_FILE", place.path("missing.pem")).env_remove("SSL_CERT_DIR");
        place.ran(&command.output().unwrap())
    };
    let ran = bare("http://");
    assert_eq!(ran.code, Some(0), "{ran}");
    assert_eq!(ran.finished()["outcome"], json!({ "answer": "well" }), "{ran}");
    // It speaks no TLS, and none is taken for it.
    assert_eq!(bare("https://").code, Some(1));
}
