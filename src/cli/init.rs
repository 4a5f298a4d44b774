//! `errand init`: an agent file that works and explains itself, and a folder for it to read.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;

use super::terminal::{Usage, say};

const AGENT: &str = include_str!("templates/agent.toml");
const DATA: &str = include_str!("templates/lighthouses.csv");

/// The arguments of `errand init`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A folder for the agent, or the agent file itself if it ends in `.toml`
    #[arg(default_value = ".")]
    to: PathBuf,
}

pub(crate) fn main(args: Args) -> anyhow::Result<ExitCode> {
    let file = match args.to.extension() {
        Some(end) if end == "toml" => args.to,
        _ => args.to.join("agent.toml"),
    };
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)
        .with_context(|| format!("the folder `{}` cannot be made", folder.display()))?;
    // A folder that is called so already is the user's own, and all that the agent needs.
    let docs = folder.join("docs");
    write_new(&file, &AGENT.replacen("\"hello\"", &format!("{:?}", name(folder)), 1))?;
    say(&format!("wrote {}", file.display()));
    if !docs.exists() {
        fs::create_dir(&docs).with_context(|| format!("`{}` cannot be made", docs.display()))?;
        let data = docs.join("lighthouses.csv");
        write_new(&data, DATA)?;
        say(&format!("wrote {}", data.display()));
    }
    say(&format!("\ncheck it: errand validate {0}\nrun it:   errand run {0}", file.display()));
    Ok(ExitCode::SUCCESS)
}

fn write_new(path: &Path, text: &str) -> anyhow::Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).open(path);
    if file.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::AlreadyExists) {
        let path = path.display();
        let hint = "`errand init` never overwrites: name another file or folder";
        return Err(Usage(format!("`{path}` is already there\nhint: {hint}")).into());
    }
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("`{}` cannot be written", path.display()))
}

/// What the agent is called: like its folder, as far as a name can hold it.
fn name(folder: &Path) -> String {
    let folder = Path::new(".").join(folder).canonicalize().unwrap_or_default();
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let legal = |c: &char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '.' | '_' | '-');
    let name: String = name.chars().filter(legal).take(64).collect();
    let name = name.trim_start_matches(|c: char| !c.is_alphanumeric());
    if name.is_empty() { "hello".to_string() } else { name.to_string() }
}
