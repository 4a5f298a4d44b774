//! What an MCP server writes, any bytes: it is greeted, asked for its tools, and one of them is called. It
//! has tools that can be agreed to and a result, or an error that says why not.
#![no_main]

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use tokio::runtime::Runtime;
use tools::mcp::heard;

/// Its clock moves on whenever all wait, so that a server that says nothing costs no time.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().start_paused(true).build().expect("a runtime")
});

fuzz_target!(|bytes: &[u8]| {
    let began = Instant::now();
    let said = RUNTIME.block_on(heard(bytes, Duration::from_secs(5)));
    assert!(began.elapsed() < Duration::from_secs(4), "nothing takes long");
    let Ok((offered, called)) = said else { return };
    for tool in &offered.pinned.tools {
        assert!(!tool.name.is_empty() && tool.name.len() <= 128, "{:?}", tool.name);
        assert!(!tool.description.contains('\u{1b}'), "{:?}", tool.description);
    }
    if let Some(Ok(result)) = called {
        assert!(result.to_string().len() < 8 << 20);
    }
});
