//! Where the answer of a run goes: stdout, or a file that is written whole or not at all.

use std::fs;
use std::path::{Path, PathBuf};

use errand::Finished;

use super::terminal::{Usage, data, eprint};

/// What is printed of a run beside `--json`.
#[derive(clap::Args, Clone, Default)]
pub(crate) struct Answer {
    /// Write the answer to this file instead of stdout: whole, or not at all where there is none
    #[arg(short, long = "out", value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print the answer and errors, and nothing of what happens meanwhile
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

impl Answer {
    /// Says before any work is done that the file cannot be written.
    pub(crate) fn check(&self) -> Result<(), Usage> {
        let Some(out) = &self.out else { return Ok(()) };
        let shown = out.display();
        let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty());
        match folder.unwrap_or(Path::new(".")) {
            folder if !folder.is_dir() => Err(Usage(format!(
                "`{shown}` cannot be written: there is no folder `{}`",
                folder.display()
            ))),
            _ if out.is_dir() => Err(Usage(format!(
                "`{shown}` cannot be written: it is a folder\nhint: name a file in it"
            ))),
            _ => Ok(()),
        }
    }

    /// Whether a file is wanted.
    pub(crate) fn written(&self) -> bool {
        self.out.is_some()
    }

    /// Gives the answer away. Without an outcome a file stays what it was.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn give(&self, end: &Finished, text: &str) -> anyhow::Result<()> {
        let Some(out) = &self.out else {
            data(text);
            return Ok(());
        };
        let shown = out.display();
        if end.outcome.reason.is_some() {
            if !self.quiet {
                eprint(&format!("  `{shown}` was not written: the run did not come to its end"));
            }
            return Ok(());
        }
        let bytes = format!("{text}\n");
        // A device or a pipe cannot be replaced by a file.
        let written = match fs::metadata(out).is_ok_and(|there| !there.is_file()) {
            true => fs::write(out, bytes),
            false => ::tools::whole::write(out, bytes.as_bytes()),
        };
        written.map_err(|error| {
            let again = format!("`errand runs resume {}` prints the answer again", end.run);
            anyhow::anyhow!("`{shown}` cannot be written: {error}\nhint: {again}")
        })
    }
}
