//! What a person says to what a run waits for. Each answer repeats the digest of the action that it is to, so
//! that one which was shown, and no other, is what happens; and an answer that comes twice does nothing.

use std::sync::Arc;

use agent_core::drive::Approval;
use agent_core::event::RunId;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use schemars::JsonSchema;
use serde::Deserialize;

use super::api::{read, stopping};
use super::{Deed, launch, launcher, look, may_run, theirs};
use crate::body::Sent;
use crate::door::Caller;
use crate::error::ApiError;
use crate::launcher::Waits;
use crate::shared::Shared;

/// Says yes or no to an action.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApproveBody {
    /// The `digest` of what the run waits for.
    digest: String,
    /// Yes or no.
    decision: Decision,
}

/// Yes or no.
#[derive(Deserialize, JsonSchema, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Decision {
    /// It may happen.
    Approve,
    /// It may not.
    Deny,
}

/// Answers a question.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplyBody {
    /// The `digest` of what the run waits for.
    digest: String,
    /// The answer; of a question with choices, one of them by its text or its number.
    text: String,
}

pub(super) async fn approve(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Sent(map): Sent,
) -> Result<Response, ApiError> {
    let ApproveBody { digest, decision } = read(map)?;
    answer(&shared, &caller, &id, &digest, |waits| {
        if waits.question.is_some() {
            let message = "a question waits for an answer, not for a yes: `/reply`";
            return Err(ApiError::conflict("waits_for_reply", message));
        }
        Ok(match decision {
            Decision::Approve => Approval::Marked(digest.clone()),
            Decision::Deny => Approval::Refused,
        })
    })
    .await
}

pub(super) async fn reply(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Sent(map): Sent,
) -> Result<Response, ApiError> {
    let ReplyBody { digest, text } = read(map)?;
    answer(&shared, &caller, &id, &digest, |waits| match waits.question {
        Some(_) => Ok(Approval::Said(text)),
        None => {
            let message = "a call waits for a yes or a no, not for an answer: `/approval`";
            Err(ApiError::conflict("waits_for_approval", message))
        }
    })
    .await
}

async fn answer(
    shared: &Arc<Shared>,
    Caller(account): &Caller,
    id: &str,
    digest: &str,
    approval: impl FnOnce(&Waits) -> Result<Approval, ApiError>,
) -> Result<Response, ApiError> {
    let (run, begun) = theirs(shared, &account.user, id).await?;
    may_run(shared, &account.user, &begun.agent)?;
    answered(shared, &run, digest, approval).await?;
    Ok((StatusCode::ACCEPTED, Json(look(shared, &run).await?)).into_response())
}

/// Goes on with a run of theirs that waits for the action of this digest, with what a person said to it.
pub(crate) async fn answered(
    shared: &Arc<Shared>,
    run: &RunId,
    digest: &str,
    approval: impl FnOnce(&Waits) -> Result<Approval, ApiError>,
) -> Result<(), ApiError> {
    stopping(shared)?;
    let claim = shared.active.claim(run)?;
    // What it waits for cannot change any more.
    let waits = launcher(shared)?.look(run).await?.waits;
    let Some(waits) = waits.filter(|waits| waits.digest == *digest) else {
        let digest: String = digest.chars().take(100).collect();
        let message = format!("run `{run}` does not wait for `{digest}`");
        return Err(ApiError::conflict("not_waiting", message));
    };
    let approval = approval(&waits)?;
    launch(shared, claim, Deed::Resume(Some(approval))).await
}
