//! How a call ended, in words for the model: short, one sentence, nothing of the host in it.

use std::time::Duration;

use serde_json::Value;
use wasmtime::Trap;
use wasmtime_wasi::I32Exit;

use crate::limits::Hit;

/// What the guest said of itself, at most.
const LAST_WORDS: usize = 300;

/// The tool's result. `returned` is what `invoke` gave, or why it never did; `stderr` the end of
/// what the guest wrote there.
pub(crate) fn judge(
    returned: wasmtime::Result<Result<String, String>>,
    stderr: &str,
    output: usize,
) -> Result<Value, String> {
    match returned {
        Ok(Ok(text)) | Ok(Err(text)) if text.len() > output => Err(Hit::Output(output).to_string()),
        Ok(Ok(text)) => serde_json::from_str(&text)
            .map_err(|error| format!("the tool gave a result that is not JSON: {error}")),
        Ok(Err(failure)) => Err(failure),
        Err(error) => Err(stopped(&error, stderr)),
    }
}

fn stopped(error: &wasmtime::Error, stderr: &str) -> String {
    if let Some(hit) = error.downcast_ref::<Hit>() {
        return hit.to_string();
    }
    let what = if let Some(exit) = error.downcast_ref::<I32Exit>() {
        format!("the tool ended itself with status {}", exit.0)
    } else if let Some(trap) = error.downcast_ref::<Trap>() {
        match trap {
            Trap::StackOverflow => "the tool nested its calls too deeply".to_string(),
            Trap::UnreachableCodeReached => "the tool stopped with an error".to_string(),
            trap => format!("the tool stopped: {trap}"),
        }
    } else {
        format!("the tool stopped: {}", error.root_cause())
    };
    match last_words(stderr) {
        "" => what,
        words => format!("{what}: {words}"),
    }
}

/// The last line that says something, without the advice a Rust panic ends with.
fn last_words(stderr: &str) -> &str {
    let said = stderr.lines().map(str::trim).rfind(|line| {
        !line.is_empty() && !line.starts_with("note: ") && !line.starts_with("thread '")
    });
    let said = said.unwrap_or_default();
    let end = said.floor_char_boundary(LAST_WORDS);
    &said[..end]
}

/// Shown for a wait that took too long.
pub(crate) fn waited(time: Duration) -> String {
    format!("no answer within {}", crate::limits::time(time))
}
