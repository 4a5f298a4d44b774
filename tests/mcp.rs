//! MCP servers: one made with the reference package, and one that does what no server should.

mod broken;
mod confined;
mod named;
mod oauth;
mod offered;
mod results;
mod served;

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::place::{Place, Ran, call, say};
use crate::venv;

const BY_TOOLS: &str = "act = \"tools\"";
pub(crate) const ODD: &str = include_str!("mcp/odd.py");
const FORGETS: &str = include_str!("mcp/forgets.py");
const SAYS: &str = include_str!("mcp/says.py");
const REFERENCE: &str = include_str!("mcp/reference.py");

/// A Python, and the folders that it is made of.
pub(crate) struct Python {
    pub(crate) program: PathBuf,
    pub(crate) folders: Vec<PathBuf>,
}

pub(crate) fn python() -> Python {
    of("python3".as_ref())
}

fn of(program: &Path) -> Python {
    let asked = "import os, sys\nprint(sys.executable)\nprint(sys.prefix)\n\
                 print(sys.base_prefix)\nprint(os.path.realpath(sys.executable))";
    let said = Command::new(program).args(["-c", asked]).output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    let mut lines = said.lines().map(PathBuf::from);
    let program = lines.next().unwrap();
    Python { program, folders: lines.filter(|path| path != Path::new("/usr")).collect() }
}

/// The reference package in a virtual environment that outlives the tests; `None`, and why on
/// standard error, where it cannot be had.
fn reference() -> Option<Python> {
    static MADE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let made = MADE.get_or_init(|| venv::with("mcp", "mcp.server.mcpserver", &["mcp==2.3.0"]));
    match made {
        Ok(python) => Some(of(python)),
        Err(reason) => {
            eprintln!("skipped: the package `mcp` 2.3.0 cannot be installed here: {reason}");
            None
        }
    }
}

/// The table of a server that `python` runs.
fn server(python: &Python, words: &[&str], more: &str) -> String {
    format!(
        "[mcp.servers.odd]\ncommand = {}\nargs = {}\nread = {}\n{more}\n[tools]\nuse = [\"odd.*\"]",
        json!(python.program),
        json!(words),
        json!([&python.folders[..], &["server.py".into()]].concat()),
    )
}

/// An agent with a server that is odd in this way, pinned.
pub(crate) fn odd(how: &str, more: &str, replies: &[Value]) -> Place {
    let place = Place::new();
    place.write("server.py", ODD);
    place.agent(BY_TOOLS, &server(&python(), &["server.py", how], more), replies);
    place
}

/// An agent with a server `it` that says this, and with all of its tools.
pub(crate) fn says(server: &Value, replies: &[Value]) -> Place {
    let place = Place::new();
    place.write("says.py", SAYS).write("says.json", server.to_string());
    let python = python();
    let table = format!(
        "[mcp.servers.it]\ncommand = {}\nargs = [\"says.py\"]\nread = {}\n[tools]\nuse = [\"it.*\"]",
        json!(python.program),
        json!([&python.folders[..], &["says.py".into(), "says.json".into()]].concat()),
    );
    place.agent(BY_TOOLS, &table, replies);
    place
}

fn pinned(place: &Place) -> Ran {
    let ran = place.errand(["mcp", "pin", "agent.toml", "--yes"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    ran
}

/// What the model was told of its only call.
fn told(place: &Place) -> String {
    pinned(place);
    let ran = place.run();
    assert_eq!(ran.code, Some(0), "{ran}");
    ran.observations().remove(0)
}

fn work() -> Value {
    call([("odd.work", json!({}))])
}

#[test]
fn a_server_of_the_reference_package() {
    let Some(mut python) = reference() else { return };
    python.folders.push("data".into());
    let place = Place::new();
    place.write("server.py", REFERENCE).write("private.txt", "secret").write("data/a.txt", "open");
    let table = server(&python, &["server.py"], "env = { GREETING = \"hi\" }");
    let calls = [
        ("odd.add", json!({"a": 2, "b": 3})),
        ("odd.look", json!({"path": "data/a.txt"})),
        ("odd.look", json!({"path": "private.txt"})),
        ("odd.environment", json!({})),
        ("odd.resources", json!({})),
        ("odd.resources", json!({"uri": "note://today"})),
        ("odd.prompt", json!({"name": "greet", "arguments": {"name": "Ada"}})),
        ("odd.add", json!({"a": "two"})),
    ];
    place.agent(BY_TOOLS, &table, &[call(calls), say("done")]);
    let shown = pinned(&place);
    insta::assert_snapshot!(shown.all(), @r#"
    exit 0
    --- stdout
    odd: 5 tools, new
      + add                      writes     Adds two numbers.
      + environment              writes     All of the environment.
      + look                     writes     Reads a file.
      + prompt                   reads      The server's prompts: without `name` their list, with it one, filled in.
      + resources                reads      The server's resources: without `uri` their list, with it one of them.
    --- stderr
    pinned in errand.lock
    "#);
    let ran = place.run();
    assert_eq!(ran.code, Some(0), "{ran}");
    insta::assert_snapshot!(ran.observations().join("\n"), @r#"
    denied: wrong arguments for `odd.add`: `b` is missing; `a` must be an integer, not a string; it is odd.add(a: int, b: int)
    {"result":5}
    open
    Error executing tool look
    {"GREETING":"hi","LC_CTYPE":"C.UTF-8"}
    note://today: What is on today.
    nothing much
    Say hello to Ada.
    "#);
    assert!(ran.out.contains("\"origins\":[\"server odd\"]"), "{ran}");
}

#[test]
fn a_server_over_http() {
    let Some(python) = reference() else { return };
    let place = Place::new();
    place.write("server.py", REFERENCE);
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut served = Command::new(&python.program)
        .arg(place.path("server.py"))
        .arg(port.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(served.try_wait().unwrap().is_none(), "the server ended");
        std::thread::yield_now();
    }
    let table = format!(
        "[mcp.servers.odd]\nurl = \"http://127.0.0.1:{port}/mcp\"\n\
         headers = {{ X-Key = \"${{PATH}}\" }}\n[tools]\nuse = [\"odd.add\"]"
    );
    place.agent(BY_TOOLS, &table, &[call([("odd.add", json!({"a": 2, "b": 3}))]), say("5")]);
    pinned(&place);
    let ran = place.run();
    served.kill().unwrap();
    served.wait().unwrap();
    assert_eq!(ran.observations(), ["{\"result\":5}"], "{ran}");
    // The server is gone: the call fails, and says so.
    let ran = place.run();
    assert_eq!(ran.code, Some(0), "{ran}");
    let told = ran.observations().remove(0);
    assert!(told.starts_with("server `odd` cannot be reached: "), "{told}");
}

#[test]
fn a_server_over_http_that_forgets_its_clients() {
    let place = Place::new();
    place.write("server.py", FORGETS);
    let mut served = Command::new(python().program)
        .args([place.path("server.py"), place.path("log")])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut port = String::new();
    BufReader::new(served.stdout.take().unwrap()).read_line(&mut port).unwrap();
    let table = format!(
        "[mcp.servers.odd]\nurl = \"http://127.0.0.1:{}/mcp\"\n[tools]\nuse = [\"odd.work\"]",
        port.trim()
    );
    place.agent(BY_TOOLS, &table, &[work(), work(), say("done")]);
    pinned(&place);
    let ran = place.run();
    served.kill().unwrap();
    served.wait().unwrap();
    assert_eq!(ran.observations(), ["done", "done"], "{ran}\n{}", place.read("log"));
    // Once to be pinned, and once to be used, in which it is introduced to its client again.
    insta::assert_snapshot!(place.read("log"), @r#"
    initialize
    notifications/initialized
    tools/list
    initialize
    notifications/initialized
    tools/list
    tools/call
    tools/call of nobody
    initialize
    notifications/initialized
    tools/call
    "#);
}

#[test]
fn a_server_that_dies() {
    let text = told(&odd("dies", "", &[work(), say("it died")]));
    insta::assert_snapshot!(text, @"server `odd` was lost while it worked: its program ended with exit status: 3, and said: I cannot go on");
}

#[test]
fn a_server_that_died_is_started_again() {
    let place = odd("dies-once", "write = [\".\"]", &[work(), say("done")]);
    assert_eq!(told(&place), "done");
}

#[test]
fn a_server_that_writes_garbage() {
    assert_eq!(told(&odd("garbage", "", &[work(), say("done")])), "done");
}

#[test]
fn a_server_that_floods() {
    let text = told(&odd("floods", "timeout = \"3s\"", &[work(), say("done")]));
    insta::assert_snapshot!(text, @"`odd` did not answer within 3 s, its `timeout`");
}

/// Its answers were kept, without end.
#[test]
fn a_server_that_asks_and_reads_no_answer() {
    let text = told(&odd("asks", "", &[work(), say("done")]));
    assert!(
        text.contains("server `odd` was stopped: it sent requests and left 64 answers unread"),
        "{text}"
    );
}

#[test]
fn a_server_that_tells_and_never_answers() {
    let text = told(&odd("tells", "timeout = \"60s\"", &[work(), say("done")]));
    assert!(
        text.contains("server `odd` was stopped: it sent 100000 notifications and no answer"),
        "{text}"
    );
}

#[test]
fn a_server_that_hangs() {
    let text = told(&odd("hangs", "timeout = \"500ms\"", &[work(), say("done")]));
    insta::assert_snapshot!(text, @"`odd` did not answer within 0.5 s, its `timeout`");
}

#[test]
fn a_server_that_is_slow_and_says_how_far_it_is() {
    let place = odd("slow", "timeout = \"2s\"", &[work(), say("done")]);
    assert_eq!(told(&place), "done");
}

#[test]
fn a_call_that_is_given_up_is_cancelled_at_its_server() {
    let write = call([("odd.write", json!({}))]);
    let place = odd("cancelled", "timeout = \"2s\"", &[work(), write, say("done")]);
    pinned(&place);
    let ran = place.run();
    let told = ran.observations();
    assert!(told[0].starts_with("`odd` did not answer within 2 s"), "{ran}");
    let (cancelled, asked) = told[1].split_once(", ").unwrap();
    assert_eq!(cancelled.strip_prefix("cancelled: "), asked.strip_prefix("asked: "), "{ran}");
    assert!(!told[1].contains("[]"), "{ran}");
}
