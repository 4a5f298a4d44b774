//! The journal on a real disk: order, sharing, damage, and a process killed in the middle.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use agent_core::agent::Agent;
use agent_core::event::{Event, Outcome, Reason, RunId, What};
use agent_core::journal::{Journal, JournalError, Lasting};
use agent_core::provenance::Origin;
use agent_core::strategy::TOOLS;
use serde_json::json;
use store::{Foreign, Status, Store, StoreError, Which, Whose};

fn run(name: &str) -> RunId {
    RunId(name.to_string())
}

fn started(name: &str) -> Event {
    let agent: Agent = serde_json::from_value(json!({
        "name": name, "description": "", "instructions": "", "task": "wait", "act": null,
        "params": {}, "tools": [], "secrets": [], "output": null, "root": "/", "file": "/agent.toml",
        "model": {
            "provider": "scripted", "name": "replies.jsonl", "path": "/replies.jsonl",
            "base_url": null, "api_key": null, "max_tokens": 256, "device": "cpu",
            "sampling": {"temperature": 0.0, "top_p": 1.0, "seed": 0},
            "timeout": {"secs": 60, "nanos": 0}, "fallback": [], "price": null,
        },
        "grants": {"root": "/", "read": [], "write": [], "net": [], "ask": [], "tools": []},
        "budget": {
            "steps": 1, "tokens": 1000, "time": {"secs": 60, "nanos": 0}, "cost_usd": null,
        },
    }))
    .unwrap();
    let strategy = TOOLS.name.to_string();
    Event::new(
        1,
        What::Started { agent: Arc::new(agent), strategy, taint: Vec::new(), parts: Vec::new() },
    )
}

fn planned(plan: impl Into<String>) -> Event {
    Event::new(2, What::Planned { plan: plan.into() })
}

fn ended(reason: Option<Reason>) -> Event {
    let outcome = Outcome { reason, ..Outcome::default() };
    Event::new(3, What::Ended { outcome })
}

fn latest(limit: usize) -> Which {
    Which { limit, ..Which::default() }
}

fn format_of(database: &Path) -> rusqlite::Connection {
    rusqlite::Connection::open(database).unwrap()
}

#[tokio::test]
async fn nothing_is_created_before_the_first_write() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("not/yet");
    let store = Store::open(&home).unwrap();
    assert!(matches!(store.load(&run("a")).await, Err(JournalError::Unknown(_))));
    assert_eq!(store.list(&latest(10)).await.unwrap(), []);
    assert!(!home.exists());
    store.append(&run("a"), 0, &started("almanac")).await.unwrap();
    assert_eq!(store.load(&run("a")).await.unwrap(), [started("almanac")]);
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::MetadataExt::mode(&home.metadata().unwrap());
        assert_eq!(mode & 0o077, 0, "a journal is its owner's alone");
    }
}

#[tokio::test]
async fn events_come_back_in_order_after_reopening() {
    let home = tempfile::tempdir().unwrap();
    let events = [started("almanac"), planned("läs \0 \u{1f}"), ended(None)];
    for (seq, event) in (0..).zip(&events) {
        let store = Store::open(home.path()).unwrap();
        store.append(&run("a"), seq, event).await.unwrap();
    }
    let store = Store::open(home.path()).unwrap();
    assert_eq!(store.events(&run("a")).await.unwrap(), events);
    assert!(matches!(store.load(&run("b")).await, Err(JournalError::Unknown(_))));
}

#[tokio::test]
async fn an_event_that_is_there_or_leaves_a_gap_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path()).unwrap();
    store.append(&run("a"), 0, &started("x")).await.unwrap();
    let again = store.append(&run("a"), 0, &planned("x")).await.unwrap_err();
    assert_eq!(
        again.to_string(),
        "the journal cannot be written: event 0 of run `a` is there already: the next one is 1"
    );
    let gap = store.append(&run("a"), 2, &planned("x")).await.unwrap_err();
    assert_eq!(
        gap.to_string(),
        "the journal cannot be written: event 2 of run `a` would leave a gap: the next one is 1"
    );
    assert_eq!(store.load(&run("a")).await.unwrap(), [started("x")]);
}

#[tokio::test]
async fn events_of_one_append_are_kept_in_one_commit_or_not_at_all() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path()).unwrap();
    let events = [started("x"), planned("a"), planned("b"), ended(None)];
    store.append_all(&run("a"), 0, &events[..1], Lasting::Power).await.unwrap();
    let before = store.commits();
    let gap = store.append_all(&run("a"), 2, &events[2..], Lasting::Process).await.unwrap_err();
    assert!(gap.to_string().contains("would leave a gap"), "{gap}");
    let far = Event::new(u64::MAX, What::Planned { plan: "c".to_string() });
    let range = store.append_all(&run("a"), 1, &[planned("a"), far], Lasting::Process).await;
    assert!(range.unwrap_err().to_string().contains("out of range"));
    assert_eq!(store.events(&run("a")).await.unwrap(), events[..1]);
    store.append_all(&run("a"), 1, &events[1..], Lasting::Process).await.unwrap();
    assert_eq!(store.commits(), before + 3);
    assert_eq!(store.events(&run("a")).await.unwrap(), events);
    assert_eq!(store.events_from(&run("a"), 2).await.unwrap(), events[2..]);
    assert_eq!(store.events_from(&run("a"), 4).await.unwrap(), []);
    assert_eq!(store.list(&latest(1)).await.unwrap()[0].status, Status::Done);
}

#[tokio::test]
async fn appends_at_the_same_time_share_commits() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path()).unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..50 {
        let store = store.clone();
        tasks.spawn(async move {
            let run = run(&format!("r{task}"));
            for seq in 0..20 {
                store.append(&run, seq, &planned(format!("{task} {seq}"))).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    let commits = store.commits();
    assert!(commits <= 500, "1000 events took {commits} commits");
    for task in 0..50 {
        let events = store.load(&run(&format!("r{task}"))).await.unwrap();
        let expected: Vec<Event> = (0..20).map(|seq| planned(format!("{task} {seq}"))).collect();
        assert_eq!(events, expected);
    }
}

#[tokio::test]
async fn one_runs_own_events_may_be_appended_at_once() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path()).unwrap();
    let (name, event) = (run("a"), planned("x"));
    let all = (0..100).map(|seq| store.append(&name, seq, &event));
    futures::future::try_join_all(all).await.unwrap();
    assert_eq!(store.load(&name).await.unwrap().len(), 100);
}

#[tokio::test]
async fn a_hundred_megabytes_in_one_event() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path()).unwrap();
    let large = planned("x".repeat(100 << 20));
    store.append(&run("a"), 0, &large).await.unwrap();
    store.append(&run("a"), 1, &planned("y")).await.unwrap();
    let events = store.load(&run("a")).await.unwrap();
    assert!(events[0] == large && events.len() == 2);
}

#[tokio::test]
async fn a_run_is_driven_by_one() {
    let home = tempfile::tempdir().unwrap();
    let mine = Store::open(home.path()).unwrap();
    let other = Store::open(home.path()).unwrap();
    let busy = |result: Result<(), JournalError>| matches!(result, Err(JournalError::Busy(_)));

    let drive = mine.drive(&run("a")).unwrap();
    mine.append(&run("a"), 0, &started("x")).await.unwrap();
    assert!(busy(other.drive(&run("a")).map(drop)));
    assert!(busy(other.append(&run("a"), 1, &planned("x")).await));
    assert!(busy(mine.drive(&run("a")).map(drop)), "not twice in one process either");
    // Another run is another matter.
    other.append(&run("b"), 0, &started("x")).await.unwrap();
    drop(drive);
    other.append(&run("a"), 1, &planned("x")).await.unwrap();

    // Without a guard it is kept until the run ends, or its store is closed.
    assert!(busy(mine.append(&run("a"), 2, &planned("x")).await));
    other.append(&run("a"), 2, &ended(Some(Reason::Approval))).await.unwrap();
    drop(mine.drive(&run("a")).unwrap());
    drop(other);
    mine.append(&run("b"), 1, &planned("x")).await.unwrap();
    let left = std::fs::read_dir(home.path().join("drives")).unwrap().count();
    assert_eq!(left, 1, "only run `b` is driven");
}

#[tokio::test]
async fn a_run_is_named_by_plain_letters() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path()).unwrap();
    for name in ["", "..", "../x", "a/b", "a\0b"] {
        let refused = store.append(&run(name), 0, &started("x")).await;
        assert!(matches!(refused, Err(JournalError::Unknown(_))), "{name:?}");
    }
}

#[tokio::test]
async fn the_list_says_how_runs_stand() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path()).unwrap();
    let other = Store::open(home.path()).unwrap();
    for (at, (name, end)) in
        (10..).zip([("done", Some(None)), ("steps", Some(Some(Reason::Steps))), ("open", None)])
    {
        let begin = Event { at, ..started("almanac") };
        store.append(&run(name), 0, &begin).await.unwrap();
        if let Some(reason) = end {
            store.append(&run(name), 1, &ended(reason)).await.unwrap();
        }
    }
    let rows = other.list(&latest(10)).await.unwrap();
    let shown: Vec<(&str, &str, u64, Status)> = rows
        .iter()
        .map(|row| (row.id.0.as_str(), row.agent.as_str(), row.events, row.status))
        .collect();
    assert_eq!(
        shown,
        [
            ("open", "almanac", 1, Status::Running),
            ("steps", "almanac", 2, Status::Ended(Reason::Steps)),
            ("done", "almanac", 2, Status::Done),
        ]
    );
    assert_eq!(other.list(&latest(1)).await.unwrap().len(), 1);
    drop(store);
    assert_eq!(other.list(&latest(1)).await.unwrap()[0].status, Status::Interrupted);
}

#[tokio::test]
async fn a_newer_format_is_left_alone() {
    let home = tempfile::tempdir().unwrap();
    let database = home.path().join("errand.db");
    format_of(&database).pragma_update(None, "user_version", 7).unwrap();
    let error = Store::open(home.path()).err().unwrap();
    assert!(matches!(error, StoreError::Newer { found: 7, .. }));
    assert_eq!(
        error.to_string(),
        format!(
            "`{}` was written by a newer version (format 7, this one knows 4): update errand, or \
             set ERRAND_HOME to another folder",
            database.display()
        )
    );
}

#[tokio::test]
async fn a_database_of_an_older_format_is_read_and_brought_up_to_date() {
    let home = tempfile::tempdir().unwrap();
    let before = Store::open(home.path()).unwrap();
    before.append(&run("a"), 0, &planned("x")).await.unwrap();
    drop(before);
    format_of(&home.path().join("errand.db"))
        .execute_batch(
            "DROP TABLE places; DROP TABLE writers; ALTER TABLE events DROP COLUMN hash;
             ALTER TABLE runs DROP COLUMN head; ALTER TABLE runs DROP COLUMN imported;
             PRAGMA user_version = 2",
        )
        .unwrap();
    let (store, file) = (Store::open(home.path()).unwrap(), home.path().join("a.txt"));
    let (folders, origins) = ([home.path().to_path_buf()], [Origin::Server("s".to_string())]);
    store.programs_ended(None).await.unwrap();
    assert!(store.left_in(&folders).await.unwrap().is_empty());
    std::fs::write(&file, "x").unwrap();
    let sha256 = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";
    store.wrote(&file, sha256, &origins).await.unwrap();
    assert_eq!(store.left_in(&folders).await.unwrap(), origins);
    assert_eq!(store.load(&run("a")).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_damaged_database_is_named_and_left_alone() {
    let home = tempfile::tempdir().unwrap();
    let database = home.path().join("errand.db");
    std::fs::write(&database, "this is no database, it only has its name").unwrap();
    assert!(matches!(Store::open(home.path()).err(), Some(StoreError::Damaged { .. })));

    std::fs::remove_file(&database).unwrap();
    let store = Store::open(home.path()).unwrap();
    for seq in 0..200 {
        store.append(&run("a"), seq, &planned("x".repeat(3_000))).await.unwrap();
    }
    drop(store);
    // Past the header and the tables' description, so that opening it sees nothing.
    let mut bytes = std::fs::read(&database).unwrap();
    for byte in bytes.iter_mut().skip(4 * 4096) {
        *byte = 0xa5;
    }
    std::fs::write(&database, &bytes).unwrap();
    let store = Store::open(home.path()).unwrap();
    let read = store.load(&run("a")).await.unwrap_err().to_string();
    assert!(read.starts_with("the journal cannot be read: `"), "{read}");
    assert!(read.contains("is damaged"), "{read}");
    let write = store.append(&run("a"), 200, &planned("x")).await.unwrap_err().to_string();
    assert!(write.contains("is damaged"), "{write}");
}

#[tokio::test]
async fn an_event_that_is_gone_is_missed() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path()).unwrap();
    for seq in 0..3 {
        store.append(&run("a"), seq, &planned("x")).await.unwrap();
    }
    let database = home.path().join("errand.db");
    format_of(&database).execute("DELETE FROM events WHERE seq = 1", []).unwrap();
    let error = store.load(&run("a")).await.unwrap_err();
    assert_eq!(error.to_string(), "the journal cannot be read: event 1 of run `a` is gone");
    format_of(&database)
        .execute_batch("DELETE FROM events WHERE seq > 0; UPDATE events SET json = '{\"at\": 1}'")
        .unwrap();
    let error = store.load(&run("a")).await.unwrap_err().to_string();
    assert!(error.contains("event 0 of run `a` makes no sense: "), "{error}");
    let later = r#"UPDATE events SET json = '{"v": 3, "at": 1, "type": "flown"}'"#;
    format_of(&database).execute(later, []).unwrap();
    let error = store.load(&run("a")).await.unwrap_err().to_string();
    assert!(error.contains("event 0 of run `a` was written by a later errand"), "{error}");
}

#[tokio::test]
async fn a_home_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    // A file in the way; a file system that no user can write, root included.
    for home in [file.join("home"), "/proc/errand".into()] {
        let error = match Store::open(&home) {
            Ok(store) => store.append(&run("a"), 0, &started("x")).await.unwrap_err().to_string(),
            Err(error) => error.to_string(),
        };
        assert!(error.contains(&format!("`{}", home.display())), "{error}");
        assert!(error.contains("set ERRAND_HOME to a folder you may write"), "{error}");
    }
}

/// A process of its own that runs one test of this binary.
fn child(test: &str, home: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture"]).env("ERRAND_TEST_HOME", home);
    command.stdout(Stdio::piped());
    command
}

/// Appends for ever, and says what was kept. Does nothing unless a parent test asks.
#[tokio::test]
async fn child_appends() {
    let Some(home) = std::env::var_os("ERRAND_TEST_HOME") else { return };
    let store = Store::open(home.as_ref()).unwrap();
    for seq in 0.. {
        if let Err(error) = store.append(&run("a"), seq, &planned("x".repeat(5_000))).await {
            println!("\nfailed {error}");
            return;
        }
        println!("\nkept {seq}");
    }
}

#[tokio::test]
async fn a_killed_process_loses_nothing_and_lets_go_of_its_run() {
    let home = tempfile::tempdir().unwrap();
    let mut kept = 0;
    let mut child = child("child_appends", home.path()).spawn().unwrap();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        if let Some(seq) = line.unwrap().strip_prefix("kept ") {
            kept = seq.parse().unwrap();
        }
        if kept == 5 {
            let other = Store::open(home.path()).unwrap();
            assert!(matches!(other.drive(&run("a")), Err(JournalError::Busy(_))));
            assert_eq!(other.list(&latest(1)).await.unwrap()[0].status, Status::Running);
        }
        if kept >= 100 {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(kept >= 100, "the child kept {kept}");

    let store = Store::open(home.path()).unwrap();
    assert_eq!(store.list(&latest(1)).await.unwrap()[0].status, Status::Interrupted);
    let events = store.load(&run("a")).await.unwrap();
    assert!(events.len() > kept, "{} events after {kept} was kept", events.len());
    let next = u64::try_from(events.len()).unwrap();
    store.append(&run("a"), next, &ended(None)).await.unwrap();
}

/// The system refuses to let any file grow past a few hundred kilobytes.
#[cfg(unix)]
#[tokio::test]
async fn a_disk_that_takes_no_more_loses_nothing() {
    let home = tempfile::tempdir().unwrap();
    let mut limited = Command::new("sh");
    limited
        .args(["-c", "trap '' XFSZ; ulimit -f 600; exec \"$0\" child_appends --exact --nocapture"])
        .arg(std::env::current_exe().unwrap())
        .env("ERRAND_TEST_HOME", home.path())
        .stdout(Stdio::piped());
    let output = limited.spawn().unwrap().wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let kept = said.lines().filter(|line| line.starts_with("kept ")).count();
    let failed = said.lines().find(|line| line.starts_with("failed ")).unwrap();
    assert!(failed.starts_with("failed the journal cannot be written: `"), "{failed}");
    assert!(kept > 10, "{said}");

    let store = Store::open(home.path()).unwrap();
    assert_eq!(store.load(&run("a")).await.unwrap().len(), kept);
    store.append(&run("a"), kept as u64, &planned("room again")).await.unwrap();
}

#[tokio::test]
async fn two_processes_begin_in_an_empty_home() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    let stores: Vec<Store> = (0..8).map(|_| Store::open(&home).unwrap()).collect();
    let mut tasks = tokio::task::JoinSet::new();
    for (number, store) in stores.into_iter().enumerate() {
        tasks.spawn(async move {
            store.append(&run(&format!("r{number}")), 0, &started("x")).await.unwrap();
        });
    }
    tasks.join_all().await;
    assert_eq!(Store::open(&home).unwrap().list(&latest(10)).await.unwrap().len(), 8);
}

#[tokio::test]
async fn runs_are_found_by_what_is_known_of_them() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path()).unwrap();
    for (at, name, agent, end) in [
        (10, "abc", "orders", Some(None)),
        (20, "abd", "orders", Some(Some(Reason::Steps))),
        (30, "xyz", "almanac", None),
        (31, "xyz-c1", "reader", Some(None)),
    ] {
        store.append(&run(name), 0, &Event { at, ..started(agent) }).await.unwrap();
        if let Some(reason) = end {
            store.append(&run(name), 1, &ended(reason)).await.unwrap();
        }
    }
    drop(store);
    let store = Store::open(home.path()).unwrap();
    let found = async |which: Which| {
        let rows = store.list(&Which { limit: 10, ..which }).await.unwrap();
        rows.into_iter().map(|row| row.id.0).collect::<Vec<_>>()
    };
    let agent = |name: &str| Which { agent: Some(name.into()), ..Which::default() };
    let status = |name: &str| Which { status: Some(name.into()), ..Which::default() };
    assert_eq!(found(Which::default()).await, ["xyz-c1", "xyz", "abd", "abc"]);
    assert_eq!(found(agent("orders")).await, ["abd", "abc"]);
    assert_eq!(found(status("done")).await, ["xyz-c1", "abc"]);
    assert_eq!(found(status("interrupted")).await, ["xyz"]);
    assert_eq!(found(status("running")).await, Vec::<String>::new());
    assert_eq!(found(Which { since: 30, ..Which::default() }).await, ["xyz-c1", "xyz"]);
    assert_eq!(found(Which { since: 30, ..agent("orders") }).await, Vec::<String>::new());
    assert_eq!(found(Which { whose: Whose::Own, ..Which::default() }).await, ["xyz", "abd", "abc"]);
    let own = |begin: &str| Which { begin: begin.into(), whose: Whose::Own, ..Which::default() };
    assert_eq!(found(own("ab")).await, ["abd", "abc"]);
    assert_eq!(found(Which { before: Some(30), ..own("") }).await, ["abd", "abc"]);
    assert_eq!(found(Which { status: Some("done".into()), ..own("ab") }).await, ["abc"]);
    let named = async |begin: &str, whose, most| {
        let rows = store.named(begin, whose, most).await.unwrap();
        rows.into_iter().map(|row| row.id.0).collect::<Vec<_>>()
    };
    assert_eq!(named("ab", Whose::All, 10).await, ["abd", "abc"]);
    assert_eq!(named("ab", Whose::All, 1).await, ["abd"]);
    // A run is found among however many that it called, and one that was called by its own name.
    assert_eq!(named("xyz", Whose::All, 1).await, ["xyz"]);
    assert_eq!(named("x", Whose::Own, 1).await, ["xyz"]);
    assert_eq!(named("xyz-", Whose::All, 1).await, ["xyz-c1"]);
}

#[tokio::test]
async fn a_run_is_removed_with_what_worked_for_it_unless_it_is_driven() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path()).unwrap();
    for name in ["abc", "abc-c1", "abcd", "busy"] {
        store.append(&run(name), 0, &started("almanac")).await.unwrap();
        store.append(&run(name), 1, &planned("x".repeat(100_000))).await.unwrap();
    }
    drop(store);
    let store = Store::open(home.path()).unwrap();
    let size = || home.path().join("errand.db").metadata().unwrap().len();
    let bytes = store.bytes(&run("abc")).await.unwrap();
    assert!((200_000..210_000).contains(&bytes), "{bytes}");
    let other = Store::open(home.path()).unwrap();
    let driven = other.drive(&run("busy")).unwrap();
    let before = size();
    let removed = store.remove(&[run("abc"), run("busy")]).await.unwrap();
    assert_eq!(removed, [run("abc")]);
    assert!(matches!(store.load(&run("abc-c1")).await, Err(JournalError::Unknown(_))));
    assert_eq!(store.load(&run("abcd")).await.unwrap().len(), 2);
    assert_eq!(store.load(&run("busy")).await.unwrap().len(), 2);
    // What is driven does not wait until the file is made smaller.
    assert!(size() >= before, "{} of {before}", size());
    drop(driven);
    assert_eq!(store.remove(&[run("busy")]).await.unwrap(), [run("busy")]);
    assert!(size() + 250_000 < before, "{} of {before}", size());
    // The store goes on, also what writes to it.
    store.append(&run("abc"), 0, &started("almanac")).await.unwrap();
    assert_eq!(store.list(&latest(10)).await.unwrap().len(), 2);
}

/// A turn that was taken back leaves the run as it stood before, which need not be done.
#[tokio::test]
async fn a_run_that_was_never_done_is_not_done_by_taking_back() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path()).unwrap();
    let said = || Event::new(2, What::Said { text: "more".into() });
    let undone = || Event::new(3, What::Undone);
    for (name, before) in
        [("open", None), ("steps", Some(Some(Reason::Steps))), ("done", Some(None))]
    {
        let events = [Some(started("almanac")), before.map(ended), Some(said()), Some(undone())];
        for (seq, event) in (0..).zip(events.into_iter().flatten()) {
            store.append(&run(name), seq, &event).await.unwrap();
        }
    }
    drop(store);
    let store = Store::open(home.path()).unwrap();
    let mut rows = store.list(&latest(10)).await.unwrap();
    rows.sort_by(|a, b| a.id.0.cmp(&b.id.0));
    let stands: Vec<_> = rows.iter().map(|row| row.status).collect();
    assert_eq!(stands, [Status::Done, Status::Interrupted, Status::Ended(Reason::Steps)]);
}

/// A run that another journal wrote may bear the name that a run here will have: a batch's row, a request with
/// an idempotency key, the call of an agent.
#[tokio::test]
async fn an_imported_run_is_not_taken_for_one_of_its_own() {
    let run = RunId("a".into());
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path()).unwrap();
    store.append(&run, 0, &started("a")).await.unwrap();
    store.append(&run, 1, &ended(None)).await.unwrap();
    let events = store.kept(&run).await.unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let other = Store::open(elsewhere.path()).unwrap();
    other.import(&[Foreign { run: run.clone(), events, blobs: Default::default() }]).await.unwrap();
    assert_eq!(other.events(&run).await.unwrap().len(), 2);
    assert!(matches!(other.load(&run).await, Err(JournalError::Imported(_))));
    assert!(other.append(&run, 2, &planned("more")).await.is_err());
    assert_eq!(store.load(&run).await.unwrap().len(), 2);
}
