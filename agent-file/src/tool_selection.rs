//! `[tools] use`: the tools of an agent, by name. Refuses one that nothing brings.

use std::collections::BTreeMap;

use super::check::Known;
use super::mcp::family;
use super::problem::shortened;
use super::report::Report;
use super::{AgentFile, suggest};
use agent_core::component::Pinned;
use agent_core::mcp::Server;
use agent_core::subagent::SubAgent;
use agent_core::tool::ToolSpec;

/// A component and a server that are called alike would be one family of tools.
pub(super) fn families(
    components: &[Pinned],
    mcp: &BTreeMap<String, Server>,
    report: &mut Report<'_>,
) {
    for name in components.iter().map(|pinned| &pinned.name).filter(|n| mcp.contains_key(*n)) {
        report
            .key("/mcp/servers", format!("a component and a server are both called `{name}`"))
            .hint("give one of them another name");
    }
}

/// The names of the tools in use, each of them known; `weather.*` is all of that family.
pub(super) fn tools(
    file: &AgentFile,
    known: &Known<'_>,
    components: &[Pinned],
    mcp: &BTreeMap<String, Server>,
    report: &mut Report<'_>,
) -> Vec<String> {
    let table = &file.tools;
    let own = known.tools.iter().map(|tool| tool.name.clone());
    let brought = components.iter().flat_map(Pinned::specs);
    let served = mcp.iter().flat_map(|(name, server)| server.specs(name));
    let agents = file.agents.keys().map(|name| SubAgent::tool(name));
    let there: Vec<String> =
        own.chain(brought.chain(served).map(|spec| spec.name)).chain(agents.clone()).collect();
    // What a component or a server with a problem brings cannot be known.
    let unclear = |name: &str| {
        let family = name.split('.').next().unwrap_or_default();
        (components.len() < table.component.len() && may_be_brought(known, family))
            || (file.mcp.names(family) && !mcp.contains_key(family))
    };
    let mut using: Vec<String> = Vec::new();
    for (at, name) in table.using.iter().enumerate() {
        let pointer = format!("/tools/use/{at}");
        let name = &named(name, mcp);
        let meant: Vec<&String> = match name.strip_suffix('*') {
            Some(family) if family.ends_with('.') => {
                there.iter().filter(|name| name.starts_with(family)).collect()
            }
            _ => there.iter().filter(|known| *known == name).collect(),
        };
        let empty = name.split('.').next().and_then(|family| mcp.get(family));
        if meant.is_empty() && empty.is_some_and(|server| server.pinned.tools.is_empty()) {
            report
                .value(
                    &pointer,
                    format!("`{}`: this server has no tool that can be used", shortened(name)),
                )
                .hint("`errand mcp pin FILE` shows what it has, and why that is left out");
        } else if meant.is_empty() && !unclear(name) {
            let message = format!("unknown tool `{}`", shortened(name));
            let hint = suggest::hint(name, there.iter().map(String::as_str));
            report.value(&pointer, message).hint(hint);
        } else if let Some(twice) = meant.iter().find(|name| using.contains(name)) {
            report.value(&pointer, format!("`{twice}` is listed twice")).hint("remove one");
        } else {
            using.extend(meant.into_iter().cloned());
        }
    }
    for tool in agents {
        if !using.contains(&tool) {
            using.push(tool);
        }
    }
    using
}

/// A tool's name with its server as errand calls it: a pasted file may have called it otherwise.
fn named(name: &str, mcp: &BTreeMap<String, Server>) -> String {
    let Some((written, tool)) = name.split_once('.') else { return name.to_string() };
    let family = family(written);
    match !mcp.contains_key(written) && mcp.contains_key(&family) {
        true => format!("{family}.{tool}"),
        false => name.to_string(),
    }
}

/// Whether this is no family of tools that there is: then it may be a component's.
fn may_be_brought(known: &Known<'_>, family: &str) -> bool {
    let of_it = |tool: &ToolSpec| tool.name.split('.').next() == Some(family);
    !known.tools.iter().any(of_it)
}
