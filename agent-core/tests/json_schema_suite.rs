//! The JSON Schema Test Suite, the required tests of 2020-12, against the checker that every schema
//! of a tool and every argument goes through.
//!
//! The suite is data of others: it is in the source package of PyPI's `jsonschema`, which pip
//! fetches once, held to its SHA-256. `ERRAND_JSON_SCHEMA_SUITE` names a folder with another copy.
//! The checker fetches nothing, so it refuses a schema that refers to another document; such a
//! test is run with the other documents put into its own, as the specification bundles them
//! (2020-12 core, 9.3.1).
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use agent_core::schema::Checker;
use serde_json::{Map, Value, json};

const PACKAGE: &str = "jsonschema==4.26.0";
const SHA256: &str = "0c26707e2efad8aa1bfc5b7ce170f3fccc2e4918ff85989ba9ffa9facb2be326";

/// Where the suite's other documents are said to be.
const HOST: &str = "http://localhost:1234/";

/// The folder of the suite, or why there is none.
fn suite() -> Result<PathBuf, String> {
    if let Some(folder) = std::env::var_os("ERRAND_JSON_SCHEMA_SUITE") {
        return Ok(folder.into());
    }
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(&SHA256[..16]);
    if kept.join("tests").is_dir() {
        return Ok(kept);
    }
    let draft = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    fs::write(draft.path().join("wanted.txt"), format!("{PACKAGE} --hash=sha256:{SHA256}\n"))
        .unwrap();
    let run = |program: &str, words: &[&str]| {
        let ran = Command::new(program).args(words).current_dir(draft.path()).output();
        let ran = ran.map_err(|error| format!("{program}: {error}"))?;
        let said = String::from_utf8_lossy(&ran.stderr).trim().to_string();
        if ran.status.success() { Ok(()) } else { Err(said) }
    };
    // Only a source package has it. pip looks at the hash before it looks into the package.
    let pip = ["-m", "pip", "download", "--quiet", "--no-deps", "--no-binary=jsonschema"];
    run("python3", &[&pip[..], &["--require-hashes", "-r", "wanted.txt"]].concat())?;
    run("tar", &["-xzf", "jsonschema-4.26.0.tar.gz"])?;
    match fs::rename(draft.path().join("jsonschema-4.26.0/json"), &kept) {
        Err(error) if !kept.join("tests").is_dir() => Err(error.to_string()),
        _ => Ok(kept),
    }
}

/// Every JSON file below a folder, by its path from there.
fn documents(folder: &Path) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
        if path.is_dir() {
            let below = documents(&path);
            found.extend(below.into_iter().map(|(rest, it)| (format!("{name}/{rest}"), it)));
        } else if name.ends_with(".json") {
            found.insert(name, serde_json::from_slice(&fs::read(path).unwrap()).unwrap());
        }
    }
    found
}

/// The schema with all documents of the suite that it needs inside of it. A document that calls
/// itself something else than its address is also found by its address.
fn bundled(schema: &Value, remotes: &BTreeMap<String, Value>) -> Result<Checker, String> {
    let mut whole = schema.as_object().cloned().unwrap_or_default();
    let mut inside = Map::new();
    loop {
        let reason = match Checker::new(&Value::Object(whole.clone())) {
            Ok(checker) => return Ok(checker),
            Err(reason) => reason,
        };
        let missing =
            reason.split(HOST).nth(1).map(|rest| rest.split(['\'', '#', '`', ' ']).next());
        let Some(name) = missing.flatten().filter(|name| !inside.contains_key(*name)) else {
            return Err(reason);
        };
        let Some(document) = remotes.get(name) else { return Err(reason) };
        let address = format!("{HOST}{name}");
        let mut document = document.clone();
        if let Value::Object(fields) = &mut document {
            match fields.get("$id").and_then(Value::as_str) {
                None => _ = fields.insert("$id".to_string(), json!(address)),
                Some(own) if own == address => {}
                Some(own) => {
                    let own = json!({ "$id": address, "$ref": own });
                    inside.insert(format!("{name} by its address"), own);
                }
            }
        }
        inside.insert(name.to_string(), document);
        let definitions = whole.entry("$defs").or_insert_with(|| json!({}));
        definitions.as_object_mut().unwrap().extend(inside.clone());
    }
}

#[test]
fn json_schema_test_suite() {
    let tell = |line: String| _ = writeln!(std::io::stderr(), "{line}");
    let suite = match suite() {
        Ok(suite) => suite,
        Err(reason) => {
            return tell(format!("left out: the JSON Schema Test Suite cannot be had: {reason}"));
        }
    };
    let remotes = documents(&suite.join("remotes"));
    let mut files = documents(&suite.join("tests/draft2020-12"));
    files.retain(|name, _| !name.contains('/'));
    assert!(files.len() >= 40, "this is not the whole suite: {} files", files.len());

    let (mut alone, mut together, mut failed) = (0, 0, Vec::new());
    for (file, groups) in &files {
        for group in groups.as_array().unwrap() {
            let (schema, name) = (&group["schema"], &group["description"]);
            let (checker, count) = match Checker::new(schema) {
                Ok(checker) => (Ok(checker), &mut alone),
                Err(reason) if reason.contains(HOST) => (bundled(schema, &remotes), &mut together),
                Err(reason) => (Err(reason), &mut alone),
            };
            let checker = match checker {
                Ok(checker) => checker,
                Err(reason) => {
                    failed.push(format!("{file}: {name}: {reason}"));
                    continue;
                }
            };
            for test in group["tests"].as_array().unwrap() {
                *count += 1;
                let said = checker.check(&test["data"]);
                if said.is_ok() != test["valid"].as_bool().unwrap() {
                    failed.push(format!("{file}: {name}: {}: {said:?}", test["description"]));
                }
            }
        }
    }
    tell(format!(
        "JSON Schema Test Suite, 2020-12: {alone} tests as they stand, {together} with what they \
         refer to put inside"
    ));
    assert!(failed.is_empty(), "{} failed:\n{}", failed.len(), failed.join("\n"));
    assert!(alone > 1200 && together > 0, "{alone} + {together}");
}
