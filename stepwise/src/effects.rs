//! Steps that change something: only those that the task asks for are taken, and nothing goes into
//! them that neither the task nor a result says.

use serde_json::Value;

use super::calibration::thresholds;
use super::grounding::{self, Evidence};
use super::{Stage, Stepwise, Then};
use agent_core::agent::Agent;
use agent_core::message::ToolCall;
use agent_core::program::RUN;
use agent_core::strategy::{Decision, Next};
use agent_core::subagent::SubAgent;

impl Stepwise {
    /// Whether a call of this tool may change something. A server often does not say so of its tools:
    /// then what they do is told from their description. Of programs, as of code, only the call could
    /// tell: the agent file says which may run.
    pub(super) fn changes(&self, name: &str) -> bool {
        name != RUN && self.may_change(name)
    }

    /// The same of a program, too: it may have changed something.
    pub(super) fn may_change(&self, name: &str) -> bool {
        let may = self.tool(name).is_some_and(|tool| tool.effect.changes());
        may && !self.looking.iter().any(|looking| looking == name)
    }

    /// Whether it has yet to be asked what this tool does and whether the task wants that. An agent
    /// asks by itself.
    pub(super) fn asks_first(&self, agent: &Agent, name: &str) -> bool {
        let settled = self.wants_it(name);
        self.changes(name) && !settled && !is_agent(agent, name)
    }

    /// How likely it is that this tool only looks.
    pub(super) fn looks(&mut self, agent: &Agent, name: &str, odds: f32) -> Decision {
        if odds < thresholds(agent).looks {
            return match self.acts {
                // Who looks for what is missing changes nothing; later it may.
                _ if self.missing.is_some() => {
                    self.barred.push(name.to_string());
                    Decision { next: self.choose(agent), ..Decision::default() }
                }
                None => self.ask_next(Stage::Acts(Then::Tool(name.to_string()))),
                Some(acts) => self.acts(agent, Then::Tool(name.to_string()), acts),
            };
        }
        self.looking.push(name.to_string());
        self.stage = self.fill(agent, name);
        Decision { plan: Some(format!("next: {name}")), ..Decision::default() }
    }

    pub(super) fn ask_next(&mut self, stage: Stage) -> Decision {
        self.stage = stage;
        Decision::default()
    }

    /// How likely it is that the task wants anything changed. A small model that is asked about one
    /// tool says yes where the task only asks about what the tool changes: the state of a job.
    pub(super) fn acts(&mut self, agent: &Agent, then: Then, odds: f32) -> Decision {
        self.acts = Some(odds);
        match then {
            Then::Tool(name) if odds >= thresholds(agent).acts => self.ask_next(Stage::Asked(name)),
            Then::Tool(name) => self.leave_out(agent, &name),
            Then::Answer(value) => self.with_nothing_changed(agent, value, odds),
        }
    }

    /// How likely it is that the task asks for this.
    pub(super) fn wants(&mut self, agent: &Agent, name: &str, odds: f32) -> Decision {
        if odds >= thresholds(agent).asked {
            self.wanted.push(name.to_string());
            self.stage = self.fill(agent, name);
            return Decision { plan: Some(format!("next: {name}")), ..Decision::default() };
        }
        self.leave_out(agent, name)
    }

    fn leave_out(&mut self, agent: &Agent, name: &str) -> Decision {
        self.unwanted.push(name.to_string());
        let plan = Some(format!("leave out {name}: the task does not ask for it"));
        Decision { plan, next: self.choose(agent), ..Decision::default() }
    }

    pub(super) fn wants_it(&self, name: &str) -> bool {
        self.wanted.iter().any(|wanted| wanted == name)
    }

    /// The one way in which a tool is called: a change that holds what nothing supports is not made, and
    /// that is said instead.
    pub(super) fn made(&self, agent: &Agent, calls: Vec<ToolCall>) -> Result<Next, String> {
        let mut changes = calls.iter().filter(|call| self.changes(&call.name));
        match changes.find_map(|call| self.unsupported(agent, &call.arguments)) {
            Some(problem) => Err(problem),
            None => Ok(Next::Call(calls)),
        }
    }

    /// What in the arguments of a change neither the task nor anything that was seen says: a
    /// sentence for the model.
    pub(super) fn unsupported(&self, agent: &Agent, arguments: &Value) -> Option<String> {
        if let Some(name) = self.tool_in(agent, arguments) {
            return Some(format!("`{name}` is a tool: call it first, and take what it gives back"));
        }
        let evidence = self.known_to(agent);
        let made_up = grounding::made_up(arguments, &evidence)?;
        Some(format!(
            "neither the task nor a result says `{made_up}`: look it up first, or leave it out"
        ))
    }

    /// A number that the task says and neither this change nor a step before it was made with, where the change has
    /// another number of its own: a sentence for the model. A small model takes a quantity from the last result for
    /// the one that it was told. What identifies something is had from results.
    pub(super) fn forgets(&self, agent: &Agent, arguments: &Value) -> Option<String> {
        let told = grounding::integers(&agent.task);
        let fields = arguments.as_object().into_iter().flatten();
        let own = |(name, value): &(&String, &Value)| {
            value.as_u64().is_some_and(|number| !told.contains(&number)) && !identifies(name)
        };
        let (name, value) = fields.into_iter().find(own)?;
        let mut used = grounding::integers(&arguments.to_string());
        for step in self.succeeded() {
            used.extend(grounding::integers(&step.arguments.to_string()));
        }
        let missing = told.iter().find(|number| !used.contains(number))?;
        Some(format!("the task says {missing}, and `{name}` is {value}: take what the task says"))
    }

    /// What the task says, and what was seen.
    pub(super) fn known_to(&self, agent: &Agent) -> Evidence {
        let given = [&*agent.task, &*agent.instructions, &*self.survey];
        Evidence::of(given, self.observed())
    }

    /// The tool that arguments name in place of what it gives back.
    pub(super) fn tool_in(&self, agent: &Agent, arguments: &Value) -> Option<&str> {
        let text = arguments.to_string();
        let called = |name: &&str| text.contains(name) && !agent.task.contains(name);
        let names = self.tools.iter().map(|tool| tool.name.as_str());
        names.filter(|name| name.contains('.')).find(called)
    }
}

/// Whether an argument is what something is known by, by its name.
fn identifies(name: &str) -> bool {
    const KEYS: [&str; 8] = ["id", "no", "nr", "number", "code", "key", "index", "ref"];
    let name = name.to_lowercase();
    name.split(['_', '-']).any(|word| KEYS.contains(&word)) || name.ends_with("id")
}

/// Whether a tool is another agent.
pub(super) fn is_agent(agent: &Agent, name: &str) -> bool {
    agent.agents.keys().any(|sub| SubAgent::tool(sub) == name)
}
