//! What was changed between the beginning of a run and its resume: the run goes on with what it was
//! begun with, or stops and says what is another.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::json;

use crate::place::{Place, call, say};

fn waiting(place: &Place) -> String {
    let tables = "[tools]\nuse = [\"files.*\"]\n[permissions]\nread = [\"docs\"]\n\
                  write = [\"out\"]\nask = [\"files.read\"]\n";
    let replies = [call([("files.read", json!({ "path": "docs/a.md" }))]), say("done")];
    place.agent("act = \"tools\"", tables, &replies);
    let ran = place.run();
    assert_eq!(ran.code, Some(3), "{ran}");
    [ran.run(), ran.waits()].join(" ")
}

fn resume(place: &Place, waiting: &str) -> crate::place::Ran {
    let (run, waits) = waiting.split_once(' ').unwrap();
    place.resume(run, &["--approve", waits])
}

#[test]
fn a_granted_folder_is_swapped_for_a_link_before_the_resume() {
    let place = Place::new();
    place.write("docs/a.md", "public").write("other/a.md", "hunter2").write("out/.keep", "");
    let run = waiting(&place);
    fs::rename(place.path("docs"), place.path("docs-away")).unwrap();
    symlink("other", place.path("docs")).unwrap();
    let ran = resume(&place, &run);
    assert_eq!(ran.code, Some(1), "{ran}");
    let said = "`HERE/docs` was `HERE/docs` when the run began, and is `HERE/other` now";
    assert!(ran.all().contains(said), "{ran}");
    assert!(!ran.all().contains("hunter2"), "{ran}");
    fs::remove_file(place.path("docs")).unwrap();
    fs::rename(place.path("docs-away"), place.path("docs")).unwrap();
    let ran = resume(&place, &run);
    assert_eq!(ran.code, Some(0), "{ran}");
}

#[test]
fn a_granted_link_leads_elsewhere_at_the_resume() {
    let place = Place::new();
    place.write("real/a.md", "public").write("other/a.md", "hunter2");
    symlink("real", place.path("docs")).unwrap();
    let run = waiting(&place);
    fs::remove_file(place.path("docs")).unwrap();
    symlink("other", place.path("docs")).unwrap();
    let ran = resume(&place, &run);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.all().contains("was `HERE/real` when the run began"), "{ran}");
    fs::remove_file(place.path("docs")).unwrap();
    symlink("real", place.path("docs")).unwrap();
    assert_eq!(resume(&place, &run).code, Some(0));
}

/// What may be written need not be there when the run begins.
#[test]
fn a_granted_folder_that_was_missing_is_a_link_at_the_resume() {
    let place = Place::new();
    place.write("docs/a.md", "public").write("other/a.md", "x");
    let run = waiting(&place);
    symlink("other", place.path("out")).unwrap();
    let ran = resume(&place, &run);
    assert_eq!(ran.code, Some(1), "{ran}");
    fs::remove_file(place.path("out")).unwrap();
    fs::create_dir(place.path("out")).unwrap();
    assert_eq!(resume(&place, &run).code, Some(0));
}
