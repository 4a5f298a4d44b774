//! A run as a task.

use std::sync::Arc;

use agent_core::event::RunId;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Failed;
use crate::error::ApiError;
use crate::launcher::{AgentCard, Look};
use crate::runs;
use crate::shared::Shared;
use crate::user::User;

/// The task of this name, if it is this user's and this agent's.
pub(super) async fn shown(
    shared: &Arc<Shared>,
    user: &User,
    agent: &AgentCard,
    id: &str,
) -> Result<(Look, Value), Failed> {
    let (_, look) = runs::theirs(shared, user, id).await?;
    if look.agent != agent.name {
        return Err(ApiError::missing("run_not_found", "there is no such task").into());
    }
    let task = task(&look);
    Ok((look, task))
}

/// Whether nothing can become of it any more.
pub(super) fn over(look: &Look) -> bool {
    !["running", "waiting", "interrupted", "fault"].contains(&&*look.status)
}

/// The task that a run is.
pub(super) fn task(look: &Look) -> Value {
    let status = status(look);
    let mut task = json!({ "kind": "task", "id": look.id, "contextId": look.id, "status": status });
    if let Some(artifact) = artifact(look) {
        task["artifacts"] = json!([artifact]);
    }
    task
}

/// The task of a run that goes on since this moment.
pub(super) fn working(run: &RunId, at_ms: u64) -> Value {
    let status = json!({ "state": WORKING, "timestamp": time(at_ms) });
    json!({ "kind": "task", "id": run.0, "contextId": run.0, "status": status })
}

/// The state of what goes on.
pub(super) const WORKING: &str = "working";

/// How a task stands, in a word.
pub(super) fn state(look: &Look) -> &'static str {
    match look.status.as_str() {
        "running" | "interrupted" => WORKING,
        "waiting" => "input-required",
        "done" => "completed",
        "cancelled" => "canceled",
        _ => "failed",
    }
}

fn time(at_ms: u64) -> String {
    let millis = i64::try_from(at_ms).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(millis).unwrap_or_default().to_string()
}

/// How a task stands.
pub(super) fn status(look: &Look) -> Value {
    let mut status = json!({ "state": state(look), "timestamp": time(look.updated_ms) });
    let said = match &look.waits {
        Some(waits) => {
            let words = match &waits.question {
                Some(question) => question.clone(),
                None => format!("a call of `{}` wants a yes or a no", waits.tool),
            };
            Some(json!([{ "kind": "text", "text": words }, { "kind": "data", "data": waits }]))
        }
        None => look.detail.as_ref().map(|detail| json!([{ "kind": "text", "text": detail }])),
    };
    if let Some(parts) = said {
        status["message"] = message(&look.id, look.events, parts);
    }
    status
}

/// What an agent says of a task, after so many events of its run.
pub(super) fn message(id: &str, events: u64, parts: Value) -> Value {
    json!({
        "kind": "message", "role": "agent", "messageId": format!("{id}_{events}"),
        "taskId": id, "contextId": id, "parts": parts,
    })
}

/// What came of a task, once something has.
pub(super) fn artifact(look: &Look) -> Option<Value> {
    if look.status != "done" {
        return None;
    }
    let part = match look.outcome.as_ref()? {
        Value::Object(outcome) => match (outcome.len(), outcome.get("answer")) {
            (1, Some(Value::String(answer))) => json!({ "kind": "text", "text": answer }),
            _ => json!({ "kind": "data", "data": outcome }),
        },
        other => json!({ "kind": "data", "data": { "value": other } }),
    };
    Some(json!({ "artifactId": "outcome", "parts": [part] }))
}
