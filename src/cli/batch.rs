//! `errand batch`: an agent file, run once for each row of a table.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use errand::Reason;
use errand::batch::{Again, Batch, BatchError, Ended, Left, Limits, Order, Total};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use text::head;

use super::json::print;
use super::run::{How, open, runtime};
use super::stop::unless_stopped;
use super::terminal::{Usage, eprint};
use super::{age, param};

/// The most rows that are listed at the end.
const LISTED: usize = 20;

/// The arguments of `errand batch`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  errand batch agent.toml questions.csv --out answers.jsonl
  errand batch agent.toml mails.jsonl --out sorted.jsonl --jobs 8 --max-cost-usd 2
  errand batch agent.toml questions.csv --out answers.jsonl --again   once more what failed

The columns that are parameters of the agent file are their values; others are carried along.
A row's result is added to OUT when its run is over, and is on the disk before the next. Stopped
in any way, the same command goes on: no row is lost, and none is run twice. OUT.batch beside it
says which batch it is of. `errand runs show RUN` has each row's run.
Exit codes: 0 every row has an answer, 1 some have none, 2 usage, agent file or table.")]
pub(crate) struct Args {
    /// The agent file
    file: PathBuf,
    /// The table: .csv or .tsv with names in its first line, or .jsonl with an object a line
    inputs: PathBuf,
    /// The file that the results go to, one JSON object a line, in the order they come
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,
    /// How many rows at once; default: 4
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
    /// A parameter that all rows have in common; `key=@file` takes it from a file
    #[arg(short, long = "param", value_name = "KEY=VALUE")]
    params: Vec<String>,
    /// Another model than the agent file's: a catalog name, a path, or the endpoint's id
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Tokens that all rows together may take, those of earlier invocations among them
    #[arg(long, value_name = "N")]
    max_tokens: Option<u64>,
    /// US dollars that all rows together may cost; needs `cost_usd` in the agent file's [budget]
    #[arg(long, value_name = "USD", value_parser = dollars)]
    max_cost_usd: Option<f64>,
    /// How long this invocation may take, such as `30m` or `12h`
    #[arg(long, value_name = "TIME", value_parser = age::read)]
    max_time: Option<Duration>,
    /// Run once more the rows that ended without an answer
    #[arg(long)]
    again: bool,
    #[command(flatten)]
    how: How,
}

fn dollars(written: &str) -> Result<f64, String> {
    let usd = written.parse().ok().filter(|usd: &f64| usd.is_finite() && *usd > 0.0);
    usd.ok_or_else(|| "write a number above zero".to_string())
}

pub(crate) fn main(args: Args) -> anyhow::Result<ExitCode> {
    let order = Order {
        file: args.file,
        model: args.model,
        params: param::pairs(&args.params)?,
        inputs: args.inputs,
        out: args.out,
        jobs: args.jobs.map(usize::from),
        limits: Limits {
            tokens: args.max_tokens,
            cost_usd: args.max_cost_usd,
            time: args.max_time,
        },
        again: if args.again { Again::Failed } else { Again::Never },
    };
    let errand = open(args.how)?;
    let total = runtime()?.block_on(async {
        let batch = Batch::open(&errand, &order).await?;
        if !batch.carried.is_empty() {
            eprint(&format!("no parameter, carried along: {}", batch.carried.join(", ")));
        }
        let (rows, over) = batch.rows();
        if over > 0 {
            eprint(&format!("{over} of {rows} rows are over; going on with the rest"));
        }
        let mut progress = Progress::new(rows, over);
        let end = unless_stopped(batch.run(|ended| progress.ended(ended))).await;
        progress.bar.finish_and_clear();
        end.map_err(|error| BatchError::Fault(error.into()))?.transpose()
    });
    let total = total.map_err(|error| match error {
        BatchError::Usage(problem) => Usage(problem).into(),
        BatchError::Agent(invalid) => invalid.into(),
        BatchError::Fault(error) => error,
    })?;
    let Some(total) = total else {
        eprint("stopped; the same command goes on from here");
        return Ok(ExitCode::FAILURE);
    };
    if args.how.json {
        print(&object(&total));
    } else {
        eprint(&told(&total));
    }
    Ok(if total.answered == total.rows { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// How far it is: a line that is rewritten on a terminal, a line for each row elsewhere.
struct Progress {
    bar: ProgressBar,
    rows: usize,
    over: usize,
    /// Of this invocation.
    ended: u32,
    began: Instant,
}

impl Progress {
    fn new(rows: usize, over: usize) -> Progress {
        let bar = ProgressBar::new(rows as u64).with_position(over as u64);
        if let Ok(style) = ProgressStyle::with_template("  {bar:24} {msg}") {
            bar.set_style(style);
        }
        bar.set_message(format!("{over} of {rows}"));
        Progress { bar, rows, over, ended: 0, began: Instant::now() }
    }

    fn ended(&mut self, end: &Ended) {
        self.over += 1;
        self.ended += 1;
        let each = self.began.elapsed() / self.ended;
        let left = each.saturating_mul(u32::try_from(self.rows - self.over).unwrap_or(u32::MAX));
        let so_far = format!("{} of {}, about {} left", self.over, self.rows, roughly(left));
        if self.bar.is_hidden() {
            eprint(&format!("  {} ({so_far})", line(end)));
            return;
        }
        if end.finished.outcome.reason.is_some() {
            self.bar.println(guard::visible(&format!("  {}", line(end))));
        }
        self.bar.set_message(so_far);
        self.bar.set_position(self.over as u64);
    }
}

/// A row on one line.
fn line(end: &Ended) -> String {
    let Ended { row, finished } = end;
    let seconds = finished.spent.time_ms as f64 / 1000.0;
    let detail = finished.outcome.detail.as_deref().unwrap_or_default();
    match finished.outcome.reason {
        None => format!("row {row}: done, {seconds:.1} s"),
        Some(reason) if detail.is_empty() => format!("row {row}: {}", reason.as_str()),
        Some(_) => format!("row {row}: {}", head(detail, 160).replace('\n', " ")),
    }
}

/// A time in its largest unit.
fn roughly(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..=90 => format!("{seconds} s"),
        seconds @ 91..=5400 => format!("{} min", (seconds + 30) / 60),
        seconds => format!("{:.1} h", seconds as f64 / 3600.0),
    }
}

/// What a batch came to, for a person.
fn told(total: &Total) -> String {
    let Total { rows, answered, failed, left } = total;
    let mut text = format!("{answered} of {rows} rows have an answer");
    if !failed.is_empty() {
        let _ = write!(text, "; {} without one:", failed.len());
        for end in failed.iter().take(LISTED) {
            let _ = write!(text, "\n  {}", line(end));
        }
        if failed.len() > LISTED {
            let _ = write!(text, "\n  and {} more", failed.len() - LISTED);
        }
    }
    match left {
        Some((Left::Time, rows)) => {
            let _ = write!(text, "\nerror: the time is up: {rows} rows did not come to an end");
            text += "\nhint: the same command goes on";
        }
        Some((Left::Budget, rows)) => {
            let _ = write!(
                text,
                "\nerror: what is left of the batch's budget is less than one run may take: {rows} rows were not begun"
            );
            text += "\nhint: raise `--max-tokens` or `--max-cost-usd`; the same command goes on";
        }
        Some((Left::Faults, rows)) => {
            let _ = write!(
                text,
                "\nerror: one run after the other met a fault: {rows} rows were not begun"
            );
            text += "\nhint: the same command goes on once that is mended";
        }
        None => {}
    }
    if failed.iter().any(Ended::for_good) {
        text += "\nhint: `--again` runs once more what ended without an answer";
    }
    if let Some(end) =
        failed.iter().find(|end| end.finished.outcome.reason == Some(Reason::Approval))
    {
        let _ = write!(
            text,
            "\nhint: `errand runs resume {}` shows what it waits for and how to say yes to it; then the \
             same command",
            end.finished.run
        );
    }
    text
}

fn object(total: &Total) -> serde_json::Value {
    let failed = total.failed.iter().map(|end| {
        let outcome = &end.finished.outcome;
        json!({
            "row": end.row, "run": end.finished.run, "reason": outcome.reason,
            "detail": outcome.detail, "over": end.for_good(),
        })
    });
    json!({
        "rows": total.rows, "answered": total.answered, "failed": failed.collect::<Vec<_>>(),
        "left": total.left.map_or(0, |(_, rows)| rows),
    })
}
