//! What the server is and does at this moment, as far as this caller may know: its models and who waits for
//! them, and how many runs it drives.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use schemars::JsonSchema;
use serde::Serialize;

use crate::door::Caller;
use crate::shared::{Served, Shared};

/// The server at this moment.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Status {
    /// Of errand.
    version: &'static str,
    /// The caller's name.
    user: String,
    /// Seconds since 1970 when the server began.
    began: u64,
    /// Runs that it drives now, of all users.
    runs: usize,
    /// The most that it drives at once.
    most_runs: usize,
    /// The models that the caller may ask.
    models: Vec<ModelStatus>,
}

/// A model at this moment.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ModelStatus {
    /// The name that clients use.
    id: String,
    /// The most tokens of a conversation; 0 where it has no bound.
    context_window: u32,
    /// Whether it answers a client or an agent at this moment.
    busy: bool,
    /// Requests that wait for their turn.
    waiting: usize,
    /// The most that may wait.
    most_waiting: usize,
    /// Tokens of the requests of clients since the server began.
    tokens: TokenStatus,
}

/// Tokens of a model.
#[derive(Serialize, JsonSchema)]
pub(crate) struct TokenStatus {
    /// Those of prompts.
    read: u64,
    /// Those of them that the model still had.
    cached: u64,
    /// Those of replies.
    written: u64,
}

pub(crate) async fn show(
    State(shared): State<Arc<Shared>>,
    Extension(Caller(account)): Extension<Caller>,
) -> Json<Status> {
    let models = shared.models.iter().filter(|model| account.user.asks(&model.name));
    Json(Status {
        version: env!("CARGO_PKG_VERSION"),
        user: account.user.name.clone(),
        began: shared.began,
        runs: shared.active.count(),
        most_runs: shared.limits.runs,
        models: models.map(|model| told(&shared, model)).collect(),
    })
}

fn told(shared: &Shared, model: &Served) -> ModelStatus {
    let taken = model.generator.taken();
    let [read, cached, written] = shared.metrics.tokens_of(&model.name);
    ModelStatus {
        id: model.name.clone(),
        context_window: model.generator.traits().context,
        busy: taken > 0 || model.queue.busy(),
        waiting: model.queue.waiting() + taken.saturating_sub(model.generator.slots()),
        most_waiting: shared.limits.queue,
        tokens: TokenStatus { read, cached, written },
    }
}
