//! The tools of agents, each to be called by itself: a call is a run of one call, under the agent's grants and in the
//! journal, and no model is asked.

use std::collections::HashMap;

use agent_core::agent::Agent;
use agent_core::question::ASK;
use agent_core::schema;
use agent_core::strategy::{ONE_CALL, one_call};
use agent_core::tool::ToolSpec;
use serde_json::{Map, Value, json};
use server::{AgentCard, LaunchError};

use super::Refused;
use crate::Errand;

/// What is offered of agent files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// The agents.
    Agents,
    /// The agents, and the tools that they use.
    AgentsAndTools,
}

/// Tools by the names under which they are offered.
pub(super) type Tools = HashMap<String, Granted>;

/// A tool of an agent.
pub(super) struct Granted {
    spec: ToolSpec,
    agent: Agent,
}

impl Granted {
    /// All that this agent uses, under its name. A question is none: it would go back to its asker.
    pub(super) fn of(errand: &Errand, agent: &Agent) -> Vec<(String, Granted)> {
        let used = |spec: &ToolSpec| agent.tools.contains(&spec.name) && spec.name != ASK;
        let granted = |spec: ToolSpec| {
            let name = format!("{}.{}", agent.name, spec.name);
            (name.clone(), Granted { spec, agent: Agent { name, ..agent.clone() } })
        };
        specs(errand, agent).into_iter().filter(used).map(granted).collect()
    }

    pub(super) fn card(&self) -> AgentCard {
        AgentCard {
            name: self.agent.name.clone(),
            description: self.spec.description.clone(),
            model: String::new(),
            params: self.spec.input.clone(),
            outcome: self.spec.output.clone(),
        }
    }

    /// The agent of one call.
    pub(super) fn called(&self, arguments: &Map<String, Value>) -> Result<Agent, LaunchError> {
        let values = Value::Object(arguments.clone());
        schema::check(&self.spec.input, &values).map_err(LaunchError::Invalid)?;
        Ok(Agent {
            task: format!("{} {values}", self.spec.name),
            instructions: String::new(),
            act: Some(ONE_CALL.name.to_string()),
            settings: one_call(&self.spec.name, &json!(arguments)),
            params: arguments.clone(),
            output: None,
            ..self.agent.clone()
        })
    }
}

/// The tools that an agent uses, as it offers them to a model.
fn specs(errand: &Errand, agent: &Agent) -> Vec<ToolSpec> {
    let known = tools::registry::known().iter().cloned().chain(errand.own.specs());
    let components = agent.components.iter().flat_map(|pinned| pinned.specs());
    let servers = agent.mcp.iter().flat_map(|(name, server)| server.specs(name));
    let agents = agent.agents.iter().map(|(name, sub)| sub.spec(name));
    let all = known.chain(components).chain(servers).chain(agents);
    all.filter(|spec| agent.tools.contains(&spec.name)).collect()
}

/// Refuses two that have one name, and a name that no tool can have.
pub(super) fn offered<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<(), Refused> {
    let mut known: Vec<&str> = Vec::new();
    for name in names {
        if !server::callable(name) {
            return Err(Refused(format!(
                "no tool can be named `{name}`\nhint: give the agent a `name` of letters, digits, `-`, `_` and `.`"
            )));
        }
        if known.contains(&name) {
            return Err(Refused(format!(
                "two tools would be named `{name}`\nhint: give one of the agents another `name`"
            )));
        }
        known.push(name);
    }
    Ok(())
}
