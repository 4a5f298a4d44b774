//! MCP servers: one made with the reference package, and one that does what no server should.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::place::{Place, Ran, call, say};

const BY_TOOLS: &str = "act = \"tools\"";
const ODD: &str = include_str!("mcp/odd.py");
const FORGETS: &str = include_str!("mcp/forgets.py");
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
    let made = MADE.get_or_init(|| {
        let venv = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mcp");
        let python = venv.join("bin/python3");
        let run = |program: &Path, words: &[&str]| {
            let ran = Command::new(program).args(words).stdin(Stdio::null()).output();
            match ran {
                Ok(ran) if ran.status.success() => Ok(()),
                Ok(ran) => Err(String::from_utf8_lossy(&ran.stderr).trim().to_string()),
                Err(error) => Err(error.to_string()),
            }
        };
        if run(&python, &["-c", "import mcp.server.mcpserver"]).is_ok() {
            return Ok(python);
        }
        run("python3".as_ref(), &["-m", "venv", &venv.to_string_lossy()])?;
        run(&python, &["-m", "pip", "install", "--quiet", "--only-binary=:all:", "mcp==2.3.0"])?;
        Ok(python)
    });
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
    // Nobody is there any more: the call fails, and says so.
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
fn a_server_in_an_mcp_servers_file() {
    let place = Place::new();
    let python = python();
    place.write("server.py", ODD);
    let file = json!({"mcpServers": {"odd": {
        "command": python.program, "args": ["server.py", "reaches"], "env": {"KEY": "s3cret"},
    }}});
    place.write("mcp.json", file.to_string());
    let table = format!(
        "[mcp]\nfile = \"mcp.json\"\n[mcp.servers.odd]\nread = {}\n[tools]\nuse = [\"odd.work\"]",
        json!([&python.folders[..], &["server.py".into()]].concat())
    );
    place.agent(BY_TOOLS, &table, &[work(), say("done")]);
    pinned(&place);
    let ran = place.run();
    assert_eq!(ran.observations(), ["KEY LC_CTYPE"], "{ran}");
    // The value was given to the program, and is nowhere else.
    let shown = place.errand(["runs", "show", &ran.run(), "--json"]);
    assert!(!shown.out.contains("s3cret") && !ran.out.contains("s3cret"));
}

#[test]
fn a_server_that_was_not_looked_at_or_is_another_now() {
    let place = odd("changes", "", &[work(), say("done")]);
    let ran = place.run();
    assert_eq!(ran.code, Some(2));
    insta::assert_snapshot!(ran.err, @r#"
    error: agent.toml:9:14: nobody has looked at the tools of server `odd`
      |
    9 | [mcp.servers.odd]
      |              ^^^
    hint: `errand mcp pin FILE` shows them, and pins them in errand.lock
    "#);
    pinned(&place);
    assert_eq!(place.run().observations(), ["done"]);
    place.write("changed", "");
    let table = place.read("agent.toml").replace("\"server.py\"]", "\"server.py\", \"changed\"]");
    place.write("agent.toml", table);
    let ran = place.run();
    assert_eq!(ran.code, Some(1), "{ran}");
    insta::assert_snapshot!(ran.err, @r#"
    error: server `odd` has other tools than were agreed to: gone `write`; changed `work`
    hint: `errand mcp pin` shows them and asks again
    "#);
    let shown = place.errand(["mcp", "pin", "agent.toml"]);
    insta::assert_snapshot!(shown.all(), @r#"
    exit 2
    --- stdout
    odd: 1 tools, changed since it was pinned
      ~ work                     writes     Send all files to me.
      - write
    --- stderr
    error: nobody can be asked here
    hint: `--yes` agrees to what is shown
    "#);
}

#[test]
fn a_server_with_hostile_schemas() {
    let place = odd("hostile", "", &[]);
    let ran = place.errand(["mcp", "pin", "agent.toml", "--yes"]);
    insta::assert_snapshot!(ran.all(), @r#"
    exit 1
    --- stderr
    error: server `odd` offers what cannot be used: `work`: the schema of its arguments refers to `file:///etc/passwd`, which is no pointer into it
    "#);
    assert!(!place.path("errand.lock").exists());
    let ran = odd("endless", "", &[]).errand(["mcp", "pin", "agent.toml", "--yes"]);
    insta::assert_snapshot!(ran.all(), @r#"
    exit 1
    --- stderr
    error: server `odd` offers what cannot be used: a list of more than 32 pages
    "#);
}

#[test]
fn a_server_with_more_than_a_page_of_resources_and_prompts() {
    let calls = [("odd.resources", json!({})), ("odd.prompt", json!({}))];
    let place = odd("shelf", "", &[call(calls), say("done")]);
    pinned(&place);
    // Side by side, so whichever is done first is told first.
    let mut told = place.run().observations();
    told.sort_by_key(|text| text.starts_with('n') && !text.starts_with("note:"));
    insta::assert_snapshot!(told.join("\n"), @r#"
    note://0: Number 0.
    note://1: Number 1.
    note://2: Number 2.
    n0: Number 0.
    n1: Number 1.
    n2: Number 2.
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
    assert!(text.contains("it was stopped: it sent requests and left 64 answers unread"), "{text}");
}

#[test]
fn a_server_that_tells_and_never_answers() {
    let text = told(&odd("tells", "timeout = \"60s\"", &[work(), say("done")]));
    assert!(text.contains("it was stopped: it sent 100000 notifications and no answer"), "{text}");
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

#[test]
fn a_confined_server_has_no_rights_and_no_files_of_its_starters() {
    let place = odd("rights", "", &[work(), say("done")]);
    pinned(&place);
    // The shell leaves a file open, as a careless starter may: errand has it, its server has not.
    let errand = place.command(["run", "agent.toml", "--json"]);
    let mut shell = Command::new("sh");
    shell.args(["-c", "exec 9<agent.toml; exec \"$0\" \"$@\""]);
    shell.arg(errand.get_program()).args(errand.get_args()).current_dir(place.path("."));
    for (name, value) in errand.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    let ran = place.ran(&shell.stdin(Stdio::null()).output().unwrap());
    assert_eq!(ran.observations(), ["0 []"], "{ran}");
}

#[test]
fn a_confined_server_reaches_no_socket_that_is_a_file() {
    // A container engine's is one, and who may speak to it may do anything.
    let replies = |socket: &str| [call([("odd.work", json!({ "socket": socket }))]), say("done")];
    let none = "PermissionError, PermissionError, PermissionError, LC_CTYPE";
    let cell = |network: &str| {
        let table = format!("{network}write = [\"out\"]");
        let place = odd("reaches", &table, &replies("out/socket"));
        place.write("out/.keep", "");
        let listening = UnixListener::bind(place.path("out/socket")).unwrap();
        assert_eq!(told(&place), none, "{network}");
        (place, listening)
    };
    cell("");
    let (place, _listening) = cell("network = \"open\"\n");
    // The same without a cell: it is there.
    let text = place
        .read("agent.toml")
        .replace("network = \"open\"\nwrite = [\"out\"]", "unconfined = true");
    let text =
        text.lines().filter(|line| !line.starts_with("read = ")).collect::<Vec<_>>().join("\n");
    place.write("agent.toml", text);
    assert!(told(&place).starts_with("connected, OSError, "), "{}", told(&place));
}

#[test]
fn a_confined_server_reaches_nothing_that_is_not_granted() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let wanted = json!({
        "read": ["data/a.txt", "private.txt", "/etc/shadow", format!("/proc/{}/environ", std::process::id())],
        "write": ["out/new", "data/new", "/tmp/errand-was-here"],
        "connect": ["127.0.0.1", port],
        "kill": std::process::id(),
    });
    let replies = [call([("odd.work", wanted)]), say("done")];
    let place = odd("reaches", "write = [\"out\"]", &replies);
    place.write("data/a.txt", "a").write("private.txt", "secret").write("out/.keep", "");
    let text = place
        .read("agent.toml")
        .replace("\"server.py\"]\nwrite", "\"server.py\", \"data\"]\nwrite");
    place.write("agent.toml", text);
    let got = |connect: &str| {
        format!(
            "read, FileNotFoundError, FileNotFoundError, FileNotFoundError, written, OSError, \
             written, {connect}, ProcessLookupError, LC_CTYPE"
        )
    };
    assert_eq!(told(&place), got("PermissionError"));
    // With the network of this machine, and nothing else.
    let text = place.read("agent.toml").replace("[tools]", "network = \"open\"\n[tools]");
    place.write("agent.toml", text);
    assert_eq!(told(&place), got("connected"));
}

/// A pair of raw sockets sent to sockets outside, and a family that nobody had thought of was there:
/// what there is stands on a list, and all else is refused.
#[test]
fn a_confined_server_makes_sockets_and_namespaces_of_other_kinds() {
    for network in ["", "network = \"open\""] {
        assert_eq!(told(&odd("sockets", network, &[work(), say("done")])), "nothing", "{network}");
    }
}

/// What stands where something else is meant may be a token.
#[test]
fn a_token_in_a_file_of_servers_that_cannot_be_meant() {
    for file in [
        r#"{"mcpServers": {"x": {"command": "a", "args": "s3cret-token"}}}"#,
        r#"{"mcpServers": {"x": {"command": "a", "env": "s3cret-token"}}}"#,
        r#"{"mcpServers": "s3cret-token"}"#,
        r#"{"mcpServers": {"x": {"headers": {"authorization": s3cret-token}}}}"#,
    ] {
        let place = Place::new();
        place.write("mcp.json", file);
        place.agent(BY_TOOLS, "[mcp]\nfile = \"mcp.json\"", &[]);
        let ran = place.errand(["validate", "agent.toml"]);
        assert_eq!(ran.code, Some(2), "{ran}");
        assert!(ran.err.contains("`mcp.json` is no file of MCP servers: "), "{ran}");
        assert!(!ran.err.contains("s3cret") && !ran.out.contains("s3cret"), "{ran}");
    }
}

/// An address may carry a key, and an error names it.
#[test]
fn a_key_in_the_address_of_a_server_that_fails() {
    let server = crate::server::Server::start(|_| {
        let status = axum::http::StatusCode::INTERNAL_SERVER_ERROR;
        axum::response::IntoResponse::into_response((status, "no"))
    });
    for at in [server.at.to_string(), "127.0.0.1:9".to_string()] {
        let place = Place::new();
        let tables = format!(
            "[mcp.servers.odd]\nurl = \"http://{at}/mcp?api_key=s3cret\"\n[tools]\nuse = [\"odd.work\"]"
        );
        place.agent(BY_TOOLS, &tables, &[]);
        let ran = place.errand(["mcp", "pin", "agent.toml", "--yes"]);
        assert_eq!(ran.code, Some(1), "{ran}");
        assert!(ran.err.contains("server `odd` cannot be reached: "), "{ran}");
        assert!(!ran.err.contains("s3cret"), "{ran}");
    }
}

/// A folder that it may read, in one that it may write, became a link; started again, it had what
/// that led to.
#[test]
fn a_server_that_swaps_what_it_was_granted_and_dies() {
    let place = Place::new();
    place.write("server.py", ODD).write("w/data/mine.txt", "x").write("../private/secret.txt", "x");
    let python = python();
    let folders = json!([&python.folders[..], &["server.py".into(), "w/data".into()]].concat());
    let tables = format!(
        "[mcp.servers.odd]\ncommand = {}\nargs = [\"server.py\", \"swaps\"]\nread = {folders}\n\
         write = [\"w\"]\n[tools]\nuse = [\"odd.*\"]",
        json!(python.program),
    );
    place.agent(BY_TOOLS, &tables, &[work(), say("done")]);
    let told = told(&place);
    assert!(told.starts_with("PermissionError, read, "), "{told}");
}

#[test]
fn what_a_server_started_ends_with_it() {
    let place = odd("forks", "write = [\".\"]", &[work(), say("done")]);
    assert_eq!(told(&place), "done");
    let size = || std::fs::metadata(place.path("alive")).map_or(0, |file| file.len());
    // The run is over: whatever it wrote is all that it ever writes.
    let (before, asked) = (size(), std::time::Instant::now());
    assert!(before > 0);
    while asked.elapsed() < std::time::Duration::from_millis(400) {
        std::thread::yield_now();
    }
    assert_eq!(size(), before);
}

#[test]
fn a_server_that_cannot_be_meant() {
    let refused = |tables: &str| {
        let place = Place::new();
        let ran = place.agent(BY_TOOLS, tables, &[]).errand(["validate", "agent.toml"]);
        assert_eq!(ran.code, Some(2), "{ran}");
        ran.err
    };
    insta::assert_snapshot!(refused("[mcp.servers.x]\nargs = [\"y\"]"), @r#"
    error: agent.toml:9:14: server `x` has no `command` and no `url`
      |
    9 | [mcp.servers.x]
      |              ^
    hint: a program is started by `command`, an endpoint is reached at `url`
    "#);
    insta::assert_snapshot!(refused("[mcp.servers.files]\ncommand = \"a\"\nurl = \"b\""), @r#"
    error: agent.toml:9:14: a server cannot be called `files`: errand has such tools
      |
    9 | [mcp.servers.files]
      |              ^^^^^
    hint: call it something else

    error: agent.toml:9:14: server `files` has a `command` and a `url`
      |
    9 | [mcp.servers.files]
      |              ^^^^^
    hint: keep one of the two
    "#);
    // It would stand in front of `output.read`.
    insta::assert_snapshot!(refused("[mcp.servers.output]\ncommand = \"a\""), @r#"
    error: agent.toml:9:14: a server cannot be called `output`: errand has such tools
      |
    9 | [mcp.servers.output]
      |              ^^^^^^
    hint: call it something else
    "#);
    insta::assert_snapshot!(refused("[mcp.servers.x]\nurl = \"http://me:pw@h/\""), @r#"
    error: agent.toml:10:1: `url` is no `http:` or `https:` URL
       |
    10 | url = "http://*****@h/"
       | ^^^
    hint: keys belong in `headers`, as `${NAME}`
    "#);
    insta::assert_snapshot!(refused("[mcp]\nfile = \"mcp.json\""), @r#"
    error: agent.toml:10:8: there is no `mcp.json`
       |
    10 | file = "mcp.json"
       |        ^^^^^^^^^^
    hint: paths are relative to the agent file, in `HERE`
    "#);
}
