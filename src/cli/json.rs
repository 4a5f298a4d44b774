//! A run for programs: one JSON object a line on stdout.

use agent_core::action::{Action, CallId, Decision};
use agent_core::drive::Watch;
use agent_core::event::{Event, Observation, RunId, What};
use agent_core::run::{Run, denied};
use agent_core::sandbox::Remark;
use errand::{Finished, Usage};
use serde_json::{Value, json};
use text::head;

/// The most characters of an observation on a line; `errand runs show` has the rest.
const SHOWN: usize = 4000;

/// Prints events as they come.
pub(crate) struct Lines;

impl Watch for Lines {
    fn event(&self, event: &Event, run: &Run) {
        match &event.what {
            What::Started { .. } | What::Resumed { .. } => started(run.id()),
            What::Replied { reply, .. } => {
                for note in &reply.notes {
                    self.say(run, json!({ "type": "note", "text": note }));
                }
                if let Some(problem) = run.rejected() {
                    self.say(run, json!({ "type": "rejected", "text": problem }));
                }
            }
            What::Planned { plan } => self.say(run, json!({ "type": "plan", "text": plan })),
            What::Revised { parts } => {
                self.say(run, json!({ "type": "plan", "text": parts.join("\n") }));
            }
            What::Judged { action, verdict } => {
                self.say(
                    run,
                    json!({
                        "type": "call",
                        "id": action.id,
                        "tool": action.tool,
                        "arguments": action.arguments,
                    }),
                );
                self.say(
                    run,
                    json!({
                        "type": "verdict",
                        "id": action.id,
                        "verdict": verdict.decision,
                        "reasons": verdict.reasons,
                    }),
                );
                if verdict.decision == Decision::Deny {
                    self.observed(run, &action.id, &denied(&verdict.reasons));
                }
            }
            What::Answered { call, granted } => {
                let (verdict, reason) = answered(*granted);
                self.say(
                    run,
                    json!({
                        "type": "verdict",
                        "id": call,
                        "verdict": verdict,
                        "reasons": [reason],
                    }),
                );
                if verdict == Decision::Deny {
                    self.observed(run, call, &denied(&[reason.to_string()]));
                }
            }
            What::Observed { call, observation } => self.observed(run, call, observation),
            // How the run of a person ended is the last line.
            What::Ended { outcome } if run.id().parent().is_some() => print(&json!({
                "type": "ended",
                "run": run.id(),
                "outcome": outcome.value,
                "reason": outcome.reason,
                "detail": outcome.detail,
            })),
            _ => {}
        }
    }

    fn emit(&self, run: &RunId, call: &Action, remark: &Remark) {
        let line = match remark {
            Remark::Log { level, text } => {
                json!({ "type": "log", "id": call.id, "level": level, "text": text })
            }
            Remark::Progress { done, total, text } => json!({
                "type": "progress", "id": call.id, "done": done, "total": total, "text": text,
            }),
        };
        told(run, line);
    }
}

/// A line of a run that an agent called names the run.
fn told(run: &RunId, mut line: Value) {
    if run.parent().is_some() {
        line["run"] = json!(run);
    }
    print(&line);
}

/// The first line of a run; one that an agent called says for whom it works.
pub(crate) fn started(run: &RunId) {
    let mut line = json!({ "type": "started", "run": run });
    if let Some(parent) = run.parent() {
        line["parent"] = json!(parent);
    }
    print(&line);
}

impl Lines {
    fn say(&self, run: &Run, line: Value) {
        told(run.id(), line);
    }

    fn observed(&self, run: &Run, call: &CallId, observation: &Observation) {
        let mut line = json!({
            "type": "observation",
            "id": call,
            "status": observation.status,
            "text": head(&observation.text, SHOWN),
            "origins": observation.origins.iter().map(ToString::to_string).collect::<Vec<_>>(),
        });
        if !observation.parts.is_empty() {
            line["parts"] = json!(observation.parts);
        }
        self.say(run, line);
    }
}

/// A person's word as a verdict.
fn answered(granted: bool) -> (Decision, &'static str) {
    match granted {
        true => (Decision::Allow, "a person said yes"),
        false => (Decision::Deny, "a person said no"),
    }
}

/// The last line.
pub(crate) fn finished(finished: &Finished) {
    let mut line = json!({
        "type": "finished",
        "run": finished.run,
        "outcome": finished.outcome.value,
        "reason": finished.outcome.reason,
        "detail": finished.outcome.detail,
        "usage": Usage::from(finished.spent),
    });
    if let Some(waits) = &finished.outcome.waits {
        line["waits"] = json!(waits);
    }
    print(&line);
}

/// One line. A reader that has gone away is no reason to stop a run.
pub(crate) fn print(value: &Value) {
    super::terminal::put(&guard::visible_json(&value.to_string()));
}
