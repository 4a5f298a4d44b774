//! Where a run is worked on: the run behind a lock, and the one way an event gets into it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex as Short, PoisonError};

use futures::future::BoxFuture;
use futures::lock::Mutex;
use serde_json::Value;
use tracing::{Instrument, Span};

use super::Parts;
use super::budget_pool::BudgetPool;
use super::gate::CallGate;
use super::parts;
use super::spans;
use super::toolset::{Fitted, Toolset};
use super::write::BrokenOff;
use crate::action::{Action, CallId, Decision, Permit, Verdict};
use crate::agent::Budget;
use crate::content::Content;
use crate::event::{Event, Observation, Outcome, Reason, RunId, Status, What};
use crate::journal::JournalError;
use crate::message::ToolCall;
use crate::output::Part;
use crate::provenance::Origin;
use crate::replay_seed::{Seed, Start};
use crate::run::{Consent, Inner, Run, Step};
use crate::sandbox::{Invocation, SandboxError};
use crate::strategy::shape;
use crate::tool::{Effect, Means, Promise, Tool, Work};

/// One run being driven.
pub(super) struct Session<'a> {
    pub(super) parts: &'a Parts<'a>,
    pub(super) id: RunId,
    toolset: Toolset,
    pub(super) run: Mutex<Box<Run>>,
    /// What the run has taken in and the journal gets together with what is written next. Touched by
    /// the one that holds the run.
    pub(super) unwritten: Short<Vec<Event>>,
    /// Of which it is not known whether the journal has it. Touched likewise.
    pub(super) broken_off: Short<Option<BrokenOff>>,
    /// What was just allowed; a permit does not outlive the process, so after a resume the
    /// action is judged again.
    permits: Short<Vec<Permit>>,
    pub(super) budget_pool: BudgetPool,
    /// Whether it was said that the model does not see what it was given.
    noted: AtomicBool,
    /// The bytes of parts that the latest request had, by their SHA-256.
    loaded: Short<HashMap<String, Content>>,
}

/// Who makes a call.
pub(super) enum Caller<'a> {
    /// The model.
    Model,
    /// A person, outside of a run.
    Person,
    /// The guest of this tool's call, which has read these meanwhile.
    Guest { tool: &'a str, origins: Vec<Origin> },
}

/// A call at work.
pub(super) type Performing<'a> = BoxFuture<'a, Result<Observation, SandboxError>>;

impl<'a> Session<'a> {
    pub(super) fn new(run: Box<Run>, parts: &'a Parts<'a>) -> Self {
        let id = run.id().clone();
        let toolset = Toolset::new(parts.tools);
        Self {
            parts,
            id,
            toolset,
            run: Mutex::new(run),
            unwritten: Short::default(),
            broken_off: Short::default(),
            permits: Short::default(),
            budget_pool: BudgetPool::default(),
            noted: AtomicBool::new(false),
            loaded: Short::default(),
        }
    }

    /// The bytes that were at hand, in exchange for these.
    pub(super) fn swap_loaded(&self, loaded: HashMap<String, Content>) -> HashMap<String, Content> {
        std::mem::replace(&mut *self.loaded.lock().unwrap_or_else(PoisonError::into_inner), loaded)
    }

    /// Whether it is said now for the first time that the model is not shown what it was given.
    pub(super) fn first_note(&self) -> bool {
        !self.noted.swap(true, Ordering::Relaxed)
    }

    /// The run as it is now.
    pub(super) fn into_run(self) -> Box<Run> {
        self.run.into_inner()
    }

    pub(super) async fn step(&self) -> Step {
        self.run.lock().await.step()
    }

    /// How long one model call may take.
    pub(super) async fn timeout(&self) -> std::time::Duration {
        self.run.lock().await.agent().model.timeout
    }

    pub(super) async fn affordable(&self, input: u64, wanted: u64) -> Option<u64> {
        self.run.lock().await.ledger().affordable(input, wanted)
    }

    /// Which part of the budget has no token left.
    pub(super) async fn exhausted(&self) -> Reason {
        let run = self.run.lock().await;
        let spent = run.spent();
        let tokens_spent = spent.input_tokens + spent.output_tokens;
        let money = run.ledger().budget().cost_usd.is_some_and(|budget| spent.cost_usd >= budget);
        if money && tokens_spent < run.ledger().budget().tokens {
            Reason::Cost
        } else {
            Reason::Tokens
        }
    }

    pub(super) async fn cut_short(&self, reason: Reason) -> Outcome {
        self.run.lock().await.cut_short(reason)
    }

    pub(super) async fn inner(&self, call: &CallId) -> Inner {
        self.run.lock().await.inner(call)
    }

    pub(super) async fn taint(&self) -> Vec<Origin> {
        self.run.lock().await.taint()
    }

    /// See [`Run::kept_bytes`].
    pub(super) async fn kept_bytes(&self) -> u64 {
        self.run.lock().await.kept_bytes()
    }

    /// See [`Run::output`].
    pub(super) async fn output(&self, call: &str, part: u64) -> Result<Part, String> {
        self.run.lock().await.output(call, part)
    }

    pub(super) fn effect(&self, tool: &str) -> Effect {
        self.toolset.get(tool).map_or(Effect::Writes, |fitted| fitted.tool().spec().effect)
    }

    /// Whether a tool's work is paid for out of this run's budget.
    pub(super) fn borrows(&self, tool: &str) -> bool {
        self.toolset.get(tool).is_some_and(|fitted| match fitted.tool().work() {
            Work::Worker(worker) => worker.means() == Means::Leased,
            Work::Guest(_) => false,
        })
    }

    /// Lends a call at most so much of the budget, until it is observed.
    pub(super) async fn lease(&self, call: &CallId, most: Budget) -> Result<Budget, String> {
        // While the run is held, what a call spent is either in the ledger or still lent.
        let run = self.run.lock().await;
        self.budget_pool.lease(call, most, run.leasable())
    }

    pub(super) fn id(&self) -> &RunId {
        &self.id
    }

    /// Checks the arguments, plans the call and judges it; the verdict is in the journal before
    /// anything follows from it. A call that cannot be planned is denied: nothing of it reaches the sandbox.
    pub(super) async fn judge(
        &self,
        id: CallId,
        call: &ToolCall,
        caller: Caller<'_>,
    ) -> Result<(Action, Verdict), JournalError> {
        let mut taint = self.taint().await;
        if let Caller::Guest { origins, .. } = &caller {
            taint.extend(origins.iter().cloned());
        }
        let mut action = Action {
            id,
            tool: call.name.clone(),
            arguments: call.arguments.clone(),
            capabilities: Vec::new(),
            taint,
        };
        let planned = self.callable(call, &caller).and_then(|()| self.plan(call));
        let (verdict, permit) = match planned {
            Ok(capabilities) => {
                action.capabilities = capabilities;
                Permit::judge(self.parts.policy, action.clone())
            }
            Err(reason) => (Verdict { decision: Decision::Deny, reasons: vec![reason] }, None),
        };
        if let (Some(permit), Ok(mut permits)) = (permit, self.permits.lock()) {
            permits.retain(|known| known.action().id != action.id);
            permits.push(permit);
        }
        let judged = What::Judged { action: action.clone(), verdict: verdict.clone() };
        match caller {
            // The call begins next, or the run goes on to the next, or to its model.
            Caller::Model => self.write_with_next(judged).await?,
            Caller::Guest { .. } | Caller::Person => self.write(judged).await?,
        }
        Ok((action, verdict))
    }

    /// Whether the caller may make it at all.
    fn callable(&self, call: &ToolCall, caller: &Caller<'_>) -> Result<(), String> {
        let Caller::Guest { tool, .. } = caller else { return Ok(()) };
        let (caller, called) =
            (self.toolset.get(tool).map(Fitted::tool), self.toolset.get(&call.name));
        if !caller.is_some_and(|caller| caller.calls(&call.name)) {
            return Err(format!(
                "tool `{tool}` may not call `{}`: its component does not want that, or the agent \
                 file keeps it from it",
                call.name
            ));
        }
        // What a component said that it does not do, it does not have done by others either.
        let held = caller.is_some_and(|caller| !caller.spec().effect.changes() && strange(caller));
        if held && called.is_some_and(|called| called.tool().spec().effect.changes()) {
            return Err(format!(
                "tool `{tool}` said that it changes nothing, and may not call `{}`, which does",
                call.name
            ));
        }
        Ok(())
    }

    fn plan(&self, call: &ToolCall) -> Result<Vec<crate::action::Capability>, String> {
        let Some(fitted) = self.toolset.get(&call.name) else {
            let names = self.toolset.names();
            return Err(match names.is_empty() {
                true => format!("there is no tool `{}`: this agent has none", call.name),
                false => format!("there is no tool `{}`; there is {names}", call.name),
            });
        };
        fitted.takes(&call.arguments).map_err(|problems| {
            let shape = shape(fitted.tool().spec());
            format!("wrong arguments for `{}`: {problems}; it is {shape}", call.name)
        })?;
        fitted.tool().plan(&call.arguments).map_err(|problem| format!("`{}`: {problem}", call.name))
    }

    /// Runs one allowed call; its observation is in the journal before anything follows from it. The calls of many
    /// runs wait for room in the sandbox at once: what is done before and after takes none meanwhile.
    pub(super) fn perform(&self, action: Action, consent: Consent) -> Performing<'_> {
        let span = spans::execute_tool(&action);
        Box::pin(self.performed(Box::new(action), consent, span.clone()).instrument(span))
    }

    async fn performed(
        &self,
        action: Box<Action>,
        consent: Consent,
        span: Span,
    ) -> Result<Observation, SandboxError> {
        let id = action.id.clone();
        let fitted = self.toolset.get(&action.tool);
        let permit = self.permit(*action, consent).map(Box::new);
        let observation = match (permit, fitted) {
            (Some(permit), Some(fitted)) => self.worked(permit, fitted, consent).await?,
            _ => Box::pin(self.allowed_no_more(id)).await?,
        };
        spans::observed(&span, &observation);
        Ok(observation)
    }

    async fn worked(
        &self,
        permit: Box<Permit>,
        fitted: &Fitted,
        consent: Consent,
    ) -> Result<Observation, SandboxError> {
        let gate = Box::pin(self.begun(&permit, fitted.tool(), consent)).await?;
        let invocation = match fitted.tool().work() {
            Work::Guest(guest) => self.parts.sandbox.invoke(&permit, guest, &gate).await?,
            Work::Worker(worker) => worker.invoke(&permit, &gate).await?,
        };
        Box::pin(self.over(&permit.action().id, fitted, &gate, invocation)).await
    }

    async fn allowed_no_more(&self, call: CallId) -> Result<Observation, SandboxError> {
        let reason = "what was allowed is not allowed any more".to_string();
        let observation = crate::run::denied(&[reason]);
        self.write(What::Observed { call, observation: observation.clone() }).await?;
        Ok(observation)
    }

    /// A call begins: what its guest passes through.
    async fn begun<'p>(
        &'p self,
        permit: &'p Permit,
        tool: &dyn Tool,
        consent: Consent,
    ) -> Result<CallGate<'p>, SandboxError> {
        let id = &permit.action().id;
        let before = self.inner(id).await;
        let (effect, start) = (tool.spec().effect, self.start(tool, &before));
        self.write(What::Acting { call: id.clone(), effect, start }).await?;
        Ok(CallGate::new(self, permit, consent, before, start.unwrap_or_default()).await)
    }

    /// A call gave this back.
    async fn over(
        &self,
        id: &CallId,
        fitted: &Fitted,
        gate: &CallGate<'_>,
        invocation: Invocation,
    ) -> Result<Observation, SandboxError> {
        if let Some(error) = gate.broken() {
            return Err(error.into());
        }
        let tool = fitted.tool();
        let origins = gate.origins();
        let (result, own) = parts::taken(tool, invocation.result);
        let attached = gate.attached().into_iter().chain(own).collect();
        let (mut text, result, status) = observed(fitted, result);
        let parts = parts::keep(self, attached, &origins, &mut text).await?;
        let at_once = match tool.work() {
            Work::Guest(guest) => Some(guest.limits.output as u64),
            Work::Worker(worker) => worker.at_once(),
        };
        let at_once = at_once.filter(|most| text.len() as u64 > *most);
        let cost = invocation.cost;
        let observation = Observation { text, result, status, parts, origins, cost, at_once };
        self.write_observed(id.clone(), observation.clone()).await?;
        self.budget_pool.settle(id);
        Ok(observation)
    }

    /// What a guest's clocks and random numbers begin with: with what they began before.
    fn start(&self, tool: &dyn Tool, before: &Inner) -> Option<Start> {
        match tool.work() {
            Work::Guest(_) => Some(before.start.unwrap_or_else(|| Start {
                at: (self.parts.clock)(),
                seed: Seed((self.parts.chance)()),
            })),
            Work::Worker(_) => None,
        }
    }

    fn permit(&self, action: Action, consent: Consent) -> Option<Permit> {
        let kept = self.permits.lock().ok().and_then(|mut permits| {
            let place = permits.iter().position(|permit| permit.action().id == action.id)?;
            let permit = permits.swap_remove(place);
            if permits.is_empty() {
                // The room for the next ones is not needed while the model thinks.
                *permits = Vec::new();
            }
            Some(permit)
        });
        kept.or_else(|| match consent {
            Consent::Person => Permit::approved(self.parts.policy, action),
            Consent::Policy => Permit::judge(self.parts.policy, action).1,
        })
    }
}

/// A result as the model is shown it, and as what it counts.
fn observed(fitted: &Fitted, result: Result<Value, String>) -> (String, Value, Status) {
    let tool = fitted.tool();
    let result = match result {
        Ok(result) => result,
        Err(failure) => return (failure, Value::Null, Status::Failed),
    };
    match (fitted.gives(&result), tool.promise()) {
        (Ok(()), _) => (tool.show(&result), result, Status::Ok),
        (Err(problems), Promise::Kept) => {
            (format!("the tool broke its own schema: {problems}"), Value::Null, Status::Failed)
        }
        (Err(problems), Promise::Claimed) => {
            let remark = format!("[this is not what the tool said that it gives: {problems}]");
            (format!("{}\n{remark}", tool.show(&result)), result, Status::Ok)
        }
    }
}

/// Whether an untrusted component does the work: what is part of Errand asks for each change.
fn strange(tool: &dyn Tool) -> bool {
    matches!(tool.work(), Work::Guest(guest) if guest.name.is_some())
}
