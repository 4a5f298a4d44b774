//! Starting, listing, showing, stopping and going on with runs.

use std::sync::Arc;

use agent_core::event::RunId;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Deed, key, launch, launcher, look, may_run, theirs};
use crate::a2a;
use crate::body::Sent;
use crate::door::Caller;
use crate::error::ApiError;
use crate::images;
use crate::launcher::{AgentCard, Image, Look, Order, Sought};
use crate::shared::Shared;
use crate::triggers::Begun;

/// Runs in a list where the request does not say how many.
const LISTED: usize = 20;

/// The most runs in a list.
const MOST: usize = 100;

/// The agents that can be run.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Agents {
    /// One each.
    data: Vec<AgentCard>,
}

/// Starts a run.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateBody {
    /// The agent's name.
    agent: String,
    /// The values of its parameters: texts, numbers, true or false, and lists of texts.
    #[serde(default)]
    params: Map<String, Value>,
    /// Images for its task, as data URLs: `data:image/png;base64,…`.
    #[serde(default)]
    images: Vec<String>,
}

/// The latest runs, newest first.
#[derive(Serialize, JsonSchema)]
pub(crate) struct RunList {
    /// One each.
    data: Vec<Look>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listing {
    limit: Option<usize>,
    agent: Option<String>,
    status: Option<String>,
    before_ms: Option<u64>,
}

pub(super) async fn agents(
    State(shared): State<Arc<Shared>>,
    Extension(Caller(account)): Extension<Caller>,
) -> Json<Agents> {
    let cards = shared.launcher.iter().flat_map(|launcher| launcher.agents());
    let cards = cards.filter(|card| account.user.runs(&card.name)).cloned();
    Json(Agents { data: cards.collect() })
}

pub(super) async fn create(
    State(shared): State<Arc<Shared>>,
    Extension(Caller(account)): Extension<Caller>,
    headers: HeaderMap,
    Sent(map): Sent,
) -> Result<Response, ApiError> {
    let CreateBody { agent, params, images } = read(map)?;
    let launcher = launcher(&shared)?;
    may_run(&shared, &account.user, &agent)?;
    let images = images::of_urls(&images)
        .map_err(|problem| ApiError::param("images", format!("`images` {problem}")))?;
    let (run, repeated) = key::named(&account.user, &headers)?;
    let order = Order { run: run.clone(), agent, params, images, begun: Begun::ByUser };
    let params = launcher.check(&order)?;
    stopping(&shared)?;
    if repeated && let Ok(begun) = look(&shared, &run).await {
        let attached: Vec<Image> = order.images.iter().map(Image::from).collect();
        let same = begun.agent == order.agent && begun.params == params && begun.images == attached;
        return match same {
            true => Ok(Json(begun).into_response()),
            false => {
                let message = "this idempotency key began another run: use a key once";
                let code = StatusCode::UNPROCESSABLE_ENTITY;
                Err(ApiError::new(code, "idempotency_key_reused", message))
            }
        };
    }
    let claim = shared.active.claim(&run)?;
    launch(&shared, claim, Deed::Start(order)).await?;
    let mut response = (StatusCode::CREATED, Json(look(&shared, &run).await?)).into_response();
    if let Ok(place) = HeaderValue::from_str(&format!("/v1/runs/{run}")) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    Extension(Caller(account)): Extension<Caller>,
    listing: Result<Query<Listing>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<RunList>, ApiError> {
    let Query(Listing { limit, agent, status, before_ms }) = listing.map_err(|_| {
        let message =
            "what runs are chosen by is `limit`, `agent`, `status` and `before_ms`, each once";
        ApiError::invalid(message)
    })?;
    let most = limit.unwrap_or(LISTED);
    if !(1..=MOST).contains(&most) {
        return Err(ApiError::param("limit", format!("`limit` is a number from 1 to {MOST}")));
    }
    let begin = account.user.mark();
    let sought = Sought { begin, agent, status: status.clone(), before_ms, most };
    let mut data = launcher(&shared)?.list(&sought).await?;
    for look in &mut data {
        if shared.active.follow(&RunId(look.id.clone())).is_some() {
            look.status = "running".to_string();
            look.waits = None;
        }
    }
    data.retain(|look| status.as_ref().is_none_or(|status| look.status == *status));
    Ok(Json(RunList { data }))
}

pub(super) async fn show(
    State(shared): State<Arc<Shared>>,
    Extension(Caller(account)): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<Look>, ApiError> {
    theirs(&shared, &account.user, &id).await.map(|(_, look)| Json(look))
}

pub(super) async fn cancel(
    State(shared): State<Arc<Shared>>,
    Extension(Caller(account)): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<Look>, ApiError> {
    let (run, _) = theirs(&shared, &account.user, &id).await?;
    cancelled(&shared, &run).await?;
    Ok(Json(look(&shared, &run).await?))
}

/// Ends a run for good, after stopping whatever drives it.
pub(crate) async fn cancelled(shared: &Arc<Shared>, run: &RunId) -> Result<(), ApiError> {
    let launcher = launcher(shared)?;
    let claim = shared.active.stop(run).await;
    let cancelled = launcher.cancel(run).await;
    if let Ok(look) = launcher.look(run).await {
        a2a::rested(shared, &look);
    }
    drop(claim);
    Ok(cancelled?)
}

pub(super) async fn resume(
    State(shared): State<Arc<Shared>>,
    Extension(Caller(account)): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let (run, begun) = theirs(&shared, &account.user, &id).await?;
    may_run(&shared, &account.user, &begun.agent)?;
    stopping(&shared)?;
    if !["interrupted", "fault"].contains(&&*begun.status) {
        let message = format!("run `{run}` cannot be resumed: its status is `{}`", begun.status);
        return Err(ApiError::conflict("not_resumable", message));
    }
    let claim = shared.active.claim(&run)?;
    launch(&shared, claim, Deed::Resume(None)).await?;
    Ok((StatusCode::ACCEPTED, Json(look(&shared, &run).await?)).into_response())
}

/// Nothing is begun that would be broken off at once.
pub(crate) fn stopping(shared: &Shared) -> Result<(), ApiError> {
    if *shared.stopping.borrow() {
        let message = "the server is about to stop";
        return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", message).after(5));
    }
    Ok(())
}

/// A body of this form.
pub(super) fn read<T: serde::de::DeserializeOwned>(map: Map<String, Value>) -> Result<T, ApiError> {
    serde_json::from_value(Value::Object(map))
        .map_err(|error| ApiError::invalid(format!("the body is wrong: {error}")))
}
