//! What errand does, for who has to find out why: lines on standard error or in a file, and spans to
//! an OpenTelemetry collector. Neither holds what a model, a tool or a person said.

mod otlp;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Mutex;

use anyhow::Context;
use clap::Args;
use tracing_subscriber::filter::{EnvFilter, filter_fn};
use tracing_subscriber::fmt;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::prelude::*;

use self::otlp::Exporter;
use super::terminal::Usage;

/// What is logged where nothing was said.
const DEFAULT: &str = "warn";

/// The crates that are logged. What others say of a request may hold its address or its headers, and
/// a key with them.
const OWN: [&str; 10] = [
    "agent_core",
    "errand",
    "models",
    "policies",
    "research",
    "sandbox",
    "server",
    "stepwise",
    "store",
    "tools",
];

#[derive(Args)]
pub(crate) struct Logging {
    /// Log to standard error: `warn` (the default), `info` (model and tool calls, timed), `debug`
    #[arg(
        long,
        value_name = "FILTER",
        env = "ERRAND_LOG",
        global = true,
        hide_env = true,
        help_heading = "Logging"
    )]
    log: Option<String>,
    /// Log into this file instead
    #[arg(
        long,
        value_name = "FILE",
        env = "ERRAND_LOG_FILE",
        global = true,
        hide_env = true,
        help_heading = "Logging"
    )]
    log_file: Option<PathBuf>,
}

/// Sends what is left when the program is done.
pub(crate) struct Logged(Option<Exporter>);

impl Drop for Logged {
    fn drop(&mut self) {
        if let Some(exporter) = self.0.take() {
            exporter.finish();
        }
    }
}

/// Passes what errand's own crates say, whatever the level.
fn own<S>() -> impl tracing_subscriber::layer::Filter<S> {
    filter_fn(|about| {
        let part = about.target().split("::").next().unwrap_or_default();
        OWN.contains(&part)
    })
}

impl Logging {
    /// Begins to log.
    pub(crate) fn begin(self) -> anyhow::Result<Logged> {
        let said = self.log.as_deref().filter(|said| !said.is_empty()).unwrap_or(DEFAULT);
        let filter = EnvFilter::try_new(said).map_err(|error| {
            let hint = "such as `info` or `info,errand::pages=debug`";
            Usage(format!("`{said}` is no log filter: {error}\nhint: {hint}"))
        })?;
        let lines = fmt::layer().with_span_events(FmtSpan::CLOSE);
        let lines = match &self.log_file {
            None => {
                let ansi = std::io::stderr().is_terminal();
                lines.with_writer(std::io::stderr).with_ansi(ansi).boxed()
            }
            Some(path) => {
                let file = guard::file::append(path)
                    .with_context(|| format!("the log file `{}`", path.display()))?;
                lines.with_writer(Mutex::new(file)).with_ansi(false).boxed()
            }
        };
        let exporter = Exporter::from_env()?;
        tracing_subscriber::registry()
            .with(lines.with_filter(filter).with_filter(own()))
            .with(exporter.as_ref().map(|exporter| exporter.layer().with_filter(own())))
            .init();
        Ok(Logged(exporter))
    }
}
