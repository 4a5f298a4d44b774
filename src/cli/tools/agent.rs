//! An agent file and its lock while they are changed: both change, or neither.

use std::fs;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use agent_core::agent::Agent;
use agent_core::component::{LARGEST, Locked, check_name, digest, qualified};
use agent_file::Checked;
use anyhow::Context;
use errand::Errand;
use tools::lock::Lock;
use tools::source::{Login, Source};
use tools::whole;

use super::add::fetched;
use crate::cli::confirm::answered;
use crate::cli::run::runtime;
use crate::cli::terminal::Usage;

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

/// How a registry is told who asks.
#[derive(clap::Args)]
pub(super) struct Registry {
    /// For an `oci://` source that is not public: the environment variable that holds
    /// `USER:PASSWORD`
    #[arg(long, value_name = "VARIABLE")]
    login: Option<String>,
}

impl Registry {
    pub(super) fn login(&self) -> anyhow::Result<Option<Login>> {
        let Some(variable) = &self.login else { return Ok(None) };
        let login = std::env::var(variable).ok().as_deref().and_then(Login::parse);
        let problem = format!("the environment variable `{variable}` does not hold a login");
        let hint = "it is `USER:PASSWORD`; of a token the user is often free to choose";
        Ok(Some(login.ok_or_else(|| Usage(format!("{problem}\nhint: {hint}")))?))
    }
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
        let text = guard::file::read_text(&file, LARGEST as u64).map_err(|error| {
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
        let before = component.map(|(path, _)| guard::file::read(path, LARGEST as u64).ok());
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

/// An agent that has this component and nothing else, for looking at what it does: nothing is
/// granted. And what the component is called.
pub(super) fn alone(errand: &Errand, file: &Path) -> anyhow::Result<(String, Agent)> {
    let shown = file.display().to_string();
    let source = Source::File(file.to_path_buf());
    let name = source.stem().unwrap_or_default();
    check_name(&name).map_err(|problem| Usage(format!("`{shown}`: `{name}` {problem}")))?;
    let (bytes, manifest) = runtime()?.block_on(async {
        let bytes = fetched(&source, None).await?;
        let manifest = errand
            .describe(&bytes)
            .await
            .map_err(|error| Usage(format!("`{shown}` cannot be used: {error:#}")))?;
        anyhow::Ok((bytes, manifest))
    })?;
    let at = file.canonicalize()?;
    let names: Vec<String> = manifest.tools.iter().map(|spec| qualified(&name, spec)).collect();
    let none = "name = \"alone\"\ntask = \"none\"\n";
    let text = tools::edit::add(none, &name, &at.to_string_lossy(), &names)?;
    let mut lock = Lock::default();
    let locked = Locked { source: shown, sha256: digest(&bytes), manifest };
    lock.components.insert(name.clone(), locked);
    let folder = at.parent().unwrap_or(Path::new("/"));
    Ok((name, errand.check_text(&folder.join("agent.toml"), &text, &lock)?.agent))
}

/// Whether the user agrees. Without a terminal it is an error.
pub(super) fn agreed(how: How, question: &str) -> anyhow::Result<bool> {
    if how.yes {
        return Ok(true);
    }
    if how.json || !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        let hint = "`--yes` agrees to what is shown above";
        return Err(Usage(format!("there is no terminal to confirm on\nhint: {hint}")).into());
    }
    Ok(matches!(answered(&format!("{question} [y/N] "))?.trim(), "y" | "Y" | "yes"))
}
