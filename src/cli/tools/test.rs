//! `errand tools test`: the examples of a component, one JSON object a line, each a call and what
//! must come of it.

use std::path::Path;
use std::process::ExitCode;

use agent_core::drive::Unseen;
use agent_core::event::{Observation, Status};
use agent_core::message::ToolCall;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::agent::{Which, alone};
use super::call::used;
use crate::cli::json::print;
use crate::cli::run::{How, open, runtime};
use crate::cli::terminal::{Usage, say};

/// The largest file of calls, in bytes.
const LARGEST: u64 = 64 << 20;

/// The arguments of `errand tools test`.
///
/// The examples are in NAME.test.jsonl beside the component, one a line:
///   {"call": "forecast", "arguments": {"town": "Porto"}, "result": {"sky": "blue"}}
///   {"call": "forecast", "arguments": {}, "error": "`town` is missing"}
/// `result` is the whole result, `error` a part of what a failure says. They run under the agent's
/// grants, and those of a file that no agent has with nothing granted.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// A component of the agent, or a component's file: it is granted nothing
    name: String,
    #[command(flatten)]
    which: Which,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Example {
    call: String,
    #[serde(default)]
    arguments: Map<String, Value>,
    #[serde(default)]
    result: Option<Value>,
    #[serde(default)]
    error: Option<String>,
}

pub(crate) fn main(args: Args) -> anyhow::Result<ExitCode> {
    let errand = open(How { json: args.json, offline: true })?;
    // No component is called so: it is a file, and no agent has to have it.
    let (name, agent) = match args.name.contains(['.', '/']) {
        true => alone(&errand, Path::new(&args.name))?,
        false => (args.name.clone(), errand.check(&args.which.file, &[])?.agent),
    };
    let pinned = agent.components.iter().find(|pinned| pinned.name == name);
    let pinned = pinned.ok_or_else(|| {
        Usage(format!(
            "the agent has no component `{}`\nhint: `errand tools add` adds one",
            args.name
        ))
    })?;
    let path = pinned.file.with_extension("test.jsonl");
    let text = guard::file::read_text(&path, LARGEST).map_err(|error| {
        Usage(format!(
            "`{}` cannot be read: {error}\nhint: `errand tools test --help` says what is in it",
            path.display()
        ))
    })?;
    let runtime = runtime()?;
    let caller = runtime.block_on(errand.caller(agent.clone()))?;
    let (mut passed, mut failed) = (0, 0);
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let wrong = |why: String| Usage(format!("{}:{number}: {why}", path.display()));
        let example: Example =
            serde_json::from_str(line).map_err(|error| wrong(error.to_string()))?;
        if example.result.is_some() == example.error.is_some() {
            return Err(wrong("give either `result` or `error`".to_string()).into());
        }
        let name = format!("{name}.{}", example.call);
        used(&agent, &name)?;
        let arguments = Value::Object(example.arguments.clone());
        let call = ToolCall { id: "1".to_string(), name, arguments };
        let seen = runtime.block_on(caller.call(&call, &Unseen, None))?;
        let problem = differs(&example, &seen);
        match &problem {
            None => passed += 1,
            Some(_) => failed += 1,
        }
        if args.json {
            print(
                &json!({ "line": number, "call": example.call, "ok": problem.is_none(), "problem": problem }),
            );
        } else {
            match problem {
                None => say(&format!("ok      line {number}  {}", example.call)),
                Some(problem) => {
                    say(&format!("failed  line {number}  {}: {problem}", example.call))
                }
            }
        }
    }
    if !args.json {
        say(&format!("{passed} passed, {failed} failed"));
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn differs(example: &Example, seen: &Observation) -> Option<String> {
    match (&example.result, &example.error) {
        (Some(expected), _) if seen.status == Status::Ok => (*expected != seen.result)
            .then(|| format!("it gave {} and not {expected}", seen.result)),
        (Some(_), _) => Some(format!("it failed: {}", seen.text)),
        (None, Some(expected)) if seen.status != Status::Ok => {
            (!seen.text.contains(expected)).then(|| format!("it failed otherwise: {}", seen.text))
        }
        (None, _) => Some(format!("it gave {}", seen.result)),
    }
}
