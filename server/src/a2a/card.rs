//! What an agent is, for other agents: where it is asked, and with what.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::{Extension, Json};
use serde_json::{Value, json};

use super::known;
use crate::door::Caller;
use crate::error::ApiError;
use crate::launcher::AgentCard;
use crate::shared::Shared;

/// The card of this agent.
pub(super) async fn one(
    State(shared): State<Arc<Shared>>,
    Extension(Caller(account)): Extension<Caller>,
    Path(agent): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(card(known(&shared, &account.user, &agent)?, &shared, &headers)))
}

/// The card of the one agent that the user may run.
pub(super) async fn only(
    State(shared): State<Arc<Shared>>,
    Extension(Caller(account)): Extension<Caller>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let cards = shared.launcher.iter().flat_map(|launcher| launcher.agents());
    let mut cards = cards.filter(|card| account.user.runs(&card.name));
    match (cards.next(), cards.next()) {
        (Some(agent), None) => Ok(Json(card(agent, &shared, &headers))),
        _ => {
            let message =
                "each agent has a card of its own: `/a2a/NAME/.well-known/agent-card.json`";
            Err(ApiError::missing("agent_not_found", message))
        }
    }
}

fn card(agent: &AgentCard, shared: &Shared, headers: &HeaderMap) -> Value {
    // The door has let in a name of this server's and no other.
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let scheme = if ["127.0.0.1", "localhost", "[::1]"].contains(&name) { "http" } else { "https" };
    let description = match agent.description.is_empty() {
        true => format!("Runs the agent `{}`.", agent.name),
        false => agent.description.clone(),
    };
    json!({
        "protocolVersion": "0.3.0",
        "name": agent.name, "description": description, "version": env!("CARGO_PKG_VERSION"),
        "url": format!("{scheme}://{host}/a2a/{}", agent.name), "preferredTransport": "JSONRPC",
        "capabilities": {
            "streaming": true, "pushNotifications": shared.push.is_some(), "stateTransitionHistory": false,
        },
        "defaultInputModes": ["text/plain", "application/json"],
        "defaultOutputModes": ["application/json", "text/plain"],
        "skills": [{
            "id": agent.name, "name": agent.name, "description": description, "tags": ["agent"],
        }],
        "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
        "security": [{ "token": [] }],
    })
}
