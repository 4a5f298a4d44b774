//! The runs that are kept: found, told, removed.

use serde_json::json;

use crate::place::{Place, call, say};

/// Three runs, oldest first: one with an answer, one without, one that met a fault.
fn place() -> (Place, Vec<String>) {
    let place = Place::new();
    let schema = "[budget]\nsteps = 1\n[output.schema]\ntype = \"object\"";
    let mut runs = Vec::new();
    place.agent("task = \"What  is\\nin a?\"", "", &[say("A lamp.")]);
    runs.push(place.run().run());
    place.agent("", schema, &[say("no object")]);
    runs.push(place.run().run());
    let read = "[tools]\nuse = [\"files.read\"]\n[permissions]\nread = [\"a.txt\"]";
    place.write("a.txt", "a\n").agent(
        "",
        read,
        &[call([("files.read", json!({"path": "a.txt"}))])],
    );
    let agent = place.read("agent.toml").replace("name = \"test\"", "name = \"other\"");
    place.write("agent.toml", agent);
    runs.push(place.run().run());
    (place, runs)
}

#[test]
fn runs_are_listed_by_what_they_were_about() {
    let (place, runs) = place();
    let list = |args: &[&str]| {
        let ran = place.errand([&["runs", "list"], args].concat());
        assert_eq!(ran.code, Some(0), "{ran}");
        let lines = ran.out.lines().map(str::to_string);
        lines.map(|line| line.split("  ").next().unwrap().to_string()).collect::<Vec<_>>()
    };
    let [first, second, third] = [&*runs[0], &*runs[1], &*runs[2]];
    assert_eq!(list(&[]), [third, second, first]);
    assert_eq!(list(&["--limit", "1"]), [third]);
    assert_eq!(list(&["--agent", "test"]), [second, first]);
    assert_eq!(list(&["--outcome", "done"]), [first]);
    assert_eq!(list(&["--outcome", "interrupted"]), [third]);
    assert_eq!(list(&["--since", "1h", "--outcome", "steps"]), [second]);
    let ran = place.errand(["runs", "list", "--outcome", "done"]);
    assert!(ran.out.ends_with("  test: What is in a? → A lamp.\n"), "{ran}");
    assert!(ran.out.contains("  done         "), "{ran}");
    let line = &place.errand(["runs", "list", "--outcome", "done", "--json"]).lines()[0];
    assert_eq!(line["task"], "What  is\nin a?");
    assert_eq!(line["outcome"], json!({ "answer": "A lamp." }));
    assert_eq!(line["usage"]["steps"], 1);
    let none = place.errand(["runs", "list", "--agent", "nosuch"]);
    assert_eq!(none.err, "no such run; `errand runs list` lists them all\n");
    insta::assert_snapshot!(place.errand(["runs", "list", "--since", "yesterday"]).all(), @r"
    exit 2
    --- stderr
    error: invalid value 'yesterday' for '--since <AGE>': write a time such as `90s`, `30m`, `12h`, `7d` or `2w`

    For more information, try '--help'.
    ");
}

#[test]
fn a_run_is_named_in_short() {
    let (place, runs) = place();
    let shown = |named: &str| place.errand(["runs", "show", named]);
    assert_eq!(shown("latest").out, shown(&runs[2]).out);
    // What all three begin with, and a beginning that only one of them has.
    let common = runs[0].chars().zip(runs[1].chars()).zip(runs[2].chars());
    let common = common.take_while(|((a, b), c)| a == b && b == c).count();
    assert!(common > 2, "{runs:?}");
    let several = shown(&runs[0][..common]);
    assert_eq!(several.code, Some(1));
    assert!(
        several.err.contains("is the beginning of several runs\nhint: write more of it: `"),
        "{several}"
    );
    let whole = runs[0].len();
    let one = (common..=whole)
        .find(|end| runs.iter().filter(|run| run.starts_with(&runs[0][..*end])).count() == 1);
    assert_eq!(shown(&runs[0][..one.unwrap()]).out, shown(&runs[0]).out);
    let resumed = place.errand(["runs", "resume", &runs[0][..one.unwrap()]]);
    assert_eq!(resumed.out, "A lamp.\n", "{resumed}");
    assert_eq!(shown("").code, Some(1));
    let none = Place::bare().errand(["runs", "resume", "latest"]);
    assert_eq!(none.err, "error: there is no run yet\n");
}

#[test]
fn old_runs_are_removed_when_it_is_said() {
    let (place, runs) = place();
    let prune = |args: &[&str]| place.errand([&["runs", "prune"], args].concat());
    let left = || place.errand(["runs", "list", "--json"]).lines().len();
    insta::assert_snapshot!(prune(&[]).all());
    let unasked = prune(&["--keep", "0"]);
    assert_eq!(unasked.code, Some(2), "{unasked}");
    assert!(unasked.err.contains("2 runs, begun "), "{unasked}");
    assert!(
        unasked.err.contains("error: there is no terminal to ask on\nhint: `--yes` removes"),
        "{unasked}"
    );
    assert_eq!(prune(&["--older-than", "1h", "--yes"]).err, "there is nothing to remove\n");
    assert_eq!(left(), 3);
    let dry = prune(&["--keep", "0", "--dry-run", "--json"]).lines().remove(0);
    assert_eq!(dry["runs"], json!([runs[1], runs[0]]));
    assert!(dry["bytes"].as_u64().unwrap() > 500 && dry["removed"] == json!([]), "{dry}");
    // Of the latest two, what can be resumed stays; so one goes.
    let one = prune(&["--keep", "2", "--yes", "--json"]).lines().remove(0);
    assert_eq!(one["removed"], json!([runs[0]]));
    assert_eq!(left(), 2);
    let ran = prune(&["--older-than", "0s", "--unfinished", "--yes"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "removed 2 runs\n"), "{ran}");
    assert_eq!(left(), 0);
    assert_eq!(place.errand(["runs", "show", &runs[0]]).code, Some(1));
    // The journal goes on.
    assert_eq!(place.errand(["run", "agent.toml"]).code, Some(1));
    assert_eq!(left(), 1);
}
