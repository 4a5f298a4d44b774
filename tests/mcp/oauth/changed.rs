//! Servers that want more than was agreed to, or name another authorization server than before: a person
//! is asked, and what was issued stays where it was issued.

use serde_json::{Value, json};

use super::signs::{How, Signs};
use super::{Waits, fetched, pinned, refused_of, signed_in, signed_in_for, work};
use crate::place::say;
use crate::server::Server;

#[test]
fn more_than_was_agreed_to_is_asked_of_a_person() {
    let signs = Signs::start(How::StepUp);
    let place = signs.place(&[work(), say("done")]);
    let ran = signed_in_for(&place, &[]);
    // The server's own answer says which scope is wanted first; its metadata names all that there are.
    assert!(ran.err.contains("agree there to `read`:"), "{ran}");
    assert_eq!(pinned(&place).code, Some(0));
    let told = place.run().observations().remove(0);
    let command = "`errand mcp login FILE odd --scope read --scope write`";
    assert!(told.contains(&format!("if you agree to that, {command} asks for it")), "{told}");
    // The run asked for nothing by itself.
    assert_eq!(signs.seen().len(), 1);
    assert_eq!(signs.state().asked, ["read"]);
    signed_in_for(&place, &["--scope", "read", "--scope", "write"]);
    assert_eq!(place.run().observations(), ["done"]);
    assert_eq!(signs.state().asked, ["read", "read write"]);
}

#[test]
fn metadata_that_only_the_answer_to_a_request_names() {
    let signs = Signs::start(How::Custom);
    let place = signs.place(&[work(), say("done")]);
    signed_in(&place);
    assert_eq!(pinned(&place).code, Some(0));
    assert_eq!(place.run().observations(), ["done"]);
}

#[test]
fn a_server_that_moves_to_another_authorization_server() {
    let (signs, other) = (Signs::start(How::Well), Signs::start(How::Well));
    other.state().resource = Some(format!("{}/mcp", signs.at()));
    let place = signs.place(&[work(), say("done")]);
    signed_in(&place);
    assert_eq!(pinned(&place).code, Some(0));
    signs.state().names = Some(other.at());
    let told = place.run().observations().remove(0);
    assert!(told.contains("it names another authorization server than the one"), "{told}");
    assert!(told.contains("`errand mcp login FILE odd` signs in"), "{told}");
    assert!(other.server.asked().iter().all(|path| path.starts_with("/.well-known/")));
    // Errand registers there; nothing of the first sign-in is shown to it.
    let waits = Waits::begin(&place);
    assert_eq!(waits.address.port(), Some(other.server.at.port()));
    assert!(fetched(&waits.agreed()).contains("Signed in."));
    assert_eq!(waits.ended(&place).code, Some(0));
    assert_eq!(other.seen(), ["authorization_code true"]);
    assert_eq!(place.run().observations(), ["done"]);
}

/// One that says that it is the authorization server at `issuer`, and would have what is sent to that.
fn pretends(issuer: String) -> Server {
    Server::start(move |asked| {
        let at = format!("http://{}", asked.headers["host"].to_str().unwrap());
        let said = json!({
            "issuer": issuer, "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{at}/token"), "registration_endpoint": format!("{at}/register"),
            "response_types_supported": ["code"], "code_challenge_methods_supported": ["S256"],
            "client_id": "errand-1", "access_token": "stolen", "token_type": "bearer",
        });
        let response = axum::response::Response::builder();
        let response = response.header("content-type", "application/json");
        response.body(said.to_string().into()).unwrap()
    })
}

fn tokens_asked_for(server: &Server) -> bool {
    server.asked().iter().any(|path| path.starts_with("/token") || path.starts_with("/register"))
}

#[test]
fn a_refresh_token_is_drawn_to_another_server() {
    type Way = fn(&Signs, &Server);
    let ways: [(&str, Way); 3] = [
        ("cannot be reached", |signs, thief| {
            signs.state().names = Some(format!("http://{}/.well-known/anything", thief.at));
        }),
        ("another authorization server", |signs, thief| {
            signs.state().names = Some(format!("http://{}", thief.at));
        }),
        ("another authorization server", |signs, _| signs.state().silent = true),
    ];
    for (said, changes) in ways {
        let signs = Signs::start(How::Short);
        let place = signs.place(&[]);
        signed_in(&place);
        let thief = pretends(signs.at());
        changes(&signs, &thief);
        let ran = pinned(&place);
        assert_eq!(ran.code, Some(1), "{ran}");
        assert!(ran.err.contains(said) || ran.err.contains("issuer mismatch"), "{said}: {ran}");
        assert!(ran.err.contains("`errand mcp login FILE odd` signs in"), "{ran}");
        assert!(!tokens_asked_for(&thief), "{:?}", thief.asked());
        assert_eq!(signs.seen(), ["authorization_code true"], "a refresh token was sent");
    }
}

/// A mix-up: a person agrees at the authorization server that they know, and the code goes elsewhere.
#[test]
fn an_authorization_server_that_is_described_by_another() {
    let known = Signs::start(How::Well);
    let thief = pretends(known.at());
    let signs = Signs::start(How::Well);
    signs.state().names = Some(format!("http://{}/.well-known/anything", thief.at));
    let said = refused_of(&signs);
    assert!(said.contains("issuer mismatch"), "{said}");
    assert!(!tokens_asked_for(&thief) && known.seen().is_empty());
}

/// The thief has good answers for all that a sign-in asks and sends, and is asked nothing.
#[test]
fn each_step_of_a_sign_in_is_sent_on_to_another_host() {
    let moved = |signs: &Signs, path: &'static str, thief: &Server| {
        signs.state().moved = Some((path, format!("http://{}{path}", thief.at)));
    };
    for path in
        ["/mcp", "/.well-known/oauth-authorization-server", "/register", "/token", "refreshed"]
    {
        let signs = Signs::start(if path == "refreshed" { How::Short } else { How::Well });
        let thief = pretends(signs.at());
        let place = signs.place(&[]);
        match path {
            "/token" => {
                let waits = Waits::begin(&place);
                moved(&signs, path, &thief);
                fetched(&waits.agreed());
                let ran = waits.ended(&place);
                assert_eq!(ran.code, Some(1), "{ran}");
                assert!(!place.home().join("oauth").exists(), "{ran}");
            }
            "refreshed" => {
                signed_in(&place);
                moved(&signs, "/token", &thief);
                let ran = pinned(&place);
                assert_eq!(ran.code, Some(1), "{ran}");
            }
            "/mcp" => {
                signed_in(&place);
                moved(&signs, path, &thief);
                let ran = pinned(&place);
                assert_eq!(ran.code, Some(1), "{ran}");
            }
            _ => {
                moved(&signs, path, &thief);
                refused_of(&signs);
            }
        }
        assert_eq!(thief.asked(), Vec::<String>::new(), "{path}");
    }
}

/// What a server wants is in a command that a person may paste.
#[test]
fn a_scope_that_would_be_run_by_a_shell() {
    let said = |scope: &str| {
        let scope = scope.to_string();
        let server = Server::start(move |asked| {
            let request: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
            let response = axum::response::Response::builder();
            let response = match request["method"].as_str() {
                Some("initialize") => response.status(403).header(
                    "www-authenticate",
                    format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\""),
                ),
                _ => response.status(404),
            };
            response.body(String::new().into()).unwrap()
        });
        let place = crate::place::Place::new();
        let table = format!(
            "[mcp.servers.odd]\nurl = \"http://{}/mcp\"\n[tools]\nuse = [\"odd.*\"]",
            server.at
        );
        place.agent(super::super::BY_TOOLS, &table, &[]);
        pinned(&place).err
    };
    let told = said("files:write");
    assert!(told.contains("`errand mcp login FILE odd --scope files:write`"), "{told}");
    let told = said("$(touch${IFS}taken)");
    assert!(told.contains("`errand mcp login FILE odd --scope SCOPE`"), "{told}");
}
