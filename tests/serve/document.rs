//! The OpenAPI document against the server, by requests that schemathesis makes of it.

use std::process::{Command, Stdio};

use super::client::{ADA, Serve, file};
use crate::place::{Place, say};
use crate::venv;

/// Of these the document says what is needed and leaves the rest to their own documentation, so a request that it
/// allows may be refused.
const ELSEWHERE: &str = "^/(v1/(chat/completions|completions|responses|embeddings|triggers)|a2a)";

#[test]
fn requests_that_schemathesis_makes_of_the_document() {
    let python = match venv::with("schemathesis", "schemathesis", &["schemathesis==4.32.5"]) {
        Ok(python) => python,
        Err(why) => return println!("left out: schemathesis cannot be had: {why}"),
    };
    let place = Place::bare();
    place.agent(
        "act = \"tools\"\ntask = \"{{ what }}\"\n[params]\nwhat = { type = \"string\" }",
        "",
        &[say("Done.")],
    );
    file(&place, &["helper"], "requests_per_minute = 1000000\nconcurrent = 100\nclient_s = 5");
    let serve = Serve::start(&place);
    let ran = |path: &str, excluded: &[&str]| {
        let mut command = Command::new(python.with_file_name("schemathesis"));
        command.args(["run", &format!("http://{}/openapi.json", serve.at), "-c", "all"]);
        command.args(["-H", &format!("Authorization: Bearer {ADA}"), path, ELSEWHERE]);
        command.args(["--phases", "fuzzing", "-n", "20", "--seed", "1", "--request-timeout", "10"]);
        command.args(["--max-time", "12", "--no-color"]).args(excluded);
        // It writes what it has tried into the folder where it runs.
        let ran = command.current_dir(place.path("")).stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&ran.stdout).into_owned();
        assert!(ran.status.success(), "{said}");
        assert!(said.contains("Test cases:"), "{said}");
    };
    std::thread::scope(|scope| {
        scope.spawn(|| ran("--exclude-path-regex", &[]));
        scope.spawn(|| {
            ran("--include-path-regex", &["--exclude-checks", "positive_data_acceptance"]);
        });
    });
    assert_eq!(serve.get("/v1/models", ADA).status, 200);
}
