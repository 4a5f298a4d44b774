//! What a confined server reaches, and what is left of it.

use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};

use serde_json::json;

use super::{BY_TOOLS, ODD, odd, pinned, python, told, work};
use crate::place::{Place, call, say};

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
    let none = "PermissionError, PermissionError, PermissionError, LC_CTYPE PATH";
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
             written, {connect}, ProcessLookupError, LC_CTYPE PATH"
        )
    };
    assert_eq!(told(&place), got("PermissionError"));
    // With the network of this machine, and nothing else.
    let text = place.read("agent.toml").replace("[tools]", "network = \"open\"\n[tools]");
    place.write("agent.toml", text);
    assert_eq!(told(&place), got("connected"));
}

/// A pair of raw sockets sent to sockets outside, and a family that was overlooked was there:
/// what there is stands on a list, and all else is refused.
#[test]
fn a_confined_server_makes_sockets_and_namespaces_of_other_kinds() {
    for network in ["", "network = \"open\""] {
        assert_eq!(told(&odd("sockets", network, &[work(), say("done")])), "nothing", "{network}");
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
    assert!(told.starts_with("FileNotFoundError, read, "), "{told}");
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
