//! `act`: the strategy that an agent follows. Refuses an agent that lacks what its strategy needs, and
//! a table that no strategy would look at.

use std::collections::BTreeMap;

use serde_json::Value;

use super::report::Report;
use super::research::ResearchTable;
use super::{AgentFile, OutputTable};
use agent_core::permission::Grants;
use agent_core::strategy::{Entry, Strategies};
use agent_core::subagent::SubAgent;

/// What `[research]` is called.
const RESEARCH: &str = "research";

/// The strategy that the file names.
pub(super) fn named(file: &AgentFile, strategies: &Strategies) -> Option<&'static Entry> {
    file.act.as_deref().and_then(|name| strategies.named(name))
}

/// What the strategy's own table says.
pub(super) fn settings(file: &AgentFile, strategy: Option<&Entry>) -> Value {
    match strategy.and_then(|entry| entry.table) {
        Some(RESEARCH) => file.research.extent().settings(),
        _ => Value::Null,
    }
}

/// Whether the agent has what its strategy needs.
pub(super) fn check(
    file: &AgentFile,
    strategies: &Strategies,
    grants: &Grants,
    agents: &BTreeMap<String, SubAgent>,
    report: &mut Report<'_>,
) {
    let strategy = named(file, strategies);
    if file.research != ResearchTable::default()
        && strategy.is_none_or(|entry| entry.table != Some(RESEARCH))
    {
        let readers = strategies.all.iter().filter(|entry| entry.table == Some(RESEARCH));
        let readers: Vec<String> = readers.map(|entry| format!("\"{}\"", entry.name)).collect();
        report
            .key("/research", "`[research]` is for agents that research or read")
            .hint(format!("remove it, or set `act` to {}", readers.join(" or ")));
    }
    let Some(entry) = strategy else { return };
    for tool in entry.needs.tools {
        if !grants.tools.iter().any(|name| name == tool) {
            report
                .value("/act", format!("`act = \"{}\"` needs the tool `{tool}`", entry.name))
                .hint(format!("add `{tool}` to `[tools] use`"));
        }
    }
    if let Some((act, param)) = entry.needs.agent {
        let fits = |sub: &SubAgent| {
            sub.agent.act.as_deref() == Some(act) && sub.params.contains_key(param)
        };
        // An agent that could not be read was reported.
        if agents.len() == file.agents.len() && !agents.values().any(fits) {
            report
                .value(
                    "/act",
                    format!("`act = \"{}\"` needs an agent with `act = \"{act}\"`", entry.name),
                )
                .hint(format!(
                    "name one under `[agents]` whose file has `act = \"{act}\"` and a parameter \
                     `{param}`"
                ));
        }
    }
    if entry.outcome.is_some() && file.output != OutputTable::default() {
        report
            .key("/output", "what a research comes to has a form of its own")
            .hint("remove `[output]`; `errand report schema` prints the form");
    }
}
