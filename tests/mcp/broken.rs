//! Each way in which what lies between errand and a server breaks: it is told in words that name the
//! server, and never as the libraries write their own errors.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::{BY_TOOLS, pinned, python, server, work};
use crate::place::{Place, say};

/// What a server does to the request that it breaks at.
#[derive(Clone, Copy)]
enum Breaks {
    /// It answers with this status, type and body.
    Answers(&'static str, &'static str, &'static str),
    /// It begins an answer of this type, and ends the connection in it.
    Stops(&'static str),
    /// It leaves what it was sent unread: the connection is reset in the answer.
    Resets,
    /// It answers with what is no HTTP.
    Rubbish,
    /// It says nothing.
    Silent,
    /// It has forgotten the session, and takes no other.
    Forgets,
}

use Breaks::{Answers, Forgets, Resets, Rubbish, Silent, Stops};

const FAULTS: [(&str, Breaks); 17] = [
    ("401", Answers("401 Unauthorized", "text/plain", "who?")),
    ("403", Answers("403 Forbidden", "application/json", "{\"error\":\"no\"}")),
    ("404", Answers("404 Not Found", "text/html", "<html><title>Not here</title></html>")),
    ("405", Answers("405 Method Not Allowed", "text/plain", "")),
    ("429", Answers("429 Too Many Requests\r\nretry-after: 3", "text/plain", "slow down")),
    ("500", Answers("500 Internal Server Error", "text/plain", "oops")),
    ("503", Answers("503 Service Unavailable", "text/html", "<h1>Away</h1>")),
    ("elsewhere", Answers("302 Found\r\nlocation: /login", "text/html", "")),
    ("a page", Answers("200 OK", "text/html", "<html><title>Welcome</title></html>")),
    ("another type", Answers("200 OK", "application/octet-stream", "\u{1}\u{2}")),
    ("no message", Answers("200 OK", "application/json", "{\"status\": \"fine\"}")),
    ("cut JSON", Answers("200 OK", "application/json", "{\"jsonrpc\": \"2.0\", \"res")),
    ("nothing", Answers("200 OK", "application/json", "")),
    ("an empty stream", Answers("200 OK", "text/event-stream", "")),
    ("a cut stream", Stops("text/event-stream")),
    ("a cut body", Stops("application/json")),
    ("a reset", Resets),
];

/// A server over HTTP, which breaks at the requests of one method while it is ill.
struct Broken {
    at: SocketAddr,
    ill: Arc<AtomicBool>,
    _server: Option<crate::server::Server>,
}

impl Broken {
    fn start(breaks: Breaks, method: &'static str) -> Broken {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let ill = Arc::new(AtomicBool::new(false));
        let is_ill = ill.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let ill = is_ill.clone();
                std::thread::spawn(move || answers(stream, breaks, method, &ill));
            }
        });
        Broken { at, ill, _server: None }
    }

    fn place(&self, scheme: &str) -> Place {
        let place = Place::new();
        let table = format!(
            "[mcp.servers.odd]\nurl = \"{scheme}://{}/mcp\"\ntimeout = \"1s\"\n[tools]\nuse = [\"odd.work\"]",
            self.at
        );
        place.agent(BY_TOOLS, &table, &[work(), say("done")]);
        place
    }
}

/// One connection, request by request; none where it is broken off.
fn answers(stream: TcpStream, breaks: Breaks, method: &str, ill: &AtomicBool) -> Option<()> {
    // A byte at a time: what is not read stays with the system.
    let mut reader = BufReader::with_capacity(1, stream.try_clone().ok()?);
    let mut stream = stream;
    loop {
        let (mut length, mut head) = (0, String::new());
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let lower = line.to_ascii_lowercase();
            if let Some(said) = lower.strip_prefix("content-length:") {
                length = said.trim().parse().ok()?;
            }
            if line.trim().is_empty() {
                break;
            }
            head.push_str(&line);
        }
        let mut body = vec![b'}'; length];
        let last = length.saturating_sub(1);
        reader.read_exact(&mut body[..last]).ok()?;
        let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
        let id = &asked["id"];
        let is_ill = ill.load(Ordering::SeqCst);
        let breaks_here = is_ill && asked["method"] == method && !id.is_null();
        if !(breaks_here && matches!(breaks, Resets)) {
            reader.read_exact(&mut body[last..]).ok()?;
        }
        let result = match asked["method"].as_str() {
            Some("initialize") if is_ill && matches!(breaks, Forgets) => {
                return whole(&mut stream, "500 Internal Server Error", "text/plain", "no more");
            }
            _ if breaks_here => return broken(&mut stream, breaks),
            Some("initialize") => json!({
                "protocolVersion": "2025-06-18", "capabilities": {"tools": {}},
                "serverInfo": {"name": "broken", "version": "1"},
            }),
            Some("tools/list") => {
                json!({"tools": [{"name": "work", "inputSchema": {"type": "object"}}]})
            }
            _ if id.is_null() && head.starts_with("POST") => {
                whole(&mut stream, "202 Accepted", "text/plain", "")?;
                continue;
            }
            _ => {
                whole(&mut stream, "405 Method Not Allowed", "text/plain", "")?;
                continue;
            }
        };
        let said = json!({"jsonrpc": "2.0", "id": id, "result": result}).to_string();
        whole(&mut stream, "200 OK\r\nmcp-session-id: s1", "application/json", &said)?;
    }
}

fn whole(stream: &mut TcpStream, status: &str, kind: &str, body: &str) -> Option<()> {
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n");
    stream.write_all((head + body).as_bytes()).ok()
}

fn broken(stream: &mut TcpStream, breaks: Breaks) -> Option<()> {
    let begun = |kind: &str| {
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: 900\r\n\r\ndata: {{\"jsonrpc\""
        )
    };
    match breaks {
        Answers(status, kind, body) => return whole(stream, status, kind, body),
        Stops(kind) => stream.write_all(begun(kind).as_bytes()).ok()?,
        // A byte of the request is unread.
        Resets => stream.write_all(begun("application/json").as_bytes()).ok()?,
        Rubbish => stream.write_all(b"\x15\x03\x01\x00\x02\x02\x46\r\n\r\n").ok()?,
        // Until the other side gives up.
        Silent => drop(stream.read(&mut [0])),
        Forgets => return whole(stream, "404 Not Found", "text/plain", "no session"),
    }
    None
}

/// No name of a type, no debug form, no kind of error, and the server by its name.
fn assert_words(said: &str, of: &str) {
    assert!(said.contains("`odd`"), "{of}: {said}");
    let signs = [
        "::",
        "Error",
        "Some(",
        "None",
        "Err(",
        "Ok(",
        " { ",
        "os error",
        "kind:",
        "rmcp",
        "reqwest",
        "hyper",
        "serde",
        "untagged",
        "column",
        "Transport",
        "JsonRpc",
        "http://127.0.0.1:1/",
        "\u{1}",
    ];
    // What a status is called is the protocol's.
    let own = said.replace("500 Internal Server Error", "");
    if let Some(sign) = signs.iter().find(|sign| own.contains(**sign)) {
        panic!("{of}: `{sign}` in {said}");
    }
    for line in said.lines() {
        assert!(!line.ends_with('.'), "{of}: {said}");
    }
}

/// What a person is told who looks at a server which is broken from the start.
fn pins(place: &Place, of: &str) -> String {
    let ran = place.errand(["mcp", "pin", "agent.toml", "--yes"]);
    assert_eq!(ran.code, Some(1), "{of}: {ran}");
    assert!(ran.err.starts_with("error: server `odd` cannot be reached: "), "{of}: {ran}");
    assert_words(&ran.err, of);
    ran.err
}

/// What the model is told of a call whose server breaks while it works.
fn calls(place: &Place, of: &str) -> String {
    let ran = place.run();
    assert_eq!(ran.code, Some(0), "{of}: {ran}");
    let told = ran.observations().remove(0);
    assert_words(&told, of);
    told
}

/// What is told of a fault, where one thing alone can be.
fn words(of: &str) -> &'static str {
    match of {
        "401" => "it answered 401 Unauthorized: who?",
        "403" => "it answered 403 Forbidden",
        "405" => "it answered 405 Method Not Allowed",
        "429" => "it answered 429 Too Many Requests, and asks to wait: `3`",
        "500" => "it answered 500 Internal Server Error",
        "503" => "it answered 503 Service Unavailable",
        "elsewhere" => "it answered 302 Found",
        "a page" => "it answered a page of HTML where a message of MCP was expected",
        "another type" => "it answered `application/octet-stream` where",
        "no message" => "it answered `{\"status\": \"fine\"}` where",
        "cut JSON" => "it answered `{\"jsonrpc\": \"2.0\", \"res` where",
        "nothing" => "it answered nothing where",
        _ => "",
    }
}

#[test]
fn a_server_over_http_that_breaks_at_the_greeting() {
    for (of, breaks) in FAULTS.into_iter().chain([("rubbish", Rubbish), ("silence", Silent)]) {
        let broken = Broken::start(breaks, "initialize");
        broken.ill.store(true, Ordering::SeqCst);
        let said = pins(&broken.place("http"), of);
        assert!(said.contains(words(of)), "{of}: {said}");
        match of {
            "404" => {
                assert!(said.contains("404 Not Found: a page of HTML, `Not here`"), "{said}");
                assert!(said.contains("hint: check `url`"), "{said}");
            }
            "401" => assert!(said.contains("hint: `errand mcp login FILE odd`"), "{said}"),
            "silence" => assert!(said.contains("did not answer within 1 s"), "{said}"),
            _ => {}
        }
    }
}

#[test]
fn a_server_over_http_that_breaks_at_a_call() {
    let more = [("rubbish", Rubbish), ("silence", Silent), ("a lost session", Forgets)];
    for (of, breaks) in FAULTS.into_iter().chain(more) {
        let broken = Broken::start(breaks, "tools/call");
        let place = broken.place("http");
        pinned(&place);
        broken.ill.store(true, Ordering::SeqCst);
        let said = calls(&place, of);
        assert!(said.contains(words(of)), "{of}: {said}");
    }
}

#[test]
fn a_server_that_is_not_there_or_encrypts_nothing() {
    let plain = crate::server::Server::start(|_| axum::response::Response::default());
    let plain = Broken { at: plain.at, ill: Arc::default(), _server: Some(plain) };
    let said = pins(&plain.place("https"), "TLS on a plain port");
    assert!(said.contains("it does not speak TLS there"), "{said}");
    assert!(said.contains("hint: write `url = \"http://"), "{said}");
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let gone = Broken { at: gone, ill: Arc::default(), _server: None };
    let said = pins(&gone.place("http"), "a closed port");
    assert!(
        said.contains(&format!("no connection to `{}`: connection refused", gone.at)),
        "{said}"
    );
}

/// A program whose first argument says where it breaks, and whose second one how.
const PROGRAM: &str = r#"
import ctypes, json, os, sys
at, how = sys.argv[1:]
def breaks(id):
    if how == "exits": sys.exit("I cannot go on")
    # The first program of a cell is spared what it sends to itself, and not what the system does.
    if how == "killed": os.abort()
    if how == "crashes": ctypes.string_at(0)
    if how == "closes":
        os.close(1)
        sys.stdin.read()
    if how == "silent": sys.stdin.read()
    if how == "rubbish":
        print("no JSON\n{\n[1]\n\x00", flush=True)
        sys.exit(3)
    if how == "bytes":
        os.write(1, b"\xff\xfe\n")
        sys.exit(3)
    if how == "long": os.write(1, b"x" * (5 << 20))
    if how == "refuses": say({"id": id, "error": {"code": -32603, "message": ""}})
    if how == "odd": say({"id": id, "result": "what?"})
    if how == "other": say({"id": "another", "result": {}})
def say(message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    if "id" not in asked: continue
    method, id = asked["method"], asked["id"]
    if method == at and (at == "initialize" or os.path.exists("ill")):
        breaks(id)
        continue
    if method == "initialize":
        say({"id": id, "result": {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}},
            "serverInfo": {"name": "broken", "version": "1"}}})
    elif method == "tools/list":
        say({"id": id, "result": {"tools": [{"name": "work", "inputSchema": {"type": "object"}}]}})
    else:
        say({"id": id, "error": {"code": -32601, "message": "no such method"}})
"#;

fn program(at: &str, how: &str) -> Place {
    let place = Place::new();
    place.write("server.py", PROGRAM);
    let more = "timeout = \"2s\"\ncwd = \"state\"";
    let table = server(&python(), &["../server.py", at, how], more)
        .replace("\"server.py\"]", "\"server.py\", \"state\"]");
    place.write("state/here", "");
    place.agent(BY_TOOLS, &table, &[work(), say("done")]);
    place
}

#[test]
fn a_program_that_breaks_at_the_greeting() {
    let ways = [
        "exits", "killed", "crashes", "closes", "silent", "rubbish", "bytes", "long", "refuses",
        "odd", "other",
    ];
    for how in ways {
        let said = pins(&program("initialize", how), how);
        match how {
            "exits" => assert!(said.contains("exit status: 1, and said: I cannot go on"), "{said}"),
            "refuses" => assert!(said.contains("it refused the handshake: error -32603"), "{said}"),
            _ => {}
        }
    }
}

#[test]
fn a_program_that_breaks_at_a_call() {
    for how in ["exits", "killed", "crashes", "closes", "rubbish", "bytes", "refuses"] {
        let place = program("tools/call", how);
        pinned(&place);
        place.write("state/ill", "");
        let said = calls(&place, how);
        match how {
            "exits" => assert!(said.contains("server `odd` was lost while it worked: "), "{said}"),
            "refuses" => assert!(said.contains("server `odd` refused: error -32603"), "{said}"),
            _ => {}
        }
    }
}
