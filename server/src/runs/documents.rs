//! What came of a run, as files to keep: its outcome, and of a research its report. They are sent as
//! attachments, so that no browser shows one as a page of this server.

use std::sync::Arc;

use agent_core::event::RunId;
use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::Value;

use super::{launcher, theirs};
use crate::door::Caller;
use crate::error::ApiError;
use crate::launcher::{Document, LaunchError};
use crate::shared::Shared;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    format: Option<String>,
}

pub(super) async fn outcome(
    State(shared): State<Arc<Shared>>,
    Extension(Caller(account)): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let (run, look) = theirs(&shared, &account.user, &id).await?;
    let outcome = look.outcome.unwrap_or_default();
    if outcome == Value::Null {
        let message = format!("run `{run}` has no outcome: its status is `{}`", look.status);
        return Err(ApiError::missing("no_outcome", message));
    }
    let text = serde_json::to_string_pretty(&outcome).unwrap_or_default();
    Ok(file(&run, Document { kind: "application/json", ending: "json", text }))
}

pub(super) async fn report(
    State(shared): State<Arc<Shared>>,
    Extension(Caller(account)): Extension<Caller>,
    Path(id): Path<String>,
    asked: Result<Query<Asked>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, ApiError> {
    let (run, _) = theirs(&shared, &account.user, &id).await?;
    let wrong = |_| ApiError::param("format", "a report is chosen by `format`, once");
    let Query(Asked { format }) = asked.map_err(wrong)?;
    let report = launcher(&shared)?.report(&run, format.as_deref().unwrap_or("md")).await;
    let report = report.map_err(|error| match error {
        LaunchError::Invalid(message) => ApiError::param("format", message),
        error => error.into(),
    })?;
    match report {
        Some(report) => Ok(file(&run, report)),
        None => {
            let message = format!("run `{run}` is no research: `/outcome` is what came of it");
            Err(ApiError::missing("no_report", message))
        }
    }
}

fn file(run: &RunId, Document { kind, ending, text }: Document) -> Response {
    let mut response = ([(header::CONTENT_TYPE, kind)], text).into_response();
    // A name of a run is letters, digits and `_`.
    let name = format!("attachment; filename=\"{run}.{ending}\"");
    if let Ok(name) = HeaderValue::from_str(&name) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    }
    response
}
