//! An agent file of any bytes: an agent that can be made ready, or a report that can be shown.
#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use agent_core::strategy::Strategies;
use agent_core::tool::{Effect, ToolSpec};
use agent_file::{Checked, Known};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

/// A folder with what an agent file may point to.
static GROUND: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder").keep();
    for (name, text) in [
        ("replies.jsonl", ""),
        ("schema.json", r#"{"type":"object"}"#),
        ("mcp.json", r#"{"mcpServers":{"x":{"command":"sh"}}}"#),
        ("docs/a.md", "a"),
        ("other.toml", "name = \"other\"\ntask = \"go\"\n"),
    ] {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    folder
});

static TOOLS: LazyLock<Vec<ToolSpec>> = LazyLock::new(|| {
    let tool = |name: &str| ToolSpec {
        name: name.to_string(),
        description: String::new(),
        input: json!({ "type": "object" }),
        output: json!({}),
        effect: Effect::Reads,
    };
    ["files.read", "files.list", "files.search", "files.write", "web.read", "python"]
        .map(tool)
        .into()
});

fuzz_target!(|bytes: &[u8]| {
    let models = ["smollm2-135m".to_string()];
    let known = Known {
        left_out: &[],
        tools: &TOOLS,
        forms: &["web.search"],
        strategies: &Strategies::PLAIN,
        models: &models,
        default_model: "smollm2-135m",
        model_override: None,
        locked: &|_| Ok(Default::default()),
        policy_holds: &|_| Ok(()),
        decoder_holds: &|_| Ok(()),
    };
    let given = [("question".to_string(), "which?".to_string())];
    let invalid = match Checked::of(&GROUND.join("agent.toml"), bytes, &given, &known) {
        Ok(checked) => match checked.ready() {
            Ok(agent) => return assert!(agent.root.is_absolute()),
            Err(invalid) => invalid,
        },
        Err(invalid) => invalid,
    };
    let shown = invalid.to_string();
    assert!(shown.starts_with("error: "), "{shown}");
    assert!(!shown.contains('\u{1b}'), "a report that acts on a terminal: {shown:?}");
    assert!(invalid.to_json().is_object() || invalid.to_json().is_array());
});
