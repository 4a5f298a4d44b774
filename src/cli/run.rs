//! `errand run`: an agent file, run to its end.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agent_core::action::Action;
use agent_core::content::MOST_PARTS;
use agent_core::drive::{Person, Told, Unseen, Watch};
use agent_core::event::{Event, Outcome, Reason, RunId};
use agent_core::ledger::Spent;
use agent_core::run::Run;
use agent_core::sandbox::Remark;
use errand::{Errand, Finished};

use super::answer::Answer;
use super::json::Lines;
use super::models::Bars;
use super::stop::unless_stopped;
use super::task::{self, Grants, Made, What};
use super::terminal::{Live, Usage};
use super::{json, terminal};

/// The arguments of `errand run`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  errand run agent.toml -p question=\"Which lighthouse is the tallest?\"
  errand run agent.toml \"Which lighthouse is the tallest?\"   a task for an agent file
  errand run \"Which lighthouse is the tallest?\" --read .     no agent file: it may read here
  git diff | errand run \"Write a commit message.\" -p diff=@-
  errand run \"List the people in notes.md.\" --read notes.md --print > people.toml

An argument that names a file, or that is one word ending in `.toml`, is an agent file; anything
else of more than one word is a task.
Exit codes: 0 an outcome, 1 ended without one, 2 usage or agent file, 3 waiting for an approval.")]
pub(crate) struct Args {
    /// An agent file, and perhaps a task for it; or a task alone. `-`: the task is standard input
    #[arg(required = true, value_name = "FILE|TASK")]
    what: Vec<String>,
    /// A parameter's value; `key=@file` takes it from a file, `key=@-` from standard input, and a
    /// list takes several
    #[arg(short, long = "param", value_name = "KEY=VALUE")]
    params: Vec<String>,
    /// A PNG, JPEG, GIF or WebP image that the task is about; several may be given. The model must be one
    /// that is shown images
    #[arg(long = "image", value_name = "FILE")]
    images: Vec<PathBuf>,
    /// Another model than the agent file's: a catalog name, a path, or the endpoint's id
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    #[command(flatten)]
    shown: Shown,
    #[command(flatten)]
    grants: Grants,
}

/// How one run is shown, and where its answer goes.
#[derive(clap::Args, Clone, Default)]
pub(crate) struct Shown {
    #[command(flatten)]
    pub(crate) answer: Answer,
    #[command(flatten)]
    how: How,
}

impl Shown {
    /// Whether what is printed is JSON.
    pub(crate) fn json(&self) -> bool {
        self.how.json
    }

    /// What a run needs, with its progress drawn unless nothing is to be seen.
    pub(crate) fn open(&self) -> anyhow::Result<Errand> {
        match (self.answer.quiet, self.how.offline) {
            (false, _) => open(self.how),
            (true, false) => errand(),
            (true, true) => Ok(errand()?.offline()),
        }
    }
}

/// How a run is shown, and what it may fetch.
#[derive(clap::Args, Clone, Copy, Default)]
pub(crate) struct How {
    /// Print one JSON object a line on stdout: started, plan, call, verdict, log, progress,
    /// observation, rejected, note, finished
    #[arg(long)]
    pub(crate) json: bool,
    /// Fetch no model and no runtime: use what is already here
    #[arg(long)]
    pub(crate) offline: bool,
}

pub(crate) fn main(args: Args) -> anyhow::Result<ExitCode> {
    args.shown.answer.check()?;
    if args.what.iter().any(|word| word == "-")
        && let Some(param) = super::param::piped(&args.params)
    {
        return Err(Usage(format!(
            "`-` and `-p {param}` both take standard input, which is there once\nhint: write one of \
             them to a file: `-p {}FILE`",
            param.trim_end_matches('-')
        ))
        .into());
    }
    let what = What::of(&args.what, &args.grants)?;
    let params = super::param::pairs(&args.params)?;
    let told = attached(&args.images)?;
    let errand = args.shown.open()?;
    let agent = match what {
        What::File(file, task) => {
            let params = match task {
                Some(task) => task::beside(&errand, &file, params, &task)?,
                None => params,
            };
            errand.load(&file, &params, args.model.as_deref())?
        }
        What::Task(task) => {
            let made = Made::of(&task, &params, &args.grants, args.model.as_deref());
            let agent = made.agent(&errand, &params)?;
            if args.grants.print {
                terminal::data(made.text.trim_end());
                return Ok(ExitCode::SUCCESS);
            }
            if !args.shown.how.json && !args.shown.answer.quiet {
                made.show();
            }
            agent
        }
    };
    let run = async |watch: &dyn Watch, person: Option<&dyn Person>| {
        errand.run_with(agent, told, watch, person).await
    };
    Ok(code(&given(&args.shown, run)?))
}

/// What is attached to a task.
fn attached(images: &[PathBuf]) -> anyhow::Result<Told> {
    if images.len() > MOST_PARTS {
        return Err(Usage(format!(
            "`--image` is given {} times\nhint: a task takes at most {MOST_PARTS} images",
            images.len()
        ))
        .into());
    }
    let parts = images.iter().map(|file| Errand::image(file)).collect::<Result<_, _>>()?;
    Ok(Told { parts, ..Told::default() })
}

/// What a run needs. This program is the one that confines others.
pub(crate) fn errand() -> anyhow::Result<Errand> {
    Ok(Errand::open()?.confined_by(std::env::current_exe()?))
}

/// Likewise, with its progress drawn on stderr.
pub(crate) fn open(how: How) -> anyhow::Result<Errand> {
    let errand = errand()?.progress(Arc::new(Bars::default()));
    Ok(if how.offline { errand.offline() } else { errand })
}

/// Drives a run with an observer, and prints how it ended.
pub(crate) fn watched(
    how: How,
    run: impl AsyncFnOnce(&dyn Watch, Option<&dyn Person>) -> anyhow::Result<Finished>,
) -> anyhow::Result<Finished> {
    given(&Shown { how, ..Shown::default() }, run)
}

/// Likewise, with the answer where it is wanted. To be stopped drops the run: its journal is whole at every
/// moment, so there is nothing to tidy.
pub(crate) fn given(
    Shown { answer, how }: &Shown,
    run: impl AsyncFnOnce(&dyn Watch, Option<&dyn Person>) -> anyhow::Result<Finished>,
) -> anyhow::Result<Finished> {
    let live = Live::new();
    let shown: &dyn Watch = match how.json {
        true => &Lines,
        false if answer.quiet => &Unseen,
        false => &live,
    };
    let latest = Latest { shown, seen: Mutex::default() };
    let asks = !how.json && std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    let person: Option<&dyn Person> = if asks { Some(&live) } else { None };
    let runtime = runtime()?;
    let end = runtime.block_on(unless_stopped(run(&latest, person)));
    let_go(runtime);
    let end = match end?.transpose()?.or_else(|| latest.cancelled()) {
        Some(end) => end,
        None => anyhow::bail!("stopped before the run began"),
    };
    live.clear();
    if how.json {
        // A run that is over already has no event to show.
        if latest.cancelled().is_none() {
            json::started(&end.run);
        }
        json::finished(&end);
    }
    if let Some(text) = terminal::text(&end.outcome.value).filter(|_| !how.json || answer.written())
    {
        answer.give(&end, &text)?;
    }
    if !how.json {
        terminal::finished(&end, answer);
    }
    Ok(end)
}

/// The exit code of a run.
pub(crate) fn code(end: &Finished) -> ExitCode {
    match end.outcome.reason {
        None => ExitCode::SUCCESS,
        Some(Reason::Approval) => ExitCode::from(3),
        Some(_) => ExitCode::FAILURE,
    }
}

/// The program's one async runtime.
pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build()?)
}

/// Lets go of it, with what it still does: a thread that reads a line that no longer comes,
/// or loads a model that nothing waits for, holds nothing up.
pub(crate) fn let_go(runtime: tokio::runtime::Runtime) {
    runtime.shutdown_timeout(Duration::from_millis(200));
}

/// Remembers how far the run had come, for when it is stopped.
struct Latest<'a> {
    shown: &'a dyn Watch,
    seen: Mutex<Option<(RunId, Spent)>>,
}

impl Latest<'_> {
    fn cancelled(&self) -> Option<Finished> {
        let (run, spent) = self.seen.lock().ok()?.clone()?;
        let outcome = Outcome { reason: Some(Reason::Cancelled), ..Outcome::default() };
        Some(Finished { run, outcome, spent })
    }
}

impl Watch for Latest<'_> {
    fn event(&self, event: &Event, run: &Run) {
        // Of the run that was asked for, not of those that its agents began.
        if let Ok(mut seen) = self.seen.lock()
            && seen.as_ref().is_none_or(|(id, _)| id == run.id())
        {
            *seen = Some((run.id().clone(), *run.spent()));
        }
        self.shown.event(event, run);
    }

    fn text(&self, text: &str) {
        self.shown.text(text);
    }

    fn waits(&self, run: &RunId, action: &Action, reasons: &[String]) {
        self.shown.waits(run, action, reasons);
    }

    fn emit(&self, run: &RunId, call: &Action, remark: &Remark) {
        self.shown.emit(run, call, remark);
    }
}
