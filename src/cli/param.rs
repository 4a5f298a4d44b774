//! `-p key=value`, as every command that reads an agent file takes it.

use std::io::{IsTerminal, Read};

use super::terminal::{Usage, eprint};

/// The longest text that is taken from standard input, in bytes.
const LONGEST: u64 = 4 << 20;

/// Splits each `key=value` at its first `=`. The value of `key=@-` is what standard input holds;
/// that of `key=@file` is left to the check of the agent file.
pub(crate) fn pairs(params: &[String]) -> Result<Vec<(String, String)>, Usage> {
    let mut piped: Option<&String> = None;
    let mut pairs = Vec::new();
    for param in params {
        let (key, value) = param.split_once('=').ok_or_else(|| {
            Usage(format!("`-p {param}` is no `key=value`\nhint: write `-p question=\"…\"`"))
        })?;
        let key = key.trim().to_string();
        if value != "@-" {
            pairs.push((key, value.to_string()));
            continue;
        }
        if let Some(other) = piped.replace(param) {
            return Err(Usage(format!(
                "`-p {param}` and `-p {other}` both take standard input, which is there once\nhint: \
                 write one of them to a file: `-p {key}=@FILE`"
            )));
        }
        pairs.push((key, literal(&input()?)));
    }
    Ok(pairs)
}

/// The first that takes standard input, as it was written.
pub(crate) fn piped(params: &[String]) -> Option<&String> {
    params.iter().find(|param| param.split_once('=').is_some_and(|(_, value)| value == "@-"))
}

/// A value as it is, whatever it begins with.
pub(crate) fn literal(value: &str) -> String {
    match value.starts_with('@') {
        true => format!("@{value}"),
        false => value.to_string(),
    }
}

/// All of standard input, without the end of its last line.
pub(crate) fn input() -> Result<String, Usage> {
    let mut stdin = std::io::stdin();
    if stdin.is_terminal() {
        eprint("reading standard input; Ctrl-D ends it");
    }
    let mut bytes = Vec::new();
    let read = stdin.by_ref().take(LONGEST + 1).read_to_end(&mut bytes);
    read.map_err(|error| Usage(format!("standard input cannot be read: {error}")))?;
    if bytes.len() as u64 > LONGEST {
        let hint = "name a file in the task and let the agent read it";
        let most = LONGEST >> 20;
        return Err(Usage(format!("standard input holds more than {most} MiB\nhint: {hint}")));
    }
    let text = text::utf8::of(&bytes).map_err(|_| {
        Usage("standard input is no UTF-8 text\nhint: convert it first, or grant a file".into())
    })?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    Ok(text.strip_suffix('\r').unwrap_or(text).to_string())
}
