//! The loop, the only one: what a run needs next is done, what came of it is written to the
//! journal, and only then does the run take it in. Dropping the future at any point leaves a
//! journal that resumes.

mod budget_pool;
mod fit;
mod gate;
mod parts;
mod session;
mod spans;
mod toolset;
mod write;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::{BoxFuture, Either, select};
use futures::stream::{FuturesUnordered, TryStreamExt};
use tracing::Instrument;

use crate::action::{Action, CallId, Decision};
use crate::agent::ModelConfig;
use crate::content::ContentPart;
use crate::event::{Event, Observation, Outcome, Reason, RunId, What};
use crate::journal::{Journal, JournalError};
use crate::message::ToolCall;
use crate::model::{Model, ModelError, Reply, Request, Traits};
use crate::policy::Policy;
use crate::provenance::Origin;
use crate::question::{Question, observed};
use crate::run::{Consent, Run, Step, denied};
use crate::sandbox::{Remark, Sandbox, SandboxError};
use crate::strategy::{PLAN, Strategies};
use crate::tool::Tool;
use session::{Caller, Session};

/// How often a conversation is made shorter for one call.
const FITTINGS: u32 = 8;

/// What a run is driven with.
pub struct Parts<'a> {
    /// Thinks.
    pub model: &'a dyn Model,
    /// The tools that the agent uses.
    pub tools: &'a [Arc<dyn Tool>],
    /// Judges.
    pub policy: &'a dyn Policy,
    /// Acts.
    pub sandbox: &'a dyn Sandbox,
    /// Remembers.
    pub journal: &'a dyn Journal,
    /// Looks on.
    pub watch: &'a dyn Watch,
    /// Answers an `ask`; without one, the run pauses.
    pub person: Option<&'a dyn Person>,
    /// Milliseconds since 1970.
    pub clock: fn() -> u64,
    /// 128 random bits.
    pub chance: fn() -> u128,
    /// Completes after this long.
    pub sleep: fn(Duration) -> futures::future::BoxFuture<'static, ()>,
}

/// Sees a run as it happens: a terminal, a log, a page.
pub trait Watch: Send + Sync {
    /// An event is in the journal, and this is the run after it, and perhaps after others that came into
    /// the journal together with it.
    fn event(&self, event: &Event, run: &Run);

    /// The model wrote this much more of a reply.
    fn text(&self, _text: &str) {}

    /// The run waits for a person, who is not asked here and now, to say yes to this.
    fn waits(&self, _run: &RunId, _action: &Action, _reasons: &[String]) {}

    /// While this call runs, its guest says something for people.
    fn emit(&self, _run: &RunId, _call: &Action, _remark: &Remark) {}
}

/// No observer.
pub struct Unseen;

impl Watch for Unseen {
    fn event(&self, _event: &Event, _run: &Run) {}
}

/// A person who can say yes or no to what the policy leaves open.
#[async_trait]
pub trait Person: Send + Sync {
    /// `None`: not now, the run shall wait.
    async fn approve(&self, run: &RunId, action: &Action, reasons: &[String]) -> Option<Approval>;
}

/// A person's answer to what a run waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Approval {
    /// It may happen.
    Granted,
    /// It may happen, if it is the action with this [`Action::mark`].
    Marked(String),
    /// It may not.
    Refused,
    /// This is the answer. Answers nothing but a question, and of one with choices only a choice.
    Said(String),
    /// A plan may be carried out, with these parts in the place of its own. Answers nothing but
    /// a plan.
    Revised(Vec<String>),
}

impl Approval {
    /// The events that it is.
    fn into_events(self, action: &Action) -> Vec<What> {
        let call = action.id.clone();
        let question = Question::of(action);
        match self {
            Approval::Said(words) => {
                let answer = question.and_then(|question| question.answer(&words).ok());
                let observed = |answer| What::Observed { call, observation: observed(answer) };
                answer.map(observed).into_iter().collect()
            }
            // A question is not answered by a yes.
            Approval::Granted if question.is_some() => Vec::new(),
            Approval::Granted => vec![What::Answered { call, granted: true }],
            Approval::Refused => vec![What::Answered { call, granted: false }],
            Approval::Revised(parts) if action.tool == PLAN => {
                vec![What::Revised { parts }, What::Answered { call, granted: true }]
            }
            Approval::Marked(mark) if question.is_none() && mark == action.mark() => {
                vec![What::Answered { call, granted: true }]
            }
            Approval::Revised(_) | Approval::Marked(_) => Vec::new(),
        }
    }
}

/// The detail of an outcome where a plan waits for a person.
pub const PLAN_WAITS: &str = "the plan waits for a person's yes";

/// What the detail of an outcome begins with where a question waits for an answer.
pub const QUESTION_WAITS: &str = "a question waits for an answer: ";

/// The run cannot go on, and this could not even be written down.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The journal holds something that is no run.
    #[error("run `{0}` has no beginning in the journal")]
    NoBeginning(RunId),
    /// The run follows a strategy that this program does not have.
    #[error("run `{0}` follows the strategy `{1}`, which this program does not have")]
    NoStrategy(RunId, String),
}

/// Begins a run: its first event is in the journal when this returns.
pub async fn begin(run: &mut Run, parts: &Parts<'_>) -> Result<(), Fault> {
    begin_with(run, Told::default(), parts).await
}

/// What a run is told beside its task.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// Where what it was told came from.
    pub taint: Vec<Origin>,
    /// What is attached to its task, with the bytes.
    pub parts: Vec<ContentPart>,
}

impl From<Vec<Origin>> for Told {
    fn from(taint: Vec<Origin>) -> Self {
        Self { taint, parts: Vec::new() }
    }
}

/// Begins a run whose task was written after these were read.
pub async fn begin_with(run: &mut Run, told: Told, parts: &Parts<'_>) -> Result<(), Fault> {
    let agent = run.shared_agent();
    let Told { mut taint, parts: attached } = told;
    taint.extend(attached.iter().flat_map(|part| part.origins.iter().cloned()));
    let mut kept = Vec::new();
    for part in attached {
        parts.journal.keep(run.id(), &part).await?;
        kept.push(part.kept());
    }
    let strategy = run.strategy().name.to_string();
    note(run, What::Started { agent, strategy, taint, parts: kept }, parts).await
}

/// Writes down something that happened to a run that is not being driven.
pub async fn note(run: &mut Run, what: What, parts: &Parts<'_>) -> Result<(), Fault> {
    let event = Event::new((parts.clock)(), what);
    parts.journal.append(run.id(), run.seq(), &event).await?;
    run.apply(&event);
    parts.watch.event(&event, run);
    Ok(())
}

/// Takes a run up again that was folded from its journal, perhaps with another model. Where it waits
/// for a person, `answer` is asked for one that was given meanwhile.
pub async fn resume(
    run: &mut Run,
    model: Option<ModelConfig>,
    answer: impl FnOnce(&Action) -> Option<Approval>,
    parts: &Parts<'_>,
) -> Result<(), Fault> {
    note(run, What::Resumed { model: model.map(Box::new) }, parts).await?;
    if let Step::Ask(action, _) = run.step()
        && let Some(answer) = answer(&action)
    {
        for what in answer.into_events(&action) {
            note(run, what, parts).await?;
        }
    }
    Ok(())
}

/// Makes the run again from its events, as far as it had come.
pub fn fold(
    id: &RunId,
    events: &[Event],
    strategies: &Strategies,
    traits: Traits,
    tools: Vec<Arc<crate::tool::ToolSpec>>,
) -> Result<Run, Fault> {
    let Some(What::Started { agent, strategy, .. }) = events.first().map(|event| &event.what)
    else {
        return Err(Fault::NoBeginning(id.clone()));
    };
    let entry = strategies
        .named(strategy)
        .ok_or_else(|| Fault::NoStrategy(id.clone(), strategy.clone()))?;
    let mut run = Run::new(id.clone(), agent.clone(), entry, traits, tools);
    events.iter().for_each(|event| run.apply(event));
    Ok(run)
}

/// Drives the run until it is over, waits for a person, or cannot go on. Only the first kind of
/// end is written to the journal: the others resume.
pub async fn drive(run: Box<Run>, parts: &Parts<'_>) -> Result<(Outcome, Box<Run>), Fault> {
    let span = spans::invoke_agent(&run);
    let (outcome, run) = driven(run, parts).instrument(span.clone()).await?;
    spans::ended(&span, &outcome);
    Ok((outcome, run))
}

async fn driven(run: Box<Run>, parts: &Parts<'_>) -> Result<(Outcome, Box<Run>), Fault> {
    let left = Duration::from_millis(run.ledger().time_left_ms());
    let session = Session::new(run, parts);
    let time_is_up = (parts.sleep)(left);
    let worked = match select(Box::pin(session.work()), time_is_up).await {
        Either::Left((outcome, _)) => Some(outcome?),
        Either::Right(_) => None,
    };
    let outcome = match worked {
        Some(outcome) => Box::pin(session.told(outcome)).await?,
        None => Box::pin(session.time_is_up()).await?,
    };
    Ok((outcome, session.into_run()))
}

/// What a run does next; `Some` where it stops for now. A run waits for its model most of the time, and many wait at
/// once: each thing that it does is beside its own future, so that it takes no room but while it is done.
type Doing<'a> = BoxFuture<'a, Result<Option<Outcome>, Fault>>;

/// Makes one call that no model asked for: planned, judged, permitted and run like any. What is
/// not allowed, also for want of a person to ask, is an observation that says so.
///
/// # Errors
/// What would stop a run: the sandbox or the journal broke.
pub async fn call(
    run: Run,
    call: &ToolCall,
    parts: &Parts<'_>,
) -> Result<Observation, SandboxError> {
    let session = Session::new(Box::new(run), parts);
    let (action, verdict) = session.judge(CallId("c1".to_string()), call, Caller::Person).await?;
    let consent = match (verdict.decision, parts.person) {
        (Decision::Allow, _) => Consent::Policy,
        (Decision::Ask, Some(person)) => {
            match person.approve(session.id(), &action, &verdict.reasons).await {
                Some(Approval::Granted) if Question::of(&action).is_none() => Consent::Person,
                Some(Approval::Said(words)) => {
                    let answer = Question::of(&action).and_then(|asked| asked.answer(&words).ok());
                    return Ok(answer
                        .map_or_else(|| denied(&["no answer was given".to_string()]), observed));
                }
                _ => return Ok(denied(&["a person said no".to_string()])),
            }
        }
        _ => return Ok(denied(&verdict.reasons)),
    };
    session.perform(action, consent).await
}

impl Session<'_> {
    /// An outcome is about to be told: what led to it is on the disk when this returns. One that ended
    /// the run was synced with its event.
    async fn told(&self, outcome: Outcome) -> Result<Outcome, JournalError> {
        if let Some(Reason::Fault | Reason::Approval) = outcome.reason {
            self.sync().await?;
        }
        Ok(outcome)
    }

    /// It may have ended with what was being written just then.
    async fn time_is_up(&self) -> Result<Outcome, JournalError> {
        if let Step::Done(outcome) = self.settled().await?.step() {
            return Ok(outcome);
        }
        let outcome = self.cut_short(Reason::Time).await;
        self.write(What::Ended { outcome: outcome.clone() }).await?;
        Ok(outcome)
    }

    async fn work(&self) -> Result<Outcome, Fault> {
        loop {
            let doing: Doing<'_> = match self.step().await {
                Step::Done(outcome) => return Ok(outcome),
                Step::Record(what) => Box::pin(self.record(what)),
                Step::Think { request, fresh, last } => self.think(request, fresh, last),
                Step::Judge(calls) => Box::pin(self.judge_all(calls)),
                Step::Act(actions) => Box::pin(self.act(actions)),
                Step::Ask(action, reasons) => Box::pin(self.ask(action, reasons)),
            };
            if let Some(stop) = doing.await? {
                return Ok(stop);
            }
        }
    }

    async fn record(&self, what: What) -> Result<Option<Outcome>, Fault> {
        self.write_with_next(what).await?;
        Ok(None)
    }

    async fn judge_all(&self, calls: Vec<(CallId, ToolCall)>) -> Result<Option<Outcome>, Fault> {
        for (id, call) in calls {
            self.judge(id, &call, Caller::Model).await?;
        }
        Ok(None)
    }

    /// Asks the model.
    fn think(&self, mut request: Request, fresh: u64, last: bool) -> Doing<'_> {
        Box::pin(async move {
            let Some(most) = self.affordable(fresh, request.max_tokens.into()).await else {
                let reason = self.exhausted().await;
                let outcome = self.cut_short(reason).await;
                self.write(What::Ended { outcome }).await?;
                return Ok(None);
            };
            request.max_tokens = u32::try_from(most).unwrap_or(u32::MAX);
            let call = request.call;
            self.write(What::Thinking { call, reserved: fresh + most, last }).await?;
            let span = spans::chat(self.parts.model, &request);
            let answer = self.answer(&mut request).instrument(span.clone()).await;
            spans::replied(&span, &answer);
            let reason = match answer {
                Ok(reply) => return self.record(What::Replied { call, reply }).await,
                Err(reason) => reason,
            };
            self.write(What::Unanswered { call, reason: reason.clone() }).await?;
            Ok(Some(fault(reason)))
        })
    }

    /// The reply to a request that is made to fit, and again where the model says that it does not.
    async fn answer(&self, request: &mut Request) -> Result<Reply, String> {
        let (model, patience) = (self.parts.model, self.timeout().await);
        let mut tries = FITTINGS;
        let note = parts::told(request, model);
        fit::fit(request, model);
        parts::load(self, request).await.map_err(|error| error.to_string())?;
        loop {
            let heard = AtomicU64::new(0);
            let mut on_text = |text: &str| {
                heard.fetch_add(1, Ordering::Relaxed);
                if !text.is_empty() {
                    self.parts.watch.text(text);
                }
            };
            let thinking = model.think(request, &mut on_text);
            let thought = match select(thinking, Box::pin(self.silence(&heard, patience))).await {
                Either::Left((thought, _)) => thought,
                Either::Right(_) => {
                    let (name, seconds) = (model.name(), patience.as_secs_f64());
                    return Err(format!(
                        "model `{name}` did not answer within {seconds} s, its `timeout`"
                    ));
                }
            };
            match thought {
                Err(ModelError::TooLong { .. }) if tries > 0 && fit::fit(request, model) => {
                    tries -= 1;
                }
                Ok(mut reply) => {
                    reply.notes.extend(note.filter(|_| self.first_note()));
                    return Ok(reply);
                }
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    /// Completes once nothing was heard for so long.
    async fn silence(&self, heard: &AtomicU64, patience: Duration) {
        let mut before = 0;
        loop {
            (self.parts.sleep)(patience).await;
            let now = heard.load(Ordering::Relaxed);
            if now == std::mem::replace(&mut before, now) {
                return;
            }
        }
    }

    /// Runs what was permitted: side by side where no call changes what cannot be repeated.
    async fn act(&self, actions: Vec<(Action, Consent)>) -> Result<Option<Outcome>, Fault> {
        match self.perform_all(actions).await {
            Ok(()) => Ok(None),
            Err(error) => stopped(error).map(Some),
        }
    }

    async fn perform_all(&self, actions: Vec<(Action, Consent)>) -> Result<(), SandboxError> {
        self.budget_pool
            .expect(actions.iter().filter(|(action, _)| self.borrows(&action.tool)).count());
        if actions.iter().all(|(action, _)| self.effect(&action.tool).may_repeat()) {
            let calls: FuturesUnordered<_> = actions
                .into_iter()
                .map(|(action, consent)| self.perform(action, consent))
                .collect();
            return calls.try_for_each(|_| async { Ok(()) }).await;
        }
        for (action, consent) in actions {
            self.perform(action, consent).await?;
        }
        Ok(())
    }

    async fn ask(&self, action: Action, reasons: Vec<String>) -> Result<Option<Outcome>, Fault> {
        // What a person is asked to allow is what a resume would ask again.
        self.sync().await?;
        let run = self.id();
        let answer = match self.parts.person {
            Some(person) => person.approve(run, &action, &reasons).await,
            None => None,
        };
        let Some(answer) = answer else {
            self.parts.watch.waits(run, &action, &reasons);
            return Ok(Some(paused(&action, &reasons)));
        };
        let events = answer.into_events(&action);
        let answered = !events.is_empty();
        for what in events {
            self.write(what).await?;
        }
        Ok((!answered).then(|| paused(&action, &reasons)))
    }
}

fn fault(detail: String) -> Outcome {
    Outcome { reason: Some(Reason::Fault), detail: Some(detail), ..Outcome::default() }
}

/// A fault of the sandbox stops the run; a fault of the journal cannot even be called an outcome.
fn stopped(error: SandboxError) -> Result<Outcome, Fault> {
    match error {
        SandboxError::Journal(error) => Err(error.into()),
        SandboxError::Waiting { ref mark, .. } => Ok(Outcome {
            reason: Some(Reason::Approval),
            detail: Some(error.to_string()),
            waits: Some(mark.clone()),
            ..Outcome::default()
        }),
        error => Ok(fault(error.to_string())),
    }
}

fn paused(action: &Action, reasons: &[String]) -> Outcome {
    let detail = match (action.tool.as_str(), Question::of(action)) {
        (PLAN, _) => PLAN_WAITS.to_string(),
        (_, Some(question)) => format!("{QUESTION_WAITS}{}", question.shown()),
        _ => format!("call `{}` waits for approval: {}", action.id, reasons.join("; ")),
    };
    let (reason, waits) = (Some(Reason::Approval), Some(action.mark()));
    Outcome { reason, detail: Some(detail), waits, ..Outcome::default() }
}
