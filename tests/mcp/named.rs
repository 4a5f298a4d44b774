//! How servers are named: in an agent file, and in a file as other programs have it.

use serde_json::{Value, json};

use super::{BY_TOOLS, ODD, pinned, python, work};
use crate::place::{Place, say};

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
    assert_eq!(ran.observations(), ["KEY LC_CTYPE PATH"], "{ran}");
    // The value was given to the program, and is nowhere else.
    let shown = place.errand(["runs", "show", &ran.run(), "--json"]);
    assert!(!shown.out.contains("s3cret") && !ran.out.contains("s3cret"));
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
        place.agent(BY_TOOLS, "[mcp]\nfile = \"mcp.json\"\n[tools]\nuse = [\"x.*\"]", &[]);
        let ran = place.errand(["validate", "agent.toml"]);
        assert_eq!(ran.code, Some(2), "{ran}");
        let said = ["`mcp.json` is no file of MCP servers: ", "server `x` cannot be used: "];
        assert!(said.iter().any(|said| ran.err.contains(said)), "{ran}");
        assert!(!ran.err.contains("s3cret") && !ran.out.contains("s3cret"), "{ran}");
    }
}

/// A file of servers with one that works, called so, and these beside it.
fn pasted(called: &str, others: &[(&str, Value)], used: &str) -> Place {
    let place = Place::new();
    let python = python();
    place.write("server.py", ODD);
    let entry = json!({
        "type": "stdio",
        "command": python.program,
        "args": ["server.py", "${ERRAND_TEST_HOW:-reaches}"],
        "env": {"KEY": "${env:ERRAND_TEST_KEY:-none}"},
    });
    let mut servers = json!({ called: entry });
    for (name, other) in others {
        servers[*name] = other.clone();
    }
    // Editors of another system begin a file with a mark.
    place.write("mcp.json", format!("\u{feff}{}", json!({ "mcpServers": servers })));
    let table = format!(
        "[mcp]\nfile = \"mcp.json\"\n[mcp.servers.{}]\nread = {}\n[tools]\nuse = [{used:?}]",
        json!(called),
        json!([&python.folders[..], &["server.py".into()]].concat())
    );
    place.agent(BY_TOOLS, &table, &[work(), say("done")]);
    place
}

#[test]
fn what_an_agent_does_not_use_of_a_file_of_servers_is_nothing_to_it() {
    let others = [
        ("Broken", json!({"command": 3})),
        ("absent", json!({"command": "no-such-program-here"})),
        ("off", json!({"command": "x", "disabled": true})),
        ("neither", json!({})),
        ("GitHub", json!({"url": "https://example.invalid/mcp"})),
    ];
    let place = pasted("odd", &others, "odd.work");
    let shown = pinned(&place);
    assert!(shown.out.starts_with("odd: 2 tools, new\n"), "{shown}");
    assert!(
        shown.err.contains("not looked at, since they are not asked for: `absent`, `github`"),
        "{shown}"
    );
    assert_eq!(place.run().observations(), ["KEY LC_CTYPE PATH"]);
    // One that is asked for and is not there leaves the others usable.
    let ran =
        place.errand(["mcp", "pin", "agent.toml", "odd", "absent", "broken", "neither", "--yes"]);
    insta::assert_snapshot!(ran.all(), @r#"
    exit 1
    --- stdout
    odd: 2 tools, as it was pinned
        work                     reads      Does something.
        write                    writes     Does something.
    --- stderr
    error: server `broken` cannot be used: something is missing, or not of the type that is meant
    error: server `neither` cannot be used: server `neither` has no `command` and no `url` (a program is started by `command`, an endpoint is reached at `url`)
    error: server `absent` cannot be reached: there is no program `no-such-program-here` on the search path
    not looked at, since they are not asked for: `github`
    hint: their names after the agent file ask for them
    "#);
    let ran = pasted("odd", &others, "off.*").errand(["validate", "agent.toml"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(
        ran.err.contains("server `off` cannot be used: the file says that it is disabled"),
        "{ran}"
    );
}

#[test]
fn a_server_that_its_file_calls_as_people_write() {
    for used in ["my-odd-server.work", "My Odd Server.*"] {
        let place = pasted("My Odd Server", &[], used);
        let text = place.read("agent.toml").replace("odd.work", "my-odd-server.work");
        place.write("agent.toml", text);
        place.write(
            "replies.jsonl",
            place.read("replies.jsonl").replace("odd.work", "my-odd-server.work"),
        );
        let shown = pinned(&place);
        assert!(shown.out.starts_with("my-odd-server: 2 tools, new\n"), "{shown}");
        let ran = place.run();
        assert_eq!(ran.observations(), ["KEY LC_CTYPE PATH"], "{ran}");
    }
}

#[test]
fn variables_are_filled_in_where_a_server_starts_or_refused() {
    let place = Place::new();
    let table = |table: &str| {
        place.agent(BY_TOOLS, &format!("[mcp.servers.x]\n{table}"), &[]);
        place.errand(["mcp", "pin", "agent.toml", "--yes"])
    };
    let unset = table("command = \"sh\"\nargs = [\"${ERRAND_TEST_UNSET}\"]");
    assert_eq!(unset.code, Some(1), "{unset}");
    assert!(
        unset.err.contains("the environment variable `ERRAND_TEST_UNSET` is not set"),
        "{unset}"
    );
    let none = table("command = \"sh\"\nargs = [\"${input:key}\"]");
    assert_eq!(none.code, Some(2), "{none}");
    assert!(none.err.contains("`${input:key}` stands for no environment variable"), "{none}");
    let host = table("url = \"https://${ERRAND_TEST_HOST}/mcp\"");
    assert_eq!(host.code, Some(2), "{host}");
    assert!(host.err.contains("the host of `url` is not written out"), "{host}");
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

#[test]
fn a_server_that_runs_in_a_folder_of_its_own() {
    let place = Place::new();
    let python = python();
    place.write("its/server.py", ODD);
    let file = |cwd: &str| {
        let entry =
            json!({"command": python.program, "args": ["server.py", "reaches"], "cwd": cwd});
        place.write("mcp.json", json!({"mcpServers": {"odd": entry}}).to_string());
    };
    let table = format!(
        "[mcp]\nfile = \"mcp.json\"\n[mcp.servers.odd]\nread = {}\n[tools]\nuse = [\"odd.work\"]",
        json!([&python.folders[..], &["its".into()]].concat())
    );
    place.agent(BY_TOOLS, &table, &[work(), say("done")]);
    file("its");
    pinned(&place);
    let ran = place.run();
    assert_eq!(ran.observations(), ["LC_CTYPE PATH"], "{ran}");
    for (cwd, said) in [("${workspaceFolder}", "`cwd`: "), ("its/server.py", "`cwd` is no folder")]
    {
        file(cwd);
        let ran = place.errand(["validate", "agent.toml"]);
        assert_eq!(ran.code, Some(2), "{ran}");
        assert!(ran.err.contains(said), "{ran}");
    }
}
