//! Whether the server lives, whether it takes requests, and what it has done.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::door::Caller;
use crate::error::ApiError;
use crate::shared::Shared;

/// It answers, so it lives.
pub(crate) async fn live() -> &'static str {
    "ok\n"
}

/// Whether it takes requests.
pub(crate) async fn ready(State(shared): State<Arc<Shared>>) -> Response {
    match *shared.stopping.borrow() {
        false => "ready\n".into_response(),
        true => {
            let message = "the server is about to stop";
            ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", message)
                .after(5)
                .into_response()
        }
    }
}

/// What it has done, as far as this caller may know of it: not which agents and models others have.
pub(crate) async fn metrics(
    State(shared): State<Arc<Shared>>,
    Extension(Caller(account)): Extension<Caller>,
) -> Response {
    let user = &account.user;
    let mut gauges: Vec<(&str, &str, u64)> = shared
        .models
        .iter()
        .filter(|model| user.asks(&model.name))
        .map(|model| ("queue", &*model.name, model.queue.waiting() as u64))
        .collect();
    gauges.push(("runs", "", shared.active.count() as u64));
    let text = shared.metrics.text(&gauges, user);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}
