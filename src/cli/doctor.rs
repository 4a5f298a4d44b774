//! `errand doctor`: what is there and what is missing, what it is for, and how to get it.

use std::process::ExitCode;

use errand::doctor::{Check, Need, State};
use serde_json::json;

use super::json::print;
use super::run::{How, open, runtime};
use super::terminal::say;

/// The arguments of `errand doctor`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Ask no package registry, and count what is not fetched yet as missing
    #[arg(long)]
    offline: bool,
}

pub(crate) fn main(args: Args) -> anyhow::Result<ExitCode> {
    let errand = open(How { json: args.json, offline: args.offline })?;
    let checks = runtime()?.block_on(errand.examine())?;
    let failing: Vec<&str> =
        checks.iter().filter(|check| check.fails()).map(|check| check.name).collect();
    let (version, platform) = (env!("CARGO_PKG_VERSION"), models::catalog::platform());
    let home = errand.fetcher().home().root().display();
    if args.json {
        print(&json!({
            "ok": failing.is_empty(), "version": version, "platform": platform,
            "home": home.to_string(), "checks": checks,
        }));
    } else {
        say(&format!("errand {version} on {platform}, with its files in {home}"));
        for (need, title) in [
            (Need::Required, "what the default set-up needs"),
            (Need::Optional, "what only some things need"),
        ] {
            say(&format!("\n{title}"));
            checks.iter().filter(|check| check.need == need).for_each(|check| say(&shown(check)));
        }
        say("");
        match failing.as_slice() {
            [] => say("the default set-up can work here"),
            names => say(&format!("the default set-up cannot work without: {}", names.join(", "))),
        }
    }
    Ok(if failing.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn shown(check: &Check) -> String {
    let mark = match check.state {
        State::Ok => "ok",
        State::Later => "later",
        State::Missing if check.fails() => "MISSING",
        State::Missing => "-",
        State::Unasked => "?",
    };
    let mut text = format!("  {mark:<8} {:<16} {}", check.name, check.found);
    text += &format!("\n  {:<8} {:<16} for: {}", "", "", check.purpose);
    if let Some(remedy) = &check.remedy {
        text += &format!("\n  {:<8} {:<16} get it: {remedy}", "", "");
    }
    text
}
