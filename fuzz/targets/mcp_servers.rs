//! An `mcpServers` file of any bytes, as other programs may have written it.
#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use agent_file::Checked;
use libfuzzer_sys::fuzz_target;

static GROUND: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder").keep();
    let agent = "name = \"a\"\ntask = \"go\"\n[mcp]\nfile = \"mcp.json\"\n";
    fs::write(folder.join("agent.toml"), agent).expect("a file");
    folder
});

fuzz_target!(|bytes: &[u8]| {
    fs::write(GROUND.join("mcp.json"), bytes).expect("a file");
    match Checked::servers(&GROUND.join("agent.toml")) {
        Ok(looked) => {
            for (name, server) in looked.servers {
                assert!(!name.is_empty() && name.len() <= 32, "{name:?}");
                server.needs();
            }
        }
        Err(invalid) => assert!(invalid.to_string().starts_with("error: ")),
    }
});
