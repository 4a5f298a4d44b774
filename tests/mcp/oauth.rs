//! Signing in at a server over HTTP. The server and its authorization server are one small program
//! here (`signs.rs`), which can misbehave; `docs/mcp.md` says which real ones were signed in at.

mod changed;
mod signs;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Stdio};

use reqwest::Url;
use serde_json::{Value, json};

use crate::place::{Place, Ran, call, say};
use signs::{How, Signs};

/// `errand mcp login`, and the address that it prints.
struct Waits {
    child: Child,
    address: Url,
}

impl Waits {
    fn begin(place: &Place) -> Self {
        Self::asking(place, &[])
    }

    /// With more on the command line.
    fn asking(place: &Place, more: &[&str]) -> Self {
        let mut command = place.command(["mcp", "login", "agent.toml"]);
        command.args(more);
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
    signed_in_for(place, &[]);
}

fn signed_in_for(place: &Place, more: &[&str]) -> Ran {
    let waits = Waits::asking(place, more);
    assert!(fetched(&waits.agreed()).contains("Signed in."));
    let ran = waits.ended(place);
    assert_eq!(ran.code, Some(0), "{ran}");
    ran
}

fn pinned(place: &Place) -> Ran {
    place.errand(["mcp", "pin", "agent.toml", "--yes"])
}

/// How a sign-in that goes wrong from the start is refused.
fn refused(how: How) -> String {
    refused_of(&Signs::start(how))
}

fn refused_of(signs: &Signs) -> String {
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
    let at = signs.at();
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
