//! A file of policies of any text: refused, or the chain that an agent is judged by can be made with it,
//! gives a verdict, and allows nothing more.
#![no_main]

use std::path::PathBuf;

use agent_core::action::{Action, CallId, Capability, Decision};
use agent_core::permission::{Grants, OwnRules};
use agent_core::policy::Policy;
use libfuzzer_sys::fuzz_target;
use policies::Cedar;
use serde_json::json;

fn grants() -> Grants {
    Grants {
        root: PathBuf::from("/a"),
        read: vec![PathBuf::from("/a/docs")],
        tools: vec!["files.read".to_string()],
        ..Grants::default()
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(()) = policies::own::check(text) else { return };
    let rules = vec![OwnRules { file: "own.cedar".to_string(), text: text.to_string() }];
    let cedar = Cedar::new(&Grants { rules, ..grants() }).expect("what was checked can be used");
    for path in ["/a/docs/b.md", "/a/other.md"] {
        let action = Action {
            id: CallId("c1".to_string()),
            tool: "files.read".to_string(),
            arguments: json!({ "path": path }),
            capabilities: vec![Capability::Read(PathBuf::from(path))],
            taint: Vec::new(),
        };
        let verdict = cedar.judge(&action);
        let before = Cedar::new(&grants()).expect("grants").judge(&action);
        assert!(before.decision == Decision::Allow || verdict.decision != Decision::Allow);
    }
});
