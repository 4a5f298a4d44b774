//! Attacks on the network. The gate says yes to everything unless a test says otherwise.

#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{StatusCode, header};
use axum::response::Redirect;
use axum::routing::get;
use common::{Asked, Folder};
use serde_json::{Value, json};

async fn serve(router: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn pages() -> SocketAddr {
    let page = || async { ([(header::CONTENT_TYPE, "text/plain")], "the page") };
    serve(
        Router::new()
            .route("/page", get(page))
            .route("/big", get(|| async { vec![b'x'; 1 << 20] })),
    )
    .await
}

async fn fetch(url: &str) -> Result<Value, String> {
    Folder::new().run(&Asked::everything(), "get", json!({"url": url})).await
}

fn refused(result: Result<Value, String>, words: &str) {
    let failure = result.unwrap_err();
    assert!(failure.contains(words), "{failure}");
}

#[tokio::test]
async fn a_literal_that_the_gate_allows() {
    let at = pages().await;
    let folder = Folder::new();
    let gate = Asked::everything();
    let url = format!("http://{at}/page#part");
    let answer = folder.run(&gate, "get", json!({"url": url})).await.unwrap();
    assert_eq!(answer["status"], 200);
    assert_eq!(answer["body"], "the page");
    assert_eq!(answer["type"], "text/plain");
    assert_eq!(gate.asked(), [format!("GET `http://{at}/page`")]);
    assert!(gate.done.lock().unwrap().is_empty());
}

#[tokio::test]
async fn host_not_granted() {
    let at = pages().await;
    let url = format!("http://{at}/page");
    let result = Folder::new().run(&Asked::nothing(), "get", json!({"url": url})).await;
    assert_eq!(result, Err(format!("may not GET `{url}`")));
}

#[tokio::test]
async fn loopback_and_metadata_by_literal() {
    // The gate is shown the number that a spelling means, so no spelling is another host to it.
    for (spelling, meant) in [
        ("http://2130706433:81/", "http://127.0.0.1:81/"),
        ("http://0x7f000001:81/", "http://127.0.0.1:81/"),
        ("http://0177.0.0.1:81/", "http://127.0.0.1:81/"),
        ("http://127.1:81/", "http://127.0.0.1:81/"),
        ("http://[::ffff:127.0.0.1]:81/", "http://[::ffff:7f00:1]:81/"),
        ("http://0xa9fea9fe/", "http://169.254.169.254/"),
        ("http://2852039166/latest", "http://169.254.169.254/latest"),
    ] {
        let gate = Asked::nothing();
        let result = Folder::new().run(&gate, "get", json!({"url": spelling})).await;
        assert_eq!(result, Err(format!("may not GET `{meant}`")), "{spelling}");
    }
}

#[tokio::test]
async fn loopback_by_name() {
    let at = pages().await;
    for name in ["localhost", "LOCALHOST"] {
        let result = fetch(&format!("http://{name}:{}/page", at.port())).await;
        refused(result, "names may not lead there");
    }
}

#[tokio::test]
async fn loopback_and_metadata_by_redirect() {
    let inner = pages().await;
    let router =
        Router::new()
            .route(
                "/loopback",
                get(move || async move { Redirect::to(&format!("http://{inner}/page")) }),
            )
            .route(
                "/decimal",
                get(move || async move {
                    Redirect::to(&format!("http://2130706433:{}/page", inner.port()))
                }),
            )
            .route(
                "/mapped",
                get(move || async move {
                    Redirect::to(&format!("http://[::ffff:127.0.0.1]:{}/page", inner.port()))
                }),
            )
            .route("/metadata", get(|| async { Redirect::to("http://169.254.169.254/latest") }))
            .route(
                "/name",
                get(move || async move {
                    Redirect::to(&format!("http://localhost:{}/page", inner.port()))
                }),
            )
            .route("/file", get(|| async { Redirect::to("file:///etc/passwd") }));
    let at = serve(router).await;
    for (path, words) in [
        ("loopback", "a redirect may not lead to the private address"),
        ("decimal", "a redirect may not lead to the private address"),
        ("mapped", "a redirect may not lead to the private address"),
        (
            "metadata",
            "a redirect may not lead to the private address `http://169.254.169.254/latest`",
        ),
        ("name", "names may not lead there"),
        ("file", "is not an `http:` or `https:` URL"),
    ] {
        refused(fetch(&format!("http://{at}/{path}")).await, words);
    }
}

#[tokio::test]
async fn every_hop_is_judged() {
    let router = Router::new()
        .route("/a", get(|| async { Redirect::to("/b") }))
        .route("/b", get(|| async { Redirect::to("/c") }))
        .route("/c", get(|| async { "end" }));
    let at = serve(router).await;
    let folder = Folder::new();
    let gate = Asked::everything();
    let answer = folder.run(&gate, "get", json!({"url": format!("http://{at}/a")})).await.unwrap();
    assert_eq!(answer["url"], format!("http://{at}/c"));
    let hops: Vec<_> = ["a", "b", "c"].map(|path| format!("GET `http://{at}/{path}`")).into();
    assert_eq!(gate.asked(), hops);

    let gate = Asked::with(|capability| match capability.to_string() {
        hop if hop.ends_with("/b`") => Err("not there".to_string()),
        _ => Ok(agent_core::sandbox::Use::Fresh(0)),
    });
    let result = folder.run(&gate, "get", json!({"url": format!("http://{at}/a")})).await;
    assert_eq!(result, Err("not there".to_string()));
}

#[tokio::test]
async fn redirects_without_end() {
    let at = serve(Router::new().route("/", get(|| async { Redirect::to("/") }))).await;
    refused(fetch(&format!("http://{at}/")).await, "redirects more than 5 times");
}

#[tokio::test]
async fn other_schemes() {
    for url in ["file:///etc/passwd", "ftp://example.org/", "data:text/plain,x", "gopher://x/"] {
        refused(fetch(url).await, "is not an `http:` or `https:` URL");
    }
    refused(fetch("not a url").await, "is not a URL");
    refused(fetch("http://user:word@example.org/").await, "user name or a password");
}

#[tokio::test]
async fn an_answer_that_is_too_big() {
    let at = pages().await;
    let folder = Folder::with(|config| config.response_bytes = 1000);
    let url = format!("http://{at}/big");
    let result = folder.run(&Asked::everything(), "get", json!({"url": url})).await;
    refused(result, "gives more than 1000 bytes");
}

#[tokio::test]
async fn an_answer_that_grows_when_unpacked() {
    // 1 MiB of zeros.
    let zip = std::process::Command::new("sh")
        .args(["-c", "head -c 1048576 /dev/zero | gzip -9"])
        .output()
        .unwrap();
    let packed = Bytes::from(zip.stdout);
    assert!(packed.len() < 4096);
    let answer = move || async move { ([(header::CONTENT_ENCODING, "gzip")], packed) };
    let at = serve(Router::new().route("/", get(answer))).await;
    let folder = Folder::with(|config| config.response_bytes = 100 << 10);
    let url = format!("http://{at}/");
    let result = folder.run(&Asked::everything(), "get", json!({"url": url})).await;
    refused(result, "gives more than 100 KiB");
    assert_eq!(fetch(&url).await.unwrap()["length"], 1 << 20);
}

#[tokio::test]
async fn a_server_that_says_nothing() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let folder = Folder::with(|config| config.request_time = Duration::from_millis(200));
    let url = format!("http://{at}/");
    let result = folder.run(&Asked::everything(), "get", json!({"url": url})).await;
    assert_eq!(result, Err(format!("`{url}`: no answer within 200 ms")));
}

#[tokio::test]
async fn a_server_that_is_not_there() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    drop(listener);
    refused(fetch(&format!("http://{at}/")).await, "cannot be reached: connection refused");
}

#[tokio::test]
async fn an_error_page_is_an_answer() {
    let missing = || async { (StatusCode::NOT_FOUND, "nothing here") };
    let at = serve(Router::new().route("/", get(missing))).await;
    let answer = fetch(&format!("http://{at}/")).await.unwrap();
    assert_eq!((&answer["status"], &answer["body"]), (&json!(404), &json!("nothing here")));
}

#[tokio::test]
async fn sockets() {
    let at = pages().await;
    let result =
        Folder::new().run(&Asked::everything(), "sockets", json!({"port": at.port()})).await;
    assert_eq!(result, Ok(json!({"tcp": false, "udp": false, "names": false})));
}
