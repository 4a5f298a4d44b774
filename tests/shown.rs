//! Pages that need a browser: shown in a real Chromium that has no network, by what an agent file
//! says. Where this machine has none, the tests that need one say so.

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::browser::Browser;
use crate::place::{Place, Ran};
use crate::server::{Asked, Server};

const FRAME: &str =
    "<!doctype html><title>Towers</title><div id=it></div><script src=/app.js></script>";

fn html(text: &str) -> Response {
    ([(CONTENT_TYPE, "text/html")], text.to_string()).into_response()
}

fn script(text: &str) -> Response {
    ([(CONTENT_TYPE, "text/javascript")], text.to_string()).into_response()
}

/// An agent that may read from this server, with these tables beside.
fn place(server: &Server, tables: &str) -> Place {
    let place = Place::new();
    let text = format!(
        "name = \"reader\"\ntask = \"read\"\n[tools]\nuse = [\"web.read\", \"web.page\"]\n\
         [permissions]\nnet = [\"{}\"]\n{tables}",
        server.at
    );
    place.write("agent.toml", text);
    place
}

fn read(place: &Place, server: &Server, path: &str) -> Ran {
    let url = json!({ "url": format!("http://{}{path}", server.at) }).to_string();
    place.errand(["tools", "call", "--agent", "agent.toml", "web.read", &url])
}

fn there_is_one() -> bool {
    let there = Browser::there();
    if !there {
        eprintln!("left out: this machine has no Chromium to show a page in");
    }
    there
}

/// A page that its script writes, with what another request brings.
fn written(asked: &Asked) -> Response {
    match asked.path.as_str() {
        "/" => html(FRAME),
        "/app.js" => script(
            "fetch('/heights.json').then(it => it.json()).then(it => {\n\
             document.getElementById('it').innerHTML = '<p>The lighthouse on the cape is ' +\n\
             it.cape + ' m tall.</p><a href=\"/reef\">Reef</a>' })",
        ),
        "/heights.json" => {
            ([(CONTENT_TYPE, "application/json")], r#"{"cape": 31}"#).into_response()
        }
        _ => axum::http::StatusCode::NOT_FOUND.into_response(),
    }
}

#[test]
fn a_page_that_its_scripts_write_is_read_as_a_browser_shows_it() {
    if !there_is_one() {
        return;
    }
    let server = Server::start(|asked| written(&asked));
    let ran = read(&place(&server, "[browser]\n"), &server, "/");
    assert!(ran.out.contains("The lighthouse on the cape is 31 m tall."), "{}", ran.all());
    assert!(ran.out.contains(&format!("http://{}/reef", server.at)), "{}", ran.all());
    // The page itself was kept from when it was read first.
    assert_eq!(server.asked(), ["/robots.txt", "/", "/app.js", "/heights.json"]);
}

#[test]
fn without_a_browser_a_page_that_its_scripts_write_is_no_empty_text() {
    let server = Server::start(|asked| written(&asked));
    let ran = read(&place(&server, ""), &server, "/");
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{}", ran.all());
    assert!(ran.err.contains("says nothing before its scripts have run"), "{}", ran.all());
    assert_eq!(server.asked(), ["/robots.txt", "/"]);
}

#[test]
fn a_page_that_says_something_needs_no_browser() {
    let words = "The harbour of the old town was closed for the winter of that year. ".repeat(6);
    let page = format!("<!doctype html><p>{words}</p><script src=/app.js></script>");
    let server = Server::start(move |asked| match asked.path.as_str() {
        "/" => html(&page),
        _ => axum::http::StatusCode::NOT_FOUND.into_response(),
    });
    // A program that is none of a browser: nothing starts it.
    let ran = read(&place(&server, "[browser]\nprogram = \"true\"\n"), &server, "/");
    assert!(ran.out.contains("harbour of the old town"), "{}", ran.all());
    assert_eq!(server.asked(), ["/robots.txt", "/"]);
}

#[test]
fn a_shown_page_reaches_nothing_that_is_not_granted() {
    if !there_is_one() {
        return;
    }
    let other = Server::start(|_| "other".into_response());
    let (at, private) = (other.at, Place::new());
    private.write("secret.txt", "the secret");
    let file = private.path("secret.txt");
    let app = format!(
        "const said = [];\n\
         const tried = (name, it) => it.then(\n\
             async it => said.push(name + ' ' + (await it.text())), () => said.push(name + ' refused'));\n\
         const socket = new Promise((come, fail) => {{ const it = new WebSocket('ws://{at}/socket');\n\
             it.onopen = () => come({{ text: async () => 'open' }}); it.onerror = fail; }});\n\
         const frame = document.createElement('iframe'); frame.src = 'http://{at}/frame';\n\
         document.body.append(frame);\n\
         new Image().src = 'http://{at}/image';\n\
         navigator.sendBeacon('http://{at}/beacon', 'x');\n\
         Promise.all([\n\
             tried('other', fetch('http://{at}/other')),\n\
             tried('post', fetch('/post', {{ method: 'POST', body: 'x' }})),\n\
             tried('file', fetch('file://{file}')),\n\
             tried('socket', socket),\n\
             tried('own', fetch('/own')),\n\
         ]).then(() => {{ document.getElementById('it').textContent = said.sort().join(', '); }});",
        file = file.display(),
    );
    let server = Server::start(move |asked| match asked.path.as_str() {
        "/" => html(FRAME),
        "/app.js" => script(&app),
        "/own" => "reached".into_response(),
        _ => axum::http::StatusCode::NOT_FOUND.into_response(),
    });
    // Once it is not granted at all, and once it is, and still not for the page of another.
    let granted = format!("[permissions]\nnet = [\"{at}\", ");
    for grant in ["[permissions]\nnet = [", granted.as_str()] {
        let place = place(&server, "[browser]\n");
        place
            .write("agent.toml", place.read("agent.toml").replace("[permissions]\nnet = [", grant));
        let ran = read(&place, &server, "/");
        let said = "file refused, other refused, own reached, post refused, socket refused";
        assert!(ran.out.contains(said), "{}", ran.all());
    }
    assert!(other.asked().is_empty(), "{:?}", other.asked());
    assert!(!server.asked().iter().any(|path| path == "/post"), "{:?}", server.asked());
}

#[test]
fn a_script_that_never_ends_is_left() {
    if !there_is_one() {
        return;
    }
    let server = Server::start(|asked| match asked.path.as_str() {
        "/" => html("<!doctype html><title>Busy</title><script>for (;;) {}</script>"),
        _ => axum::http::StatusCode::NOT_FOUND.into_response(),
    });
    let ran = read(&place(&server, "[browser]\n"), &server, "/");
    assert_eq!(ran.code, Some(1), "{}", ran.all());
    assert!(ran.err.contains("keeps the browser busy without end"), "{}", ran.all());
}

#[test]
fn a_browser_that_is_not_there_is_an_error() {
    let server = Server::start(|asked| written(&asked));
    let ran = read(&place(&server, "[browser]\nprogram = \"no-such-browser\"\n"), &server, "/");
    insta::assert_snapshot!(ran.all(), @r"
    exit 1
    --- stderr
    error: `[browser]` cannot be used: there is no program `no-such-browser` on the search path
    ");
    // And one that is no browser.
    let ran = read(&place(&server, "[browser]\nprogram = \"true\"\n"), &server, "/");
    let said = ran.all().replace(&server.at.to_string(), "AT");
    insta::assert_snapshot!(said, @r"
    exit 1
    --- stderr
    error: `http://AT/` says nothing without its scripts: the browser is gone: its program ended with exit status: 0
    ");
}
