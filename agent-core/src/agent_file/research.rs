//! `act = "research"` and `act = "read"`. Refuses an agent that lacks what they need, and a table
//! that nothing would look at.

use std::collections::BTreeMap;

use super::report::Report;
use super::{AgentFile, OutputTable, ResearchTable};
use crate::act::research;
use crate::agent::Act;
use crate::delegate::SubAgent;
use crate::permission::Grants;

/// Whether a research has what it needs.
pub(super) fn research(
    file: &AgentFile,
    grants: &Grants,
    agents: &BTreeMap<String, SubAgent>,
    report: &mut Report<'_>,
) {
    match file.act {
        Some(Act::Research) => {
            let reads = |sub: &SubAgent| {
                sub.agent.act == Some(Act::Read) && sub.params.contains_key("question")
            };
            // An agent that could not be read was reported.
            if agents.len() == file.agents.len() && !agents.values().any(reads) {
                report
                    .value("/act", "to research, the agent needs one that reads")
                    .hint("name one under `[agents]` whose file has `act = \"read\"` and a parameter `question`");
            }
        }
        Some(Act::Read) => {
            for tool in [research::SEARCH, research::PAGE] {
                if !grants.tools.iter().any(|name| name == tool) {
                    report
                        .value("/act", format!("to read, the agent needs the tool `{tool}`"))
                        .hint(format!("add `{tool}` to `[tools] use`"));
                }
            }
        }
        _ => {
            if file.research != ResearchTable::default() {
                report
                    .key("/research", "`[research]` is for agents that research or read")
                    .hint("remove it, or set `act` to \"research\" or \"read\"");
            }
            return;
        }
    }
    if file.output != OutputTable::default() {
        report
            .key("/output", "what a research comes to has a form of its own")
            .hint("remove `[output]`; `errand report schema` prints the form");
    }
}
