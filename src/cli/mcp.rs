//! `errand mcp`: what an agent file's MCP servers offer, and the user's approval to it; and agents as a
//! server's tools. A server that cannot be looked at says why and what it may need, and leaves the others usable.

mod login;
mod serve;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use ::tools::lock::Lock;
use ::tools::mcp::{Offered, advice};
use agent_core::mcp::{Pinned, Server};
use agent_file::{Checked, Looked};
use text::head;

use super::confirm::confirmed;
use super::run::{How, open, runtime};
use super::terminal::{Usage, eprint, say};

/// The subcommands of `errand mcp`.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Show the tools of the servers, and pin them in errand.lock
    Pin {
        /// The agent file
        file: PathBuf,
        /// Only these servers. Left out: those whose tools `[tools] use` names, or all where it
        /// names none
        servers: Vec<String>,
        /// Agree without being asked
        #[arg(long)]
        yes: bool,
    },
    /// Offer agents as the tools of an MCP server, over standard input and output
    Serve(serve::Args),
    /// Sign in at a server over HTTP that wants OAuth: prints the address to open in a browser
    Login(login::In),
    /// Forget what a server lets you in with
    Logout {
        /// The agent file
        file: PathBuf,
        /// The server, where there are several
        server: Option<String>,
    },
}

/// What a confined program is and may; made by errand.
#[derive(clap::Args)]
pub(crate) struct Confined {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    words: Vec<OsString>,
}

pub(crate) fn main(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Pin { file, servers, yes } => pin(file, servers, yes),
        Command::Serve(args) => serve::main(&args),
        Command::Login(wanted) => login::main(wanted),
        Command::Logout { file, server } => login::out(&file, server.as_deref()),
    }
}

fn pin(file: PathBuf, named: Vec<String>, yes: bool) -> anyhow::Result<ExitCode> {
    let looked = Checked::servers(&file)?;
    if looked.servers.is_empty() && looked.broken.is_empty() {
        eprint("this agent file names no MCP servers");
        return Ok(ExitCode::SUCCESS);
    }
    let chosen = chosen(&looked, &named)?;
    let mut lock = Lock::read(&looked.folder).map_err(|error| Usage(error.to_string()))?;
    let errand = open(How { json: false, offline: true })?;
    let cells = errand.cells(&file, looked.servers.values());
    let servers: BTreeMap<&String, &Server> =
        looked.servers.iter().filter(|(name, _)| chosen.contains(*name)).collect();
    let mut failed = false;
    for (name, reason) in looked.broken.iter().filter(|(name, _)| chosen.contains(*name)) {
        failed = true;
        eprint(&format!("error: server `{name}` cannot be used: {reason}"));
    }
    let mut offered: BTreeMap<String, Pinned> = BTreeMap::new();
    let mut news = false;
    for (name, found) in runtime()?.block_on(errand.offered(&servers, &cells))? {
        match found {
            Ok(found) => {
                news |= show(name, lock.servers.get(name), &found);
                offered.insert(name.clone(), found.pinned);
            }
            Err(error) => {
                failed = true;
                eprint(&format!("error: {error}"));
                let lines = advice(name, servers[name], &error.to_string());
                lines.iter().for_each(|line| eprint(line));
            }
        }
    }
    passed_over(&looked, &chosen);
    // Where no server is used yet, one that works is what was looked for.
    let wanted = !named.is_empty() || !looked.used.is_empty();
    let code = match failed && (wanted || offered.is_empty()) {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    };
    if !news {
        return Ok(code);
    }
    if !confirmed(yes, "pin these tools?", "`--yes` agrees to what is shown")? {
        eprint("nothing was pinned");
        return Ok(ExitCode::FAILURE);
    }
    lock.servers.extend(offered);
    lock.write(&looked.folder)?;
    eprint("pinned in errand.lock");
    Ok(code)
}

/// Which servers are looked at.
fn chosen(looked: &Looked, named: &[String]) -> Result<BTreeSet<String>, Usage> {
    let all: BTreeSet<String> =
        looked.servers.keys().chain(looked.broken.keys()).cloned().collect();
    if let Some(unknown) = named.iter().find(|name| !all.contains(*name)) {
        let known: Vec<String> = all.iter().map(|name| format!("`{name}`")).collect();
        return Err(Usage(format!(
            "this agent file names no server `{unknown}`\nhint: there is {}",
            known.join(", ")
        )));
    }
    Ok(match (named.is_empty(), looked.used.is_empty()) {
        (false, _) => named.iter().cloned().collect(),
        (true, false) => looked.used.clone(),
        (true, true) => all,
    })
}

/// Shows what a server offers beside what was agreed to, and says whether that is something new.
fn show(name: &str, old: Option<&Pinned>, found: &Offered) -> bool {
    let Offered { pinned, remarks } = found;
    let state = match old {
        None => "new",
        Some(old) if old.digest == pinned.digest => "as it was pinned",
        Some(_) => "changed since it was pinned",
    };
    let tools = if pinned.tools.len() == 1 { "tool" } else { "tools" };
    say(&format!("{name}: {} {tools}, {state}", pinned.tools.len()));
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
    remarks.iter().for_each(|remark| say(&format!("  ! {remark}")));
    old != Some(pinned)
}

fn passed_over(looked: &Looked, chosen: &BTreeSet<String>) {
    let names = looked.servers.keys().filter(|name| !chosen.contains(*name));
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    if !names.is_empty() {
        eprint(&format!(
            "not looked at, since they are not asked for: {}\nhint: their names after the agent file \
             ask for them",
            names.join(", ")
        ));
    }
}

#[cfg(target_os = "linux")]
pub(crate) fn confined(words: Confined) -> anyhow::Result<ExitCode> {
    Ok(::tools::process::confined(&words.words)?)
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn confined(_: Confined) -> anyhow::Result<ExitCode> {
    anyhow::bail!("programs are confined on Linux only")
}
