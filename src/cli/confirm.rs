//! A yes or no of the person at the terminal.

use std::io::IsTerminal;

use rustix::termios::{QueueSelector, tcflush};

use super::terminal::{Usage, eprint};

/// Asks, where there is a terminal; `yes` is the answer already. Without both it is an error.
pub(crate) fn confirmed(yes: bool, question: &str, hint: &str) -> anyhow::Result<bool> {
    if yes {
        return Ok(true);
    }
    if !std::io::stdin().is_terminal() {
        return Err(Usage(format!("there is no terminal to ask on\nhint: {hint}")).into());
    }
    Ok(matches!(answered(&format!("{question} [y/N]"))?.trim(), "y" | "Y" | "yes"))
}

/// The line that a person answers with. What was typed before this is asked is no answer to it.
pub(crate) fn answered(question: &str) -> std::io::Result<String> {
    let _none = tcflush(std::io::stdin(), QueueSelector::IFlush);
    eprint(question);
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(line)
}
