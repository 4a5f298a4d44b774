//! `errand acp`, as an editor sees it: lines of JSON over a pipe.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use serde_json::{Value, json};

use crate::place::{Place, call, say};

/// An editor with one session.
struct Editor {
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
    asked: u64,
    session: Value,
    /// Updates that came meanwhile.
    updates: Vec<Value>,
}

impl Editor {
    fn start(place: &Place) -> Editor {
        let mut command = place.command(["acp", "agent.toml"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let (to, from) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        let (session, updates) = (Value::Null, Vec::new());
        let mut editor = Editor { child, to, from, asked: 0, session, updates };
        let hello = json!({ "protocolVersion": 1, "clientCapabilities": {} });
        let hello = editor.ask("initialize", &hello)["result"].clone();
        assert_eq!(
            (&hello["protocolVersion"], &hello["agentInfo"]["name"]),
            (&json!(1), &json!("errand"))
        );
        let new = editor.ask("session/new", &json!({ "cwd": "/", "mcpServers": [] }));
        editor.session = new["result"]["sessionId"].clone();
        assert!(editor.session.is_string(), "{new}");
        editor
    }

    fn send(&mut self, message: &Value) {
        writeln!(self.to.as_mut().unwrap(), "{message}").unwrap();
    }

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

    /// The answer to a request.
    fn end(&mut self, id: u64) -> Value {
        loop {
            let message = self.next();
            match message["method"].as_str() {
                None if message["id"] == id => return message,
                Some("session/update") => self.updates.push(message["params"]["update"].clone()),
                _ => panic!("not expected: {message}"),
            }
        }
    }

    fn ask(&mut self, method: &str, params: &Value) -> Value {
        let id = self.begin(method, params);
        self.end(id)
    }

    fn prompting(&mut self, text: &str) -> u64 {
        let prompt = json!([{ "type": "text", "text": text }]);
        let params = json!({ "sessionId": self.session, "prompt": prompt });
        self.updates.clear();
        self.begin("session/prompt", &params)
    }

    fn prompt(&mut self, text: &str) -> Value {
        let id = self.prompting(text);
        self.end(id)["result"].clone()
    }

    /// What the editor is asked to ask.
    fn permission(&mut self) -> Value {
        loop {
            let message = self.next();
            match message["method"].as_str() {
                Some("session/request_permission") => return message,
                Some("session/update") => self.updates.push(message["params"]["update"].clone()),
                _ => panic!("not expected: {message}"),
            }
        }
    }

    fn choose(&mut self, asked: &Value, option: &str) {
        let outcome = json!({ "outcome": { "outcome": "selected", "optionId": option } });
        self.send(&json!({ "jsonrpc": "2.0", "id": asked["id"], "result": outcome }));
    }

    /// What the agent said.
    fn said(&self) -> String {
        let said = self.updates.iter().filter(|u| u["sessionUpdate"] == "agent_message_chunk");
        said.map(|update| update["content"]["text"].as_str().unwrap()).collect()
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const TASK: &str = "act = \"tools\"\ntask = \"{{ what }}\"\n[params]\nwhat = { type = \"string\" }";

/// An agent that reads a file, which a person has to allow.
fn asking() -> Place {
    let place = Place::new();
    let tables = "[tools]\nuse = [\"files.read\"]\n[permissions]\nread = [\"a.txt\"]\nask = [\"files.read\"]";
    let reads = call([("files.read", json!({ "path": "a.txt" }))]);
    place.write("a.txt", "what is in it\n");
    place.agent(TASK, tables, &[reads, say("Read it."), say("Then this.")]);
    place
}

fn run(result: &Value) -> String {
    result["_meta"]["errand/run"].as_str().unwrap_or_else(|| panic!("{result}")).to_string()
}

#[test]
fn a_session_is_one_run_a_turn_for_each_prompt() {
    let place = Place::bare();
    place.agent(TASK, "", &[say("First."), say("Second.")]);
    let mut editor = Editor::start(&place);
    let first = editor.prompt("@this");
    assert_eq!((&first["stopReason"], &*editor.said()), (&json!("end_turn"), "First."));
    let second = editor.prompt("And that?");
    assert_eq!((&*editor.said(), run(&second)), ("Second.", run(&first)));
    let journal = place.journal(&run(&first));
    assert!(journal.contains("And that?"), "{journal}");
    editor.to.take();
    assert_eq!(editor.child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_call_is_shown_whole_and_allowed_as_it_was_shown() {
    let place = asking();
    let mut editor = Editor::start(&place);
    let id = editor.prompting("Read it");
    let asked = editor.permission();
    let shown = asked["params"]["toolCall"].to_string();
    assert!(shown.contains("files.read") && shown.contains("a.txt"), "{asked}");
    editor.choose(&asked, "approve");
    let done = editor.end(id)["result"].clone();
    assert_eq!((&done["stopReason"], &*editor.said()), (&json!("end_turn"), "Read it."));
    let states: Vec<&str> =
        editor.updates.iter().filter_map(|update| update["status"].as_str()).collect();
    assert_eq!(states, ["pending", "in_progress", "completed"], "{:?}", editor.updates);
    assert!(place.journal(&run(&done)).contains("what is in it"));
}

#[test]
fn a_call_that_is_denied_does_not_happen() {
    let place = asking();
    let mut editor = Editor::start(&place);
    let id = editor.prompting("Read it");
    let asked = editor.permission();
    editor.choose(&asked, "deny");
    let done = editor.end(id)["result"].clone();
    assert_eq!(done["stopReason"], "end_turn");
    assert!(!place.journal(&run(&done)).contains("what is in it"));
}

#[test]
fn a_turn_that_is_cancelled_stops_and_the_next_goes_on() {
    let place = asking();
    let mut editor = Editor::start(&place);
    let id = editor.prompting("Read it");
    let asked = editor.permission();
    let cancel = json!({ "sessionId": editor.session });
    editor.send(&json!({ "jsonrpc": "2.0", "method": "session/cancel", "params": cancel }));
    let outcome = json!({ "outcome": { "outcome": "cancelled" } });
    editor.send(&json!({ "jsonrpc": "2.0", "id": asked["id"], "result": outcome }));
    let stopped = editor.end(id)["result"].clone();
    assert_eq!(stopped["stopReason"], "cancelled");
    let next = editor.prompt("Never mind.");
    assert_eq!((&next["stopReason"], run(&next)), (&json!("end_turn"), run(&stopped)));
    assert!(!place.journal(&run(&next)).contains("what is in it"));
}

#[test]
fn a_question_is_answered_by_a_choice_or_by_what_is_said_next() {
    let place = Place::new();
    let one =
        call([("ask.person", json!({ "question": "Which?", "choices": ["seven", "eight"] }))]);
    let two = call([("ask.person", json!({ "question": "And why?" }))]);
    place.agent(TASK, "[tools]\nuse = [\"ask.person\"]", &[one, two, say("Noted.")]);
    let mut editor = Editor::start(&place);
    let id = editor.prompting("Ask me");
    let asked = editor.permission();
    assert_eq!(asked["params"]["options"][1]["name"], "eight", "{asked}");
    editor.choose(&asked, "2");
    let waits = editor.end(id)["result"].clone();
    assert!(editor.said().contains("And why?"), "{:?}", editor.updates);
    let done = editor.prompt("Because.");
    assert_eq!(editor.said(), "Noted.");
    assert_eq!(run(&done), run(&waits));
    let journal = place.journal(&run(&done));
    assert!(journal.contains("eight") && journal.contains("Because."), "{journal}");
}

#[test]
fn what_is_no_message_or_no_session_is_an_error_and_the_next_is_answered() {
    let place = Place::bare();
    place.agent(TASK, "", &[say("Done.")]);
    let mut editor = Editor::start(&place);
    writeln!(editor.to.as_mut().unwrap(), "{{not json").unwrap();
    assert_eq!(editor.next()["error"]["code"], -32700);
    let prompt = json!({ "sessionId": "none", "prompt": [{ "type": "text", "text": "x" }] });
    assert_eq!(editor.ask("session/prompt", &prompt)["error"]["code"], -32602);
    assert_eq!(editor.ask("session/load", &json!({}))["error"]["code"], -32601);
    let image = json!([{ "type": "image", "data": "", "mimeType": "image/png" }]);
    let image = json!({ "sessionId": editor.session, "prompt": image });
    assert_eq!(editor.ask("session/prompt", &image)["error"]["code"], -32602);
    assert_eq!(editor.prompt("x")["stopReason"], "end_turn");
    assert_eq!(place.errand(["acp", "none.toml"]).code, Some(2));
}

#[test]
fn an_editor_that_asks_and_reads_no_answers_has_to_wait() {
    const ASKED: usize = 40_000;
    let unknown = json!({ "jsonrpc": "2.0", "id": 1, "method": "x".repeat(100) });
    let nowhere = json!({ "jsonrpc": "2.0", "id": 1, "method": "session/prompt", "params": {
        "sessionId": "x".repeat(60), "prompt": [],
    }});
    let none = json!({ "x": "x".repeat(100) });
    for (message, code) in [(unknown, -32601), (nowhere, -32602), (none, -32700)] {
        let place = Place::bare();
        place.agent(TASK, "", &[say("Done.")]);
        let mut editor = Editor::start(&place);
        let mut to = editor.to.take().unwrap();
        let (tell, told) = std::sync::mpsc::channel();
        let asking = std::thread::spawn(move || {
            let lines = format!("{message}\n").repeat(100);
            for _ in 0..ASKED / 100 {
                to.write_all(lines.as_bytes()).unwrap();
            }
            tell.send(()).unwrap();
        });
        // What is not read is not kept in memory: the pipe is full instead.
        let waits = told.recv_timeout(std::time::Duration::from_secs(3)).is_err();
        assert!(waits, "all was taken, and answered with {code}");
        for _ in 0..ASKED {
            assert_eq!(editor.next()["error"]["code"], code);
        }
        asking.join().unwrap();
    }
}
