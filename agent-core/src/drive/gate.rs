//! The gate of one call: whatever its guest wants of the host while it runs is judged here, and
//! written down where it matters. After an interruption it gives back what had already happened.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Mutex;

use async_trait::async_trait;
use serde_json::Value;

use super::session::{Caller, Session};
use crate::action::{Action, CallId, Capability, Decision, Permit, Verdict};
use crate::agent::Budget;
use crate::content::ContentPart;
use crate::event::{Observation, RunId, Status, What};
use crate::journal::{JournalError, Writer};
use crate::message::ToolCall;
use crate::output::Part;
use crate::policy::Policy;
use crate::provenance::Origin;
use crate::replay_seed::Start;
use crate::run::{Consent, Inner, InnerCall};
use crate::sandbox::{Gate, Remark, SandboxError, Use};
use crate::strategy::PYTHON;
use crate::subagent::BudgetLease;

/// The most calls of other tools that one piece of code can make.
const MOST_CALLS: usize = 200;

/// Marks of reads: they change nothing, so the journal does not have them.
const READS: u64 = 1 << 48;

/// The most uses of one call that are judged: a guest that asks more often is a flood.
const MOST_USES: u64 = 100_000;

/// What one call's guest passes through.
pub(super) struct CallGate<'a> {
    session: &'a Session<'a>,
    action: &'a Action,
    consent: Consent,
    taint: Vec<Origin>,
    before: Inner,
    start: Start,
    now: Mutex<Now>,
}

#[derive(Default)]
struct Now {
    uses: u64,
    /// Counts the changes this guest made or asked for.
    marks: u64,
    calls: usize,
    origins: BTreeSet<Origin>,
    /// What the call gives back beside its text.
    parts: Vec<ContentPart>,
    /// Files that may be read: they count as read once they were.
    reading: BTreeMap<u64, PathBuf>,
    /// Files that may be written.
    writing: BTreeMap<u64, PathBuf>,
    refused: BTreeSet<String>,
    /// The code took another way than before the interruption: nothing recorded holds any more.
    diverged: bool,
    /// The journal failed: the guest was told no, and the run stops once it returns.
    broken: Option<JournalError>,
}

impl<'a> CallGate<'a> {
    pub(super) async fn new(
        session: &'a Session<'a>,
        permit: &'a Permit,
        consent: Consent,
        before: Inner,
        start: Start,
    ) -> Self {
        let (taint, action) = (session.taint().await, permit.action());
        Self { session, action, consent, taint, before, start, now: Mutex::default() }
    }

    /// Where the bytes came from that the guest was given.
    pub(super) fn origins(&self) -> Vec<Origin> {
        let mut origins: Vec<Origin> = self.with(|now| now.origins.iter().cloned().collect());
        if origins.is_empty() {
            origins.push(Origin::Host);
        }
        origins
    }

    /// What the guest, or what worked in its place, gave back beside text.
    pub(super) fn attached(&self) -> Vec<ContentPart> {
        self.with(|now| std::mem::take(&mut now.parts))
    }

    /// What went wrong with the journal while the guest ran.
    pub(super) fn broken(&self) -> Option<JournalError> {
        self.with(|now| now.broken.take())
    }

    fn with<T>(&self, change: impl FnOnce(&mut Now) -> T) -> T {
        change(&mut self.now.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    fn judge(&self, capability: &Capability) -> Verdict {
        let mut taint = self.taint.clone();
        taint.extend(self.with(|now| now.origins.iter().cloned().collect::<Vec<_>>()));
        let policy: &dyn Policy = self.session.parts.policy;
        policy.judge(&Action {
            id: self.action.id.clone(),
            tool: self.action.tool.clone(),
            arguments: self.action.arguments.clone(),
            capabilities: vec![capability.clone()],
            taint,
        })
    }

    async fn write(&self, what: What) -> Result<(), String> {
        self.session.write(what).await.map_err(|error| {
            let said = error.to_string();
            self.with(|now| now.broken = Some(error));
            said
        })
    }

    async fn used(
        &self,
        mark: u64,
        capability: Capability,
        verdict: Verdict,
    ) -> Result<(), String> {
        let call = self.action.id.clone();
        self.write(What::Used { call, mark, capability, verdict }).await
    }
}

impl CallGate<'_> {
    /// Whether a person who approved the call was shown this. A call that is not told beforehand what
    /// it deletes was not approved for that.
    fn was_shown(&self, wanted: &Capability) -> bool {
        let Capability::Delete(path) = wanted else { return true };
        self.action
            .capabilities
            .iter()
            .any(|shown| matches!(shown, Capability::Delete(above) if path.starts_with(above)))
    }
}

#[async_trait]
impl Gate for CallGate<'_> {
    async fn authorize(&self, capability: Capability) -> Result<Use, String> {
        let uses = self.with(|now| {
            now.uses += 1;
            now.uses
        });
        if uses > MOST_USES {
            return Err("too many uses of the host in one call".to_string());
        }
        let mut verdict = self.judge(&capability);
        if verdict.decision != Decision::Deny
            && let Some(reason) = self.beyond(&capability)
        {
            verdict = Verdict { decision: Decision::Deny, reasons: vec![reason] };
        }
        // No person can be asked while a guest waits, so what would need a person's yes is refused,
        // unless a person approved this very call.
        if verdict.decision == Decision::Ask
            && self.consent == Consent::Person
            && self.was_shown(&capability)
        {
            verdict.decision = Decision::Allow;
        }
        if verdict.decision != Decision::Allow {
            let reasons = verdict.reasons.join("; ");
            if self.with(|now| now.refused.insert(capability.to_string())) {
                self.used(u64::MAX, capability, verdict).await?;
            }
            return Err(reasons);
        }
        match &capability {
            Capability::Read(path) => {
                let mark = READS + uses;
                self.with(|now| now.reading.insert(mark, path.clone()));
                return Ok(Use::Fresh(mark));
            }
            Capability::Fetch { url, .. } => {
                self.with(|now| now.origins.insert(Origin::Web(url.clone())));
            }
            Capability::Write(_) | Capability::Delete(_) | Capability::Run { .. } => {}
        }
        let mark = self.with(|now| {
            now.marks += 1;
            now.marks - 1
        });
        if self.before.uses.get(&mark) == Some(&(capability.clone(), true))
            && matches!(capability, Capability::Write(_) | Capability::Delete(_))
        {
            return Ok(Use::Recorded);
        }
        if let Capability::Write(path) = &capability {
            self.with(|now| now.writing.insert(mark, path.clone()));
        }
        self.used(mark, capability, verdict).await?;
        Ok(Use::Fresh(mark))
    }

    async fn done(&self, mark: u64) -> Result<(), SandboxError> {
        if mark >= READS {
            self.with(|now| {
                let path = now.reading.remove(&mark);
                now.origins.extend(path.map(Origin::File));
            });
            return Ok(());
        }
        let call = self.action.id.clone();
        self.session.write(What::Done { call, mark }).await?;
        // Written without bytes: it was moved there.
        if let Some(path) = self.with(|now| now.writing.remove(&mark)) {
            self.session.parts.journal.moved_to(&path).await?;
        }
        Ok(())
    }

    async fn content(&self, mark: u64, sha256: &str) -> Result<(), SandboxError> {
        let journal = self.session.parts.journal;
        if mark >= READS {
            let Some(path) = self.with(|now| now.reading.get(&mark).cloned()) else {
                return Ok(());
            };
            let mut origins = journal.provenance(&path, sha256).await?;
            // What a file inherited from what it was before says nothing new.
            let this = Origin::File(path);
            origins.retain(|origin| *origin.source() != this);
            self.inherits(origins);
            return Ok(());
        }
        let (path, origins) = (self.with(|now| now.writing.remove(&mark)), self.leaves());
        if let Some(path) = path.filter(|_| !origins.is_empty()) {
            journal.wrote(&path, sha256, &origins).await?;
        }
        Ok(())
    }

    async fn reads_all(&self, folders: &[PathBuf]) -> Result<(), SandboxError> {
        self.inherits(self.session.parts.journal.left_in(folders).await?);
        Ok(())
    }

    async fn writer_began(&self, writer: &Writer<'_>, more: &[Origin]) -> Result<(), SandboxError> {
        let mut origins = self.leaves();
        origins
            .extend(more.iter().filter(|origin| **origin != Origin::Host).map(Origin::inherited));
        if !origins.is_empty() && !writer.folders.is_empty() {
            self.session.parts.journal.writer_began(writer, &origins).await?;
        }
        Ok(())
    }

    async fn writer_ended(&self, run: &RunId, name: &str) -> Result<(), SandboxError> {
        Ok(self.session.parts.journal.writer_ended(run, name).await?)
    }

    fn run(&self) -> RunId {
        self.session.id().clone()
    }

    fn leaves(&self) -> Vec<Origin> {
        let read = self.with(|now| now.origins.clone());
        let read = read.iter().chain(&self.taint).filter(|origin| **origin != Origin::Host);
        let origins: BTreeSet<Origin> = read.map(Origin::inherited).collect();
        origins.into_iter().collect()
    }

    async fn call(&self, tool: &str, arguments: Value) -> Result<Value, String> {
        if tool == PYTHON {
            return Err("code cannot run `python`: write the code where you are".to_string());
        }
        let place = self.with(|now| {
            now.calls += 1;
            now.calls
        });
        if place > MOST_CALLS {
            return Err(format!("one piece of code can call tools {MOST_CALLS} times"));
        }
        let id = CallId(format!("{}.{place}", self.action.id));
        let observation = match self.recorded(place, tool, &arguments) {
            Some(InnerCall { observation: Some(observation), .. }) => observation.clone(),
            Some(InnerCall { verdict, .. }) if verdict.decision != Decision::Allow => {
                crate::run::denied(&verdict.reasons)
            }
            Some(InnerCall { action, effect, .. }) if effect.is_none_or(|e| e.may_repeat()) => {
                self.perform(action.clone()).await?
            }
            Some(_) => {
                let observation = crate::run::unsure();
                self.write(What::Observed { call: id, observation: observation.clone() }).await?;
                observation
            }
            None => self.fresh(id, tool, arguments).await?,
        };
        self.with(|now| {
            now.origins.extend(observation.origins.iter().cloned());
            // What code looked at, its model looks at; a component's calls are its own affair.
            if self.action.tool == PYTHON {
                now.parts.extend(observation.parts.iter().cloned());
            }
        });
        match observation.status {
            Status::Ok => Ok(observation.result),
            _ => Err(observation.text),
        }
    }

    fn start(&self) -> Start {
        self.start
    }

    fn emit(&self, remark: Remark) {
        self.session.parts.watch.emit(self.session.id(), self.action, &remark);
    }

    async fn output(&self, call: &str, part: u64) -> Result<Part, String> {
        let part = self.session.output(call, part).await?;
        self.with(|now| now.origins.extend(part.origins.iter().cloned()));
        Ok(part)
    }

    fn record_origin(&self, origin: Origin) {
        self.with(|now| now.origins.insert(origin));
    }

    fn attach(&self, part: ContentPart) {
        self.with(|now| now.parts.push(part));
    }

    async fn lease(&self, most: Budget) -> Result<BudgetLease<'_>, String> {
        let parts = self.session.parts;
        Ok(BudgetLease {
            run: self.session.id().clone(),
            budget: self.session.lease(&self.action.id, most).await?,
            taint: self.taint.clone(),
            watch: parts.watch,
            person: parts.person,
        })
    }
}

impl CallGate<'_> {
    /// Counts these as read, but for what was read itself.
    fn inherits(&self, origins: Vec<Origin>) {
        self.with(|now| {
            let had = |origin: &Origin| {
                now.origins.contains(origin.source()) || self.taint.contains(origin.source())
            };
            let new: Vec<Origin> = origins.into_iter().filter(|origin| !had(origin)).collect();
            now.origins.extend(new);
        });
    }

    /// Why a request is more than the tool said that it does. A call of a tool that changes nothing
    /// is made again after an interruption, so it sends nothing that may act on the world – but for
    /// what the host itself planned for this very call, as a search whose engine is asked by POST.
    fn beyond(&self, capability: &Capability) -> Option<String> {
        let Capability::Fetch { method, url } = capability else { return None };
        let tool = &self.action.tool;
        let looks = matches!(method.as_str(), "GET" | "HEAD");
        if looks
            || self.session.effect(tool).changes()
            || self.action.capabilities.contains(capability)
        {
            return None;
        }
        let host = url.host_str().unwrap_or_default();
        Some(format!(
            "tool `{tool}` said that it changes nothing, and may not send a {method} to `{host}`"
        ))
    }

    /// What is known of this call from before an interruption, if the code still makes the same
    /// call at the same place.
    fn recorded(&self, place: usize, tool: &str, arguments: &Value) -> Option<&InnerCall> {
        let known = self.before.calls.get(place - 1)?;
        let same = known.action.tool == tool && known.action.arguments == *arguments;
        let holds = self.with(|now| {
            now.diverged |= !same;
            !now.diverged
        });
        holds.then_some(known)
    }

    async fn fresh(&self, id: CallId, tool: &str, arguments: Value) -> Result<Observation, String> {
        let call = ToolCall { id: id.to_string(), name: tool.to_string(), arguments };
        let session = self.session;
        let origins = self.with(|now| now.origins.iter().cloned().collect());
        let caller = Caller::Guest { tool: &self.action.tool, origins };
        let judged = session.judge(id, &call, caller).await;
        let (action, verdict) = judged.map_err(|error| self.broke(error))?;
        match verdict.decision {
            Decision::Allow => self.perform(action).await,
            Decision::Ask => {
                let mut reasons = verdict.reasons;
                reasons.push("code cannot wait for an approval".to_string());
                Ok(crate::run::denied(&reasons))
            }
            Decision::Deny => Ok(crate::run::denied(&verdict.reasons)),
        }
    }

    async fn perform(&self, action: Action) -> Result<Observation, String> {
        match self.session.perform(action, Consent::Policy).await {
            Ok(observation) => Ok(observation),
            Err(SandboxError::Journal(error)) => Err(self.broke(error)),
            Err(error) => Err(error.to_string()),
        }
    }

    fn broke(&self, error: JournalError) -> String {
        let said = error.to_string();
        self.with(|now| now.broken = Some(error));
        said
    }
}
