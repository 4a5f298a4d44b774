//! OpenAI's API over the models of this server.
//!
//! A parameter is honoured, has no bearing on the answer, or is refused by its name.

mod answer;
mod chat;
mod completions;
mod embeddings;
mod fields;
mod form;
mod logprobs;
mod models;
mod options;
mod responses;
mod said;
mod spelled;
mod turns;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::shared::Shared;

/// The addresses of OpenAI's API.
pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/v1/models", get(models::list))
        .route("/v1/models/{*name}", get(models::show))
        .route("/v1/chat/completions", post(chat::create))
        .route("/v1/completions", post(completions::create))
        .route("/v1/responses", post(responses::create))
        .route("/v1/embeddings", post(embeddings::create))
}
