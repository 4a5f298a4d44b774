//! `errand mcp`: what an agent file's MCP servers offer, and somebody's yes to it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use ::tools::lock::Lock;
use ::tools::mcp::Client;
use agent_core::agent_file::Checked;
use agent_core::mcp::Pinned;
use agent_core::run::head;

use super::confirm::confirmed;
use super::live::{Usage, eprint, say};
use super::run::{How, open, runtime};

/// The subcommands of `errand mcp`.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Show the tools of the servers, and pin them in errand.lock
    Pin {
        /// The agent file
        file: PathBuf,
        /// Agree without being asked
        #[arg(long)]
        yes: bool,
    },
}

/// What a confined program is and may; made by errand.
#[derive(clap::Args)]
pub(crate) struct Confined {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    words: Vec<OsString>,
}

pub(crate) fn main(command: Command) -> anyhow::Result<ExitCode> {
    let Command::Pin { file, yes } = command;
    let (folder, servers) = Checked::servers(&file)?;
    if servers.is_empty() {
        eprint("this agent file names no MCP servers");
        return Ok(ExitCode::SUCCESS);
    }
    let mut lock = Lock::read(&folder).map_err(|error| Usage(error.to_string()))?;
    let errand = open(How { json: false, offline: true })?;
    let cells = errand.cells(&file, servers.values());
    let offered: BTreeMap<String, Pinned> = runtime()?.block_on(async {
        let mut offered = BTreeMap::new();
        for (name, server) in servers {
            let pinned = Client::new(&name, server, cells.clone()).offered().await?;
            offered.insert(name, pinned);
        }
        anyhow::Ok(offered)
    })?;
    let mut news = false;
    for (name, pinned) in &offered {
        let old = lock.servers.get(name);
        let state = match old {
            None => "new",
            Some(old) if old.digest == pinned.digest => "as it was pinned",
            Some(_) => "changed since it was pinned",
        };
        news |= old.is_none_or(|old| old.digest != pinned.digest);
        say(&format!("{name}: {} tools, {state}", pinned.tools.len()));
        for tool in &pinned.tools {
            let known = old.and_then(|old| old.tools.iter().find(|old| old.name == tool.name));
            let mark = match known {
                Some(known) if known == tool => " ",
                Some(_) => "~",
                None => "+",
            };
            let effect = format!("{:?}", tool.effect).to_lowercase();
            let said = head(&tool.description, 160).replace('\n', " ");
            say(&format!("  {mark} {:<24} {effect:<10} {said}", tool.name));
        }
        let gone = old.iter().flat_map(|old| &old.tools);
        for tool in gone.filter(|tool| pinned.tools.iter().all(|new| new.name != tool.name)) {
            say(&format!("  - {}", tool.name));
        }
    }
    if !news {
        return Ok(ExitCode::SUCCESS);
    }
    if !confirmed(yes, "pin these tools?", "`--yes` agrees to what is shown")? {
        eprint("nothing was pinned");
        return Ok(ExitCode::FAILURE);
    }
    lock.servers.extend(offered);
    lock.write(&folder)?;
    eprint("pinned in errand.lock");
    Ok(ExitCode::SUCCESS)
}

#[cfg(target_os = "linux")]
pub(crate) fn confined(words: Confined) -> anyhow::Result<ExitCode> {
    ::tools::process::confined(&words.words).map_err(|reason| {
        anyhow::anyhow!(
            "it cannot be confined: {reason}\nhint: `unconfined = true` in the table of a server starts it \
             all the same, with all that its user may do"
        )
    })
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn confined(_: Confined) -> anyhow::Result<ExitCode> {
    anyhow::bail!("programs are confined on Linux only")
}
