//! `errand tools new`: a project to write a tool in.

use std::path::PathBuf;
use std::process::ExitCode;

use tools::author::{self, AuthorError, Language};

use crate::cli::terminal::{Usage, say};

/// The arguments of `errand tools new`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// What the component is called; its tools are `NAME.TOOL`
    name: String,
    /// What it is written in: rust, python, javascript or c
    #[arg(long, value_name = "LANGUAGE")]
    lang: Language,
    /// A folder that is not there yet, or empty [default: the name]
    folder: Option<PathBuf>,
}

pub(crate) fn main(args: Args) -> anyhow::Result<ExitCode> {
    let folder = args.folder.unwrap_or_else(|| PathBuf::from(&args.name));
    let project = author::start(&args.name, args.lang, &folder).map_err(usage)?;
    let (name, folder) = (&project.name, folder.display());
    say(&format!("wrote {folder}: the tool `{name}.count` in {}, and its test", args.lang));
    say(&format!("\nwrite it: {folder}/{}", args.lang.main()));
    say(&format!("build it: errand tools build {folder}"));
    Ok(ExitCode::SUCCESS)
}

/// What can be put right on the command line ends with exit code 2.
pub(super) fn usage(error: AuthorError) -> anyhow::Error {
    if error.is_usage() { Usage(error.to_string()).into() } else { error.into() }
}
