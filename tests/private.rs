//! What errand keeps is for its user alone, and what a file was kept from others for stays kept.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::place::{Place, call, say};

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

fn set(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// All that is in a home and that another user could read, write or enter.
fn exposed(home: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![home.to_path_buf()];
    while let Some(path) = folders.pop() {
        let what = fs::symlink_metadata(&path).unwrap();
        if what.mode() & 0o077 != 0 {
            found.push(format!("{} {:o}", path.display(), what.mode() & 0o777));
        }
        if what.is_dir() {
            folders.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    found
}

/// An agent whose one call is in the journal.
fn reads(place: &Place) {
    place.write("a.txt", "what only its user may read\n");
    let tables = "[tools]\nuse = [\"files.read\"]\n[permissions]\nread = [\"a.txt\"]\n";
    let read = call([("files.read", json!({ "path": "a.txt" }))]);
    place.agent("act = \"tools\"", tables, &[read, say("done")]);
}

#[test]
fn a_journal_that_others_can_read() {
    let place = Place::bare();
    reads(&place);
    // Nothing of it depends on what the shell's umask is.
    let errand = env!("CARGO_BIN_EXE_errand");
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "umask 0; exec \"$0\" run agent.toml", errand])
        .current_dir(place.path(""))
        .env("ERRAND_HOME", place.home());
    let ran = place.ran(&shell.output().unwrap());
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(place.home().join("errand.db").exists());
    assert_eq!(exposed(&place.home()), [""; 0]);
}

#[test]
fn a_home_that_an_older_version_left_open() {
    let place = Place::bare();
    reads(&place);
    assert_eq!(place.run().code, Some(0));
    let home = place.home();
    fs::create_dir_all(home.join("models/a")).unwrap();
    fs::write(home.join("models/a/model.json"), "{}").unwrap();
    for folder in ["", "models", "models/a", "drives", "cache"] {
        set(&home.join(folder), 0o755);
    }
    for file in ["errand.db", "models/a/model.json"] {
        set(&home.join(file), 0o644);
    }
    let ran = place.errand(["runs", "list"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert_eq!(exposed(&home), [""; 0]);
}

#[test]
fn a_home_where_everybody_may_write() {
    let place = Place::bare();
    reads(&place);
    place.write("home/errand.db", "other");
    set(&place.home(), 0o777);
    let ran = place.run();
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.err.contains("`HERE/home` cannot be kept private: any user can write there"));
    assert!(ran.err.contains("hint: give errand a folder of its own"), "{ran}");
    assert_eq!(fs::read_dir(place.home()).unwrap().count(), 1);
}

/// The draft of a file that replaces another was readable by others until it had its name.
#[test]
fn a_private_file_that_is_replaced_and_a_setuid_bit_that_is_kept() {
    let place = Place::new();
    for (file, mode) in [("key", 0o600), ("tool", 0o4755), ("group", 0o2775), ("plain", 0o644)] {
        place.write(format!("out/{file}"), "before");
        set(&place.path(format!("out/{file}")), mode);
    }
    let write = |file: &str| {
        call([("files.write", json!({ "path": format!("out/{file}"), "content": "after" }))])
    };
    let mut replies: Vec<_> = ["key", "tool", "group", "plain"].map(write).to_vec();
    replies.push(say("done"));
    let tables = "[tools]\nuse = [\"files.write\"]\n[permissions]\nwrite = [\"out\"]\n";
    let ran = place.agent("act = \"tools\"", tables, &replies).run();
    assert_eq!(ran.code, Some(0), "{ran}");
    for (file, expected) in [("key", 0o600), ("tool", 0o755), ("group", 0o775), ("plain", 0o644)] {
        assert_eq!(place.read(format!("out/{file}")), "after");
        assert_eq!(mode(&place.path(format!("out/{file}"))), expected, "{file}");
    }
}
