//! A power cut at every moment of a run whose effects must not be repeated: what the disk holds is what was
//! synced and nothing else, while every effect outside has happened.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use errand::{AgentFile, Effect, Errand, FnTool, RunId, Unseen};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::place::block_on;
use crate::turns::Turns;

/// Its turns have effects, with what can be repeated before, between and after them. A call that it makes again, it makes
/// with the same key.
const MODEL: Turns = Turns {
    tools: &[
        &["effects.look"],
        &["effects.add"],
        &["effects.look", "effects.add"],
        &["effects.add"],
        &[],
    ],
    arguments: |id| json!({ "key": id }),
};

#[derive(Deserialize, JsonSchema)]
struct Key {
    key: String,
}

fn tool(name: &str, effect: Effect, log: PathBuf) -> FnTool {
    FnTool::new(name, "Has an effect, or looks.", move |Key { key }: Key| {
        let log = log.clone();
        async move {
            if effect == Effect::Writes {
                let mut log = OpenOptions::new().create(true).append(true).open(log)?;
                writeln!(log, "{key}")?;
            }
            Ok::<bool, std::io::Error>(true)
        }
    })
    .effect(effect)
}

fn errand(home: &Path) -> Errand {
    let log = home.join("effects.log");
    Errand::builder()
        .home(home)
        .offline()
        .model(MODEL)
        .tool(tool("effects.add", Effect::Writes, log.clone()))
        .tool(tool("effects.look", Effect::Reads, log))
        .build()
        .unwrap()
}

fn name() -> RunId {
    RunId("power".to_string())
}

fn whole(home: &Path) {
    let errand = errand(home);
    let file: AgentFile = serde_json::from_value(json!({
        "name": "power",
        "task": "add",
        "model": { "provider": "openai", "name": "turns", "base_url": "http://127.0.0.1:9/v1" },
        "tools": { "use": ["effects.add", "effects.look"] },
    }))
    .unwrap();
    let agent = errand.agent(home, &file, &[]).unwrap();
    let finished = block_on(errand.run_as(name(), agent, &Unseen, None)).unwrap();
    assert_eq!(finished.outcome.value["answer"], "done");
}

/// The run again, in a process whose syncs are seen; then from each image that the disk would have held.
#[test]
fn no_effect_twice_whenever_the_power_goes() {
    if let Some(home) = std::env::var_os("POWER_HOME") {
        return whole(Path::new(&home));
    }
    let place = tempfile::tempdir().unwrap();
    let (home, images) = (place.path().join("home"), place.path().join("images"));
    fs::create_dir_all(images.join("0000")).unwrap();
    fs::create_dir(&home).unwrap();
    let shim = place.path().join("synced.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/power/synced.c");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-o"]).arg(&shim).arg(source).args(["-ldl", "-lpthread"]);
    assert!(compiler.status().unwrap().success());
    let ran = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "power::no_effect_twice_whenever_the_power_goes"])
        .env("LD_PRELOAD", &shim)
        .env("POWER_HOME", &home)
        .env("POWER_IMAGES", &images)
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stdout));
    let mut folders: Vec<PathBuf> =
        fs::read_dir(&images).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    let log = home.join("effects.log");
    assert_eq!(fs::read_to_string(&log).unwrap().lines().count(), 3);
    let (mut resumed, mut unsure) = (0, 0);
    for image in &folders {
        // After the last sync nothing is to be done any more.
        if Some(image) == folders.last() {
            fs::copy(&log, image.join("effects.log")).unwrap();
        }
        let errand = errand(image);
        if block_on(errand.events(&name())).is_err() {
            let effects = fs::read_to_string(image.join("effects.log")).unwrap_or_default();
            assert_eq!(effects, "", "{}: an effect of a run that is not there", image.display());
            continue;
        }
        let finished = block_on(errand.resume(&name(), None, None, &Unseen, None)).unwrap();
        assert_eq!(finished.outcome.value["answer"], "done", "{}", image.display());
        resumed += 1;
        let mut times = BTreeMap::new();
        let effects = fs::read_to_string(image.join("effects.log")).unwrap_or_default();
        effects.lines().for_each(|key| *times.entry(key).or_insert(0) += 1);
        assert!(times.values().all(|times| *times == 1), "{}: {times:?}", image.display());
        let events = block_on(errand.events(&name())).unwrap();
        unsure += events.iter().filter(|event| format!("{event:?}").contains("Unsure")).count();
    }
    // One before the first act, two for each of three acts, and the end; those of the making before.
    assert!(resumed >= 8, "{resumed} of {} images held the run", folders.len());
    assert_eq!(unsure, 3, "each act was cut off once between its beginning and its result");
}
