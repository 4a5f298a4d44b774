//! `errand research`: the research of `examples/research.toml`, as a command.

use std::path::PathBuf;
use std::process::ExitCode;

use agent_core::agent::Agent;
use agent_core::event::Reason;
use agent_core::strategy::PLAN;
use clap::builder::NonEmptyStringValueParser;
use research::{Depth, Extent};

use super::report::{Out, of_run};
use super::run::{How, code, open, watched};
use super::shipped::{File, written};
use super::terminal::Usage;

/// The agent files that come with errand.
const FILES: [File; 2] = [
    ("research.toml", include_str!("../../examples/research.toml")),
    ("researcher.toml", include_str!("../../examples/researcher.toml")),
];

/// The arguments of `errand research`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  errand research \"When was the walrus operator added to Python?\" --depth quick
  errand research \"Wie hoch ist der Eiffelturm?\" --out report.html
  errand research \"What limits the life of lithium cells?\" --depth deep --sources arxiv,openalex
  errand research \"Which is taller, A or B?\" --plan \"How tall is A?\" --plan \"How tall is B?\"

The report is in the question's language where errand has its words in it. Ctrl-C leaves a report of
what is known; `errand runs resume RUN` goes on. `errand report show RUN` prints it again.
Exit codes: 0 a report, 1 stopped before the end, 2 usage or agent file, 3 a plan waits (--approve).")]
pub(crate) struct Args {
    /// What to find out
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    question: String,
    /// How far to go: quick (the question as it is), standard (a few sub-questions, two findings
    /// each) or deep
    #[arg(long, value_parser = depth)]
    depth: Option<Depth>,
    /// A sub-question to look into; give several instead of leaving the plan to the model
    #[arg(long = "plan", value_name = "QUESTION", value_parser = NonEmptyStringValueParser::new())]
    plan: Vec<String>,
    /// Show the plan and wait for a yes: on a terminal, or by `errand runs resume`
    #[arg(long, conflicts_with = "plan")]
    approve: bool,
    /// Search only these providers, by name or kind: those of the agent file, and mediawiki,
    /// duckduckgo, arxiv, openalex
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    sources: Vec<String>,
    /// Another agent file than errand's own: begin with a copy of examples/research.toml
    #[arg(long, value_name = "FILE")]
    agent: Option<PathBuf>,
    /// Another model than the agent file's: a catalog name, a path, or the endpoint's id
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Write the report to a file as well: .md, .html, .json, .bib or .csl.json
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    how: How,
}

fn depth(written: &str) -> Result<Depth, String> {
    match written {
        "quick" => Ok(Depth::Quick),
        "standard" => Ok(Depth::Standard),
        "deep" => Ok(Depth::Deep),
        _ => Err("write `quick`, `standard` or `deep`".to_string()),
    }
}

pub(crate) fn main(args: Args) -> anyhow::Result<ExitCode> {
    let out = args.out.map(|file| Out::new(file, None)).transpose()?;
    let errand = open(args.how)?;
    let file = match args.agent {
        Some(file) => file,
        None => written(&errand, "agents", &FILES)?.join(FILES[0].0),
    };
    let mut params = vec![("question".to_string(), args.question)];
    params.extend(args.plan.into_iter().map(|question| ("plan".to_string(), question)));
    let mut agent = errand.load(&file, &params, args.model.as_deref())?;
    if let Some(depth) = args.depth {
        reach(&mut agent, depth.extent());
    }
    if !args.sources.is_empty() {
        agent_file::only(&mut agent, &args.sources).map_err(|error| Usage(error.to_string()))?;
    }
    if args.approve && !agent.grants.ask.iter().any(|asked| asked == PLAN) {
        agent.grants.ask.push(PLAN.to_string());
    }
    let end = watched(args.how, async |watch, person| errand.run(agent, watch, person).await)?;
    // Of a run that was stopped too: what is known. Of one that waits with its plan, nothing is.
    if let Some(out) = out
        && end.outcome.reason != Some(Reason::Approval)
    {
        out.write(&of_run(&end.run)?)?;
    }
    Ok(code(&end))
}

/// An agent, and those below it, go so far.
fn reach(agent: &mut Agent, extent: Extent) {
    agent.settings = extent.settings();
    agent.agents.values_mut().for_each(|sub| reach(&mut sub.agent, extent));
}
