//! The library behind the binary, as `examples/library.rs` shows it: load, run, look at the outcome.

use errand::{Errand, run};
use serde_json::json;

use crate::place::{Place, block_on, call, say};

/// `ERRAND_HOME` belongs to the whole process, so the library is driven from one of its own: the
/// test binary again, in this very test.
#[test]
fn ten_lines_run_an_agent() {
    let Some(file) = std::env::var_os("ERRAND_TEST_AGENT") else { return again() };
    let finished = block_on(async {
        let agent = Errand::open()?.load(file.as_ref(), &[], None)?;
        run(agent).await
    });
    let finished = finished.unwrap();
    assert_eq!(finished.outcome.value, json!({ "answer": "30 m" }));
    assert_eq!((finished.outcome.reason, finished.spent.steps), (None, 2));
}

fn again() {
    let place = Place::new();
    place.write("docs/a.md", "30 m\n").agent(
        "act = \"tools\"",
        "[tools]\nuse = [\"files.read\"]\n[permissions]\nread = [\"docs\"]",
        &[call([("files.read", json!({ "path": "docs/a.md" }))]), say("30 m")],
    );
    let ran = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "library::ten_lines_run_an_agent"])
        .env("ERRAND_HOME", place.home())
        .env("ERRAND_TEST_AGENT", place.path("agent.toml"))
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stdout));
    let runs = place.errand(["runs", "list"]);
    assert!(runs.out.contains("done"), "{runs}");
}

#[test]
fn a_file_that_is_wrong_is_an_error_that_says_where() {
    let place = Place::bare();
    place.write("agent.toml", "name = \"a\"\ntask = \"{{ question }}\"\n");
    let errand = Errand::open().unwrap();
    let invalid = errand.load(&place.path("agent.toml"), &[], None).unwrap_err();
    assert!(invalid.to_string().contains("`question`"), "{invalid}");
}
