//! `errand report`: a research's report to read, to keep and to check.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use agent_core::event::RunId;
use errand::Errand;
use research::render::{Format, render};
use research::report::Report;
use serde_json::json;

use super::json::print;
use super::refetch::{self, Again, State};
use super::run::runtime;
use super::terminal::{Usage, data, say};

/// The subcommands of `errand report`.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Print a run's report, or that of a file; of a run that was stopped, what is known
    Show {
        /// A run's name, or a report's JSON file
        what: String,
        /// md, html, json (with the texts that it cites), bib (its sources for LaTeX) or csl (its
        /// sources as CSL-JSON); left out, what the file's name says, or md
        #[arg(long, conflicts_with = "json")]
        format: Option<Format>,
        /// The same as `--format json`
        #[arg(long)]
        json: bool,
        /// Write a file instead: .md, .html, .json, .bib or .csl.json
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Check that every citation of a report stands in its source, word for word
    ///
    /// Exit codes: 0 all of them do; 1 some do not, or with --refetch not any more; 4 none is known
    /// not to, but a page cannot be read now.
    Check {
        /// The report's JSON file, as `errand report show RUN --out report.json` writes it
        file: PathBuf,
        /// Read every source again, and say which of them changed. Only public addresses are reached
        #[arg(long)]
        refetch: bool,
        /// Another host that may be reached, as under [permissions] net: `127.0.0.1:8080`; may be
        /// repeated
        #[arg(long, value_name = "HOST:PORT", requires = "refetch")]
        net: Vec<String>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Print the JSON Schema of a report
    Schema,
}

pub(crate) fn main(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Show { what, format, json, out } => {
            let asked = if json { Some(Format::Json) } else { format };
            let out = out.map(|file| Out::new(file, asked)).transpose()?;
            let report = match Path::new(&what).is_file() {
                true => read(Path::new(&what))?,
                false => of_run(&runtime()?.block_on(Errand::open()?.find(&what))?)?,
            };
            match out {
                Some(out) => out.write(&report)?,
                None => {
                    let format = asked.unwrap_or(Format::Markdown);
                    let text = render(&report, format)?;
                    data(&match format {
                        Format::Json | Format::Csl => guard::visible_json(text.trim_end()),
                        _ => text.trim_end().into(),
                    });
                }
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Check { file, refetch, net, json } => {
            let net = refetch::rules(&net)?;
            let report = read(&file)?;
            let again = if refetch { Some(refetch::all(&report, net)?) } else { None };
            Ok(checked(&report, again.as_deref(), json))
        }
        Command::Schema => {
            say(&serde_json::to_string_pretty(&Report::schema())?);
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Prints what is wrong with a report, by itself and with its sources as they are now.
fn checked(report: &Report, again: Option<&[Again]>, json: bool) -> ExitCode {
    let faults = report.faults();
    let citations: usize = report.claims().map(|(_, claim)| claim.citations.len()).sum();
    if json {
        let mut told = json!({ "citations": citations, "faults": faults });
        if let Some(again) = again {
            told["sources"] = json!(again);
        }
        print(&told);
    } else {
        faults.iter().for_each(|fault| say(&::research::render::plain(fault)));
        say(&format!("{citations} citations, {} faults", faults.len()));
        again.into_iter().flatten().for_each(|page| say(&refetch::told(page)));
    }
    let mut again = again.into_iter().flatten();
    if !faults.is_empty() || again.clone().any(Again::lost) {
        ExitCode::FAILURE
    } else if again.any(|page| page.state == State::Unreadable) {
        ExitCode::from(UNREADABLE)
    } else {
        ExitCode::SUCCESS
    }
}

/// The exit code where a source cannot be read now, and nothing is known to be wrong.
const UNREADABLE: u8 = 4;

/// The largest report that is read, in bytes.
const LARGEST: u64 = 256 << 20;

/// A file that a report goes to.
pub(crate) struct Out {
    file: PathBuf,
    format: Format,
}

impl Out {
    /// The file, in the format that is asked for or that its name says; what cannot be meant is
    /// said before any work is done.
    pub(crate) fn new(file: PathBuf, format: Option<Format>) -> anyhow::Result<Out> {
        let format = match format {
            Some(format) => format,
            None => Format::of(&file).map_err(|unknown| Usage(unknown.to_string()))?,
        };
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
            return Err(Usage(format!(
                "`{}` cannot be written: there is no folder `{}`",
                file.display(),
                folder.display()
            ))
            .into());
        }
        Ok(Out { file, format })
    }

    /// Writes the report, whole or not at all.
    pub(crate) fn write(&self, report: &Report) -> anyhow::Result<()> {
        let text = render(report, self.format)?;
        let shown = self.file.display();
        ::tools::whole::write(&self.file, text.as_bytes())
            .map_err(|error| anyhow::anyhow!("`{shown}` cannot be written: {error}"))
    }
}

fn read(file: &Path) -> anyhow::Result<Report> {
    let shown = file.display();
    let bytes = guard::file::read(file, LARGEST)
        .map_err(|error| Usage(format!("`{shown}` cannot be read: {error}")))?;
    let report = serde_json::from_slice(&bytes).map_err(|error| {
        Usage(format!(
            "`{shown}` is no report: {error}\nhint: `errand report show RUN --out report.json` writes one"
        ))
    })?;
    Ok(report)
}

/// The report of a run, as far as it came.
pub(crate) fn of_run(id: &RunId) -> anyhow::Result<Report> {
    let report = runtime()?.block_on(Errand::open()?.report(id))?;
    report.ok_or_else(|| {
        Usage(format!(
            "run `{id}` is no research\nhint: `errand runs show {id}` prints what came of it"
        ))
        .into()
    })
}

/// Whether an agent's outcome is a report.
pub(crate) fn of(value: &serde_json::Value) -> Option<Report> {
    value.get("sections")?;
    serde_json::from_value(value.clone()).ok()
}
