//! `errand tools add`: an untrusted component becomes an agent's, once the user agreed to it.

use std::path::Path;
use std::process::ExitCode;

use agent_core::component::digest;
use agent_core::component::{Locked, check_name, qualified};
use agent_core::path::display;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use tools::source::{Login, Source};

use super::agent::{Files, How, Registry, Which, agreed};
use super::shown;
use crate::cli::json::print;
use crate::cli::run::{self, open, runtime};
use crate::cli::terminal::{Usage, say};

/// The arguments of `errand tools add`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A component: a path, or a URL (`https://`, `oci://`) that is fetched into `tools/` beside
    /// the agent file
    source: String,
    #[command(flatten)]
    which: Which,
    /// What its tools are called after; left out, the file's name
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    registry: Registry,
    #[command(flatten)]
    how: How,
}

pub(crate) fn main(args: Args) -> anyhow::Result<ExitCode> {
    let source = Source::parse(&args.source).map_err(|error| Usage(error.to_string()))?;
    let name = args.name.clone().or_else(|| source.stem()).unwrap_or_default();
    check_name(&name).map_err(|problem| {
        Usage(format!("`{name}` {problem}\nhint: say what it shall be called with `--name NAME`"))
    })?;
    let files = Files::read(&args.which)?;
    let errand = open(run::How { json: args.how.json, offline: true })?;
    let agent = errand.check(&files.file, &[])?.agent;
    if agent.components.iter().any(|pinned| pinned.name == name) {
        let hint = format!("`errand tools update {name}`, or another `--name`");
        return Err(Usage(format!("the agent has a component `{name}`\nhint: {hint}")).into());
    }
    let (bytes, manifest) = runtime()?.block_on(async {
        let bytes = fetched(&source, args.registry.login()?.as_ref()).await?;
        let manifest = errand
            .describe(&bytes)
            .await
            .map_err(|error| Usage(format!("`{}` cannot be added: {error:#}", args.source)))?;
        anyhow::Ok((bytes, manifest))
    })?;
    let (file, copied) = match &source {
        Source::File(path) => (display(&files.folder, &path.canonicalize()?), None),
        Source::Url(_) | Source::Image(_) => {
            let file = format!("tools/{name}.wasm");
            let at = files.folder.join(&file);
            if at.exists() {
                return Err(Usage(format!(
                    "`{file}` is already there\nhint: remove it, or say another `--name`"
                ))
                .into());
            }
            (file, Some(at))
        }
    };
    let from = if copied.is_some() { args.source.clone() } else { file.clone() };
    let locked = Locked { source: from, sha256: digest(&bytes), manifest };
    if !args.how.json {
        say(&shown::component(&name, &locked, Some((&agent.grants, &agent.secrets))));
    }
    if !agreed(args.how, &format!("add `{name}` to {}?", files.file.display()))? {
        say("nothing was changed");
        return Ok(ExitCode::FAILURE);
    }
    let names: Vec<String> =
        locked.manifest.tools.iter().map(|spec| qualified(&name, spec)).collect();
    let text = tools::edit::add(&files.text, &name, &file, &names)?;
    let mut lock = files.lock.clone();
    lock.components.insert(name.clone(), locked.clone());
    let put = copied.as_deref().map(|at: &Path| (at, bytes.as_slice()));
    files.replace(&errand, &text, &lock, put)?;
    if args.how.json {
        print(
            &json!({ "component": name, "file": file, "source": locked.source, "sha256": locked.sha256, "manifest": locked.manifest }),
        );
    } else {
        say(&format!("added to {}: {}", files.file.display(), names.join(", ")));
    }
    Ok(ExitCode::SUCCESS)
}

/// The bytes, with a bar while they come from far.
pub(super) async fn fetched(source: &Source, login: Option<&Login>) -> anyhow::Result<Vec<u8>> {
    let bar = ProgressBar::new(0);
    if let Ok(style) =
        ProgressStyle::with_template("  fetching {wide_bar} {bytes} of {total_bytes}")
    {
        bar.set_style(style);
    }
    let progress = |done: u64, total: Option<u64>| {
        bar.set_length(total.unwrap_or(done));
        bar.set_position(done);
    };
    let bytes = source.read(login, &progress).await;
    bar.finish_and_clear();
    Ok(bytes.map_err(|error| Usage(error.to_string()))?)
}
