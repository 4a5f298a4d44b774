//! Many agents in one process through the library, their journal on disk: steps a second, runs lost,
//! memory of an agent that waits, the cost of a step alone, and what a kill in the middle costs.
//!
//! `cargo bench --bench many` measures each in a process of its own and prints a table, with `rig`'s
//! figures between where `benches/many/rig` was built. `docs/performance.md` explains them.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]

mod crash;
mod stub;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use errand::{Agent, AgentFile, Errand, RunId, Unseen};
use serde_json::{Value, json};
use stub::Stub;

/// Tool calls of a run; its answer is one step more.
const CALLS: u64 = 10;

/// How often the whole table is measured, alternating.
const ROUNDS: usize = 3;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        [] => table(),
        ["run", agents, latency] => {
            println!("{}", measured(agents.parse().unwrap(), latency.parse().unwrap()));
        }
        ["wait", agents] => println!("{}", waiting(agents.parse().unwrap())),
        ["crash"] => crash::killed(),
        ["begin", agents, home] => crash::begin(agents.parse().unwrap(), Path::new(home)),
        ["resume", agents, home] => crash::resume(agents.parse().unwrap(), Path::new(home)),
        _ => panic!("run AGENTS LATENCY_MS | wait AGENTS | crash; nothing: the whole table"),
    }
}

/// Each figure from a process of its own, errand's and rig's in turn.
fn table() {
    let this = std::env::current_exe().unwrap();
    let mut programs = vec![("errand", this.clone())];
    let rig = std::env::var_os("MANY_RIG").map(PathBuf::from);
    programs.extend(rig.map(|rig| ("rig", rig)));
    for _ in 0..ROUNDS {
        for case in [&["run", "1", "0"][..], &["run", "100", "20"], &["run", "1000", "20"]] {
            for (name, program) in &programs {
                println!("{name:6} {}", line(program, case));
            }
        }
        for (name, program) in &programs {
            println!("{name:6} {}", line(program, &["wait", "1000"]));
        }
    }
    println!("errand {}", line(&this, &["crash"]));
}

fn line(program: &Path, words: &[&str]) -> String {
    let ran = Command::new(program).args(words).output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    let last = said.lines().last().unwrap_or_default();
    match ran.status.success() {
        true => last.to_string(),
        false => format!("{words:?} failed: {}", String::from_utf8_lossy(&ran.stderr)),
    }
}

/// A home for as long as this lives, with a file to read in it.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        // Beside the target folder: a file system in memory would sync for nothing.
        let place = Place(tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap());
        std::fs::write(place.0.path().join("note.md"), "A line of text.\n").unwrap();
        place
    }

    fn errand(&self, stub: Stub) -> Errand {
        let builder = Errand::builder().home(self.0.path().join("home")).offline();
        builder.model(stub).build().unwrap().sharing().unwrap()
    }

    /// The same for all its runs.
    fn agent(&self, errand: &Errand) -> Arc<Agent> {
        Arc::new(agent(errand, self.0.path(), "files.read", 0))
    }
}

/// An agent that calls this tool; its number is its task.
fn agent(errand: &Errand, folder: &Path, tool: &str, number: usize) -> Agent {
    let file: AgentFile = serde_json::from_value(json!({
        "name": "many",
        "task": format!("{number}"),
        "model": { "provider": "openai", "name": "stub", "base_url": "http://127.0.0.1:9/v1" },
        "tools": { "use": [tool] },
        "permissions": { "read": ["./note.md"] },
        "budget": { "steps": 100, "time": "10m" },
    }))
    .unwrap();
    errand.agent(folder, &file, &[]).unwrap()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap()
}

/// So many at once, each to its end.
fn measured(agents: usize, latency: u64) -> Value {
    runtime().block_on(async {
        let place = Place::new();
        let errand = place.errand(Stub::reading(Duration::from_millis(latency)));
        let agent = place.agent(&errand);
        // What is made once a process is made: the database, the compiled component.
        errand.run(agent.clone(), &Unseen, None).await.unwrap();
        let began = Instant::now();
        let runs: Vec<_> = (0..agents)
            .map(|_| {
                let (errand, agent) = (errand.clone(), agent.clone());
                tokio::spawn(async move { errand.run(agent, &Unseen, None).await })
            })
            .collect();
        let mut done = 0;
        for run in runs {
            done += usize::from(
                run.await.unwrap().is_ok_and(|finished| finished.outcome.value["answer"] == "done"),
            );
        }
        let seconds = began.elapsed().as_secs_f64();
        let steps = (agents as u64 * (CALLS + 1)) as f64;
        json!({
            "agents": agents,
            "latency_ms": latency,
            "lost": agents - done,
            "steps_per_s": (steps / seconds).round(),
            "ms_a_step": (seconds * 1e5 * agents as f64 / steps).round() / 100.0,
        })
    })
}

/// What an agent takes that waits for its model in the middle of its run: of the first so many, which bring with them
/// what a process makes once for all, and of as many more.
fn waiting(agents: usize) -> Value {
    runtime().block_on(async {
        let place = Place::new();
        let (stub, gate) = Stub::waiting();
        let errand = place.errand(stub);
        let agent = place.agent(&errand);
        gate.open();
        errand.run(agent.clone(), &Unseen, None).await.unwrap();
        gate.close();
        let mut runs = Vec::with_capacity(2 * agents);
        let memory = || ["VmRSS:", "RssFile:"].map(in_memory);
        let mut taken = vec![memory()];
        for _ in 0..2 {
            runs.extend((0..agents).map(|_| {
                let (errand, agent) = (errand.clone(), agent.clone());
                tokio::spawn(async move { errand.run(agent, &Unseen, None).await })
            }));
            gate.held(runs.len()).await;
            taken.push(memory());
        }
        gate.open();
        let mut lost = 0;
        for run in runs {
            lost += usize::from(run.await.unwrap().is_err());
        }
        let an_agent = |which: usize, more: usize| {
            let grown = taken[more][which].saturating_sub(taken[more - 1][which]);
            (grown as f64 / agents as f64 * 10.0).round() / 10.0
        };
        json!({
            "waiting": agents,
            "lost": lost,
            "kib_an_agent": an_agent(0, 1),
            // Pages of files, the most of them of the compiled component: the same for all.
            "of_files": an_agent(1, 1),
            "kib_another": an_agent(0, 2),
        })
    })
}

/// KiB of this process that are in memory: all, or those of one kind.
fn in_memory(kind: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(kind)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// A run's name from its number, so that it is found again after a kill.
fn named(number: usize) -> RunId {
    RunId(format!("many{number}"))
}

fn shared(errand: Errand) -> Arc<Errand> {
    Arc::new(errand)
}
