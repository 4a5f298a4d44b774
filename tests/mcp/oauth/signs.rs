//! A server of MCP and its authorization server, in one program: it registers clients, asks for PKCE,
//! issues tokens with scopes, and misbehaves as it is told.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Url;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::super::BY_TOOLS;
use crate::place::Place;
use crate::server::{Asked, Server};

const CODE: &str = "code-0123456789";

/// How the server misbehaves.
#[derive(Clone, Copy, Default, PartialEq)]
pub(super) enum How {
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
    /// Where its metadata lies stands in its answer to a request, and nowhere else.
    Custom,
    /// It can be greeted without a token, `read` lists its tools, and `write` is wanted for a call.
    StepUp,
}

#[derive(Default)]
pub(super) struct State {
    /// What a code was asked for with: the challenge, and the scopes.
    codes: HashMap<String, (String, String)>,
    issued: u32,
    granted: String,
    /// Each use of a code or a refresh token, and whether it was fit.
    pub(super) seen: Vec<String>,
    /// The scopes of each question to a person.
    pub(super) asked: Vec<String>,
    /// The authorization server that it names, where that is another.
    pub(super) names: Option<String>,
    /// It says nothing any more of where one signs in.
    pub(super) silent: bool,
    /// A path of its own, and where it sends on what is asked there.
    pub(super) moved: Option<(&'static str, String)>,
    /// What it issues tokens for, where that is another.
    pub(super) resource: Option<String>,
}

/// The server, and what it was asked for with which token.
pub(super) struct Signs {
    pub(super) server: Server,
    state: Arc<Mutex<State>>,
}

impl Signs {
    pub(super) fn start(how: How) -> Self {
        let state = Arc::<Mutex<State>>::default();
        let known = state.clone();
        let server = Server::start(move |asked| {
            answer(how, &asked, &mut known.lock().unwrap_or_else(PoisonError::into_inner))
        });
        Self { server, state }
    }

    pub(super) fn place(&self, replies: &[Value]) -> Place {
        let place = Place::new();
        let table =
            format!("[mcp.servers.odd]\nurl = \"{}/mcp\"\n[tools]\nuse = [\"odd.*\"]", self.at());
        place.agent(BY_TOOLS, &table, replies);
        place
    }

    pub(super) fn at(&self) -> String {
        format!("http://{}", self.server.at)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(super) fn seen(&self) -> Vec<String> {
        self.state().seen.clone()
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
    let own = format!("{at}/mcp");
    let resource = state.resource.clone().unwrap_or(own.clone());
    // Each authorization server knows errand as another client.
    let client = format!("errand-at-{host}");
    let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
    if let Some((_, to)) = state.moved.as_ref().filter(|(from, _)| *from == path) {
        let response = Response::builder().status(307).header("location", to);
        return response.body(String::new().into()).unwrap();
    }
    match path {
        "/mcp" => mcp(how, asked, &at, state),
        path if state.silent && path.contains("/.well-known/") => empty(404),
        path if path == metadata(how) => body(&json!({
            "resource": if how == How::OtherResource { "http://127.0.0.1:9/mcp".to_string() } else { own },
            "authorization_servers": [state.names.as_ref().unwrap_or(&at)],
            "scopes_supported": if how == How::StepUp { json!(["read", "write", "admin"]) } else { json!(["tools"]) },
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
            body(&json!({"client_id": client, "redirect_uris": wanted["redirect_uris"]}))
        }
        "/authorize" => {
            let wanted = form(query);
            assert_eq!(wanted["code_challenge_method"], "S256");
            assert_eq!((&wanted["resource"], &wanted["client_id"]), (&resource, &client));
            let scopes = wanted.get("scope").cloned().unwrap_or_default();
            state.asked.push(scopes.clone());
            state.codes.insert(CODE.to_string(), (wanted["code_challenge"].clone(), scopes));
            let mut back = Url::parse(&wanted["redirect_uri"]).unwrap();
            back.query_pairs_mut()
                .append_pair("code", CODE)
                .append_pair("state", &wanted["state"])
                .append_pair("iss", &at);
            let response = Response::builder().status(302).header("location", back.as_str());
            response.body(String::new().into()).unwrap()
        }
        "/token" => token(how, &asked.body, &resource, &client, state),
        _ => empty(404),
    }
}

/// Where the server says what it protects.
fn metadata(how: How) -> &'static str {
    match how {
        How::Custom => "/custom/metadata.json",
        _ => "/.well-known/oauth-protected-resource/mcp",
    }
}

fn form(text: &str) -> HashMap<String, String> {
    Url::parse(&format!("http://form/?{text}")).unwrap().query_pairs().into_owned().collect()
}

fn token(how: How, sent: &[u8], resource: &str, client: &str, state: &mut State) -> Response {
    let wanted = form(std::str::from_utf8(sent).unwrap());
    assert_eq!((&*wanted["resource"], &*wanted["client_id"]), (resource, client));
    let before = format!("refresh-token-{}", state.issued);
    let fit = match wanted["grant_type"].as_str() {
        "refresh_token" => wanted["refresh_token"] == before,
        _ => {
            let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(wanted["code_verifier"].as_bytes()));
            let code = state.codes.remove(&wanted["code"]);
            let code = code.filter(|(challenge, _)| *challenge == digest);
            code.map(|(_, scopes)| state.granted = scopes).is_some()
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

/// That a request is not let in, and what would.
fn refused(how: How, at: &str, status: u16, error: &str, scope: &str) -> Response {
    let scope = match how {
        How::StepUp => format!(", scope=\"{scope}\""),
        _ => String::new(),
    };
    let said =
        format!("Bearer error=\"{error}\"{scope}, resource_metadata=\"{at}{}\"", metadata(how));
    let response = Response::builder().status(status).header("www-authenticate", said);
    response.body(String::new().into()).unwrap()
}

fn mcp(how: How, asked: &Asked, at: &str, state: &mut State) -> Response {
    let request = serde_json::from_slice::<Value>(&asked.body).unwrap_or_default();
    let method = request["method"].as_str().unwrap_or_default();
    if method.is_empty() && matches!(how, How::Custom | How::StepUp) {
        return empty(405);
    }
    let open =
        how == How::StepUp && (method == "initialize" || method.starts_with("notifications/"));
    let given = asked.headers.get("authorization").map(|it| it.to_str().unwrap().to_string());
    let good = format!("Bearer access-token-{}", state.issued);
    let known = state.issued > 0 && given.as_deref() == Some(&good) && how != How::Forgets;
    if !known && !open {
        return refused(how, at, 401, "invalid_token", "read");
    }
    if how == How::StepUp && method == "tools/call" && !state.granted.contains("write") {
        return refused(how, at, 403, "insufficient_scope", "read write");
    }
    let said = if how == How::Echoes { format!("you said {good}") } else { "done".to_string() };
    let result = match method {
        "initialize" => json!({
            "protocolVersion": "2025-06-18", "capabilities": {"tools": {}},
            "serverInfo": {"name": "odd", "version": "1"},
        }),
        "tools/list" => json!({"tools": [{
            "name": "work", "description": said, "inputSchema": {"type": "object"},
            "annotations": {"readOnlyHint": true},
        }]}),
        "tools/call" => json!({"content": [{"type": "text", "text": said}]}),
        "" => return empty(405),
        _ => return empty(202),
    };
    body(&json!({"jsonrpc": "2.0", "id": request["id"], "result": result}))
}
