//! Components from far: a URL, a registry of images, and servers that mean no good.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::components::{refused, times};
use crate::place::{Place, Ran, block_on, call, say};
use crate::server::{Asked, Server};

/// An agent that is to get a component `math`.
fn place() -> Place {
    let place = Place::new();
    let replies = [call([("math.double", json!({"n": 21}))]), say("done")];
    place.agent("act = \"tools\"", "", &replies);
    place
}

fn add(place: &Place, source: &str) -> Ran {
    place.errand(["tools", "add", source, "--yes"])
}

#[test]
fn a_url_is_fetched_pinned_and_looked_at_again() {
    let served = Arc::new(Mutex::new(times("double", 2)));
    let bytes = served.clone();
    let server = Server::start(move |asked: Asked| match asked.path.as_str() {
        "/moved" => Redirect::temporary("/math.wasm").into_response(),
        _ => bytes.lock().unwrap().clone().into_response(),
    });
    let (place, at) = (place(), server.at);
    let added = add(&place, &format!("http://{at}/math.wasm"));
    assert_eq!(added.code, Some(0), "{added}");
    let lock = place.read("errand.lock");
    assert!(lock.contains(&format!("source = \"http://{at}/math.wasm\"")), "{lock}");
    assert_eq!(fs::read(place.path("tools/math.wasm")).unwrap(), *served.lock().unwrap());
    assert_eq!(place.run().observations(), ["42"]);
    assert!(place.errand(["tools", "update", "math"]).out.contains("math is what was agreed to"));
    *served.lock().unwrap() = times("treble", 3);
    let changed = place.errand(["tools", "update", "math"]);
    refused(&changed, 2, &["there is no terminal to confirm on"]);
    assert!(changed.out.contains("+ math.treble(n: integer)"), "{changed}");
    // Until the user agrees, what runs is what was agreed to.
    assert_eq!(place.run().observations(), ["42"]);
    let other =
        place.errand(["tools", "add", &format!("http://{at}/moved"), "--name", "moved", "--yes"]);
    assert_eq!(other.code, Some(0), "{other}");
}

#[test]
fn what_a_server_may_give_instead() {
    let server = Server::start(|asked: Asked| match asked.path.as_str() {
        "/zip" => b"PK\x03\x04".to_vec().into_response(),
        // Said to be packed, so that a client that unpacks would: it is never unpacked.
        "/gzip" => Response::builder()
            .header("content-encoding", "gzip")
            .body(Body::from(vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0]))
            .unwrap(),
        "/page" => "<html>".into_response(),
        "/empty" => "".into_response(),
        "/circle" => Redirect::temporary("/circle").into_response(),
        "/inside" => Redirect::temporary("http://169.254.169.254/latest/meta-data").into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    });
    let (place, at) = (place(), server.at);
    for (path, why) in [
        ("zip", "is a zip archive"),
        ("gzip", "is packed with gzip"),
        ("page", "is a web page"),
        ("empty", "is empty"),
        ("circle", "it redirects too often"),
        ("inside", "it redirects to a private address"),
        ("none", "the server answered 404"),
    ] {
        let source = format!("http://{at}/{path}");
        refused(&place.errand(["tools", "add", &source, "--name", "math", "--yes"]), 2, &[why]);
    }
    assert!(!place.path("tools").exists() && !place.path("errand.lock").exists());
}

/// A server that says these headers and then sends zeros until the other side has had enough.
fn endless(headers: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            // The request is not of interest, but it has to be read.
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let _ = write!(stream, "HTTP/1.1 200 OK\r\n{headers}\r\n\r\n");
            let zeros = vec![0; 1 << 16];
            while stream.write_all(&zeros).is_ok() {}
        }
    });
    at
}

#[test]
fn a_body_without_end() {
    let place = place();
    for headers in ["connection: close", "content-length: 999999999999"] {
        let at = endless(headers);
        let source = format!("http://{at}/math.wasm");
        refused(&add(&place, &source), 2, &["is larger than 128 MiB"]);
    }
    let large = fs::File::create(place.path("math.wasm")).unwrap();
    large.set_len(1 << 40).unwrap();
    refused(&add(&place, "math.wasm"), 2, &["is larger than 128 MiB"]);
}

#[test]
fn a_component_from_beside_or_from_afar() {
    let place = place();
    place.write("../lib/math.wasm", times("double", 2));
    let absolute = place.path("../lib/math.wasm").canonicalize().unwrap();
    let added = add(&place, absolute.to_str().unwrap());
    assert_eq!(added.code, Some(0), "{added}");
    assert_eq!(place.run().observations(), ["42"]);
    let removed = place.errand(["tools", "remove", "math"]);
    assert_eq!(removed.code, Some(0), "{removed}");
    let added = add(&place, "../lib/math.wasm");
    assert_eq!(added.code, Some(0), "{added}");
    let called = place.errand(["tools", "call", "math.double", "{\"n\": 4}"]);
    assert_eq!(called.out.trim(), "8", "{called}");
    // From another folder, the agent file named by its whole path.
    let agent = place.path("agent.toml");
    let mut command = place.command([
        "tools",
        "call",
        "math.double",
        "{\"n\": 5}",
        "--agent",
        agent.to_str().unwrap(),
    ]);
    let called = place.ran(&command.current_dir("/").output().unwrap());
    assert_eq!(called.out.trim(), "10", "{called}");
}

#[test]
fn a_component_can_be_tried_before_any_agent_has_it() {
    let place = Place::new();
    place.write("math.wasm", times("double", 2)).write(
        "math.test.jsonl",
        "{\"call\": \"double\", \"arguments\": {\"n\": 3}, \"result\": 6}\n",
    );
    let tested = place.errand(["tools", "test", "math.wasm"]);
    assert_eq!((tested.code, tested.out.lines().last()), (Some(0), Some("1 passed, 0 failed")));
    let called =
        place.errand(["tools", "call", "double", "{\"n\": 4}", "--component", "math.wasm"]);
    assert_eq!((called.code, called.out.trim()), (Some(0), "8"), "{called}");
    let none = place.errand(["tools", "call", "treble", "--component", "math.wasm"]);
    refused(&none, 2, &["does not use `math.treble`", "math.double"]);
}

// ---- registries

fn sha256(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    format!("sha256:{}", hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

/// The manifest that `wkg` makes of a component.
fn manifest(layer: &[u8], config: &[u8]) -> Vec<u8> {
    json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.wasm.config.v0+json",
            "digest": sha256(config), "size": config.len(),
        },
        "layers": [{
            "mediaType": "application/wasm", "digest": sha256(layer), "size": layer.len(),
        }],
    })
    .to_string()
    .into_bytes()
}

const CONFIG: &[u8] = br#"{"architecture":"wasm","os":"wasip2"}"#;

/// The user `puller`, whose password is `pull-me-0123`.
const USERS: &str = "puller:$2b$04$yf/QmDKQlQfze1QxkrPb4.YFhxqxnW5fHtT7vIyrNedUCD4Wle85O\n";
const LOGIN: &str = "puller:pull-me-0123";

/// The registry that Debian has, with what it keeps in a test's folder.
struct Registry {
    process: Child,
    at: SocketAddr,
}

impl Registry {
    #[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
    fn start(place: &Place, auth: &str) -> Option<Registry> {
        // A port that was free a moment ago.
        let at = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let kept = place.path("registry");
        let config = format!(
            "version: 0.1\nlog:\n  level: info\nstorage:\n  filesystem:\n    rootdirectory: {}\n\
             http:\n  addr: {at}\n{auth}",
            kept.display()
        );
        place.write("registry.yml", config);
        let started = Command::new("docker-registry")
            .args(["serve", "registry.yml"])
            .current_dir(place.path(""))
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn();
        let Ok(mut process) = started else {
            eprintln!("skipped: pulling from a real registry: `docker-registry` does not start");
            return None;
        };
        let mut said = BufReader::new(process.stderr.take().unwrap()).lines();
        let up = said.by_ref().any(|line| line.unwrap().contains("listening on"));
        assert!(up, "the registry ended");
        // It stops when its output is not read.
        thread::spawn(move || said.for_each(drop));
        Some(Registry { process, at })
    }

    /// Puts a component there as the distribution specification says.
    fn push(&self, repository: &str, tag: &str, component: &[u8]) -> String {
        let manifest = manifest(component, CONFIG);
        let digest = sha256(&manifest);
        block_on(async {
            let client = http_client::builder().build().unwrap();
            let (user, password) = LOGIN.split_once(':').unwrap();
            let base = format!("http://{}/v2/{repository}", self.at);
            for blob in [component, CONFIG] {
                let begun = client.post(format!("{base}/blobs/uploads/"));
                let begun = begun.basic_auth(user, Some(password)).send().await.unwrap();
                assert_eq!(begun.status(), 202);
                let place = begun.headers()["location"].to_str().unwrap();
                let put = client.put(format!("{place}&digest={}", sha256(blob)));
                let put = put.basic_auth(user, Some(password)).body(blob.to_vec());
                assert_eq!(put.send().await.unwrap().status(), 201);
            }
            let put = client
                .put(format!("{base}/manifests/{tag}"))
                .basic_auth(user, Some(password))
                .header("content-type", "application/vnd.oci.image.manifest.v1+json")
                .body(manifest);
            assert_eq!(put.send().await.unwrap().status(), 201);
        });
        digest
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _gone = self.process.kill().and_then(|()| self.process.wait());
    }
}

#[test]
fn a_real_registry() {
    let place = place();
    let Some(registry) = Registry::start(&place, "") else { return };
    let digest = registry.push("tools/math", "1.0", &times("double", 2));
    let image = format!("oci://{}/tools/math", registry.at);
    refused(&add(&place, &image), 2, &["the registry has no such image"]);
    let added = add(&place, &format!("{image}:1.0"));
    assert_eq!(added.code, Some(0), "{added}");
    assert!(place.read("errand.lock").contains(&format!("source = \"{image}:1.0\"")));
    assert_eq!(place.run().observations(), ["42"]);
    // The tag moves on; what runs does not, until the user agrees.
    registry.push("tools/math", "1.0", &times("treble", 3));
    assert_eq!(place.run().observations(), ["42"]);
    let changed = place.errand(["tools", "update", "math"]);
    assert!(changed.out.contains("+ math.treble(n: integer)"), "{changed}");
    // By its digest the first one is still to be had.
    let pinned =
        place.errand(["tools", "add", &format!("{image}@{digest}"), "--name", "old", "-y"]);
    assert_eq!(pinned.code, Some(0), "{pinned}");
    assert!(place.read("agent.toml").contains("old.double"));
}

#[test]
fn a_real_registry_that_asks_who_it_is() {
    let place = place();
    let users = place.write("users", USERS).path("users");
    let auth = format!("auth:\n  htpasswd:\n    realm: here\n    path: {}\n", users.display());
    let Some(registry) = Registry::start(&place, &auth) else { return };
    registry.push("math", "latest", &times("double", 2));
    let image = format!("oci://{}/math", registry.at);
    refused(&add(&place, &image), 2, &["wants to know who asks", "`--login`"]);
    let as_user = |login: &str| {
        let mut command = place.command(["tools", "add", &image, "--login", "MY_LOGIN", "--yes"]);
        place.ran(&command.env("MY_LOGIN", login).output().unwrap())
    };
    refused(&as_user("puller:wrong"), 2, &["does not let this user read it"]);
    refused(&as_user("nothing"), 2, &["`MY_LOGIN` does not hold a login", "`USER:PASSWORD`"]);
    let added = as_user(LOGIN);
    assert_eq!(added.code, Some(0), "{added}");
    let kept = place.read("errand.lock") + &place.read("agent.toml");
    assert!(!kept.contains("pull-me") && !added.to_string().contains("pull-me"));
}

/// A registry of the test's own: sends to `realm` for a token, and gives this manifest and layer.
fn registry(realm: Option<&'static str>, manifest: Vec<u8>, layer: Vec<u8>) -> Server {
    Server::start(move |asked: Asked| {
        let host = asked.headers["host"].to_str().unwrap().to_string();
        let token = asked.headers.get("authorization").is_some_and(|it| it == "Bearer t0ken");
        match asked.path.split('?').next().unwrap() {
            "/token" => {
                let query = asked.path.split_once('?').unwrap().1;
                assert_eq!(query, "service=the+registry&scope=repository%3Aa%2Fmath%3Apull");
                json!({ "token": "t0ken" }).to_string().into_response()
            }
            _ if realm.is_some() && !token => {
                let realm = realm.unwrap().replace("HOST", &host);
                let challenge = format!("Bearer realm=\"{realm}\",service=\"the registry\"");
                (StatusCode::UNAUTHORIZED, [("www-authenticate", challenge)], "").into_response()
            }
            path if path.starts_with("/v2/a/math/manifests/") => manifest.clone().into_response(),
            path if path.starts_with("/v2/a/math/blobs/") => layer.clone().into_response(),
            _ => StatusCode::NOT_FOUND.into_response(),
        }
    })
}

#[test]
fn a_token_is_fetched_where_the_registry_says() {
    let layer = times("double", 2);
    let (place, made) = (place(), manifest(&layer, CONFIG));
    let server = registry(Some("http://HOST/token"), made.clone(), layer.clone());
    let added = add(&place, &format!("oci://{}/a/math", server.at));
    assert_eq!(added.code, Some(0), "{added}");
    // Elsewhere only over TLS.
    let server = registry(Some("http://example.org/token"), made, layer);
    let ran = place.errand([
        "tools",
        "add",
        &format!("oci://{}/a/math", server.at),
        "--name",
        "other",
        "--yes",
    ]);
    refused(&ran, 2, &["for a token: that is not `https:`"]);
}

#[test]
fn what_a_registry_may_give_instead() {
    let layer = times("double", 2);
    let good = manifest(&layer, CONFIG);
    let with = |change: &dyn Fn(&mut Value)| {
        let mut manifest: Value = serde_json::from_slice(&good).unwrap();
        change(&mut manifest);
        manifest.to_string().into_bytes()
    };
    let place = place();
    for (manifest, served, why) in [
        (good.clone(), times("double", 3), "other bytes than the manifest names"),
        (b"hello".to_vec(), layer.clone(), "its manifest makes no sense"),
        (vec![b' '; 5 << 20], layer.clone(), "it is larger than 4 MiB"),
        (
            with(&|it| {
                it["layers"][0]["mediaType"] = json!("application/vnd.oci.image.layer.v1.tar")
            }),
            layer.clone(),
            "it is no component: its layers are `application/vnd.oci.image.layer.v1.tar`",
        ),
        (
            with(&|it| it["layers"] = json!([it["layers"][0], it["layers"][0]])),
            layer.clone(),
            "it has more than one component",
        ),
        (
            with(&|it| it["layers"][0]["size"] = json!(1_u64 << 40)),
            layer.clone(),
            "larger than 128",
        ),
        (with(&|it| it["manifests"] = json!([{}])), layer.clone(), "it is a list of images"),
        (
            with(&|it| it["layers"][0]["digest"] = json!("md5:00")),
            layer.clone(),
            "the digest `md5:00` is none that is known here",
        ),
    ] {
        let server = registry(None, manifest, served);
        refused(&add(&place, &format!("oci://{}/a/math", server.at)), 2, &[why]);
    }
    let server = registry(None, good, layer);
    let wrong = format!("oci://{}/a/math@sha256:{}", server.at, "0".repeat(64));
    refused(&add(&place, &wrong), 2, &["another manifest than its digest says"]);
}
