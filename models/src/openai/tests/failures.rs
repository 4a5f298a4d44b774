//! Servers that fail: what is tried again, what is given up, and what is said.

use super::*;

#[tokio::test]
async fn failures_before_the_first_token_are_tried_again() {
    let busy = Answer::Status(429, &[("retry-after", "0.02")], r#"{"error":{"message":"slow"}}"#);
    let down = Answer::Status(503, &[], "");
    let server = Server::start([busy, down, hello()]).await;
    let begun = std::time::Instant::now();
    let (reply, seen) = server.ask(&free()).await;
    assert_eq!((reply.unwrap().content.as_str(), seen.as_str()), ("Hello", "Hello"));
    assert!(begun.elapsed() >= Duration::from_millis(20));
    assert_eq!(server.asked().len(), 3);
}

#[tokio::test]
async fn what_does_not_get_better_is_given_up() {
    let busy = || Answer::Status(429, &[], r#"{"error":{"message":"slow down"}}"#);
    let (error, asked) = unavailable(vec![busy(), busy(), busy(), hello()]).await;
    assert_eq!(
        error,
        "model `m` did not answer: the server answered 429 Too Many Requests: slow down"
    );
    assert_eq!(asked, 3);
    let hours = Answer::Status(429, &[("retry-after", "7200")], "");
    assert_eq!(unavailable(vec![hours, hello()]).await.1, 1);
    let broke = r#"{"error":{"message":"no money","code":"insufficient_quota"}}"#;
    assert_eq!(unavailable(vec![Answer::Status(429, &[], broke), hello()]).await.1, 1);
    let (error, asked) = unavailable(vec![Answer::Status(404, &[], "<h1>Not here</h1>")]).await;
    assert!(error.contains("404 Not Found: a page of HTML, `Not here`\nhint: nothing "), "{error}");
    assert_eq!(asked, 1);
    let down = || Answer::Status(500, &[], "internal\n\n error");
    let (error, asked) = unavailable(vec![down(), down(), down()]).await;
    assert!(error.ends_with("500 Internal Server Error: internal error"), "{error}");
    assert_eq!(asked, 3);
}

#[tokio::test]
async fn half_a_stream_is_no_reply_and_is_not_repeated() {
    let (error, asked) = unavailable(vec![Answer::Half(vec![text("Hel")]), hello()]).await;
    assert!(error.contains("the reply broke off: "), "{error}");
    assert_eq!(asked, 1);
    let cut = Answer::Raw(format!("data: {}\n\n", text("Hel")));
    let (error, asked) = unavailable(vec![cut, hello()]).await;
    assert!(error.ends_with("the stream ended before the reply did"), "{error}");
    assert_eq!(asked, 1);
    // Nothing of the reply was there yet: it is tried again.
    let server = Server::start([Answer::Half(vec![]), hello()]).await;
    assert_eq!(server.ask(&free()).await.0.unwrap().content, "Hello");
}

#[tokio::test]
async fn garbage_is_named() {
    let garbage = || Answer::Raw("data: <html>oops</html>\n\n".to_string());
    let (error, _) = unavailable(vec![garbage()]).await;
    assert!(error.contains("it answered a page of HTML where a reply was expected"), "{error}");
    let json = Answer::Status(200, &[("content-type", "application/json")], r#"{"a":1}"#);
    let (error, _) = unavailable(vec![json]).await;
    assert!(error.contains(r#"it answered `{"a":1}` where a reply"#), "{error}");
    let nothing = || Answer::Raw(String::new());
    let (error, asked) = unavailable(vec![nothing(), nothing(), nothing()]).await;
    assert!(error.ends_with("the stream ended without a word"), "{error}");
    assert_eq!(asked, 3);
    let inside = Answer::Events(vec![json!({ "error": { "message": "out of memory" } })]);
    let (error, _) = unavailable(vec![inside]).await;
    assert!(error.ends_with("did not answer: out of memory"), "{error}");
}

#[tokio::test]
async fn silence_ends_after_the_timeout() {
    let (error, asked) = unavailable(vec![Answer::Silent, hello()]).await;
    assert!(error.contains("it was silent for 0.5 s, its `timeout`"), "{error}");
    assert_eq!(asked, 1);
    let mut options = RemoteOptions::new("m", "http://127.0.0.1:9/v1");
    options.backoff = Duration::from_millis(1);
    let error = think(options, &free()).await.0.unwrap_err().to_string();
    assert!(error.contains("refused"), "{error}");
}

#[tokio::test]
async fn a_flood_is_cut_off() {
    let mut large = free();
    large.max_tokens = 2_000_000;
    let server = Server::start([Answer::Flood]).await;
    let error = server.ask(&large).await.0.unwrap_err().to_string();
    assert!(error.contains("the reply has more than 16 MiB"), "{error}");
}

/// It was kept up to what the wire allows, 4 MiB, and the next request carried it.
#[tokio::test]
async fn a_reply_far_beyond_what_was_asked_for_is_cut() {
    let server = Server::start([Answer::Flood]).await;
    let (reply, seen) = server.ask(&free()).await;
    let reply = reply.unwrap();
    assert_eq!((reply.finish, reply.content.len()), (Finish::Cut, 50 * 16 + 4096));
    assert_eq!(seen, reply.content);
    assert!(reply.usage.output > 50, "{:?}", reply.usage);
    let part = |n: u64| {
        let function = json!({"name": "files_read", "arguments": "{}"});
        call(json!({"index": n, "id": format!("c{n}"), "function": function}))
    };
    let server = Server::start([Answer::Events((0..10_000).map(part).collect())]).await;
    let reply = server.ask(&request(Form::Calls(vec![tool("files.read").into()]))).await.0.unwrap();
    assert_eq!(reply.finish, Finish::Cut);
    assert!(reply.tool_calls.len() < 100, "{} calls", reply.tool_calls.len());
}

#[tokio::test]
async fn a_usage_of_zero_where_text_came() {
    let zero = json!({ "choices": [], "usage": { "prompt_tokens": 0, "completion_tokens": 0 } });
    let server = Server::start([Answer::Events(vec![text("Hello"), end("stop"), zero])]).await;
    let usage = server.ask(&free()).await.0.unwrap().usage;
    assert!(usage.input > 5 && usage.output > 1, "{usage:?}");
}

#[tokio::test]
async fn fallbacks_are_asked_in_order() {
    let gone = |text| Answer::Status(404, &[], text);
    let server = Server::start([gone("no m"), gone("no n"), hello()]).await;
    let mut options = server.options();
    options.fallback = vec!["n".to_string(), "o".to_string()];
    assert_eq!(think(options.clone(), &free()).await.0.unwrap().content, "Hello");
    let models: Vec<_> = server.asked().iter().map(|asked| asked["model"].clone()).collect();
    assert_eq!(models, ["m", "n", "o"]);
    let server = Server::start([gone("no m"), gone("no n"), gone("no o")]).await;
    let address = server.options().base_url;
    let error = think(RemoteOptions { base_url: address, ..options }, &free()).await.0;
    let error = error.unwrap_err().to_string();
    let said = "model `m` did not answer: the server answered 404 Not Found: no m; fallback `n`: the \
                server answered 404 Not Found: no n; fallback `o`: the server answered 404 Not Found: \
                no o\nhint: ";
    assert!(error.starts_with(said), "{error}");
}

#[tokio::test]
async fn a_prompt_that_does_not_fit_is_told_apart() {
    let body = r#"{"error":{"code":400,"message":"too long","n_prompt_tokens":900,"n_ctx":512}}"#;
    let server = Server::start([Answer::Status(400, &[], body)]).await;
    let error = server.ask(&free()).await.0.unwrap_err();
    assert!(matches!(error, ModelError::TooLong { tokens: 900, context: 512, .. }), "{error}");
}
