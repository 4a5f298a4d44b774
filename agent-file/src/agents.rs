//! The agents that an agent file names under `[agents]`: each is read and checked whole, with what
//! is wrong in it reported as in its own file. Refuses an agent that leads back to itself, one too
//! far below, and one that could do what the agent that calls it cannot.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::budget::limits;
use super::check::{Checked, Known};
use super::disk::{self, Wanted};
use super::problem::shortened;
use super::report::Report;
use super::source::child;
use super::{AgentFile, AgentTable};
use agent_core::agent::{Budget, ModelConfig};
use agent_core::browser::BrowserConfig;
use agent_core::component::Pinned;
use agent_core::mcp::{Network, Server};
use agent_core::permission::Grants;
use agent_core::scope::{covers_net, covers_path};
use agent_core::subagent::SubAgent;

/// How many agents may stand below each other.
const DEEPEST: usize = 3;

/// The most agent files that are read for one run.
const MOST: usize = 64;

/// The agents above the one that is being read.
#[derive(Default)]
pub(super) struct Lineage<'a> {
    /// Their files, nearest first, absolute.
    files: Vec<PathBuf>,
    above: Option<(&'a Above<'a>, &'a Lineage<'a>)>,
    read: Rc<Cell<usize>>,
}

/// What an agent may, whose file names another.
pub(super) struct Above<'a> {
    /// Its file, as it was written.
    pub(super) file: &'a Path,
    pub(super) grants: &'a Grants,
    pub(super) secrets: &'a [String],
    pub(super) budget: Budget,
    /// Whether every grant in the file is one: the rest was reported.
    pub(super) whole: bool,
    pub(super) components: &'a [Pinned],
    /// Its servers.
    pub(super) mcp: &'a BTreeMap<String, Server>,
    pub(super) browser: Option<&'a BrowserConfig>,
}

impl Lineage<'_> {
    /// Whether it is the agent that a person runs.
    pub(super) fn is_empty(&self) -> bool {
        self.above.is_none()
    }

    /// What the agents above were granted, nearest first.
    pub(super) fn grants(&self) -> Vec<Grants> {
        let mut grants = Vec::new();
        let mut lineage = self;
        while let Some((above, higher)) = lineage.above {
            grants.push(above.grants.clone());
            lineage = higher;
        }
        grants
    }

    /// Reports what an agent has that the one above it does not.
    pub(super) fn refuse_wider(
        &self,
        file: &AgentFile,
        own: &Above<'_>,
        model: &ModelConfig,
        report: &mut Report<'_>,
    ) {
        let Above { grants, secrets, components, mcp, browser: own_browser, .. } = own;
        let Some((above, _)) = self.above.filter(|(above, _)| above.whole) else { return };
        let parent = above.file.display();
        let mut refuse = |key: &str, written: &str, may: &str, table: &str| {
            let at = report.source.value.pointer(key).and_then(|list| list.as_array());
            let at = at.and_then(|list| list.iter().position(|entry| entry == written));
            let pointer = at.map_or(key.to_string(), |at| format!("{key}/{at}"));
            let message = format!(
                "this agent may {may} `{}`, and `{parent}`, which calls it, may not",
                shortened(written)
            );
            let hint = format!("remove it here, or add it to {table} of `{parent}`");
            report.value(&pointer, message).hint(hint);
        };
        let own: Vec<String> = file.agents.keys().map(|name| SubAgent::tool(name)).collect();
        for name in &grants.tools {
            if !own.contains(name) && !above.grants.tools.contains(name) {
                refuse("/tools/use", name, "use", "[tools] use");
            }
        }
        let permissions = &file.permissions;
        // A path that cannot be granted is not among the grants, and was reported.
        if grants.read.len() == permissions.read.len() {
            for (path, written) in grants.read.iter().zip(&permissions.read) {
                if !covers_path(&above.grants.read, path) {
                    refuse("/permissions/read", written, "read", "[permissions] read");
                }
            }
        }
        if grants.write.len() == permissions.write.len() {
            for (path, written) in grants.write.iter().zip(&permissions.write) {
                if !covers_path(&above.grants.write, path) {
                    refuse("/permissions/write", written, "write", "[permissions] write");
                }
            }
        }
        if grants.delete.len() == permissions.delete.len() {
            for (path, written) in grants.delete.iter().zip(&permissions.delete) {
                if !covers_path(&above.grants.delete, path) {
                    refuse("/permissions/delete", written, "delete", "[permissions] delete");
                }
            }
        }
        if let Some(own) = &grants.programs {
            let may = above.grants.programs.as_ref();
            if own.rules.len() == permissions.run.len() {
                for (rule, written) in own.rules.iter().zip(&permissions.run) {
                    if !may.is_some_and(|may| may.rules.iter().any(|wide| wide.holds(rule))) {
                        refuse("/permissions/run", written, "run", "[permissions] run");
                    }
                }
            }
            if own.read.len() == file.programs.read.len() {
                // With a network, what an agent reads is not what its programs may carry out.
                let alone = own.network == Network::None;
                for (path, written) in own.read.iter().zip(&file.programs.read) {
                    let named = may.is_some_and(|may| covers_path(&may.read, path));
                    let own = alone && covers_path(&above.grants.read, path);
                    if !named && !own && !covers_path(&above.grants.write, path) {
                        refuse("/programs/read", written, "have programs read", "[programs] read");
                    }
                }
            }
            if own.network == Network::Open && may.is_none_or(|may| may.network != Network::Open) {
                refuse("/programs/network", "open", "give programs the network", "[programs]");
            }
        }
        if grants.net.len() == permissions.net.len() {
            for (rule, written) in grants.net.iter().zip(&permissions.net) {
                if !covers_net(&above.grants.net, rule) {
                    refuse("/permissions/net", written, "reach", "[permissions] net");
                }
            }
        }
        if !secrets.iter().all(|name| above.secrets.contains(name)) {
            report
                .key(
                    "/permissions/secrets",
                    format!("this agent names secrets that `{parent}`, which calls it, does not"),
                )
                .hint(format!("add their names to [permissions] secrets of `{parent}`"));
        }
        for (at, own) in components.iter().enumerate() {
            // A component of the same name may be other bytes.
            let same = |wide: &Pinned| (&wide.name, &wide.sha256) == (&own.name, &own.sha256);
            if !above.components.iter().any(same) {
                let message = format!(
                    "the component `{}` is not one of `{parent}`, which calls this agent",
                    own.name
                );
                let hint = format!("add the same file to `{parent}` too");
                report.key(&format!("/tools/component/{at}"), message).hint(hint);
            }
        }
        for (name, server) in *mcp {
            // A server of the same name may be another program.
            if above.mcp.get(name) != Some(server) {
                let message =
                    format!("the server `{name}` is not one of `{parent}`, which calls this agent");
                let hint = format!("name it in `{parent}` too, in the same words");
                report.key(&child("/mcp/servers", name), message).hint(hint);
            }
        }
        if own_browser.is_some_and(|own| above.browser != Some(own)) {
            let message = format!("the browser is not that of `{parent}`, which calls this agent");
            let hint = format!("name it in `{parent}` too, in the same words");
            report.key("/browser", message).hint(hint);
        }
        if above.budget.cost_usd.is_some()
            && model.price.is_none()
            && model.provider.capabilities().priced
        {
            let message = format!(
                "the `cost_usd` of `{parent}`, which calls this agent, cannot be kept: `{}` has \
                 no price",
                model.name
            );
            let hint = "add `price = { input = …, output = … }` to `[model]`, in USD per million \
                        tokens";
            report.key("/model", message).hint(hint);
        }
    }
}

/// Reads the agents that a file names. `file` is the file's own path, absolute.
pub(super) fn read(
    tables: &BTreeMap<String, AgentTable>,
    file: &Path,
    mine: &Above<'_>,
    known: &Known<'_>,
    lineage: &Lineage<'_>,
    report: &mut Report<'_>,
) -> BTreeMap<String, SubAgent> {
    let mut files = vec![file.to_path_buf()];
    files.extend(lineage.files.iter().cloned());
    let below = Lineage { files, above: Some((mine, lineage)), read: lineage.read.clone() };
    let mut agents = BTreeMap::new();
    for (name, table) in tables {
        let pointer = child("/agents", name);
        let mut letters = name.chars();
        let legal = letters.next().is_some_and(|c| c.is_ascii_lowercase())
            && letters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c));
        if !legal {
            report
                .key(&pointer, format!("an agent cannot be called `{}` here", shortened(name)))
                .hint("begin with a small letter, and use those, digits, `-` and `_`");
        }
        let budget = limits(&format!("{pointer}/budget"), &table.budget, mine.budget, report);
        if let Some(mut sub) = one(table, &pointer, mine, known, &below, report) {
            if table.budget.cost_usd.is_some() && sub.agent.model.price.is_none() {
                let name = &sub.agent.model.name;
                let message = format!("`cost_usd` cannot be kept: `{name}` has no price");
                report
                    .key(&format!("{pointer}/budget/cost_usd"), message)
                    .hint(format!("add `price` to `[model]` in `{}`", table.file));
            }
            sub.agent.budget = sub.agent.budget.within(budget).within(mine.budget);
            agents.insert(name.clone(), sub);
        }
    }
    agents
}

fn one(
    table: &AgentTable,
    pointer: &str,
    mine: &Above<'_>,
    known: &Known<'_>,
    below: &Lineage<'_>,
    report: &mut Report<'_>,
) -> Option<SubAgent> {
    let pointer = format!("{pointer}/file");
    if table.file.is_empty() {
        // That it is missing was reported.
        return None;
    }
    let found = disk::existing(&mine.grants.root, &table.file, Wanted::File);
    let path = match found {
        Ok(path) => path,
        Err(missing) => {
            report.value(&pointer, missing.message).hint = missing.hint;
            return None;
        }
    };
    let file = disk::home(&path).map_or(path, |(_, file)| file);
    if below.files.contains(&file) {
        let message = format!("`{}` leads back to itself", shortened(&table.file));
        report.value(&pointer, message).hint("an agent cannot call itself, nor one above it");
        return None;
    }
    if below.files.len() > DEEPEST {
        let message = format!("more than {DEEPEST} agents below each other");
        report.value(&pointer, message).hint("let an agent further up call it");
        return None;
    }
    below.read.set(below.read.get() + 1);
    if below.read.get() > MOST {
        report.value(&pointer, format!("more than {MOST} agents in one run"));
        return None;
    }
    let shown = mine.file.parent().unwrap_or(Path::new("")).join(&table.file);
    let known = Known { model_override: None, ..*known };
    match Checked::below(&shown, &[], &known, below) {
        Ok(checked) => Some(SubAgent {
            outcome: known
                .strategies
                .named(checked.agent.act.as_deref().unwrap_or_default())
                .and_then(|entry| entry.outcome)
                .map(|schema| schema()),
            agent: Box::new(checked.agent),
            params: checked.params,
        }),
        Err(invalid) => {
            report.elsewhere(invalid);
            None
        }
    }
}
