//! The chain of a run: whatever is changed in the database by another hand is found.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use agent_core::event::{Event, Outcome, RunId, What};
use agent_core::journal::{Journal, Lasting};
use rusqlite::Connection;
use store::{Audit, Foreign, Store, chained};

fn run() -> RunId {
    RunId("a".to_string())
}

fn planned(plan: &str) -> Event {
    Event::new(7, What::Planned { plan: plan.to_string() })
}

fn ended() -> Event {
    Event::new(9, What::Ended { outcome: Outcome::default() })
}

/// A run of six events that has ended.
async fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path()).unwrap();
    let events: Vec<Event> = (0..5).map(|seq| planned(&format!("plan {seq}"))).collect();
    store.append_all(&run(), 0, &events[..2], Lasting::Process).await.unwrap();
    store.append_all(&run(), 2, &events[2..], Lasting::Process).await.unwrap();
    store.append(&run(), 5, &ended()).await.unwrap();
    home
}

async fn audit(home: &Path) -> Audit {
    Store::open(home).unwrap().audit(&run()).await.unwrap()
}

/// What is said once this was done to the database.
async fn changed(by: &str) -> String {
    let home = home().await;
    let database = Connection::open(home.path().join("errand.db")).unwrap();
    database.execute_batch(by).unwrap();
    drop(database);
    match audit(home.path()).await {
        Audit::Changed { problem } => problem,
        other => panic!("`{by}` was not found: {other:?}"),
    }
}

#[tokio::test]
async fn a_run_that_was_left_alone_is_whole() {
    let home = home().await;
    let Audit::Whole { events, head } = audit(home.path()).await else { panic!("changed") };
    assert_eq!((events, head.len()), (6, 64));
    // It goes on in another process.
    let store = Store::open(home.path()).unwrap();
    store.append(&run(), 6, &planned("more")).await.unwrap();
    let Audit::Whole { events, head: after } = audit(home.path()).await else { panic!("changed") };
    assert_eq!(events, 7);
    assert_ne!(head, after);
}

#[tokio::test]
async fn every_flipped_byte_of_an_event_is_found() {
    let home = home().await;
    let store = Store::open(home.path()).unwrap();
    let events = store.kept(&run()).await.unwrap();
    chained(&run(), &events).unwrap();
    for at in 0..events[2].json.len() {
        let mut events = events.clone();
        let mut bytes = std::mem::take(&mut events[2].json).into_bytes();
        bytes[at] ^= 1;
        events[2].json = String::from_utf8(bytes).unwrap();
        assert!(chained(&run(), &events).unwrap_err().starts_with("event 2 "), "byte {at}");
    }
}

#[tokio::test]
async fn what_another_hand_does_is_found() {
    let flipped = "UPDATE events SET json = replace(json, 'plan 3', 'plan 8') WHERE seq = 3";
    assert_eq!(changed(flipped).await, "event 3 is not what was written, or not where it was");
    assert_eq!(changed("DELETE FROM events WHERE seq = 2").await, "event 2 is gone");
    let closed = "DELETE FROM events WHERE seq = 2; UPDATE events SET seq = seq - 1 WHERE seq > 2";
    assert_eq!(changed(closed).await, "event 2 is not what was written, or not where it was");
    let swapped =
        "UPDATE events SET seq = 9 WHERE seq = 1; UPDATE events SET seq = 1 WHERE seq = 2;
                   UPDATE events SET seq = 2 WHERE seq = 9";
    assert_eq!(changed(swapped).await, "event 1 is not what was written, or not where it was");
    let moment = "UPDATE events SET at = 8 WHERE seq = 4";
    assert_eq!(changed(moment).await, "event 4 is not what was written, or not where it was");
    let unhashed = "UPDATE events SET hash = NULL";
    assert_eq!(changed(unhashed).await, "event 0 is not what was written, or not where it was");
}

#[tokio::test]
async fn a_run_that_is_cut_short_after_its_end_is_found() {
    let cut = "DELETE FROM events WHERE seq = 5";
    let problem = "what came after event 4 is gone: the run was cut short";
    assert_eq!(changed(cut).await, problem);
    let hidden = "DELETE FROM events WHERE seq = 5; UPDATE runs SET status = 'running'";
    assert_eq!(changed(hidden).await, problem);
    let all = "DELETE FROM events";
    assert_eq!(changed(all).await, "what came after event 0 is gone: the run was cut short");
    let reopened = "UPDATE runs SET status = 'running'";
    assert_eq!(changed(reopened).await, "the run has ended, and its row says that it has not");
}

#[tokio::test]
async fn a_run_from_before_there_were_chains_is_said_to_have_none() {
    let home = home().await;
    let database = Connection::open(home.path().join("errand.db")).unwrap();
    database
        .execute_batch(
            "ALTER TABLE events DROP COLUMN hash; ALTER TABLE runs DROP COLUMN head;
             ALTER TABLE runs DROP COLUMN imported; PRAGMA user_version = 3",
        )
        .unwrap();
    drop(database);
    assert_eq!(audit(home.path()).await, Audit::Unchained { events: 6 });
    // A new event brings the format up to date, and does not claim what it cannot know.
    let store = Store::open(home.path()).unwrap();
    store.append(&run(), 6, &planned("more")).await.unwrap();
    assert_eq!(audit(home.path()).await, Audit::Unchained { events: 7 });
}

#[tokio::test]
async fn a_run_that_is_not_over_is_not_taken_in() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path()).unwrap();
    store.append(&run(), 0, &planned("x")).await.unwrap();
    let events = store.kept(&run()).await.unwrap();
    let other = tempfile::tempdir().unwrap();
    let other = Store::open(other.path()).unwrap();
    let refused = other
        .import(&[Foreign { run: run(), events, blobs: Default::default() }])
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("it has no beginning"), "{refused}");
}
