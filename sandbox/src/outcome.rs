//! How a call ended, in words for the model: short, one sentence, nothing of the host in it.

use std::time::Duration;

use agent_core::tool::Limits;
use serde_json::Value;
use wasmtime::Trap;
use wasmtime_wasi::I32Exit;

use crate::host::Keys;
use crate::limits::Hit;

/// What the guest said of itself, at most.
const LAST_WORDS: usize = 300;

/// What is known of a call beside what it gave.
pub(crate) struct Said {
    /// The end of what the guest wrote to stderr.
    pub(crate) stderr: String,
    pub(crate) limits: Limits,
    /// What it could pass to the host at once, in bytes.
    pub(crate) carried: usize,
}

/// The tool's result. `returned` is what it gave, or why it never did.
pub(crate) fn judge(
    returned: wasmtime::Result<Result<String, String>>,
    said: &Said,
    keys: &Keys,
) -> Result<Value, String> {
    let (whole, failure) = (said.limits.whole(), said.limits.output);
    match returned {
        Ok(Ok(text)) if text.len() > whole => Err(Hit::Output(whole).to_string()),
        Ok(Err(text)) if text.len() > failure => Err(Hit::Output(failure).to_string()),
        Ok(Ok(text)) => serde_json::from_str(&keys.clean_text(text))
            .map_err(|error| format!("the tool gave a result that is not JSON: {error}")),
        Ok(Err(failure)) => Err(keys.clean_text(failure)),
        Err(error) => Err(keys.clean_text(stopped(&error, said))),
    }
}

/// Why a guest was stopped, or stopped itself.
pub(crate) fn stopped(error: &wasmtime::Error, said: &Said) -> String {
    if let Some(hit) = error.downcast_ref::<Hit>() {
        return hit.to_string();
    }
    let what = if let Some(exit) = error.downcast_ref::<I32Exit>() {
        format!("the tool ended itself with status {}", exit.0)
    } else if let Some(trap) = error.downcast_ref::<Trap>() {
        match trap {
            Trap::OutOfFuel => return Hit::Fuel(said.limits.fuel.unwrap_or_default()).to_string(),
            Trap::StackOverflow => "the tool nested its calls too deeply".to_string(),
            Trap::UnreachableCodeReached => "the tool stopped with an error".to_string(),
            trap => format!("the tool stopped: {trap}"),
        }
    } else {
        let reason = error.root_cause().to_string();
        // wasmtime has a type for this, and keeps it to itself.
        if reason.contains("allocated for hostcalls") {
            return Hit::Carried(said.carried).to_string();
        }
        format!("the tool stopped: {reason}")
    };
    match last_words(&said.stderr) {
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
