//! `errand self`: how much errand keeps on this machine, and how to be rid of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use errand::Errand;
use errand::home::{Extent, Form, HomeError, Kind, Unused, Usage};
use models::home::size;
use serde_json::{Value, json};

use super::confirm::confirmed;
use super::json::print;
use super::terminal::{self, eprint, say};

/// The most names of one kind on a line.
const NAMES: usize = 6;

/// The subcommands of `errand self`.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Show how much is kept under ERRAND_HOME, by kind, and how much of it is unused
    Size {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Remove what nothing uses any more: of other versions, half made, done with. Never a model, a
    /// run, or what tools keep
    Prune {
        /// Also what is made or fetched again when it is needed: compiled components, ONNX Runtime,
        /// the python component, toolchains, downloads on their way, web pages
        #[arg(long)]
        all: bool,
        /// Only say what would be removed
        #[arg(long)]
        dry_run: bool,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Remove everything under ERRAND_HOME, models and runs included
    Remove {
        /// Do not ask
        #[arg(long)]
        yes: bool,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

pub(crate) fn main(command: Command) -> anyhow::Result<ExitCode> {
    let errand = Errand::open()?;
    match command {
        Command::Size { json } => total(&errand, json),
        Command::Prune { all, dry_run, json } => {
            let extent = if all { Extent::Again } else { Extent::Unused };
            prune(&errand, extent, dry_run, json)
        }
        Command::Remove { yes, json } => remove(&errand, yes, json),
    }
}

fn total(errand: &Errand, json: bool) -> anyhow::Result<ExitCode> {
    let usage = errand.usage()?;
    let unused: u64 =
        errand.unused(&usage, Extent::Unused)?.iter().map(|unused| unused.entry.bytes).sum();
    if json {
        let kinds = kinds(&usage).map(|kind| (kind.name().to_string(), of(&usage, kind)));
        print(&json!({
            "home": usage.home, "bytes": usage.bytes(None), "unused": unused,
            "kinds": kinds.collect::<serde_json::Map<String, Value>>(),
        }));
        return Ok(ExitCode::SUCCESS);
    }
    say(&table(&usage));
    if unused > 0 {
        say(&format!("{} of it is unused: `errand self prune` removes that", size(unused)));
    }
    Ok(ExitCode::SUCCESS)
}

/// The kinds of which there is something.
fn kinds(usage: &Usage) -> impl Iterator<Item = Kind> {
    Kind::ALL.into_iter().filter(|kind| usage.entries.iter().any(|entry| entry.kind == *kind))
}

fn of(usage: &Usage, kind: Kind) -> Value {
    let entries = usage.entries.iter().filter(|entry| entry.kind == kind);
    let entries = entries.map(|entry| {
        let path = entry.path.strip_prefix(&usage.home).unwrap_or(&entry.path);
        json!({ "path": path, "bytes": entry.bytes, "link": entry.form == Form::Link })
    });
    json!({ "bytes": usage.bytes(Some(kind)), "entries": entries.collect::<Vec<_>>() })
}

/// A line for each kind.
fn table(usage: &Usage) -> String {
    let mut lines = vec![usage.home.display().to_string()];
    for kind in kinds(usage) {
        let mut line = format!(
            "  {:<11} {:>10}  {}",
            kind.name(),
            size(usage.bytes(Some(kind))),
            kind.about()
        );
        let entries = || usage.entries.iter().filter(|entry| entry.kind == kind);
        if matches!(kind, Kind::Models | Kind::Other) {
            let names: Vec<String> = entries().take(NAMES).map(|entry| entry.name()).collect();
            let more = if entries().count() > NAMES { ", …" } else { "" };
            line += &format!(": {}{more}", names.join(", "));
        }
        lines.push(line);
        for link in entries().filter(|entry| entry.form == Form::Link) {
            lines.push(format!(
                "  {:<11} {:>10}  `{}` is a link, and not followed",
                "",
                "",
                link.name()
            ));
        }
    }
    lines.push(format!("  {:<11} {:>10}", "total", size(usage.bytes(None))));
    lines.join("\n")
}

fn prune(errand: &Errand, extent: Extent, dry_run: bool, json: bool) -> anyhow::Result<ExitCode> {
    let usage = errand.usage()?;
    let (found, busy) = match dry_run {
        true => (errand.unused(&usage, extent)?, Vec::new()),
        false => {
            let pruned = errand.prune(extent)?;
            (pruned.removed, pruned.busy)
        }
    };
    let bytes: u64 = found.iter().map(|unused| unused.entry.bytes).sum();
    let short = |path: &PathBuf| path.strip_prefix(&usage.home).unwrap_or(path).to_path_buf();
    if json {
        let item = |unused: &Unused| {
            let Unused { entry, why, .. } = unused;
            json!({ "path": short(&entry.path), "bytes": entry.bytes, "why": why.name() })
        };
        print(&json!({
            "home": usage.home, "dry_run": dry_run, "bytes": bytes,
            "removed": found.iter().map(item).collect::<Vec<_>>(),
            "busy": busy.iter().map(short).collect::<Vec<_>>(),
        }));
        return Ok(ExitCode::SUCCESS);
    }
    // Pages are many, and each says the same.
    let mut lines: BTreeMap<(Kind, &str, String), (u64, usize)> = BTreeMap::new();
    for Unused { entry, why, .. } in &found {
        let name = if entry.kind == Kind::Pages {
            "pages".to_string()
        } else {
            short(&entry.path).display().to_string()
        };
        let line = lines.entry((entry.kind, why.about(), name)).or_default();
        *line = (line.0 + entry.bytes, line.1 + 1);
    }
    for ((_, why, name), (bytes, _)) in &lines {
        say(&format!("  {:>10}  {name}: {why}", size(*bytes)));
    }
    for path in &busy {
        eprint(&format!("left: another process works with `{}`", short(path).display()));
    }
    say(&match (found.is_empty(), dry_run) {
        (true, _) => "nothing is unused".to_string(),
        (false, true) => format!("{} would be removed", size(bytes)),
        (false, false) => format!("{} removed", size(bytes)),
    });
    Ok(ExitCode::SUCCESS)
}

fn remove(errand: &Errand, yes: bool, json: bool) -> anyhow::Result<ExitCode> {
    let usage = errand.removable().map_err(usage_or_not)?;
    if usage.entries.is_empty() && !usage.home.exists() {
        match json {
            true => print(&json!({ "home": usage.home, "bytes": 0 })),
            false => say(&format!("`{}` is not there", usage.home.display())),
        }
        return Ok(ExitCode::SUCCESS);
    }
    if !yes {
        eprint(&table(&usage));
    }
    let question = "remove all of it, models and runs included?";
    if !confirmed(yes, question, "`--yes` removes what is shown")? {
        eprint("nothing was removed");
        return Ok(ExitCode::FAILURE);
    }
    let removed = errand.remove().map_err(usage_or_not)?;
    match json {
        true => print(&json!({ "home": removed.home, "bytes": removed.bytes })),
        false => {
            say(&format!("removed {}: {}", removed.home.display(), size(removed.bytes)));
            let own = std::env::current_exe()?;
            say(&format!("the program itself is still there: {}", own.display()));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A folder that is not errand's is what the user said.
fn usage_or_not(error: HomeError) -> anyhow::Error {
    match error {
        HomeError::Foreign { .. } => terminal::Usage(error.to_string()).into(),
        error => error.into(),
    }
}
