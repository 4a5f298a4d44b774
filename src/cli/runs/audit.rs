//! `errand runs verify`, `export`, `import` and `replay`: what a journal is worth to a person who was not there.

use std::fs::OpenOptions;
use std::io::{BufReader, BufWriter};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::ExitCode;

use agent_core::drive::{Person, Watch};
use anyhow::Context;
use errand::{Audit, Errand};
use serde_json::json;

use crate::cli::json::print;
use crate::cli::run::{Shown, code, given, runtime};
use crate::cli::terminal::{Usage, eprint, say};

/// The arguments of `errand runs verify`.
#[derive(clap::Args)]
#[command(
    after_help = "Each event's hash covers the one before. So a run that holds is known by the hash of its \
last event: keep what this prints elsewhere, and `--head` finds even a journal that was written anew as a whole.

Exit code: 0 it holds; 1 it was changed, or has no chain."
)]
pub(crate) struct Verify {
    /// The run: its name, a beginning of it that no other run has, or `latest`
    id: String,
    /// The hash that its last event had, as an earlier `verify` printed it
    #[arg(long, value_name = "HASH")]
    head: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn verify(args: &Verify) -> anyhow::Result<ExitCode> {
    let (errand, runtime) = (Errand::open()?, runtime()?);
    let id = runtime.block_on(errand.find(&args.id))?;
    let mut audit = runtime.block_on(errand.verify(&id))?;
    if let (Audit::Whole { head, .. }, Some(wanted)) = (&audit, &args.head)
        && !head.eq_ignore_ascii_case(wanted)
    {
        let problem = format!("its last event has the hash {head}, and not that of `--head`");
        audit = Audit::Changed { problem };
    }
    let (word, events, head, problem) = match &audit {
        Audit::Whole { events, head } => ("whole", Some(events), Some(head), None),
        Audit::Unchained { events } => ("unchained", Some(events), None, None),
        Audit::Changed { problem } => ("changed", None, None, Some(problem)),
    };
    if args.json {
        let found = json!({ "run": id, "journal": word, "events": events, "head": head, "problem": problem });
        print(&found);
    } else {
        say(&match &audit {
            Audit::Whole { events, head } => {
                format!("run {id} is whole: {events} events, head {head}")
            }
            Audit::Unchained { events } => format!(
                "run {id} has no chain: its {events} events were written before there was one, and nothing \
                 says whether they are what was written"
            ),
            Audit::Changed { problem } => format!("run {id} was changed: {problem}"),
        });
    }
    Ok(if matches!(audit, Audit::Whole { .. }) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

pub(super) fn export(named: &str, path: &Path) -> anyhow::Result<ExitCode> {
    let (errand, runtime) = (Errand::open()?, runtime()?);
    let id = runtime.block_on(errand.find(named))?;
    let shown = path.display();
    // For its user's eyes, as the journal is.
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let file = file.map_err(|error| Usage(format!("`{shown}`: {error}\nhint: name a new file")))?;
    let written = runtime.block_on(errand.export(&id, &mut BufWriter::new(file)));
    let runs = written.inspect_err(|_| {
        // Half a file is none.
        let _ = std::fs::remove_file(path);
    })?;
    eprint(&format!("wrote `{shown}`: run {id}{}", called(runs)));
    Ok(ExitCode::SUCCESS)
}

pub(super) fn import(path: &Path) -> anyhow::Result<ExitCode> {
    let shown = path.display();
    let file = guard::file::open(path).map_err(|error| Usage(format!("`{shown}`: {error}")))?;
    let (errand, runtime) = (Errand::open()?, runtime()?);
    let runs = runtime
        .block_on(errand.import(BufReader::new(file)))
        .map_err(|error| Usage(format!("`{shown}`: {error:#}")))?;
    let first = runs.first().map(ToString::to_string).unwrap_or_default();
    say(&format!("run {first}{} is here, to be looked at", called(runs.len())));
    Ok(ExitCode::SUCCESS)
}

fn called(runs: usize) -> String {
    match runs {
        0 | 1 => String::new(),
        more => format!(", with {} of the agents that it called", more - 1),
    }
}

/// The arguments of `errand runs replay`.
#[derive(clap::Args)]
#[command(
    after_help = "Without `--from`: asks no model and calls no tool. Each event is held against what the run \
would have done next, and each verdict against the policies. Exit code: 0 the same; 1 it went another way.

With `--from N`: begins another run that has the first N events of this one (`errand runs show` numbers them from \
0), and goes on from there, with `--model` or the same one. Calls after event N are made again, whatever they change."
)]
pub(crate) struct Replay {
    /// The run: its name, a beginning of it that no other run has, or `latest`
    id: String,
    /// Go on from here, as another run: how many of its events to keep
    #[arg(long, value_name = "N")]
    from: Option<usize>,
    /// The model of the other run: a catalog name, a path, or the endpoint's id
    #[arg(long, value_name = "NAME", requires = "from")]
    model: Option<String>,
    #[command(flatten)]
    shown: Shown,
}

pub(super) fn replay(args: &Replay) -> anyhow::Result<ExitCode> {
    let Replay { id, from, model, shown } = args;
    let errand = shown.open()?;
    let id = runtime()?.block_on(errand.find(id))?;
    if let Some(from) = *from {
        let fork = runtime()?.block_on(errand.fork(&id, from))?;
        let resume = async |watch: &dyn Watch, person: Option<&dyn Person>| {
            errand.resume(&fork, None, model.as_deref(), watch, person).await
        };
        return Ok(code(&given(shown, resume)?));
    }
    let replayed =
        runtime()?.block_on(errand.replay(&id)).context("it cannot be gone through again")?;
    let same = replayed.differences.is_empty();
    if shown.json() {
        let differences: Vec<_> = replayed
            .differences
            .iter()
            .map(|it| json!({ "event": it.seq, "recorded": it.recorded, "replayed": it.replayed }))
            .collect();
        print(
            &json!({ "run": id, "events": replayed.events, "same": same, "differences": differences }),
        );
    } else {
        for it in &replayed.differences {
            say(&format!("{:>4}  {}  – replayed: {}", it.seq, it.recorded, it.replayed));
        }
        say(&match same {
            true => format!("run {id} goes the same way again: {} events", replayed.events),
            false => format!("run {id} goes another way at {} events", replayed.differences.len()),
        });
    }
    Ok(if same { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
