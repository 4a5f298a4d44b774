//! `errand tools build`: the component of a tool's project, with the tools of its language.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use tools::author::{Built, Kit, Project};

use super::new::usage;
use crate::cli::run::{How, open, runtime};
use crate::cli::terminal::say;

/// The arguments of `errand tools build`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The project's folder
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Where to put the component [default: NAME.wasm in the project's folder]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(crate) fn main(args: Args) -> anyhow::Result<ExitCode> {
    let project = Project::open(&args.folder).map_err(usage)?;
    let errand = open(How { json: false, offline: false })?;
    let fetcher = errand.fetcher();
    let folder = fetcher.home().root().join("toolchains");
    let kit = Kit { folder, python: fetcher.python().to_path_buf() };
    let wheel = match project.package(&kit) {
        Some(package) => {
            let fetcher = errand.fetcher();
            fetcher.begin(&fetcher.plan(&[package]))?;
            Some(runtime()?.block_on(fetcher.file(package))?)
        }
        None => None,
    };
    // Without the `./` that a folder `.` would bring.
    let folder = args.folder.components().collect::<PathBuf>();
    let file = format!("{}.wasm", project.name);
    let out = args.out.unwrap_or_else(|| match folder.to_str() {
        Some(".") => PathBuf::from(file),
        _ => folder.join(file),
    });
    let built = project.build(&kit, wheel.as_deref(), &out).map_err(usage)?;
    let (shown, size) = (out.display(), fs::metadata(&out)?.len().div_ceil(1000));
    match built {
        Built::New => say(&format!("built {shown}: {size} kB of {}", project.language)),
        Built::Unchanged => say(&format!("{shown} is up to date: {size} kB")),
    }
    say("");
    if out.with_extension("test.jsonl").is_file() {
        say(&format!("try it: errand tools test {shown}"));
    }
    say(&format!("use it: errand tools add {shown}, beside an agent file"));
    Ok(ExitCode::SUCCESS)
}
