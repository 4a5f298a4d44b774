//! `errand tools update`: a component has changed; the user reviews what that means.

use std::process::ExitCode;

use agent_core::component::digest;
use agent_core::component::{Locked, qualified};
use serde_json::json;
use tools::source::Source;

use super::add::fetched;
use super::agent::{Files, How, Registry, Which, agreed};
use super::shown;
use crate::cli::json::print;
use crate::cli::run::{self, open, runtime};
use crate::cli::terminal::{Usage, say};

/// The arguments of `errand tools update`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The component; left out, every one that has changed
    name: Option<String>,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    registry: Registry,
    #[command(flatten)]
    how: How,
}

pub(crate) fn main(args: Args) -> anyhow::Result<ExitCode> {
    let files = Files::read(&args.which)?;
    let names: Vec<String> = match args.name {
        Some(name) => vec![name],
        None => tools::edit::components(&files.text)?.into_iter().map(|(name, _)| name).collect(),
    };
    for name in names {
        // Each is a change of its own, agreed to by itself.
        if !update(&name, &Files::read(&args.which)?, &args.registry, args.how)? {
            say("nothing was changed");
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn update(name: &str, files: &Files, registry: &Registry, how: How) -> anyhow::Result<bool> {
    let at = files.component(name)?;
    let errand = open(run::How { json: how.json, offline: true })?;
    let before = files.lock.components.get(name);
    let url = before.map(|locked| &locked.source).filter(|source| source.contains("://"));
    let source = match url {
        Some(url) => Source::parse(url)?,
        None => Source::File(at.clone()),
    };
    let (bytes, manifest) = runtime()?.block_on(async {
        let bytes = fetched(&source, registry.login()?.as_ref()).await?;
        let manifest = errand
            .describe(&bytes)
            .await
            .map_err(|error| Usage(format!("`{}` cannot be used: {error:#}", at.display())))?;
        anyhow::Ok((bytes, manifest))
    })?;
    let from = url.cloned().unwrap_or_else(|| agent_core::path::display(&files.folder, &at));
    let after = Locked { source: from, sha256: digest(&bytes), manifest };
    if before == Some(&after) {
        match how.json {
            true => print(&json!({ "component": name, "changed": false })),
            false => say(&format!("{name} is what was agreed to")),
        }
        return Ok(true);
    }
    let changes = match before {
        Some(before) => shown::changes(name, &before.manifest, &after.manifest),
        None => vec![shown::component(name, &after, None)],
    };
    if !how.json {
        say(&format!("{name}  {}  sha256 {}", shown::plain(&after.source), &after.sha256[..16]));
        match changes.is_empty() {
            true => say("  other bytes; it says the same of itself"),
            false => changes.iter().for_each(|line| say(&format!("  {line}"))),
        }
    }
    if !agreed(how, &format!("agree to `{name}` as it is now?"))? {
        return Ok(false);
    }
    let gone = before.iter().flat_map(|before| &before.manifest.tools);
    let gone = gone.filter(|spec| !after.manifest.tools.iter().any(|t| t.name == spec.name));
    let gone: Vec<String> = gone.map(|spec| qualified(name, spec)).collect();
    let text = tools::edit::forget(&files.text, &gone)?;
    let mut lock = files.lock.clone();
    lock.components.insert(name.to_string(), after.clone());
    let put = url.map(|_| (at.as_path(), bytes.as_slice()));
    files.replace(&errand, &text, &lock, put)?;
    match how.json {
        true => print(
            &json!({ "component": name, "changed": true, "sha256": after.sha256, "changes": changes }),
        ),
        false => say(&format!("updated {name}")),
    }
    Ok(true)
}
