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
mod parts;
mod responses;
mod said;
mod spelled;
mod turns;

use crate::routes::Routes;

/// The addresses of OpenAI's API.
pub(crate) fn routes() -> Routes {
    Routes::default()
        .get("/v1/models", models::list)
        .get("/v1/models/{*name}", models::show)
        .post("/v1/chat/completions", chat::create)
        .post("/v1/completions", completions::create)
        .post("/v1/responses", responses::create)
        .post("/v1/embeddings", embeddings::create)
}
