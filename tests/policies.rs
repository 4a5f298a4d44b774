//! Policies of the user's own beside an agent file: they forbid and ask, and never allow.

use serde_json::json;

use crate::place::{Place, call, say};

/// The example of `docs/permissions.md`, for this folder.
fn example(place: &Place) -> String {
    let page = include_str!("../docs/permissions.md");
    let example = page.split("```cedar\n").nth(1).unwrap().split("```").next().unwrap();
    example.replace("FOLDER", &place.path("").canonicalize().unwrap().to_string_lossy())
}

fn writer(place: &Place, path: &str) {
    let write = call([("files.write", json!({ "path": path, "content": "x" }))]);
    place.agent(
        "act = \"tools\"",
        "[tools]\nuse = [\"files.write\"]\n[permissions]\nwrite = [\".\"]",
        &[write, say("done")],
    );
}

#[test]
fn a_policy_beside_the_agent_file_forbids_and_asks() {
    let place = Place::new();
    place.write("house.cedar", example(&place));
    let attempt = |path: &str| {
        writer(&place, path);
        place.run()
    };
    let allowed = attempt("out.txt");
    assert_eq!((allowed.code, &*place.read("out.txt")), (Some(0), "x"), "{allowed}");
    let forbidden = attempt("contracts/a.md");
    assert!(forbidden.out.contains("contracts are written by people"), "{forbidden}");
    assert!(!place.path("contracts/a.md").exists());
    let asked = attempt("reports/a.md");
    assert_eq!(asked.code, Some(3), "{asked}");
    assert!(asked.all().contains("a report is looked at before it is written"), "{asked}");
    assert!(!place.path("reports/a.md").exists());
}

#[test]
fn a_policy_that_would_allow_is_refused_with_its_file() {
    let place = Place::new();
    writer(&place, "out.txt");
    for (text, why) in [
        ("permit (principal, action, resource);", "`permit` is refused"),
        ("forbid (principal", "unexpected end"),
        ("@reason(\"r\") forbid (principal, action == Action::\"fly\", resource);", "fly"),
    ] {
        place.write("house.cedar", text);
        let refused = place.run();
        assert_eq!(refused.code, Some(2), "{refused}");
        assert!(refused.all().contains("house.cedar") && refused.all().contains(why), "{refused}");
    }
}

#[test]
fn no_agent_writes_a_policy() {
    let place = Place::new();
    writer(&place, "mine.cedar");
    let ran = place.run();
    assert!(!place.path("mine.cedar").exists(), "{ran}");
}

/// A run keeps the policies that it began with: taking the file away in between changes nothing.
#[test]
fn a_run_goes_on_under_the_policies_that_it_began_with() {
    let place = Place::new();
    place.write("house.cedar", example(&place));
    writer(&place, "reports/a.md");
    let waits = place.run();
    std::fs::remove_file(place.path("house.cedar")).unwrap();
    let resumed = place.resume(&waits.run(), &[]);
    assert_eq!(resumed.code, Some(3), "{resumed}");
    let approved = place.approve(&resumed);
    assert_eq!((approved.code, &*place.read("reports/a.md")), (Some(0), "x"), "{approved}");
}
