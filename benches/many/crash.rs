//! A kill in the middle: a process that runs a thousand agents is killed, another goes on with them, and the
//! effects are counted in a log that neither of them reads.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use errand::{Effect, Errand, FnTool, Unseen};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::stub::Stub;
use crate::{CALLS, Place, agent, named, runtime, shared};

const AGENTS: usize = 1_000;

#[derive(Deserialize, JsonSchema)]
struct Key {
    key: String,
}

/// Appends a line, and is no more to be repeated than a payment.
fn effects(folder: &Path) -> FnTool {
    let log = folder.join("effects.log");
    FnTool::new("effects.add", "Adds an effect.", move |Key { key }: Key| {
        let log = log.clone();
        async move {
            let mut log = OpenOptions::new().create(true).append(true).open(log)?;
            log.write_all(format!("{key}\n").as_bytes())?;
            Ok::<bool, std::io::Error>(true)
        }
    })
    .effect(Effect::Writes)
}

fn errand(folder: &Path) -> Errand {
    let builder = Errand::builder().home(folder.join("home")).offline().tool(effects(folder));
    builder.model(Stub::effects(Duration::from_millis(20))).build().unwrap().sharing().unwrap()
}

/// Runs them all; does not come to its end.
pub(crate) fn begin(agents: usize, folder: &Path) {
    runtime().block_on(async {
        let errand = shared(errand(folder));
        let runs: Vec<_> = (0..agents)
            .map(|number| {
                let errand = errand.clone();
                let agent = agent(&errand, folder, "effects.add", number);
                tokio::spawn(async move {
                    errand.run_as(named(number), agent, &Unseen, None).await.unwrap();
                })
            })
            .collect();
        for run in runs {
            run.await.unwrap();
        }
    });
}

/// Goes on with each; one that had not begun is begun.
pub(crate) fn resume(agents: usize, folder: &Path) {
    let done = runtime().block_on(async {
        let errand = shared(errand(folder));
        let runs: Vec<_> = (0..agents)
            .map(|number| {
                let errand = errand.clone();
                let agent = agent(&errand, folder, "effects.add", number);
                tokio::spawn(async move {
                    let id = named(number);
                    let finished = match errand.events(&id).await.is_ok() {
                        true => errand.resume(&id, None, None, &Unseen, None).await,
                        false => errand.run_as(id, agent, &Unseen, None).await,
                    };
                    finished.unwrap().outcome.value["answer"] == "done"
                })
            })
            .collect();
        let mut done = 0;
        for run in runs {
            done += usize::from(run.await.unwrap());
        }
        done
    });
    println!("{done}");
}

/// Kills it once a third of the effects has happened, goes on, and counts.
pub(crate) fn killed() {
    let place = Place::new();
    let (folder, this) = (place.0.path(), std::env::current_exe().unwrap());
    let many = AGENTS.to_string();
    let mut first = Command::new(&this)
        .args(["begin", &many])
        .arg(folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let log = folder.join("effects.log");
    let effects = || fs::read_to_string(&log).unwrap_or_default();
    while effects().lines().count() < AGENTS * CALLS as usize / 3 {
        assert!(first.try_wait().unwrap().is_none(), "it ended before it was killed");
        std::thread::sleep(Duration::from_millis(5));
    }
    first.kill().unwrap();
    first.wait().unwrap();
    let before = effects().lines().count();
    let began = Instant::now();
    let second = Command::new(&this).args(["resume", &many]).arg(folder).output().unwrap();
    let done: usize = String::from_utf8_lossy(&second.stdout).trim().parse().unwrap_or_default();
    let mut times: HashMap<&str, usize> = HashMap::new();
    let after = effects();
    after.lines().for_each(|key| *times.entry(key).or_default() += 1);
    let wanted = AGENTS * CALLS as usize;
    println!(
        "{}",
        json!({
            "killed_after": before,
            "resumed_s": (began.elapsed().as_secs_f64() * 10.0).round() / 10.0,
            "done": done,
            "lost": AGENTS - done,
            "repeated": times.values().filter(|times| **times > 1).count(),
            "effects": times.len(),
            // An act that the kill cut off is not repeated; where it had not happened, it is missing.
            "cut_off_and_missing": wanted - times.len(),
        })
    );
}
