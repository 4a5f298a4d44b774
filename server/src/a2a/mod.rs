//! Agents for other agents: the Agent2Agent protocol (version 0.3), as JSON-RPC over HTTP behind the same door as
//! everything else. A task is a run under the protocol's name; what is sent are an agent's parameters, or the answer
//! to what its run asks. What becomes of a task is told as it comes to those that stay for it, and sent to the addresses that
//! clients name where the serve file allows that.

mod card;
mod configs;
mod message;
mod push;
mod stream;
mod task;

use std::sync::Arc;

use agent_core::event::RunId;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::{Map, Value, json};

use crate::body::Sent;
use crate::door::Caller;
use crate::error::ApiError;
use crate::launcher::AgentCard;
use crate::routes::Routes;
use crate::runs;
use crate::shared::Shared;
use crate::user::User;

pub use push::{Mark, Push, PushConfig, Update};
pub(crate) use push::{rested, tell_owed};

/// The addresses of agents.
pub(crate) fn routes() -> Routes {
    Routes::default()
        .get("/.well-known/agent-card.json", card::only)
        .get("/a2a/{agent}/.well-known/agent-card.json", card::one)
        .post("/a2a/{agent}", asked)
}

/// Why a request has no result.
struct Failed {
    code: i64,
    message: String,
}

impl Failed {
    fn params(message: impl Into<String>) -> Failed {
        Failed { code: -32602, message: message.into() }
    }
}

impl From<ApiError> for Failed {
    fn from(error: ApiError) -> Self {
        let code = match (error.code, error.status.as_u16()) {
            ("run_not_found", _) => -32001,
            (_, 409) => -32004,
            (_, 400 | 404 | 422) => -32602,
            _ => -32603,
        };
        Failed { code, message: error.message }
    }
}

/// The agent of this name, if this user may run it.
fn known<'s>(shared: &'s Shared, user: &User, name: &str) -> Result<&'s AgentCard, ApiError> {
    let mut cards = shared.launcher.iter().flat_map(|launcher| launcher.agents());
    cards.find(|card| card.name == name && user.runs(name)).ok_or_else(|| {
        let message = "there is no such agent: `/v1/agents` lists those that you may run";
        ApiError::missing("agent_not_found", message)
    })
}

async fn asked(
    State(shared): State<Arc<Shared>>,
    Extension(Caller(account)): Extension<Caller>,
    Path(agent): Path<String>,
    Sent(mut map): Sent,
) -> Result<Response, ApiError> {
    let agent = known(&shared, &account.user, &agent)?;
    let (id, params) = (map.remove("id").unwrap_or_default(), map.remove("params"));
    if id.is_array() || id.is_object() || id.is_boolean() {
        return Err(ApiError::param("id", "`id` is a text, a number or null"));
    }
    let mut params = match params {
        Some(Value::Object(params)) => params,
        _ => Map::new(),
    };
    let named = params.get("id").and_then(Value::as_str).unwrap_or_default().to_string();
    let user = &account.user;
    let run = match map.get("method").and_then(Value::as_str) {
        Some("message/stream") => message::taken(&shared, user, agent, &mut params).await,
        Some("tasks/resubscribe") => {
            let found = task::shown(&shared, user, agent, &named).await;
            found.map(|(look, _)| RunId(look.id))
        }
        method => {
            let result = at_once(&shared, user, agent, method, (&named, params)).await;
            return Ok(Json(answer(&id, result)).into_response());
        }
    };
    let updates = match run {
        Ok(run) => stream::updates(&shared, id.clone(), run).await,
        Err(failed) => Err(failed),
    };
    Ok(updates.unwrap_or_else(|failed| Json(answer(&id, Err(failed))).into_response()))
}

/// What is answered by one response.
async fn at_once(
    shared: &Arc<Shared>,
    user: &User,
    agent: &AgentCard,
    method: Option<&str>,
    (named, params): (&str, Map<String, Value>),
) -> Result<Value, Failed> {
    match method {
        Some("message/send") => message::sent(shared, user, agent, params).await,
        Some("tasks/get") => task::shown(shared, user, agent, named).await.map(|(_, task)| task),
        Some("tasks/cancel") => cancelled(shared, user, agent, named).await,
        Some(method) if configs::METHODS.contains(&method) => {
            configs::asked(shared, user, agent, method, &params).await
        }
        _ => Err(Failed {
            code: -32601,
            message:
                "the methods are `message/send`, `message/stream`, `tasks/get`, `tasks/cancel`, \
                 `tasks/resubscribe`, and `set`, `get`, `list` and `delete` of `tasks/pushNotificationConfig/`"
                    .to_string(),
        }),
    }
}

/// The response to the request of this name.
fn answer(id: &Value, result: Result<Value, Failed>) -> Value {
    match result {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
        Err(Failed { code, message }) => json!({
            "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message },
        }),
    }
}

async fn cancelled(
    shared: &Arc<Shared>,
    user: &User,
    agent: &AgentCard,
    id: &str,
) -> Result<Value, Failed> {
    let (look, _) = task::shown(shared, user, agent, id).await?;
    if task::over(&look) {
        let message = format!("task `{id}` is over: its status is `{}`", look.status);
        return Err(Failed { code: -32002, message });
    }
    runs::cancelled(shared, &RunId(look.id)).await?;
    task::shown(shared, user, agent, id).await.map(|(_, task)| task)
}
