//! What a confined program can do beside reading and writing what it was granted.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};

use crate::mcp::python;
use crate::place::{Place, call, say};

/// What the model was told of the only call of a server, which its program is called with.
fn told(place: &Place, network: &str, arguments: Value) -> String {
    let python = python();
    let table = format!(
        "[mcp.servers.cell]\ncommand = {}\nargs = [\"server.py\"]\nread = {}\nwrite = [\"out\"]\n{network}\n\
         [tools]\nuse = [\"cell.*\"]",
        json!(python.program),
        json!([&python.folders[..], &["server.py".into()]].concat()),
    );
    let replies = [call([("cell.work", arguments)]), say("done")];
    place.write("server.py", include_str!("cell/server.py")).write("out/.keep", "");
    place.agent("act = \"tools\"", &table, &replies);
    let ran = place.errand(["mcp", "pin", "agent.toml", "--yes"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    let ran = place.run();
    assert_eq!(ran.code, Some(0), "{ran}");
    ran.observations().remove(0)
}

/// Landlock says nothing of a file's rights, times and attributes, of watching a folder, or of whether
/// something is there.
#[test]
fn a_confined_program_does_something_to_what_it_may_not_open() {
    for network in ["", "network = \"open\""] {
        let place = Place::new();
        place.write("beside/private.txt", "secret");
        let path = place.path("beside/private.txt");
        let state = || {
            let metadata = path.metadata().unwrap();
            (metadata.modified().unwrap(), metadata.permissions().mode())
        };
        let before = state();
        assert_eq!(told(&place, network, json!({ "path": path })), "nothing", "{network}");
        assert_eq!(state(), before);
        assert!(!Path::new("/tmp/own").exists());
    }
}

/// No process alone has more than it may: `tests/run_program.rs` has the same for memory.
#[test]
fn a_confined_program_has_too_many_threads_in_many_processes() {
    let told = told(&Place::new(), "", json!({ "use": "threads" }));
    assert!(told.contains("it had more than 512 processes and threads"), "{told}");
}

/// What fills them is in no process, and grows with each process that there may be.
#[test]
fn a_confined_program_has_too_many_sockets_in_many_processes() {
    let told = told(&Place::new(), "", json!({ "use": "sockets" }));
    assert!(told.contains("it had more than 2048 sockets"), "{told}");
}
