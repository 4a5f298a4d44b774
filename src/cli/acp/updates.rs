//! What an editor is shown of a turn: calls as they go, and what is said in the end.

use agent_core::action::{Action, CallId, Capability, Decision};
use agent_core::drive::Watch;
use agent_core::event::{Event, RunId, Status, What};
use agent_core::run::Run;
use guard::{visible, visible_json};
use serde_json::{Value, json};
use text::head;

use super::peer::Peer;

/// The most bytes of a result that are shown.
const SHOWN: usize = 4000;

/// Tells an editor of a session.
pub(super) struct Updates<'a> {
    pub(super) peer: &'a Peer,
    pub(super) session: &'a str,
}

impl Updates<'_> {
    /// The agent says this.
    pub(super) fn message(&self, said: &str) {
        self.update(json!({ "sessionUpdate": "agent_message_chunk", "content": text(said) }));
    }

    fn update(&self, update: Value) {
        let params = json!({ "sessionId": self.session, "update": update });
        self.peer.notify("session/update", &params);
    }

    fn call(&self, id: &str, status: &str, result: Option<&str>) {
        let mut update =
            json!({ "sessionUpdate": "tool_call_update", "toolCallId": id, "status": status });
        if let Some(result) = result {
            update["content"] =
                json!([{ "type": "content", "content": text(&head(result, SHOWN)) }]);
        }
        self.update(update);
    }
}

impl Watch for Updates<'_> {
    fn event(&self, event: &Event, run: &Run) {
        let named = |call: &CallId| named(run.id(), call);
        match &event.what {
            What::Judged { action, verdict } => {
                let mut update = json!({
                    "sessionUpdate": "tool_call", "toolCallId": named(&action.id),
                    "title": visible(&action.tool), "kind": kind(action),
                    "status": "pending", "rawInput": action.arguments,
                });
                if verdict.decision == Decision::Deny {
                    update["status"] = json!("failed");
                    let reasons = format!("denied: {}", verdict.reasons.join("; "));
                    update["content"] = json!([{ "type": "content", "content": text(&reasons) }]);
                }
                self.update(update);
            }
            What::Acting { call, .. } => self.call(&named(call), "in_progress", None),
            What::Observed { call, observation } => {
                let status = if observation.status == Status::Ok { "completed" } else { "failed" };
                self.call(&named(call), status, Some(&observation.text));
            }
            What::Planned { plan } => {
                let entry = json!({ "content": visible(plan), "priority": "medium", "status": "in_progress" });
                self.update(json!({ "sessionUpdate": "plan", "entries": [entry] }));
            }
            _ => {}
        }
    }
}

/// A call's name: those of the agents that an agent calls have names of their own.
fn named(run: &RunId, call: &CallId) -> String {
    match run.way() {
        None => call.0.clone(),
        Some(way) => format!("{way}-{call}"),
    }
}

/// All of an action, for a person to say yes or no to.
pub(super) fn shown(run: &RunId, action: &Action, reasons: &[String]) -> Value {
    let arguments = serde_json::to_string_pretty(&action.arguments).unwrap_or_default();
    let mut lines = vec![format!("Arguments: {}", visible_json(&arguments))];
    let uses = action
        .capabilities
        .iter()
        .map(|wanted| format!("It uses: {}", visible(&wanted.to_string())));
    lines.extend(uses);
    lines.extend(reasons.iter().map(|reason| format!("Asked because: {}", visible(reason))));
    lines.push(format!("Run {run}, action {}", action.mark()));
    json!({
        "toolCallId": named(run, &action.id), "title": visible(&action.tool), "kind": kind(action),
        "rawInput": action.arguments,
        "content": [{ "type": "content", "content": text(&lines.join("\n")) }],
    })
}

fn text(said: &str) -> Value {
    json!({ "type": "text", "text": visible(said) })
}

/// The protocol's word for what a call does: an editor chooses an icon by it. What it wants says it, of any tool; only a
/// search has to be called one, and code wants nothing before it runs.
fn kind(action: &Action) -> &'static str {
    let wants = |is: fn(&Capability) -> bool| action.capabilities.iter().any(is);
    let writes = wants(|wanted| matches!(wanted, Capability::Write(_)));
    match action.tool.rsplit('.').next() {
        Some("search" | "query") => "search",
        Some("python") => "execute",
        _ if wants(|wanted| matches!(wanted, Capability::Run { .. })) => "execute",
        _ if wants(|wanted| matches!(wanted, Capability::Delete(_))) => {
            if writes {
                "move"
            } else {
                "delete"
            }
        }
        _ if writes => "edit",
        _ if wants(|wanted| matches!(wanted, Capability::Fetch { .. })) => "fetch",
        _ if wants(|wanted| matches!(wanted, Capability::Read(_))) => "read",
        _ => "other",
    }
}
