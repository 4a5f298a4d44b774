//! What errand does, for who has to find out why: lines on standard error or in a file, and spans to
//! an OpenTelemetry collector. Neither holds what a model, a tool or a person said.

mod otlp;

use std::fs::OpenOptions;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Mutex;

use anyhow::Context;
use clap::Args;
use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::prelude::*;

use self::otlp::Exporter;
use super::terminal::Usage;

/// What is logged where nothing was said.
const DEFAULT: &str = "warn";

#[derive(Args)]
pub(crate) struct Logging {
    /// Log this much: `error`, `warn` (the default), `info` (each model call and tool call with its
    /// time), `debug`, or a filter such as `info,errand::pages=debug`
    #[arg(long, value_name = "FILTER", env = "ERRAND_LOG", global = true, hide_env_values = true)]
    log: Option<String>,
    /// Log into this file instead of standard error
    #[arg(
        long,
        value_name = "FILE",
        env = "ERRAND_LOG_FILE",
        global = true,
        hide_env_values = true
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
                let file = OpenOptions::new().append(true).create(true).open(path);
                let file = file.with_context(|| format!("the log file `{}`", path.display()))?;
                lines.with_writer(Mutex::new(file)).with_ansi(false).boxed()
            }
        };
        let exporter = Exporter::from_env()?;
        tracing_subscriber::registry()
            .with(lines.with_filter(filter))
            .with(exporter.as_ref().map(Exporter::layer))
            .init();
        Ok(Logged(exporter))
    }
}
