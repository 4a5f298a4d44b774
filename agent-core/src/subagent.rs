//! An agent as a tool of another: its schema, and the worker that runs it as a run of its own.
//!
//! The child's run is named after the parent's run and the call, and has a journal of its own: a
//! call that was cut off goes on where its run had come, and one whose run had ended is not run
//! again. What it may spend is lent by the parent's run; what it has read labels its result.
//! Refuses nothing itself: what is wider than its parent is refused where the files are read, and
//! each use is judged by the policies of both.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::action::{Action, Capability, Permit};
use crate::agent::{Agent, Budget};
use crate::drive::{self, Approval, Fault, Parts, Person, Watch};
use crate::event::{Event, Outcome, Reason, RunId, What};
use crate::journal::{Journal, JournalError};
use crate::mcp::Server;
use crate::model::Traits;
use crate::param::{ParamSpec, ParamType};
use crate::provenance::Origin;
use crate::run::Run;
use crate::sandbox::{Cost, Gate, Invocation, SandboxError};
use crate::strategy::Strategies;
use crate::template::Template;
use crate::tool::{Effect, Means, Tool, ToolSpec, Work, Worker};

/// An agent that another one may call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SubAgent {
    /// The agent, its `task` and `instructions` not rendered yet; its budget is the most that one
    /// call may spend.
    pub agent: Box<Agent>,
    /// What it is called with.
    pub params: BTreeMap<String, ParamSpec>,
    /// The JSON Schema of what it comes to, where its strategy has a form of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Value>,
}

impl SubAgent {
    /// The tool's name in the agent that calls it.
    pub fn tool(name: &str) -> String {
        format!("agents.{name}")
    }

    /// The environment variables that it cannot do without, with those of the agents below it.
    pub fn needs(&self) -> Vec<String> {
        let key = self.agent.model.api_key.iter().map(|key| key.variable().to_string());
        let below = self.agent.agents.values().flat_map(SubAgent::needs);
        let servers = self.agent.mcp.values().flat_map(Server::needs);
        key.chain(self.agent.secrets.iter().cloned()).chain(servers).chain(below).collect()
    }

    /// How the tool is offered to a model.
    pub fn spec(&self, name: &str) -> ToolSpec {
        let properties: Map<String, Value> =
            self.params.iter().map(|(name, param)| (name.clone(), schema(param))).collect();
        let required: Vec<&String> =
            self.params.iter().filter(|(_, param)| param.is_required()).map(|(n, _)| n).collect();
        let description = match self.agent.description.trim() {
            "" => format!("Gives a task to the agent `{}`, which works on it by itself.", name),
            said => format!("Another agent, which works by itself: {said}"),
        };
        ToolSpec {
            name: SubAgent::tool(name),
            description,
            input: json!({
                "type": "object",
                "properties": properties,
                "required": required,
                "additionalProperties": false,
            }),
            output: self.agent.output.clone().or_else(|| self.outcome.clone()).unwrap_or_else(
                || {
                    json!({
                        "type": "object",
                        "properties": {"answer": {"type": "string"}},
                        "required": ["answer"],
                    })
                },
            ),
            // A call that was cut off goes on; one that has ended is not run again.
            effect: Effect::Idempotent,
        }
    }

    /// The agent for one call. The error is for the model that wrote the arguments.
    fn called(&self, arguments: &Value) -> Result<Agent, String> {
        let mut agent = (*self.agent).clone();
        let given = |name: &String| arguments.get(name).filter(|value| !value.is_null());
        agent.params = self
            .params
            .iter()
            .map(|(name, param)| {
                let value = given(name).or(param.default.as_ref());
                (name.clone(), value.cloned().unwrap_or_default())
            })
            .collect();
        let rendered = |text: &str| {
            Template::parse(text)
                .and_then(|template| template.render(&agent.params))
                .map_err(|error| error.message)
        };
        let (task, instructions) = (rendered(&agent.task)?, rendered(&agent.instructions)?);
        if task.trim().is_empty() {
            return Err("with these arguments the task is empty".to_string());
        }
        (agent.task, agent.instructions) = (task, instructions);
        Ok(agent)
    }
}

fn schema(param: &ParamSpec) -> Value {
    let mut schema = match param.kind {
        Some(ParamType::Integer) => json!({"type": "integer"}),
        Some(ParamType::Number) => json!({"type": "number"}),
        Some(ParamType::Boolean) => json!({"type": "boolean"}),
        Some(ParamType::List) => json!({"type": "array", "items": {"type": "string"}}),
        Some(ParamType::String) | None => json!({"type": "string"}),
    };
    if !param.description.is_empty() {
        schema["description"] = json!(param.description);
    }
    if let Some(default) = &param.default {
        schema["default"] = default.clone();
    }
    schema
}

/// What a run lends to an agent that does the work of one of its calls.
pub struct BudgetLease<'a> {
    /// The run that lends.
    pub run: RunId,
    /// What may be spent.
    pub budget: Budget,
    /// Where everything came from that the model had read when it made the call.
    pub taint: Vec<Origin>,
    /// Who looks on.
    pub watch: &'a dyn Watch,
    /// Who answers an `ask`.
    pub person: Option<&'a dyn Person>,
}

/// Gets together what an agent is run with; the one who knows concrete types does.
#[async_trait]
pub trait Launcher: Send + Sync {
    /// Everything for this agent. The error is a sentence for the agent that called it.
    async fn launch(&self, agent: &Agent) -> Result<Box<dyn AgentRuntime>, String>;

    /// The strategies that agents can follow.
    fn strategies(&self) -> Strategies;

    /// The journal that all runs are kept in.
    fn journal(&self) -> &dyn Journal;

    /// A person's answer to the call that a run waits for, if there is one to give to this; it is
    /// given once.
    fn answer(&self, action: &Action) -> Option<Approval>;
}

/// What one agent is run with.
pub trait AgentRuntime: Send + Sync {
    /// The parts of a drive.
    fn parts<'a>(&'a self, watch: &'a dyn Watch, person: Option<&'a dyn Person>) -> Parts<'a>;

    /// The tools as the agent's model sees them.
    fn specs(&self) -> Vec<Arc<ToolSpec>>;
}

/// The tool `agents.NAME`.
pub struct SubagentTool {
    name: String,
    spec: Arc<ToolSpec>,
    sub: SubAgent,
    launcher: Arc<dyn Launcher>,
}

impl SubagentTool {
    /// The tool that runs this agent.
    pub fn new(name: &str, sub: SubAgent, launcher: Arc<dyn Launcher>) -> Self {
        Self { name: name.to_string(), spec: Arc::new(sub.spec(name)), sub, launcher }
    }

    /// The run of this call: one that is there already, as long as it was given the same.
    async fn run_of(
        &self,
        call: RunId,
        agent: &Agent,
    ) -> Result<(RunId, Vec<Event>), JournalError> {
        let mut id = call.clone();
        let mut other = 1;
        loop {
            let events = match self.launcher.journal().load(&id).await {
                Ok(events) => events,
                Err(JournalError::Unknown(_)) => return Ok((id, Vec::new())),
                Err(error) => return Err(error),
            };
            if let Some(What::Started { agent: begun, .. }) = events.first().map(|e| &e.what)
                && (&begun.file, &begun.params) == (&agent.file, &agent.params)
            {
                return Ok((id, events));
            }
            // Code that was run again took another way: its first call is another one now.
            other += 1;
            id = RunId(format!("{call}_r{other}"));
        }
    }

    async fn run(
        &self,
        (id, mut events): (RunId, Vec<Event>),
        mut agent: Agent,
        lease: &BudgetLease<'_>,
    ) -> Result<Result<(Outcome, Run), String>, Fault> {
        if let Some(What::Ended { outcome }) = events.last().map(|event| &event.what) {
            let traits = Traits { constrained: false, ..agent.model.provider.into() };
            let strategies = self.launcher.strategies();
            let run = drive::fold(&id, &events, &strategies, traits, Vec::new())?;
            return Ok(Ok((outcome.clone(), run)));
        }
        agent.budget = lease.budget;
        let assembled = match self.launcher.launch(&agent).await {
            Ok(assembled) => assembled,
            Err(reason) => return Ok(Err(reason)),
        };
        let watch = Quiet(lease.watch);
        let parts = assembled.parts(&watch, lease.person);
        let traits = parts.model.traits();
        let strategies = self.launcher.strategies();
        let run = if events.is_empty() {
            let strategy = strategies.choose(&agent, &traits);
            let mut run = Run::new(id, agent, strategy, traits, assembled.specs());
            drive::begin_with(&mut run, lease.taint.clone().into(), &parts).await?;
            run
        } else {
            // It was lent this before; should less be left, less it is.
            if let Some(Event { what: What::Started { agent, .. }, .. }) = events.first_mut() {
                let budget = agent.budget.within(lease.budget);
                Arc::make_mut(agent).budget = budget;
            }
            let mut run = drive::fold(&id, &events, &strategies, traits, assembled.specs())?;
            drive::resume(&mut run, None, |action| self.launcher.answer(action), &parts).await?;
            run
        };
        let (outcome, run) = drive::drive(Box::new(run), &parts).await?;
        Ok(Ok((outcome, *run)))
    }
}

impl Tool for SubagentTool {
    fn spec(&self) -> &Arc<ToolSpec> {
        &self.spec
    }

    /// Nothing by itself: whatever the agent does is judged when it does it.
    fn plan(&self, _arguments: &Value) -> Result<Vec<Capability>, String> {
        Ok(Vec::new())
    }

    fn work(&self) -> Work<'_> {
        Work::Worker(self)
    }
}

#[async_trait]
impl Worker for SubagentTool {
    async fn invoke(&self, permit: &Permit, gate: &dyn Gate) -> Result<Invocation, SandboxError> {
        let failed = |reason: String| Ok(Invocation { result: Err(reason), cost: Cost::default() });
        let action = permit.action();
        let agent = match self.sub.called(&action.arguments) {
            Ok(agent) => agent,
            Err(reason) => return failed(reason),
        };
        let lease = match gate.lease(agent.budget).await {
            Ok(lease) => lease,
            Err(reason) => return failed(reason),
        };
        let found = self.run_of(lease.run.child(&action.id), &agent).await?;
        let id = found.0.clone();
        let (outcome, run) = match self.run(found, agent, &lease).await {
            Ok(Ok(ended)) => ended,
            Ok(Err(reason)) => {
                return failed(format!("agent `{}` cannot be run: {reason}", self.name));
            }
            Err(Fault::Journal(error)) => return Err(error.into()),
            Err(fault) => return failed(fault.to_string()),
        };
        run.taint().into_iter().for_each(|origin| gate.record_origin(origin));
        let result = self.result(&id, outcome)?;
        let output = result.as_ref().map_or(0, |value| value.to_string().len() as u64);
        let spent = *run.spent();
        let time = std::time::Duration::from_millis(spent.time_ms);
        let spent = crate::ledger::Spent { time_ms: 0, ..spent };
        Ok(Invocation { result, cost: Cost { time, memory: 0, output, spent } })
    }

    fn means(&self) -> Means {
        Means::Leased
    }
}

impl SubagentTool {
    fn result(&self, run: &RunId, outcome: Outcome) -> Result<Result<Value, String>, SandboxError> {
        let name = &self.name;
        let Some(reason) = outcome.reason else { return Ok(Ok(outcome.value)) };
        if reason != Reason::Approval && !outcome.value.is_null() {
            // It was cut short, and this is what it knew.
            return Ok(Ok(outcome.value));
        }
        let detail = outcome.detail.unwrap_or_default();
        let spent = |what: &str| format!("agent `{name}` spent its {what} before it had an answer");
        Ok(Err(match reason {
            Reason::Approval => {
                let mark = outcome.waits.unwrap_or_default();
                return Err(SandboxError::Waiting { run: run.clone(), detail, mark });
            }
            Reason::Steps => spent("steps"),
            Reason::Tokens => spent("tokens"),
            Reason::Time => spent("time"),
            Reason::Cost => spent("dollars"),
            Reason::Unsupported => format!("agent `{name}` has no answer: {detail}"),
            Reason::Fault | Reason::Cancelled => format!("agent `{name}` stopped: {detail}"),
        }))
    }
}

/// Sees a child's events. What its model writes, letter by letter, is not shown: several may write
/// at once.
struct Quiet<'a>(&'a dyn Watch);

impl Watch for Quiet<'_> {
    fn event(&self, event: &Event, run: &Run) {
        self.0.event(event, run);
    }

    fn waits(&self, run: &RunId, action: &Action, reasons: &[String]) {
        self.0.waits(run, action, reasons);
    }
}
