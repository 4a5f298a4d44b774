//! All guests of a process share one budget of memory: calls wait for room, and all of them finish.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use crate::place::{Place, call, say};

const CALLS: usize = 24;

/// It took 7 GB: each of them may use 512 MiB, and all of them ran at once.
#[test]
#[cfg(target_os = "linux")]
fn a_reply_with_two_dozen_calls_of_python_under_a_small_budget() {
    let place = Place::with_python();
    let one = |n: usize| {
        let code = format!("data = bytearray(256 << 20)\nprint(len(data) + {n})");
        ("python", json!({ "code": code }))
    };
    let calls: [(&str, Value); CALLS] = std::array::from_fn(one);
    place.agent("act = \"tools\"", "[tools]\nuse = [\"python\"]\n", &[call(calls), say("done")]);
    let mut command = place.command(["run", "agent.toml", "--json"]);
    command.env("ERRAND_GUEST_MEMORY", "1GiB").stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let watch = std::thread::spawn(move || {
        let mut peak = 0;
        // It is gone with the process, once that was waited for.
        while let Ok(text) = fs::read_to_string(&status) {
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let Some(kib) = line.and_then(|line| line.trim().strip_suffix(" kB")) else { break };
            peak = kib.trim().parse::<u64>().unwrap();
            std::thread::sleep(Duration::from_millis(20));
        }
        peak >> 10
    });
    let ran = place.ran(&child.wait_with_output().unwrap());
    let peak = watch.join().unwrap();
    assert_eq!(ran.code, Some(0), "{ran}");
    let mut told = ran.observations();
    told.sort();
    let expected: Vec<String> = (0..CALLS).map(|n| ((256 << 20) + n).to_string()).collect();
    assert_eq!(told.iter().map(|it| it.trim().to_string()).collect::<Vec<_>>(), expected);
    assert!(peak > 256 && peak < 600, "{peak} MiB");
}

#[test]
fn a_budget_of_memory_that_cannot_be_meant() {
    let place = Place::bare();
    place.agent("", "", &[say("done")]);
    let mut command = place.command(["run", "agent.toml"]);
    let ran = place.ran(&command.env("ERRAND_GUEST_MEMORY", "much").output().unwrap());
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(
        ran.err.contains("ERRAND_GUEST_MEMORY") && ran.err.contains("an amount such as"),
        "{ran}"
    );
}
