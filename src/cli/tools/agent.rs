//! An agent file and its lock while they are changed: both change, or neither.

use std::fs;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use agent_core::agent_file::Checked;
use anyhow::Context;
use errand::Errand;
use tools::lock::Lock;
use tools::whole;

use crate::cli::live::{Usage, eprint};

/// Which agent a command is about.
#[derive(clap::Args)]
pub(super) struct Which {
    /// The agent file
    #[arg(long = "agent", value_name = "FILE", default_value = "agent.toml")]
    pub(super) file: PathBuf,
}

/// How a change is agreed to and told.
#[derive(clap::Args, Clone, Copy)]
pub(super) struct How {
    /// Agree to what is shown, without being asked
    #[arg(short, long)]
    yes: bool,
    /// Print one JSON object; needs `--yes`
    #[arg(long)]
    pub(super) json: bool,
}

/// An agent file, its lock, and the folder of both.
pub(super) struct Files {
    pub(super) file: PathBuf,
    pub(super) folder: PathBuf,
    pub(super) text: String,
    pub(super) lock: Lock,
}

impl Files {
    pub(super) fn read(which: &Which) -> anyhow::Result<Files> {
        let file = which.file.clone();
        let text = fs::read_to_string(&file).map_err(|error| {
            let shown = file.display();
            let hint = "name it with `--agent FILE`; `errand init` writes one to begin with";
            Usage(format!("the agent file `{shown}` cannot be read: {error}\nhint: {hint}"))
        })?;
        let folder = std::path::absolute(&file)?;
        let folder = folder.parent().unwrap_or(Path::new("/")).canonicalize()?;
        let lock = Lock::read(&folder)
            .map_err(|error| Usage(format!("{error}\nhint: remove the line, or add it again")))?;
        Ok(Files { file, folder, text, lock })
    }

    /// The name and the file of a component that the agent has.
    pub(super) fn component(&self, name: &str) -> anyhow::Result<PathBuf> {
        let components = tools::edit::components(&self.text)?;
        let found = components.into_iter().find(|(known, _)| known == name);
        let (_, file) = found.ok_or_else(|| {
            let file = self.file.display();
            Usage(format!("`{file}` has no component `{name}`\nhint: `errand tools list --agent {file}` names what it has"))
        })?;
        Ok(self.folder.join(file))
    }

    /// Puts a new text and a new lock in place, and a component's bytes where there are some. What
    /// would not be a right agent file is not written at all.
    pub(super) fn replace(
        &self,
        errand: &Errand,
        text: &str,
        lock: &Lock,
        component: Option<(&Path, &[u8])>,
    ) -> anyhow::Result<Checked> {
        let before = component.map(|(path, _)| fs::read(path).ok());
        let undo = || {
            if let (Some((path, _)), Some(before)) = (component, &before) {
                // What cannot be undone is named by the error that made it necessary.
                let _undone = match before {
                    Some(bytes) => whole::write(path, bytes),
                    None => fs::remove_file(path),
                };
            }
        };
        if let Some((path, bytes)) = component {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            let shown = path.display().to_string();
            whole::write(path, bytes).with_context(|| format!("`{shown}` cannot be written"))?;
        }
        let written = errand.check_text(&self.file, text, lock).map_err(Into::into).and_then(
            |checked| -> anyhow::Result<Checked> {
                lock.write(&self.folder)?;
                whole::write(&self.file, text.as_bytes()).or_else(|error| {
                    self.lock.write(&self.folder)?;
                    Err(error).with_context(|| format!("`{}`", self.file.display()))
                })?;
                Ok(checked)
            },
        );
        written.inspect_err(|_| undo())
    }
}

/// Whether somebody agrees. With nobody to ask it is an error.
pub(super) fn agreed(how: How, question: &str) -> anyhow::Result<bool> {
    if how.yes {
        return Ok(true);
    }
    if how.json || !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        let hint = "`--yes` agrees to what is shown above";
        return Err(Usage(format!("nobody is here to agree\nhint: {hint}")).into());
    }
    eprint(&format!("{question} [y/N] "));
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}
