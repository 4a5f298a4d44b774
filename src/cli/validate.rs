//! `errand validate`: is this agent file right, and what would it be allowed to do.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use agent_core::agent::Agent;
use agent_core::mcp::Network;
use agent_core::path::display;
use agent_core::permission::{Grants, NetRule};
use agent_core::program::Programs;
use agent_file::Checked;
use errand::STRATEGIES;
use serde_json::json;

use super::json::print;
use super::param::pairs;
use super::run::{How, open};
use super::terminal::say;

/// The arguments of `errand validate`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The agent file
    file: PathBuf,
    /// A parameter's value, checked like the rest; required ones may be left out
    #[arg(short, long = "param", value_name = "KEY=VALUE")]
    params: Vec<String>,
    /// Print one JSON object: `{"ok":true,"agent":…}` or `{"ok":false,"problems":[…]}`
    #[arg(long)]
    json: bool,
}

pub(crate) fn main(args: Args) -> anyhow::Result<ExitCode> {
    let params = pairs(&args.params)?;
    let errand = open(How { json: args.json, offline: true })?;
    match errand.check(&args.file, &params) {
        Ok(checked) if args.json => {
            let Checked { agent, waiting, unset, .. } = &checked;
            print(&json!({ "ok": true, "agent": agent, "waiting": waiting, "unset": unset }));
        }
        Ok(checked) => say(&summary(&args.file, &checked)),
        Err(invalid) if args.json => {
            print(&json!({ "ok": false, "problems": invalid.to_json() }));
            return Ok(ExitCode::from(2));
        }
        Err(invalid) => return Err(invalid.into()),
    }
    Ok(ExitCode::SUCCESS)
}

/// What the agent is, one thing a line.
fn summary(file: &Path, checked: &Checked) -> String {
    let Agent { name, model, tools, grants, budget, .. } = &checked.agent;
    let mut lines = vec![format!("ok: {}", file.display())];
    let mut line = |label: &str, text: String| {
        if !text.is_empty() {
            lines.push(format!("  {label:<10} {text}"));
        }
    };
    line("agent", name.clone());
    let endpoint = model.base_url.as_ref().map(|url| format!(" at {url}")).unwrap_or_default();
    line("model", format!("{} ({}){endpoint}", model.name, model.provider));
    let traits = model.provider.into();
    line("acts by", STRATEGIES.choose(&checked.agent, &traits).summary.to_string());
    line("tools", listed(tools));
    for (label, text) in permitted(grants) {
        line(label, text);
    }
    let browser = checked.agent.browser.as_ref().map(|browser| browser.program.as_deref());
    line(
        "browser",
        browser.map_or("", |named| named.unwrap_or("the first that is there")).to_string(),
    );
    let cost = budget.cost_usd.map(|cost| format!(", {cost} USD")).unwrap_or_default();
    let time = budget.time.as_secs_f64();
    line("budget", format!("{} steps, {} tokens, {time} s{cost}", budget.steps, budget.tokens));
    let outcome = checked.agent.output.as_ref().map(|_| "satisfies its schema".to_string());
    line("outcome", outcome.unwrap_or_else(|| "{\"answer\": text}".to_string()));
    for (name, sub) in &checked.agent.agents {
        let Agent { model, budget, tools, .. } = &*sub.agent;
        let limits = format!("{} steps, {} tokens of this budget", budget.steps, budget.tokens);
        line("agent", format!("{name} on {}, with {}, up to {limits}", model.name, listed(tools)));
    }
    let waiting: Vec<String> = checked.waiting.iter().map(|name| format!("-p {name}=…")).collect();
    line("needs", waiting.join(" "));
    line("not set", checked.unset.join(", "));
    lines.join("\n")
}

/// What the tools may do: a label, and nothing where it needs no word.
pub(super) fn permitted(grants: &Grants) -> [(&'static str, String); 7] {
    let paths = |paths: &[PathBuf]| {
        let shown = paths.iter().map(|path| display(&grants.root, path));
        listed(&shown.collect::<Vec<_>>())
    };
    let some = |none: bool, text: String| if none { String::new() } else { text };
    [
        ("may read", paths(&grants.read)),
        ("may write", paths(&grants.write)),
        ("may delete", some(grants.delete.is_empty(), paths(&grants.delete))),
        ("may run", grants.programs.as_ref().map(run).unwrap_or_default()),
        ("may reach", listed(&grants.net.iter().map(ToString::to_string).collect::<Vec<_>>())),
        ("private", carried(grants)),
        ("asks for", some(grants.ask.is_empty(), listed(&grants.ask))),
    ]
}

/// The programs, and how far they go beside what the agent may read and write.
fn run(programs: &Programs) -> String {
    let rules: Vec<String> = programs.rules.iter().map(ToString::to_string).collect();
    let network = match programs.network {
        Network::None => "without a network",
        Network::Open => "with all of this machine's network",
    };
    format!("{}; {network}", listed(&rules))
}

/// `a, b`, or what it means that there is none.
fn listed(words: &[String]) -> String {
    if words.is_empty() { "nothing".to_string() } else { words.join(", ") }
}

/// What becomes of private files where the network is granted as well.
fn carried(grants: &Grants) -> String {
    let own = |path: &PathBuf| grants.write.iter().any(|own| path.starts_with(own));
    if grants.net.is_empty() || (grants.read.iter().all(own) && grants.reading.is_empty()) {
        return String::new();
    }
    let named = grants.net.iter().filter(|rule| matches!(rule, NetRule::Host { .. }));
    let named: Vec<String> = named.map(ToString::to_string).collect();
    match named.is_empty() {
        true => "once a file was read, every request asks".to_string(),
        false => format!(
            "once a file was read, a GET to {} can carry it out; any other request asks",
            named.join(", ")
        ),
    }
}
