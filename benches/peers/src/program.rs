//! A program for each call: started, given its arguments, waited for. Nothing confines it.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::arguments;

/// One call.
pub(crate) fn run(program: &Path, words: &[&Path]) -> Result<Value> {
    let mut child = Command::new(program)
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| program.display().to_string())?;
    let mut stdin = child.stdin.take().context("no standard input")?;
    stdin.write_all(arguments().to_string().as_bytes())?;
    drop(stdin);
    let ended = child.wait_with_output()?;
    ensure!(ended.status.success(), "{} ended with {}", program.display(), ended.status);
    Ok(serde_json::from_slice(&ended.stdout)?)
}
