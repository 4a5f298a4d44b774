//! Components as tools of an agent: added, pinned, called, held to what was agreed to.

use serde_json::json;

use crate::place::{Place, Ran, call, say};

/// A component with a function `NAME: func(n: u32) -> u32` that gives `n` so many times.
pub(crate) fn times(name: &str, factor: u32) -> Vec<u8> {
    wat::parse_str(format!(
        r#"(component
            (core module $m (func (export "f") (param i32) (result i32)
                local.get 0 i32.const {factor} i32.mul))
            (core instance $i (instantiate $m))
            (func (export "{name}") (param "n" u32) (result u32) (canon lift (core func $i "f"))))"#
    ))
    .unwrap()
}

/// An agent with the component `math`, whose tool `double` its model calls.
fn added() -> Place {
    let place = Place::new();
    place.write("math.wasm", times("double", 2)).agent(
        "act = \"tools\"",
        "# what it uses\n[tools]\nuse = [\"files.read\"] # and more",
        &[call([("math.double", json!({"n": 21}))]), say("done")],
    );
    let ran = place.errand(["tools", "add", "math.wasm", "--yes"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    place
}

#[track_caller]
pub(crate) fn refused(ran: &Ran, code: i32, words: &[&str]) {
    assert_eq!(ran.code, Some(code), "{ran}");
    words.iter().for_each(|word| assert!(ran.err.contains(word), "{word}: {ran}"));
}

#[test]
fn add_shows_and_pins_and_the_model_calls() {
    let place = added();
    let text = place.read("agent.toml");
    assert!(
        text.contains(
            "# what it uses\n[tools]\nuse = [\"files.read\", \"math.double\"] # and more\n"
        ),
        "{text}"
    );
    assert!(text.contains("[[tools.component]]\nfile = \"math.wasm\"\n"), "{text}");
    let lock = place.read("errand.lock");
    assert!(lock.contains("[component.math]\nsource = \"math.wasm\"\nsha256 = \""), "{lock}");
    assert_eq!(place.run().observations(), ["42"]);
    let called = place.errand(["tools", "call", "math.double", "{\"n\": 4}"]);
    assert_eq!((called.code, called.out.trim()), (Some(0), "8"), "{called}");
}

#[test]
fn nothing_is_added_that_nobody_agreed_to() {
    let place = Place::new();
    place.write("math.wasm", times("double", 2)).agent("", "", &[say("done")]);
    let before = place.read("agent.toml");
    let ran = place.errand(["tools", "add", "math.wasm"]);
    refused(&ran, 2, &["there is no terminal to confirm on", "hint: `--yes`"]);
    assert!(ran.out.contains("math.double(n: integer)"), "{ran}");
    assert_eq!(place.read("agent.toml"), before);
    assert!(!place.path("errand.lock").exists());
}

#[test]
fn what_is_no_component_is_said_to_be_what_it_is() {
    let place = Place::new();
    place.agent("", "", &[say("done")]);
    let module = wat::parse_str("(module)").unwrap();
    let cases: [(&str, Vec<u8>, &str); 5] = [
        ("module.wasm", module, "a core module, not a component"),
        ("bomb.wasm", b"PK\x03\x04rest".to_vec(), "a zip archive"),
        ("packed.wasm", vec![0x1f, 0x8b, 8, 0], "packed with gzip"),
        ("text.wasm", b"hello".to_vec(), "not WebAssembly"),
        ("cut.wasm", times("double", 2)[..40].to_vec(), "cannot be added"),
    ];
    for (file, bytes, why) in cases {
        place.write(file, bytes);
        refused(&place.errand(["tools", "add", file, "--yes"]), 2, &[why]);
    }
    refused(&place.errand(["tools", "add", "none.wasm", "--yes"]), 2, &["no such file"]);
    // One that compiles, and asks for more than the host gives.
    let table =
        "(component (core module $m (table 10000000 funcref)) (core instance (instantiate $m)))";
    place.write("table.wasm", wat::parse_str(table).unwrap());
    let ran = place.errand(["tools", "add", "table.wasm", "--yes"]);
    refused(&ran, 2, &["`table.wasm` cannot be added: component cannot be loaded: module table"]);
    assert!(!ran.err.contains("WARN"), "{ran}");
    assert!(!place.path("errand.lock").exists());
}

#[test]
fn other_bytes_are_not_run_until_somebody_agrees_again() {
    let place = added();
    place.write("math.wasm", times("triple", 3));
    refused(
        &place.run(),
        2,
        &["is not the file that was added", "hint: see what changed", "errand tools update math"],
    );
    let shown = place.errand(["tools", "update", "math"]);
    refused(&shown, 2, &["there is no terminal to confirm on"]);
    assert!(
        shown.out.contains("- math.double(n: integer)")
            && shown.out.contains("+ math.triple(n: integer)"),
        "{shown}"
    );
    let updated = place.errand(["tools", "update", "--yes"]);
    assert_eq!(updated.code, Some(0), "{updated}");
    // What is gone is not used any more; what is new is not used by itself.
    assert!(!place.read("agent.toml").contains("math.double"));
    refused(
        &place.errand(["tools", "call", "math.triple", "{\"n\": 1}"]),
        2,
        &["does not use `math.triple`"],
    );
}

#[test]
fn a_run_goes_on_with_the_same_bytes_or_not_at_all() {
    let place = added();
    let run = place.run().run();
    let events = place.events(&run);
    let acting = events.len() - 4;
    let home = place.cut("cut", &run, &events[..acting]);
    place.write("math.wasm", times("double", 3));
    let mut command = place.command(["runs", "resume", &run, "--json"]);
    let ran = place.ran(&command.env("ERRAND_HOME", home).output().unwrap());
    refused(&ran, 1, &["the component `math` cannot be used", "has changed since the run began"]);
}

#[test]
fn a_tool_that_is_not_granted_does_not_exist() {
    let place = added();
    let text = place.read("agent.toml").replace(", \"math.double\"", "");
    place.write("agent.toml", text);
    let seen = place.run().observations();
    assert!(seen[0].contains("there is no tool `math.double`; there is `files.read`"), "{seen:?}");
}

#[test]
fn a_component_without_a_lock_is_refused() {
    let place = added();
    std::fs::remove_file(place.path("errand.lock")).unwrap();
    refused(
        &place.run(),
        2,
        &["the component `math` is not in `errand.lock`", "errand tools add math.wasm"],
    );
    place.write("errand.lock", "version = 1\nunheard = 2\n");
    refused(&place.run(), 2, &["`errand.lock` is damaged: line 2: unknown field `unheard`"]);
}

#[test]
fn what_was_added_can_be_shown_tested_and_removed() {
    let place = added();
    let shown = place.errand(["tools", "show", "math"]);
    assert!(
        shown.out.contains("math.double(n: integer)") && shown.out.contains("wants nothing"),
        "{shown}"
    );
    let listed = place.errand(["tools", "list", "--agent", "agent.toml"]);
    assert!(listed.out.contains("math.double") && listed.out.contains("files.read"), "{listed}");
    place.write(
        "math.test.jsonl",
        "{\"call\": \"double\", \"arguments\": {\"n\": 3}, \"result\": 6}\n\
         {\"call\": \"double\", \"error\": \"`n` is missing\"}\n\
         {\"call\": \"double\", \"arguments\": {\"n\": 3}, \"result\": 7}\n",
    );
    let tested = place.errand(["tools", "test", "math"]);
    assert_eq!(tested.code, Some(1), "{tested}");
    assert!(
        tested.out.contains("it gave 6 and not 7") && tested.out.contains("2 passed, 1 failed"),
        "{tested}"
    );
    let removed = place.errand(["tools", "remove", "math"]);
    assert_eq!(removed.code, Some(0), "{removed}");
    assert!(!place.read("agent.toml").contains("math"), "{}", place.read("agent.toml"));
    assert!(!place.path("errand.lock").exists() && place.path("math.wasm").exists());
}

#[test]
fn a_component_is_not_given_more_than_its_agent() {
    let place = added();
    let narrowed = place
        .read("agent.toml")
        .replace("file = \"math.wasm\"\n", "file = \"math.wasm\"\nnet = [\"a.org\"]\n");
    place.write("agent.toml", narrowed);
    refused(
        &place.run(),
        2,
        &["the component `math` may not have what the agent may not: `a.org`"],
    );
}
