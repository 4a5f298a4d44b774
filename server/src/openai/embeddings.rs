//! `/v1/embeddings`, where there is a model for it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde_json::{Value, json};

use super::fields::{Rule, checked};
use crate::body::Sent;
use crate::door::Caller;
use crate::error::ApiError;
use crate::shared::{Embeds, Shared};

const FIELDS: &[(&str, Rule)] = &[
    ("model", Rule::Takes),
    ("input", Rule::Takes),
    (
        "encoding_format",
        Rule::Only(|value| value == "float" || value == "base64", "it is `float` or `base64`"),
    ),
    ("dimensions", Rule::Never("the model has the dimensions that it has")),
    ("user", Rule::Idle),
];

/// The most texts at once.
const TEXTS: usize = 256;

#[derive(Deserialize)]
struct Body {
    model: String,
    input: Input,
    #[serde(default)]
    encoding_format: Encoding,
}

/// How a vector is written.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Encoding {
    #[default]
    Float,
    /// Its numbers as little-endian `f32`, in base64: what OpenAI's clients ask for by themselves.
    Base64,
}

impl Encoding {
    fn written(self, vector: &[f32]) -> Value {
        match self {
            Encoding::Float => json!(vector),
            Encoding::Base64 => {
                let bytes: Vec<u8> =
                    vector.iter().flat_map(|number| number.to_le_bytes()).collect();
                BASE64.encode(bytes).into()
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "`input` is a text or a list of texts")]
enum Input {
    One(String),
    Several(Vec<String>),
}

pub(crate) async fn create(
    State(shared): State<Arc<Shared>>,
    Extension(Caller(account)): Extension<Caller>,
    Sent(map): Sent,
) -> Result<Response, ApiError> {
    let Some(Embeds { name, embedder, queue }) = shared.embedder.clone() else {
        let message =
            "this server has no model for embeddings: a model that writes text has none to give";
        return Err(ApiError::missing("model_not_found", message));
    };
    let body: Body = checked(map, FIELDS)?;
    if body.model != name || !account.user.asks(&name) {
        return Err(ApiError::missing("model_not_found", format!("embeddings are `{name}`'s")));
    }
    let texts = match body.input {
        Input::One(text) => vec![text],
        Input::Several(texts) => texts,
    };
    if texts.is_empty() || texts.len() > TEXTS || texts.iter().any(String::is_empty) {
        return Err(ApiError::param("input", format!("1 to {TEXTS} texts, none of them empty")));
    }
    let turn = queue.join(account.user.number())?.turn().await;
    // What has begun is not broken off: it keeps its turn until it is over, whether or not its client waits.
    let work = tokio::spawn(async move {
        let _turn = turn;
        embedder.embed(&texts).await
    });
    let stopped = |error: tokio::task::JoinError| {
        let code = axum::http::StatusCode::INTERNAL_SERVER_ERROR;
        ApiError::new(code, "model_failed", error.to_string())
    };
    let (vectors, tokens) = work.await.map_err(stopped)??;
    let data: Vec<_> = (0..)
        .zip(vectors)
        .map(
            |(index, vector)| json!({ "object": "embedding", "index": index, "embedding": body.encoding_format.written(&vector) }),
        )
        .collect();
    let usage = json!({ "prompt_tokens": tokens, "total_tokens": tokens });
    let list = json!({ "object": "list", "data": data, "model": name, "usage": usage });
    Ok(Json(list).into_response())
}
