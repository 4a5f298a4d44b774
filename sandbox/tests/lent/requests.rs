//! Requests that an untrusted component makes, and the secrets in them.

use super::*;

async fn serve(router: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// Says what it was sent: method, headers and body.
async fn mirror(method: Method, headers: HeaderMap, body: String) -> String {
    let headers: BTreeMap<&str, &str> =
        headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    json!({"method": method.as_str(), "headers": headers, "body": body}).to_string()
}

fn granted(at: SocketAddr, header: &str) -> Guest {
    let secret = SecretUse {
        name: "API_KEY".into(),
        host: at.to_string().parse().unwrap(),
        header: header.into(),
    };
    Guest { secrets: Arc::from([secret]), ..guest(ALL, LIMITS) }
}

async fn sent(guest: &Guest, gate: &dyn Gate, with: Value) -> Answer {
    let answer = run(&folder(), gate, guest, "send", with).await;
    assert!(!format!("{answer:?}").contains(KEY), "{answer:?}");
    answer
}

#[tokio::test]
async fn a_request_with_headers_and_a_body() {
    let at = serve(Router::new().route("/", any(mirror))).await;
    let gate = Asked::everything();
    let url = format!("http://{at}/");
    let with = json!({"method": "POST", "url": url, "texts": {"X-One": "1"}, "body": "hello"});
    let answer = sent(&guest(ALL, LIMITS), &gate, with).await.unwrap();
    let seen: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    assert_eq!((&seen["method"], &seen["body"]), (&json!("POST"), &json!("hello")));
    assert_eq!(seen["headers"]["x-one"], "1");
    assert_eq!(gate.asked(), [format!("POST `{url}`")]);
    // It changed something out there, so it is on record as done.
    assert_eq!(*gate.done.lock().unwrap(), [7]);
}

#[tokio::test]
async fn header_injection() {
    let at = serve(Router::new().route("/", any(mirror))).await;
    let url = format!("http://{at}/");
    let gate = Asked::everything();
    for (name, value) in [
        ("x-a", "1\r\nx-b: 2"),
        ("x-a", "1\nx-b: 2"),
        ("x-a", "1\r"),
        ("x-a", "1\0"),
        ("x-a", "\u{fc}"),
        ("x-a\r\nx-b", "1"),
        ("x-a: 1", "1"),
        ("x a", "1"),
        ("", "1"),
        ("Host", "evil.org"),
        ("content-length", "0"),
        ("Transfer-Encoding", "chunked"),
        ("connection", "x-a"),
        ("cookie", "a=b"),
        ("upgrade", "h2c"),
        ("accept-encoding", "br"),
        ("range", "bytes=0-3"),
        ("proxy-authorization", "x"),
        ("sec-fetch-mode", "x"),
        ("X-Forwarded-For", "127.0.0.1"),
        ("x-http-method-override", "DELETE"),
    ] {
        let with = json!({"url": url, "texts": {name: value}});
        let refusal = sent(&guest(ALL, LIMITS), &gate, with).await.unwrap_err();
        assert!(refusal.contains("header"), "{name}: {refusal}");
        assert!(!refusal.contains(['\r', '\n', '\0']), "{refusal:?}");
    }
    for method in ["CONNECT", "TRACE", "get", "GET / HTTP/1.1\r\nx: y"] {
        let refusal = sent(&guest(ALL, LIMITS), &gate, json!({"url": url, "method": method})).await;
        assert!(refusal.unwrap_err().contains("is no method to send"));
    }
    let body = sent(&guest(ALL, LIMITS), &gate, json!({"url": url, "body": "x"})).await;
    assert_eq!(body, Err("a GET has no body".to_string()));
    assert!(gate.asked().is_empty());
}

#[tokio::test]
async fn a_secret_goes_into_its_header_and_does_not_come_back() {
    let at = serve(Router::new().route("/", any(mirror))).await;
    let url = format!("http://{at}/");
    let gate = Asked::everything();
    for (header, seen) in
        [("x-key", "[secret API_KEY]"), ("authorization", "Bearer [secret API_KEY]")]
    {
        let with = json!({"url": url, "secrets": {header: "API_KEY"}});
        let answer = sent(&granted(at, header), &gate, with).await.unwrap();
        let mirrored: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
        assert_eq!(mirrored["headers"][header], seen);
    }
}

#[tokio::test]
async fn secret_to_another_host_header_or_name() {
    let at = serve(Router::new().route("/", any(mirror))).await;
    let other = serve(Router::new().route("/", any(mirror))).await;
    let gate = Asked::everything();
    let guest = granted(at, "x-key");
    for (url, header, name, words) in [
        (format!("http://{other}/"), "x-key", "API_KEY", "was not granted for the header"),
        (format!("http://localhost:{}/", at.port()), "x-key", "API_KEY", "was not granted for"),
        (format!("http://{at}/"), "x-other", "API_KEY", "was not granted for the header `x-other`"),
        (format!("http://{at}/"), "x-key", "PATH", "the secret `PATH` was not granted"),
    ] {
        let with = json!({"url": url, "secrets": {header: name}});
        let refusal = sent(&guest, &gate, with).await.unwrap_err();
        assert!(refusal.contains(words), "{refusal}");
    }
    assert!(gate.asked().is_empty(), "nothing was even asked for");
    let without = self::guest(ALL, LIMITS);
    let with = json!({"url": format!("http://{at}/"), "secrets": {"x-key": "API_KEY"}});
    let refusal = sent(&without, &gate, with).await.unwrap_err();
    assert_eq!(refusal, "the secret `API_KEY` was not granted");
}

#[tokio::test]
async fn secret_after_redirect() {
    let other = serve(Router::new().route("/", any(mirror))).await;
    let away = move || async move { Redirect::temporary(&format!("http://{other}/")) };
    let at = serve(
        Router::new()
            .route("/near", any(|| async { Redirect::temporary("/mirror") }))
            .route("/mirror", any(mirror))
            .route("/away", any(away))
            .route(
                "/told",
                any(|| async { Redirect::to(&format!("/?k={}", KEY.replace('+', "%2B"))) }),
            ),
    )
    .await;
    let guest = granted(at, "x-key");
    let gate = Asked::everything();
    let with = |path: &str| {
        json!({"url": format!("http://{at}/{path}"), "secrets": {"x-key": "API_KEY"},
               "texts": {"x-own": "mine", "accept": "text/plain"}})
    };
    let near = sent(&guest, &gate, with("near")).await.unwrap();
    assert!(near["body"].as_str().unwrap().contains("[secret API_KEY]"), "{near}");
    // Another host: a literal that was not asked for is not even reached.
    let away = sent(&guest, &gate, with("away")).await.unwrap_err();
    assert!(away.contains("a redirect may not lead to the private address"), "{away}");
    let told = sent(&guest, &gate, with("told")).await.unwrap_err();
    assert!(told.contains("redirects to what holds the secret `API_KEY`"), "{told}");
    assert!(gate.asked().iter().all(|asked| !asked.contains("k=")), "{:?}", gate.asked());
}

#[tokio::test]
async fn secret_echoed_in_each_encoding() {
    let hex: String = KEY.bytes().map(|byte| format!("{byte:02x}")).collect();
    let percent: String = KEY.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let echoes = [
        KEY.to_string(),
        format!("x{KEY}{KEY}x"),
        hex.to_uppercase(),
        hex,
        percent,
        STANDARD.encode(KEY),
        STANDARD.encode(format!("Bearer {KEY} and more")),
        STANDARD.encode(format!("ab{KEY}")),
        URL_SAFE_NO_PAD.encode(format!("a{KEY}!")),
        KEY.replace('/', "\\/"),
        KEY.replace('+', "&#43;"),
        KEY.replace('/', "%252F"),
    ];
    for echo in echoes {
        let body = echo.clone();
        let at = serve(Router::new().route("/", any(move || async move { body }))).await;
        let guest = granted(at, "x-key");
        // Also where this request carried none: the server may have kept it.
        for tool in ["send", "get"] {
            let with = json!({"url": format!("http://{at}/")});
            let answer = run(&folder(), &Asked::everything(), &guest, tool, with).await.unwrap();
            let told = answer["body"].as_str().unwrap();
            assert!(told.contains("[secret API_KEY]") && !told.contains(&echo), "{echo}: {told}");
        }
    }
    let packed = || async { ([(header::CONTENT_ENCODING, "compress")], "packed").into_response() };
    let at = serve(Router::new().route("/", any(packed))).await;
    let with = json!({"url": format!("http://{at}/")});
    let refusal = sent(&granted(at, "x-key"), &Asked::everything(), with).await.unwrap_err();
    assert!(refusal.contains("is packed as `compress`"), "{refusal}");
}

/// Another tool that knows the key.
struct Telling;

#[async_trait]
impl Gate for Telling {
    async fn authorize(&self, _: Capability) -> Result<Use, String> {
        Err(format!("no, not with {KEY}"))
    }

    async fn done(&self, _: u64) -> Result<(), SandboxError> {
        Ok(())
    }

    async fn call(&self, tool: &str, _: Value) -> Result<Value, String> {
        if tool == "fails" { Err(format!("wrong key {KEY}")) } else { Ok(json!({"key": KEY})) }
    }
}

#[tokio::test]
async fn secret_by_another_tool_or_in_a_failure() {
    let at: SocketAddr = "127.0.0.1:9".parse().unwrap();
    let (guest, folder) = (granted(at, "x-key"), folder());
    let told = run(&folder, &Telling, &guest, "call", json!({"tool": "t", "arguments": {}})).await;
    assert_eq!(told, Ok(json!({"key": "[secret API_KEY]"})));
    let failed =
        run(&folder, &Telling, &guest, "call", json!({"tool": "fails", "arguments": {}})).await;
    assert_eq!(failed, Err("wrong key [secret API_KEY]".to_string()));
    let said = run(&folder, &Telling, &guest, "say", json!({"words": KEY})).await;
    assert_eq!(said, Err("[secret API_KEY]".to_string()));
}

#[tokio::test]
async fn a_redirect_changes_a_post_as_browsers_do() {
    let to = |status: StatusCode| move || async move { (status, [(header::LOCATION, "/end")]) };
    let at = serve(
        Router::new()
            .route("/302", any(to(StatusCode::FOUND)))
            .route("/307", any(to(StatusCode::TEMPORARY_REDIRECT)))
            .route("/end", any(mirror)),
    )
    .await;
    for (path, method, body) in [("302", "GET", ""), ("307", "POST", "hello")] {
        let gate = Asked::everything();
        let url = format!("http://{at}/{path}");
        let with = json!({"method": "POST", "url": url, "body": "hello"});
        let answer = sent(&guest(ALL, LIMITS), &gate, with).await.unwrap();
        let seen: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
        assert_eq!((&seen["method"], &seen["body"]), (&json!(method), &json!(body)));
        assert_eq!(gate.asked()[1], format!("{method} `http://{at}/end`"));
    }
}
