//! Signing in at a server over HTTP. The server and its authorization server are one small program
//! here, which can misbehave; `docs/mcp.md` says which real ones were signed in at.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Url;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::BY_TOOLS;
use crate::place::{Place, Ran, call, say};
use crate::server::{Asked, Server};

const CODE: &str = "code-0123456789";

/// How the server misbehaves.
#[derive(Clone, Copy, Default, PartialEq)]
enum How {
    #[default]
    Well,
    /// Its metadata is that of another issuer.
    OtherIssuer,
    /// It says that what it protects is another server.
    OtherResource,
    /// It sends codes to a host without TLS.
    Plain,
    /// It knows no PKCE that is worth something.
    NoPkce,
    /// Its tokens are dead at once, and it takes a refresh token once.
    Short,
    /// It says whom it talks to in every answer.
    Echoes,
    /// It has forgotten its tokens.
    Forgets,
}

#[derive(Default)]
struct State {
    challenges: HashMap<String, String>,
    issued: u32,
    seen: Vec<String>,
}

/// The server, and what it was asked for with which token.
struct Signs {
    server: Server,
    state: Arc<Mutex<State>>,
}

impl Signs {
    fn start(how: How) -> Self {
        let state = Arc::<Mutex<State>>::default();
        let known = state.clone();
        let server = Server::start(move |asked| {
            answer(how, &asked, &mut known.lock().unwrap_or_else(PoisonError::into_inner))
        });
        Self { server, state }
    }

    fn place(&self, replies: &[Value]) -> Place {
        let place = Place::new();
        let table = format!(
            "[mcp.servers.odd]\nurl = \"http://{}/mcp\"\n[tools]\nuse = [\"odd.*\"]",
            self.server.at
        );
        place.agent(BY_TOOLS, &table, replies);
        place
    }

    fn seen(&self) -> Vec<String> {
        self.state.lock().unwrap().seen.clone()
    }
}

fn body(value: &Value) -> Response {
    let response = Response::builder().header("content-type", "application/json");
    response.body(value.to_string().into()).unwrap()
}

fn empty(status: u16) -> Response {
    Response::builder().status(status).body(String::new().into()).unwrap()
}

fn answer(how: How, asked: &Asked, state: &mut State) -> Response {
    let host = asked.headers["host"].to_str().unwrap().to_string();
    let at = format!("http://{host}");
    let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
    match path {
        "/.well-known/oauth-protected-resource/mcp" => body(&json!({
            "resource": if how == How::OtherResource { "http://127.0.0.1:9/mcp".to_string() } else { format!("{at}/mcp") },
            "authorization_servers": [at], "scopes_supported": ["tools"],
        })),
        "/.well-known/oauth-authorization-server" => body(&json!({
            "issuer": if how == How::OtherIssuer { "http://127.0.0.1:9" } else { &at },
            "authorization_endpoint": format!("{at}/authorize"),
            "token_endpoint": if how == How::Plain { "http://id.example/token".to_string() } else { format!("{at}/token") },
            "registration_endpoint": format!("{at}/register"),
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": [if how == How::NoPkce { "plain" } else { "S256" }],
            "authorization_response_iss_parameter_supported": true,
        })),
        "/register" => {
            let wanted: Value = serde_json::from_slice(&asked.body).unwrap();
            body(&json!({"client_id": "errand-1", "redirect_uris": wanted["redirect_uris"]}))
        }
        "/authorize" => {
            let wanted = form(query);
            assert_eq!(wanted["code_challenge_method"], "S256");
            assert_eq!(wanted["resource"], format!("{at}/mcp"));
            state.challenges.insert(CODE.to_string(), wanted["code_challenge"].clone());
            let mut back = Url::parse(&wanted["redirect_uri"]).unwrap();
            back.query_pairs_mut()
                .append_pair("code", CODE)
                .append_pair("state", &wanted["state"])
                .append_pair("iss", &at);
            let response = Response::builder().status(302).header("location", back.as_str());
            response.body(String::new().into()).unwrap()
        }
        "/token" => token(how, &asked.body, &at, state),
        "/mcp" => mcp(how, asked, &at, state),
        _ => empty(404),
    }
}

fn form(text: &str) -> HashMap<String, String> {
    Url::parse(&format!("http://form/?{text}")).unwrap().query_pairs().into_owned().collect()
}

fn token(how: How, sent: &[u8], at: &str, state: &mut State) -> Response {
    let wanted = form(std::str::from_utf8(sent).unwrap());
    assert_eq!(wanted["resource"], format!("{at}/mcp"));
    let before = format!("refresh-token-{}", state.issued);
    let fit = match wanted["grant_type"].as_str() {
        "refresh_token" => wanted["refresh_token"] == before,
        _ => {
            let digest = Sha256::digest(wanted["code_verifier"].as_bytes());
            let challenge = state.challenges.remove(&wanted["code"]);
            challenge.is_some_and(|it| it == URL_SAFE_NO_PAD.encode(digest))
        }
    };
    state.seen.push(format!("{} {fit}", wanted["grant_type"]));
    if !fit {
        let refused = Response::builder().status(400).header("content-type", "application/json");
        return refused.body(json!({"error": "invalid_grant"}).to_string().into()).unwrap();
    }
    state.issued += 1;
    body(&json!({
        "access_token": format!("access-token-{}", state.issued), "token_type": "Bearer",
        "refresh_token": format!("refresh-token-{}", state.issued),
        "expires_in": if how == How::Short && state.issued == 1 { 0 } else { 3600 },
    }))
}

fn mcp(how: How, asked: &Asked, at: &str, state: &mut State) -> Response {
    let given = asked.headers.get("authorization").map(|it| it.to_str().unwrap().to_string());
    let good = format!("Bearer access-token-{}", state.issued);
    if state.issued == 0 || given.as_deref() != Some(&good) || how == How::Forgets {
        let challenge =
            format!("Bearer resource_metadata=\"{at}/.well-known/oauth-protected-resource/mcp\"");
        let response = Response::builder().status(401).header("www-authenticate", challenge);
        return response.body(String::new().into()).unwrap();
    }
    let Ok(request) = serde_json::from_slice::<Value>(&asked.body) else { return empty(405) };
    let said = if how == How::Echoes { format!("you said {good}") } else { "done".to_string() };
    let result = match request["method"].as_str().unwrap_or_default() {
        "initialize" => json!({
            "protocolVersion": "2025-06-18", "capabilities": {"tools": {}},
            "serverInfo": {"name": "odd", "version": "1"},
        }),
        "tools/list" => json!({"tools": [{
            "name": "work", "description": said, "inputSchema": {"type": "object"},
            "annotations": {"readOnlyHint": true},
        }]}),
        "tools/call" => json!({"content": [{"type": "text", "text": said}]}),
        _ => return empty(202),
    };
    body(&json!({"jsonrpc": "2.0", "id": request["id"], "result": result}))
}

/// `errand mcp login`, and the address that it prints.
struct Waits {
    child: Child,
    address: Url,
}

impl Waits {
    fn begin(place: &Place) -> Self {
        let mut command = place.command(["mcp", "login", "agent.toml"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = Url::parse(line.trim());
        let Ok(address) = address else {
            let ended = child.wait_with_output().unwrap();
            panic!("no address: {}", String::from_utf8_lossy(&ended.stderr));
        };
        Self { child, address }
    }

    /// Where the browser is sent when the person agrees.
    fn agreed(&self) -> Url {
        let head = fetched(&self.address);
        let location = head.lines().find_map(|line| line.strip_prefix("location: ")).unwrap();
        Url::parse(location).unwrap()
    }

    fn ended(self, place: &Place) -> Ran {
        place.ran(&self.child.wait_with_output().unwrap())
    }
}

/// What a browser is answered.
fn fetched(url: &Url) -> String {
    let mut stream = TcpStream::connect((url.host_str().unwrap(), url.port().unwrap())).unwrap();
    let (host, target) = url.as_str().strip_prefix("http://").unwrap().split_once('/').unwrap();
    write!(stream, "GET /{target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    said
}

/// The same address with another value, or without one.
fn with(url: &Url, key: &str, value: Option<&str>) -> Url {
    let mut changed = url.clone();
    let pairs: Vec<(String, String)> =
        url.query_pairs().into_owned().filter(|(name, _)| name != key).collect();
    changed.query_pairs_mut().clear().extend_pairs(pairs);
    if let Some(value) = value {
        changed.query_pairs_mut().append_pair(key, value);
    }
    changed
}

fn signed_in(place: &Place) {
    let waits = Waits::begin(place);
    assert!(fetched(&waits.agreed()).contains("Signed in."));
    let ran = waits.ended(place);
    assert_eq!(ran.code, Some(0), "{ran}");
}

fn pinned(place: &Place) -> Ran {
    place.errand(["mcp", "pin", "agent.toml", "--yes"])
}

/// How a sign-in that goes wrong from the start is refused.
fn refused(how: How) -> String {
    let signs = Signs::start(how);
    let place = signs.place(&[]);
    let ran = place.errand(["mcp", "login", "agent.toml"]);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.out.is_empty() && !place.home().join("oauth").exists(), "{ran}");
    ran.err
}

fn work() -> Value {
    call([("odd.work", json!({}))])
}

#[test]
fn a_server_that_one_signs_in_at() {
    let signs = Signs::start(How::Well);
    let place = signs.place(&[work(), say("done")]);
    let ran = pinned(&place);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.err.contains("hint: `errand mcp login FILE odd` signs in"), "{ran}");
    signed_in(&place);
    assert_eq!(pinned(&place).code, Some(0));
    let ran = place.run();
    assert_eq!(ran.observations(), ["done"], "{ran}");
    // The tokens are in one file, which is its user's, and nowhere else.
    let folder = place.home().join("oauth");
    let files: Vec<_> = folder.read_dir().unwrap().map(|file| file.unwrap().path()).collect();
    let [file] = files.as_slice() else { panic!("{files:?}") };
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert!(std::fs::read_to_string(file).unwrap().contains("access-token-1"));
    let shown = place.errand(["runs", "show", &ran.run(), "--json"]);
    let journal = std::fs::read(place.home().join("errand.db-wal")).unwrap_or_default();
    let journal = [journal, std::fs::read(place.home().join("errand.db")).unwrap()].concat();
    let everywhere =
        [shown.out, place.read("errand.lock"), String::from_utf8_lossy(&journal).into()];
    assert!(!everywhere.concat().contains("-token-1"));
    // Forgotten, a run says so.
    assert_eq!(place.errand(["mcp", "logout", "agent.toml"]).code, Some(0));
    let told = place.run().observations().remove(0);
    assert!(told.contains("`errand mcp login FILE odd` signs in"), "{told}");
}

#[test]
fn tokens_are_refreshed_and_the_new_ones_kept() {
    let signs = Signs::start(How::Short);
    let place = signs.place(&[work(), say("done")]);
    signed_in(&place);
    assert_eq!(pinned(&place).code, Some(0));
    assert_eq!(place.run().observations(), ["done"]);
    assert_eq!(signs.seen(), ["authorization_code true", "refresh_token true"]);
}

#[test]
fn a_server_that_forgot_its_tokens_is_signed_in_at_again() {
    let signs = Signs::start(How::Forgets);
    let place = signs.place(&[]);
    signed_in(&place);
    let ran = pinned(&place);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.err.contains("`errand mcp login FILE odd` signs in"), "{ran}");
}

#[test]
fn a_token_that_a_server_echoes() {
    let signs = Signs::start(How::Echoes);
    let place = signs.place(&[work(), say("done")]);
    signed_in(&place);
    let ran = pinned(&place);
    assert!(ran.out.contains("you said Bearer [secret access token]"), "{ran}");
    assert_eq!(place.run().observations(), ["you said Bearer [secret access token]"]);
}

#[test]
fn an_issuer_that_is_not_the_one_that_was_named() {
    let said = refused(How::OtherIssuer);
    assert!(said.contains("issuer mismatch"), "{said}");
}

#[test]
fn metadata_of_another_resource() {
    let said = refused(How::OtherResource);
    assert!(said.contains("the sign-in at server `odd` failed: "), "{said}");
    assert!(said.contains("127.0.0.1:9/mcp"), "{said}");
}

#[test]
fn an_authorization_server_without_tls() {
    let said = refused(How::Plain);
    assert!(said.contains("`http://id.example/token` is no `https:` address"), "{said}");
}

#[test]
fn an_authorization_server_without_pkce() {
    let said = refused(How::NoPkce);
    assert!(said.contains("PKCE"), "{said}");
}

#[test]
fn an_answer_without_the_state_is_waited_on() {
    let signs = Signs::start(How::Well);
    let place = signs.place(&[]);
    let waits = Waits::begin(&place);
    let back = waits.agreed();
    let twice = format!("{back}&state=another");
    let forged = [
        with(&back, "state", None),
        with(&back, "state", Some("another")),
        with(&with(&back, "state", None), "error", Some("access_denied")),
        Url::parse(&twice).unwrap(),
    ];
    for url in forged {
        assert!(fetched(&url).starts_with("HTTP/1.1 400 "), "{url}");
    }
    assert!(signs.seen().is_empty(), "a code was exchanged");
    assert!(fetched(&back).contains("Signed in."));
    assert_eq!(waits.ended(&place).code, Some(0));
}

/// A mix-up: the code is another authorization server's, and would be sent to this one.
#[test]
fn a_code_of_another_issuer() {
    let forged = |issuer: Option<&str>| {
        let signs = Signs::start(How::Well);
        let place = signs.place(&[]);
        let waits = Waits::begin(&place);
        let back = with(&waits.agreed(), "iss", issuer);
        assert!(fetched(&back).contains("The sign-in failed"));
        let ran = waits.ended(&place);
        assert_eq!(ran.code, Some(1), "{ran}");
        assert!(ran.err.contains("issuer"), "{ran}");
        assert!(signs.seen().is_empty() && !place.home().join("oauth").exists());
    };
    forged(Some("https://evil.example"));
    forged(None);
}

#[test]
fn a_code_that_was_stolen_is_of_no_use() {
    let signs = Signs::start(How::Well);
    let place = signs.place(&[]);
    let (one, other) = (Waits::begin(&place), Waits::begin(&place));
    let stolen = one.agreed();
    let code = stolen.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    // Given to a sign-in that did not begin it, its verifier does not fit.
    let state =
        other.address.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    let redirect = other.address.query_pairs().find(|(name, _)| name == "redirect_uri").unwrap().1;
    let mut forged = Url::parse(&redirect).unwrap();
    let at = format!("http://{}", signs.server.at);
    forged.query_pairs_mut().extend_pairs([("code", &code), ("state", &state), ("iss", &at)]);
    assert!(fetched(&forged).contains("The sign-in failed"));
    assert_eq!(other.ended(&place).code, Some(1));
    assert_eq!(signs.seen(), ["authorization_code false"]);
    let mut one = one;
    one.child.kill().unwrap();
    one.child.wait().unwrap();
}

#[test]
fn a_person_who_says_no() {
    let signs = Signs::start(How::Well);
    let place = signs.place(&[]);
    let waits = Waits::begin(&place);
    let back = with(&with(&waits.agreed(), "code", None), "error", Some("access_denied"));
    assert!(fetched(&back).contains("The sign-in was refused."));
    let ran = waits.ended(&place);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.err.contains("the authorization server says `access_denied`"), "{ran}");
}
