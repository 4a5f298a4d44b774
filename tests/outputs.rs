//! Outputs that are too long for a model at once: it reads the first part, and the rest by
//! `output.read`, which is there from then on. What is far too long is a failure.

use std::sync::{Arc, Mutex};

use agent_core::event::What;
use serde_json::{Value, json};

use crate::place::{Place, call, python, say};
use crate::server::{Asked, Server, reply};

/// A component whose `write` gives a text of so many bytes, each thousand of another letter.
fn writer() -> Vec<u8> {
    let text = r#"(component
        (core module $m
            (memory (export "memory") 1)
            (func (export "f") (param $n i32) (result i32) (local $i i32)
                (drop (memory.grow (i32.add (i32.const 1) (i32.shr_u (local.get $n) (i32.const 16)))))
                (loop $next
                    (i32.store8 (i32.add (i32.const 16) (local.get $i))
                        (i32.add (i32.const 97)
                            (i32.rem_u (i32.div_u (local.get $i) (i32.const 1000)) (i32.const 26))))
                    (local.set $i (i32.add (local.get $i) (i32.const 1)))
                    (br_if $next (i32.lt_u (local.get $i) (local.get $n))))
                (i32.store (i32.const 0) (i32.const 16))
                (i32.store (i32.const 4) (local.get $n))
                (i32.const 0)))
        (core instance $i (instantiate $m))
        (func (export "write") (param "n" u32) (result string)
            (canon lift (core func $i "f") (memory (core memory $i "memory")))))"#;
    wat::parse_str(text).unwrap()
}

/// An agent with the component, which may give 2,000 bytes at once.
fn place(replies: &[Value]) -> Place {
    let place = Place::new();
    place.write("pen.wasm", writer()).agent("act = \"tools\"", "[tools]\nuse = []", replies);
    let added = place.errand(["tools", "add", "pen.wasm", "--yes"]);
    assert_eq!(added.code, Some(0), "{added}");
    let bounded = place
        .read("agent.toml")
        .replace("file = \"pen.wasm\"", "file = \"pen.wasm\"\noutput = \"2KB\"");
    place.write("agent.toml", bounded);
    place
}

fn write(n: u64) -> Value {
    call([("pen.write", json!({ "n": n }))])
}

fn read(part: u64) -> Value {
    call([("output.read", json!({ "call": "c1", "part": part }))])
}

#[test]
fn the_rest_is_read_in_parts() {
    let replies = [write(5_000), read(2), read(3), read(4), say("done")];
    let ran = place(&replies).run();
    let seen = ran.observations();
    // The whole is in the journal and on the line; the model had 2,000 bytes of it.
    assert_eq!(seen[0].len(), 4_000 + "\n[… 1000 more characters]".len());
    let part = |letters: [char; 2], says: &str| {
        format!(
            "{}{}\n[{says}]",
            letters[0].to_string().repeat(1000),
            letters[1].to_string().repeat(1000)
        )
    };
    assert_eq!(seen[1], part(['c', 'd'], "part 2 of 3; go on with part = 3"));
    assert_eq!(seen[2], format!("{}\n[part 3 of 3; this is the end]", "e".repeat(1000)));
    assert_eq!(seen[3], "the output of `c1` has the parts 1 to 3");
}

#[test]
fn a_model_is_offered_the_rest_once_there_is_one() {
    let requests = Arc::<Mutex<Vec<Value>>>::default();
    let kept = requests.clone();
    let server = Server::start(move |asked: Asked| {
        kept.lock().unwrap().push(serde_json::from_slice(&asked.body).unwrap());
        let calls = |name: &str, arguments: Value| {
            reply(&json!({"content": "", "tool_calls": [{"name": name, "arguments": arguments}]}))
        };
        match asked.number {
            0 => calls("pen.write", json!({"n": 100})),
            1 => calls("pen.write", json!({"n": 2_500})),
            2 => calls("output.read", json!({"call": "c2", "part": 2})),
            _ => reply(&json!({"content": "done"})),
        }
    });
    let place = place(&[say("unused")]);
    let text = place.read("agent.toml").replace(
        "provider = \"scripted\"\nname = \"replies.jsonl\"",
        &format!("provider = \"openai\"\nname = \"m\"\nbase_url = \"http://{}/v1\"", server.at),
    );
    place.write("agent.toml", text);
    let ran = place.run();
    assert_eq!(ran.code, Some(0), "{ran}");
    let requests = requests.lock().unwrap();
    let offered = |at: usize| requests[at]["tools"].to_string().contains("output");
    assert_eq!([0, 1, 2, 3].map(offered), [false, false, true, true], "{requests:#?}");
    let last = |at: usize| {
        let messages = requests[at]["messages"].as_array().unwrap();
        messages.last().unwrap()["content"].as_str().unwrap().to_string()
    };
    assert!(
        last(2).ends_with("b\n[part 1 of 2; output.read {\"call\":\"c2\",\"part\":2} reads on]")
    );
    assert!(last(2).starts_with(&format!("{}{}\n[", "a".repeat(1000), "b".repeat(1000))));
    assert!(last(3).ends_with("c\n[part 2 of 2; this is the end]"), "{}", last(3));
}

#[test]
fn a_flood_is_still_a_failure() {
    let ran = place(&[write(32_001), write(31_000), say("done")]).run();
    let seen = ran.observations();
    assert_eq!(seen[0], "gave more than 32 KiB of output", "{seen:?}");
    assert!(seen[1].starts_with("aaa"), "{seen:?}");
}

#[test]
fn the_rest_is_there_after_a_kill() {
    let place = place(&[write(5_000), read(2), say("done")]);
    let run = place.run().run();
    let events = place.events(&run);
    let observed = |event: &agent_core::event::Event| matches!(event.what, What::Observed { .. });
    let after = events.iter().position(observed).unwrap() + 1;
    let home = place.cut("cut", &run, &events[..after]);
    let mut command = place.command(["runs", "resume", &run, "--json"]);
    let ran = place.ran(&command.env("ERRAND_HOME", home).output().unwrap());
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(ran.observations()[0].starts_with(&"c".repeat(1000)), "{ran}");
}

#[test]
fn a_part_comes_with_the_origins_of_the_whole() {
    let place = Place::new();
    place.write("docs/long.md", format!("{}\n", "word ".repeat(40)).repeat(100)).agent(
        "act = \"tools\"",
        "[tools]\nuse = [\"files.read\"]\n[permissions]\nread = [\"docs\"]",
        &[call([("files.read", json!({"path": "docs/long.md"}))]), read(2), say("done")],
    );
    let ran = place.run();
    let lines = ran.lines();
    let seen: Vec<&Value> = lines.iter().filter(|line| line["type"] == "observation").collect();
    assert_eq!(seen[1]["status"], "ok", "{ran}");
    assert_eq!(seen[1]["origins"], json!(["file HERE/docs/long.md"]), "{ran}");
}

#[test]
fn code_reads_on_too() {
    let place = Place::with_python();
    place.agent(
        "act = \"code\"",
        "[tools]\nuse = [\"python\"]",
        &[
            python("print('\\n'.join(str(n) for n in range(6000)))"),
            python("part = output.read(call='c1', part=2)\nprint(part['part'], part['parts'], part[:9])"),
            python("print(output.read(call='c9', part=1))"),
            say("done"),
        ],
    );
    let ran = place.run();
    let seen = ran.observations();
    // What the code called is seen before the code's own output: four digits and a line end, twice.
    assert_eq!(seen[2], "2 3 2422\n2423", "{seen:?}");
    assert!(seen[4].contains("no output of a call `c9` is kept; there is `c1`"), "{seen:?}");
}

#[test]
fn nobody_else_has_that_name() {
    let place = Place::new();
    place.write("output.wasm", writer()).agent("", "", &[say("done")]);
    let ran = place.errand(["tools", "add", "output.wasm", "--yes"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.err.contains("`output` is the name of tools that come with errand"), "{ran}");
    // And a model that was shown everything has no such tool.
    place.agent("act = \"tools\"", "", &[read(1), say("done")]);
    assert!(place.run().observations()[0].contains("every output was shown whole"));
}
