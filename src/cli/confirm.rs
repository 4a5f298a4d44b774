//! A yes or no of the person at the terminal.

use std::io::IsTerminal;

use super::live::{Usage, eprint};

/// Asks, where there is a terminal; `yes` is the answer already. Without both it is an error.
pub(crate) fn confirmed(yes: bool, question: &str, hint: &str) -> anyhow::Result<bool> {
    if yes {
        return Ok(true);
    }
    if !std::io::stdin().is_terminal() {
        return Err(Usage(format!("nobody can be asked here\nhint: {hint}")).into());
    }
    eprint(&format!("{question} [y/N]"));
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}
