//! `errand runs prune`: removes runs that are old, or beyond the latest few.

use std::process::ExitCode;
use std::time::Duration;

use errand::{Errand, RunRow, Status, Which};
use models::home::size;
use serde_json::json;

use crate::cli::age::{self, ago};
use crate::cli::confirm::confirmed;
use crate::cli::json::print;
use crate::cli::run::runtime;
use crate::cli::terminal::{eprint, say};

/// The arguments of `errand runs prune`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  errand runs prune --older-than 30d            what nothing happened to for 30 days
  errand runs prune --keep 100 --yes            all but the latest 100
  errand runs prune --keep 100 --older-than 7d  all but the latest 100 and those of this week

What can still be resumed stays without `--unfinished`, and what a process drives stays always.
Reports that were written to files stay; pages that were read are `errand self prune --all`'s.")]
#[command(group = clap::ArgGroup::new("which").required(true).multiple(true))]
pub(crate) struct Args {
    /// Those to which nothing has happened for so long, such as `12h`, `30d` or `8w`
    #[arg(long, value_name = "AGE", value_parser = age::read, group = "which")]
    older_than: Option<Duration>,
    /// All but the latest so many
    #[arg(long, value_name = "N", group = "which")]
    keep: Option<usize>,
    /// Also those that could be resumed: interrupted ones, and those that wait for an approval
    #[arg(long)]
    unfinished: bool,
    /// Only say what would be removed
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Print one JSON object; needs `--yes` or `--dry-run`
    #[arg(long)]
    json: bool,
}

pub(super) fn main(args: Args) -> anyhow::Result<ExitCode> {
    let (errand, runtime) = (Errand::open()?, runtime()?);
    let all = Which { limit: usize::MAX, ..Which::default() };
    // Newest first.
    let sizes = runtime.block_on(errand.sizes(&all))?;
    let until = args.older_than.map_or(u64::MAX, age::before);
    let goes = |row: &RunRow| {
        let over = !matches!(row.status, Status::Running | Status::Interrupted | Status::Waiting);
        row.updated < until && (over || args.unfinished && row.status != Status::Running)
    };
    let found: Vec<_> =
        sizes.into_iter().skip(args.keep.unwrap_or(0)).filter(|(row, _)| goes(row)).collect();
    let bytes = found.iter().map(|(_, bytes)| bytes).sum();
    if !args.json {
        eprint(&told(&found, bytes));
    }
    let ask = !found.is_empty() && !args.dry_run;
    let hint = "`--yes` removes what is shown, `--dry-run` only shows it";
    let sure = ask && confirmed(args.yes, "remove them for good?", hint)?;
    let runs: Vec<_> = found.into_iter().map(|(row, _)| row.id).collect();
    let removed = if sure { runtime.block_on(errand.forget(&runs))? } else { Vec::new() };
    if args.json {
        let left: Vec<_> = runs.iter().filter(|run| sure && !removed.contains(run)).collect();
        print(&json!({
            "dry_run": args.dry_run, "runs": runs, "bytes": bytes, "removed": removed, "busy": left,
        }));
        return Ok(ExitCode::SUCCESS);
    }
    if ask && !sure {
        eprint("nothing was removed");
        return Ok(ExitCode::FAILURE);
    }
    if sure {
        say(&format!("removed {}", count(removed.len())));
        if removed.len() < runs.len() {
            eprint("left: what another process drives now");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What is about to be removed.
fn told(found: &[(RunRow, u64)], bytes: u64) -> String {
    let (Some((newest, _)), Some((oldest, _))) = (found.first(), found.last()) else {
        return "there is nothing to remove".to_string();
    };
    let when = match found.len() {
        1 => format!("begun {}", ago(newest.created)),
        _ => format!("begun {} to {}", ago(oldest.created), ago(newest.created)),
    };
    format!("{}, {when}, of {} in the journal", count(found.len()), size(bytes))
}

fn count(runs: usize) -> String {
    format!("{runs} run{}", if runs == 1 { "" } else { "s" })
}
