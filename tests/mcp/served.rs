//! `errand mcp serve`, as the program that starts it sees it: lines of JSON over a pipe.

use std::io::{BufRead, BufReader, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::place::{Place, call, say};

/// A client that does one thing after the other.
struct Client {
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
    asked: u64,
    /// Notifications and requests of the server that came meanwhile.
    came: Vec<Value>,
}

impl Client {
    fn start(place: &Place, can: &Value) -> Client {
        Client::of(place.command(["mcp", "serve", "agent.toml"]), can)
    }

    /// With the tools of the agent beside it.
    fn with_tools(place: &Place, can: &Value) -> Client {
        Client::of(place.command(["mcp", "serve", "--tools", "agent.toml"]), can)
    }

    fn of(mut command: Command, can: &Value) -> Client {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let (to, from) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        let mut client = Client { child, to, from, asked: 0, came: Vec::new() };
        let hello = client.ask(
            "initialize",
            &json!({
                "protocolVersion": "2025-11-25", "capabilities": can,
                "clientInfo": { "name": "test", "version": "1" },
            }),
        );
        assert_eq!(hello["result"]["serverInfo"]["name"], "errand", "{hello}");
        client.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        client
    }

    fn send(&mut self, message: &Value) {
        writeln!(self.to.as_mut().unwrap(), "{message}").unwrap();
    }

    /// The next message; every line has to be one.
    fn next(&mut self) -> Value {
        let mut line = String::new();
        self.from.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("no message: `{line}`"))
    }

    fn begin(&mut self, method: &str, params: &Value) -> u64 {
        self.asked += 1;
        let id = self.asked;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        id
    }

    fn end(&mut self, id: u64) -> Value {
        loop {
            let message = self.next();
            if message["id"] == id && message.get("method").is_none() {
                return message;
            }
            self.came.push(message);
        }
    }

    fn ask(&mut self, method: &str, params: &Value) -> Value {
        let id = self.begin(method, params);
        self.end(id)
    }

    fn call(&mut self, arguments: Value) -> Value {
        self.call_of("test", arguments)
    }

    fn call_of(&mut self, name: &str, arguments: Value) -> Value {
        self.ask("tools/call", &json!({ "name": name, "arguments": arguments }))["result"].clone()
    }

    /// What the server asks while a call goes on.
    fn asked(&mut self) -> Value {
        loop {
            let message = self.next();
            if message["method"] == "elicitation/create" {
                return message;
            }
            self.came.push(message);
        }
    }

    /// Ends as a client does that has no more to ask.
    fn close(mut self) -> Option<i32> {
        self.to.take();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An agent that reads a file, which a person has to allow.
fn asking() -> Place {
    let place = Place::new();
    let tables = "[tools]\nuse = [\"files.read\"]\n[permissions]\nread = [\"a.txt\"]\nask = [\"files.read\"]";
    let reads = call([("files.read", json!({ "path": "a.txt" }))]);
    place.write("a.txt", "what is in it\n");
    place.agent("act = \"tools\"", tables, &[reads, say("Read it.")]);
    place
}

fn text(result: &Value) -> &str {
    result["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{result}"))
}

fn run(result: &Value) -> String {
    result["_meta"]["errand/run"].as_str().unwrap_or_else(|| panic!("{result}")).to_string()
}

#[test]
fn an_agent_is_a_tool_and_a_call_gives_its_outcome() {
    let place = Place::bare();
    let head = "act = \"tools\"\ndescription = \"Says it.\"\ntask = \"{{ what }}\"\n[params]\nwhat = { type = \"string\" }";
    place.agent(head, "", &[say("Done it.")]);
    let mut client = Client::start(&place, &json!({}));
    let tools = client.ask("tools/list", &json!({}))["result"]["tools"].clone();
    assert_eq!(
        tools,
        json!([{
            "name": "test", "description": "Says it.",
            "inputSchema": {
                "type": "object", "properties": { "what": { "type": "string" } },
                "required": ["what"], "additionalProperties": false,
            },
            "outputSchema": {
                "type": "object", "properties": { "answer": { "type": "string" } },
                "required": ["answer"],
            },
        }])
    );
    let arguments = json!({ "name": "test", "arguments": { "what": "@it" }, "_meta": { "progressToken": "p" } });
    let done = client.ask("tools/call", &arguments)["result"].clone();
    assert_eq!(done["structuredContent"], json!({ "answer": "Done it." }), "{done}");
    assert_eq!((text(&done), &done["isError"]), ("Done it.", &json!(false)));
    // What happens is told, with numbers that grow, and not what was said.
    let told: Vec<&Value> =
        client.came.iter().filter(|came| came["method"] == "notifications/progress").collect();
    let numbers: Vec<f64> =
        told.iter().map(|told| told["params"]["progress"].as_f64().unwrap()).collect();
    assert!(numbers.len() >= 2 && numbers.is_sorted_by(|a, b| a < b), "{told:?}");
    assert!(told.iter().all(|told| told["params"]["progressToken"] == "p"), "{told:?}");
    assert!(!format!("{told:?}").contains("Done it."), "{told:?}");
    // Without a token there is none.
    client.came.clear();
    client.call(json!({ "what": "it" }));
    assert_eq!(client.came, Vec::<Value>::new());
    assert!(place.journal(&run(&done)).contains("ended"), "{done}");
    assert_eq!(client.close(), Some(0));
}

#[test]
fn a_tool_of_an_agent_is_called_under_its_grants_and_asks_no_model() {
    let place = Place::new();
    let tables =
        "[tools]\nuse = [\"files.read\", \"ask.person\"]\n[permissions]\nread = [\"a.txt\"]";
    place.write("a.txt", "what is in it\n").write("b.txt", "what is private\n");
    // Whatever its model would say.
    place.agent("act = \"tools\"", tables, &[]);
    let mut client = Client::with_tools(&place, &json!({}));
    let tools = client.ask("tools/list", &json!({}))["result"]["tools"].clone();
    let names: Vec<&str> =
        tools.as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["test", "test.files.read"]);
    assert_eq!(tools[1]["inputSchema"]["required"], json!(["path"]), "{tools}");

    let read = client.call_of("test.files.read", json!({ "path": "a.txt" }));
    assert_eq!(read["isError"], json!(false), "{read}");
    assert!(read["structuredContent"].to_string().contains("what is in it"), "{read}");
    let journal = place.journal(&run(&read));
    assert!(journal.contains("judged") && !journal.contains("thinking"), "{journal}");

    let denied = client.call_of("test.files.read", json!({ "path": "b.txt" }));
    assert_eq!(denied["isError"], json!(true), "{denied}");
    assert!(text(&denied).contains("may not read `b.txt`"), "{denied}");
    let wrong = client.call_of("test.files.read", json!({ "file": "a.txt" }));
    assert!(text(&wrong).contains("`path`"), "{wrong}");
    assert_eq!(client.close(), Some(0));
    // No agent file can ask for it.
    place.agent("act = \"call\"", tables, &[]);
    assert_eq!(place.errand(["validate", "agent.toml"]).code, Some(2));
}

#[test]
fn a_call_of_a_tool_that_a_person_has_to_allow_is_asked_about() {
    let place = asking();
    let mut client = Client::with_tools(&place, &json!({ "elicitation": {} }));
    let asks = client.begin(
        "tools/call",
        &json!({ "name": "test.files.read", "arguments": { "path": "a.txt" } }),
    );
    let asked = client.asked();
    let message = asked["params"]["message"].as_str().unwrap();
    assert!(message.contains("wants to call `files.read`") && message.contains("a.txt"), "{asked}");
    let yes = json!({ "action": "accept", "content": { "decision": "approve" } });
    client.send(&json!({ "jsonrpc": "2.0", "id": asked["id"], "result": yes }));
    let read = client.end(asks)["result"].clone();
    assert!(read["structuredContent"].to_string().contains("what is in it"), "{read}");
    assert_eq!(client.close(), Some(0));
}

#[test]
fn a_call_that_does_not_fit_is_told_to_the_model_and_begins_nothing() {
    let place = Place::bare();
    place.agent(
        "act = \"tools\"\ntask = \"{{ what }}\"\n[params]\nwhat = { type = \"string\" }",
        "",
        &[say("Done.")],
    );
    let mut client = Client::start(&place, &json!({}));
    for arguments in [json!({}), json!({ "what": 1 }), json!({ "what": "x", "more": 1 })] {
        let refused = client.call(arguments);
        assert_eq!(refused["isError"], true, "{refused}");
        assert!(text(&refused).contains('`'), "{refused}");
    }
    let unknown = client.ask("tools/call", &json!({ "name": "other", "arguments": {} }));
    assert_eq!(unknown["error"]["code"], -32602, "{unknown}");
    assert_eq!(client.close(), Some(0));
    assert!(
        place.errand(["runs", "list"]).all().contains("no run"),
        "{}",
        place.errand(["runs", "list"])
    );
}

#[test]
fn what_a_client_cannot_ask_its_user_waits_and_is_answered_elsewhere() {
    let place = asking();
    let mut client = Client::start(&place, &json!({}));
    let waits = client.call(json!({}));
    assert_eq!(
        (&waits["isError"], &waits["structuredContent"]["status"]),
        (&json!(true), &json!("waiting"))
    );
    let id = run(&waits);
    assert!(text(&waits).contains(&format!("errand runs resume {id}")), "{waits}");
    let digest = waits["structuredContent"]["waits"]["digest"].as_str().unwrap();
    let resumed = place.resume(&id, &["--approve", digest]);
    assert_eq!(resumed.finished()["outcome"], json!({ "answer": "Read it." }), "{resumed}");
}

#[test]
fn an_approval_by_the_client_is_of_the_action_that_was_shown() {
    let place = asking();
    let mut client = Client::start(&place, &json!({ "elicitation": {} }));
    let id = client.begin("tools/call", &json!({ "name": "test", "arguments": {} }));
    let asked = client.asked();
    let message = asked["params"]["message"].as_str().unwrap();
    assert!(message.contains("files.read") && message.contains("\"a.txt\""), "{message}");
    assert_eq!(asked["params"]["requestedSchema"]["required"], json!(["decision"]));
    let yes = json!({ "action": "accept", "content": { "decision": "approve" } });
    client.send(&json!({ "jsonrpc": "2.0", "id": asked["id"], "result": yes }));
    let done = client.end(id)["result"].clone();
    assert_eq!(text(&done), "Read it.", "{done}");
    assert!(place.journal(&run(&done)).contains("what is in it"));

    // A no is told to the model.
    let id = client.begin("tools/call", &json!({ "name": "test", "arguments": {} }));
    let asked = client.asked();
    client.send(&json!({ "jsonrpc": "2.0", "id": asked["id"], "result": { "action": "decline" } }));
    let done = client.end(id)["result"].clone();
    assert!(!place.journal(&run(&done)).contains("what is in it"), "{done}");

    // An answer of another form is none, and neither is a closed dialog: the run waits on.
    for answer in
        [json!({ "action": "accept", "content": { "yes": true } }), json!({ "action": "cancel" })]
    {
        let id = client.begin("tools/call", &json!({ "name": "test", "arguments": {} }));
        let asked = client.asked();
        client.send(&json!({ "jsonrpc": "2.0", "id": asked["id"], "result": answer }));
        let done = client.end(id)["result"].clone();
        assert_eq!(done["isError"], true, "{done}");
    }
    assert_eq!(client.close(), Some(0));
}

#[test]
fn a_question_is_asked_of_the_clients_user() {
    let place = Place::new();
    let asks =
        call([("ask.person", json!({ "question": "Which?", "choices": ["seven", "eight"] }))]);
    place.agent("act = \"tools\"", "[tools]\nuse = [\"ask.person\"]", &[asks, say("Noted.")]);
    let mut client = Client::start(&place, &json!({ "elicitation": { "form": {} } }));
    let id = client.begin("tools/call", &json!({ "name": "test", "arguments": {} }));
    let asked = client.asked();
    let schema = &asked["params"]["requestedSchema"]["properties"]["answer"];
    assert_eq!(schema["enum"], json!(["seven", "eight"]), "{asked}");
    let answer = json!({ "action": "accept", "content": { "answer": "eight" } });
    client.send(&json!({ "jsonrpc": "2.0", "id": asked["id"], "result": answer }));
    let done = client.end(id)["result"].clone();
    assert_eq!(text(&done), "Noted.");
    assert!(place.journal(&run(&done)).contains("eight"));
}

#[test]
fn a_call_that_is_taken_back_ends_its_run_for_good() {
    let place = asking();
    let mut client = Client::start(&place, &json!({ "elicitation": {} }));
    let id = client.begin("tools/call", &json!({ "name": "test", "arguments": {} }));
    let asked = client.asked();
    let message = asked["params"]["message"].as_str().unwrap();
    let run = message.split("Run ").nth(1).unwrap().split(',').next().unwrap().to_string();
    client.send(&json!({
        "jsonrpc": "2.0", "method": "notifications/cancelled",
        "params": { "requestId": id, "reason": "not wanted" },
    }));
    // Handled in the order in which they came, and once this is answered.
    client.ask("ping", &json!({}));
    assert_eq!(client.close(), Some(0));
    assert!(
        place.journal(&run).ends_with("cancelled\n") || place.journal(&run).contains("cancelled"),
        "{}",
        place.journal(&run)
    );
}

#[test]
fn requests_that_come_whole_over_a_pipe_are_answered_before_it_ends() {
    let place = Place::bare();
    place.agent("act = \"tools\"", "", &[say("Done it.")]);
    let mut client = Client::start(&place, &json!({}));
    let id = client.begin("tools/call", &json!({ "name": "test", "arguments": {} }));
    client.to.take();
    assert_eq!(text(&client.end(id)["result"]), "Done it.");
    assert_eq!(client.child.wait().unwrap().code(), Some(0));
}

/// Each answer that it does not take would be kept.
#[test]
fn a_client_that_asks_and_takes_no_answer() {
    const MANY: u64 = 100_000;
    let place = Place::bare();
    place.agent("act = \"tools\"", "", &[say("Done it.")]);
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    ours.set_write_timeout(Some(Duration::from_secs(3))).unwrap();
    let mut command = place.command(["mcp", "serve", "agent.toml"]);
    command.stdin(OwnedFd::from(theirs)).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    drop(command);
    let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
    let hello = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {},
        "clientInfo": { "name": "test", "version": "1" },
    }});
    writeln!(
        ours,
        "{hello}\n{}",
        json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })
    )
    .unwrap();
    assert!(answers.next().unwrap().unwrap().contains("serverInfo"));
    let ping = |id: u64| format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"ping\"}}\n");
    let asked = (1..=MANY).take_while(|id| ours.write_all(ping(*id).as_bytes()).is_ok()).count();
    assert!(asked < MANY as usize / 4, "{asked} requests were taken, and no answer");
    // What was taken is answered once it is read, and nothing of it is lost.
    ours.shutdown(Shutdown::Write).unwrap();
    assert_eq!(answers.map(Result::unwrap).count(), asked);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn two_agents_of_one_name_are_refused() {
    let place = Place::bare();
    place.agent("act = \"tools\"", "", &[say("Done.")]);
    let refused = place.errand(["mcp", "serve", "agent.toml", "agent.toml"]);
    assert_eq!(refused.code, Some(2), "{refused}");
    assert!(refused.err.contains("hint:") && refused.out.is_empty(), "{refused}");
}

#[test]
fn a_client_made_with_the_reference_package_calls_an_agent() {
    let Some(python) = super::reference() else { return };
    let place = asking();
    place.write("calls.py", include_str!("calls.py"));
    let mut command = std::process::Command::new(&python.program);
    command.arg("calls.py").arg(env!("CARGO_BIN_EXE_errand")).arg(place.home());
    let ran = command.current_dir(place.path("")).output().unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}");
    let got: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(got["tools"], json!(["test"]), "{got}");
    assert_eq!(got["result"]["structuredContent"], json!({ "answer": "Read it." }), "{got}");
    assert!(got["asked"][0].as_str().unwrap().contains("a.txt"), "{got}");
    assert!(got["told"].as_array().unwrap().len() > 2, "{got}");
}
