//! The library behind the binary, as `examples/library.rs` shows it: load, run, look at the outcome.

use std::sync::atomic::{AtomicUsize, Ordering};

use agent_core::drive::Watch;
use agent_core::event::Event;
use agent_core::run::Run;
use errand::{Capability, Errand, FnTool, run};
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

/// The program that it is embedded in was started, with words of errand's own, to confine a server.
#[test]
fn a_server_in_another_program() {
    if let Some(file) = std::env::var_os("ERRAND_TEST_SERVER") {
        let errand = Errand::open().unwrap();
        let errand = match std::env::var_os("ERRAND_TEST_CONFINER") {
            Some(program) => errand.confined_by(program.into()),
            None => errand,
        };
        let agent = errand.load(file.as_ref(), &[], None).unwrap();
        block_on(errand.run(agent, &Nobody, None)).unwrap();
        return;
    }
    let place = crate::mcp::odd("well", "", &[call([("odd.work", json!({}))]), say("done")]);
    let pinned = place.errand(["mcp", "pin", "agent.toml", "--yes"]);
    assert_eq!(pinned.code, Some(0), "{pinned}");
    let ran = |confiner: Option<&str>| {
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "library::a_server_in_another_program"])
            .env("ERRAND_HOME", place.home())
            .env("ERRAND_TEST_SERVER", place.path("agent.toml"));
        if let Some(program) = confiner {
            command.env("ERRAND_TEST_CONFINER", program);
        }
        assert!(command.output().unwrap().status.success());
        place.errand(["runs", "show", "latest"]).out
    };
    let told = ran(None);
    assert!(told.contains("nothing here confines it"), "{told}");
    let told = ran(Some(env!("CARGO_BIN_EXE_errand")));
    assert!(!told.contains("nothing here confines it") && told.contains("observed"), "{told}");
}

/// A function that reads a private file gave it to the model as if it were errand's own words.
#[test]
fn what_a_function_read_counts_as_read() {
    let place = Place::new();
    place.write("docs/iban.md", "DE00").agent(
        "act = \"tools\"",
        "[tools]\nuse = [\"crm.find\"]\n[permissions]\nread = [\"docs\"]",
        &[call([("crm.find", json!({ "name": "x" }))]), say("done")],
    );
    #[derive(serde::Deserialize, schemars::JsonSchema)]
    struct Find {
        #[expect(dead_code, reason = "what it looks for is not the point")]
        name: String,
    }
    let path = place.path("docs/iban.md").canonicalize().unwrap();
    let find =
        FnTool::new("crm.find", "Finds a customer.", |_: Find| async { Ok::<_, String>("DE00") })
            .plan(move |_: Find| Ok(vec![Capability::Read(path.clone())]));
    let errand = Errand::builder().home(place.home()).tool(find).build().unwrap();
    let agent = errand.load(&place.path("agent.toml"), &[], None).unwrap();
    let finished = block_on(errand.run(agent, &Nobody, None)).unwrap();
    let journal = place.journal(&finished.run.0);
    assert!(journal.contains("HERE/docs/iban.md"), "{journal}");
}

/// Looks into the journal at each event.
struct Looks<'a> {
    place: &'a Place,
    seen: AtomicUsize,
}

impl Watch for Looks<'_> {
    fn event(&self, event: &Event, run: &Run) {
        let number = self.seen.fetch_add(1, Ordering::SeqCst);
        // Not within the runtime that drives the run.
        let look = || self.place.events(&run.id().0);
        let kept = std::thread::scope(|scope| scope.spawn(look).join().unwrap());
        assert_eq!(kept.get(number), Some(event));
        assert!(run.seq() as usize > number);
    }
}

/// Several go into the journal at once, and none is told before.
#[test]
fn what_a_watcher_is_told_is_in_the_journal() {
    let place = Place::new();
    let reads = |path: &str| ("files.read", json!({ "path": path }));
    place.write("docs/a.md", "30 m\n").agent(
        "act = \"tools\"",
        "[tools]\nuse = [\"files.read\"]\n[permissions]\nread = [\"docs\"]",
        &[
            call([reads("docs/a.md")]),
            call([reads("docs/a.md"), reads("/etc/passwd"), reads("docs/b.md")]),
            say("30 m"),
        ],
    );
    let errand = Errand::builder().home(place.home()).build().unwrap();
    let agent = errand.load(&place.path("agent.toml"), &[], None).unwrap();
    let looks = Looks { place: &place, seen: AtomicUsize::new(0) };
    let finished = block_on(errand.run(agent, &looks, None)).unwrap();
    assert_eq!(looks.seen.into_inner(), place.events(&finished.run.0).len());
}

struct Nobody;

impl Watch for Nobody {
    fn event(&self, _event: &Event, _run: &Run) {}
}

#[test]
fn a_file_that_is_wrong_is_an_error_that_says_where() {
    let place = Place::bare();
    place.write("agent.toml", "name = \"a\"\ntask = \"{{ question }}\"\n");
    let errand = Errand::open().unwrap();
    let invalid = errand.load(&place.path("agent.toml"), &[], None).unwrap_err();
    assert!(invalid.to_string().contains("`question`"), "{invalid}");
}
