//! Clocks and random numbers are the host's, and what they begin with is in the journal: a call
//! that runs again after a kill sees the same moment and draws the same numbers.

use agent_core::event::{Event, What};
use agent_core::replay_seed::{Seed, Start};
use serde_json::{Value, json};

use crate::place::{Place, call, say};

/// A component whose `look` gives the second, what the steady clock shows, and two random numbers.
fn looker() -> Vec<u8> {
    let text = r#"(component
        (import "wasi:random/random@0.2.0" (instance $random
            (export "get-random-u64" (func (result u64)))))
        (import "wasi:random/insecure@0.2.0" (instance $insecure
            (export "get-insecure-random-u64" (func (result u64)))))
        (import "wasi:clocks/monotonic-clock@0.2.0" (instance $steady
            (export "now" (func (result u64)))))
        (import "wasi:clocks/wall-clock@0.2.0" (instance $wall
            (type $t (record (field "seconds" u64) (field "nanoseconds" u32)))
            (export "datetime" (type $datetime (eq $t)))
            (export "now" (func (result $datetime)))))
        (core module $room (memory (export "memory") 1))
        (core instance $room (instantiate $room))
        (core func $random (canon lower (func $random "get-random-u64")))
        (core func $insecure (canon lower (func $insecure "get-insecure-random-u64")))
        (core func $steady (canon lower (func $steady "now")))
        (core func $wall (canon lower (func $wall "now") (memory (core memory $room "memory"))))
        (core module $m
            (import "room" "memory" (memory 1))
            (import "host" "random" (func $random (result i64)))
            (import "host" "insecure" (func $insecure (result i64)))
            (import "host" "steady" (func $steady (result i64)))
            (import "host" "wall" (func $wall (param i32)))
            (func (export "look") (result i32)
                (call $wall (i32.const 64))
                (i64.store (i32.const 0) (i64.load (i32.const 64)))
                (i64.store (i32.const 8) (call $steady))
                (i64.store (i32.const 16) (call $random))
                (i64.store (i32.const 24) (call $insecure))
                (i32.const 0)))
        (core instance $i (instantiate $m
            (with "room" (instance $room))
            (with "host" (instance
                (export "random" (func $random)) (export "insecure" (func $insecure))
                (export "steady" (func $steady)) (export "wall" (func $wall))))))
        (func (export "look") (result (tuple u64 u64 u64 u64))
            (canon lift (core func $i "look") (memory (core memory $room "memory")))))"#;
    wat::parse_str(text).unwrap()
}

/// An agent whose model makes so many calls at once.
fn place<const N: usize>(look: [(&str, Value); N]) -> Place {
    let place = Place::new();
    let replies = [call(look), say("done")];
    place.write("looker.wasm", looker()).agent("act = \"tools\"", "", &replies);
    let added = place.errand(["tools", "add", "looker.wasm", "--yes"]);
    assert_eq!(added.code, Some(0), "{added}");
    place
}

fn seen(text: &str) -> [u64; 4] {
    let values: Value = serde_json::from_str(text).unwrap();
    [0, 1, 2, 3].map(|at| values[at].as_u64().unwrap())
}

fn start(events: &mut [Event]) -> &mut Start {
    let start = events.iter_mut().find_map(|event| match &mut event.what {
        What::Acting { start, .. } => start.as_mut(),
        _ => None,
    });
    start.unwrap()
}

#[test]
fn a_call_begins_where_the_journal_says() {
    let place = place([("looker.look", json!({})), ("looker.look", json!({}))]);
    let ran = place.run();
    assert_eq!(ran.code, Some(0), "{ran}");
    let [first, second] = [0, 1].map(|at| seen(&ran.observations()[at]));
    let begun = *start(&mut place.events(&ran.run()));
    // In whole seconds, and a second can turn between the call's begin and its look at the clock.
    assert!((begun.at / 1000..=begun.at / 1000 + 1).contains(&first[0]), "{first:?} {begun:?}");
    assert!(first[1] < 10_000_000_000, "{first:?}");
    assert!(first[2] != second[2] && first[3] != second[3] && first[2] != first[3]);
}

#[test]
fn a_call_that_runs_again_sees_the_same() {
    let place = place([("looker.look", json!({}))]);
    let ran = place.run();
    let mut events = place.events(&ran.run());
    let acting = events.iter().position(|event| matches!(event.what, What::Acting { .. })).unwrap();
    // Killed while the first call ran, years ago.
    events.truncate(acting + 1);
    let seed = start(&mut events).seed;
    *start(&mut events) = Start { at: 1_000_000_000_123, seed };
    let first = seen(&ran.observations()[0]);
    for home in ["one", "two"] {
        let home = place.cut(home, &ran.run(), &events);
        let mut command = place.command(["runs", "resume", &ran.run(), "--json"]);
        let again = place.ran(&command.env("ERRAND_HOME", home).output().unwrap());
        assert_eq!(again.code, Some(0), "{again}");
        let again = seen(&again.observations()[0]);
        assert_eq!((again[0], again[2], again[3]), (1_000_000_000, first[2], first[3]));
    }
    // With another seed it draws other numbers.
    *start(&mut events) = Start { at: 0, seed: Seed(seed.0 ^ 1) };
    let home = place.cut("three", &ran.run(), &events);
    let mut command = place.command(["runs", "resume", &ran.run(), "--json"]);
    let other = place.ran(&command.env("ERRAND_HOME", home).output().unwrap());
    let other = seen(&other.observations()[0]);
    assert!(other[0] == 0 && other[2] != first[2], "{other:?}");
}
