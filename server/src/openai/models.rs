//! `/v1/models`: what can be asked.

use std::sync::Arc;

use agent_core::content::Input;
use axum::extract::{Path, State};
use axum::{Extension, Json};
use serde_json::{Value, json};

use crate::door::Caller;
use crate::error::ApiError;
use crate::shared::{Served, Shared};

pub(crate) async fn list(
    State(shared): State<Arc<Shared>>,
    Extension(Caller(account)): Extension<Caller>,
) -> Json<Value> {
    let models = shared.models.iter().filter(|model| account.user.asks(&model.name));
    let data: Vec<Value> = models.map(|model| object(&shared, model)).collect();
    Json(json!({ "object": "list", "data": data }))
}

pub(crate) async fn show(
    State(shared): State<Arc<Shared>>,
    Extension(Caller(account)): Extension<Caller>,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let model = shared.model(&account.user, &name)?;
    Ok(Json(object(&shared, &model)))
}

/// What a model may take.
const INPUTS: [Input; 2] = [Input::Text, Input::Image];

fn object(shared: &Shared, model: &Served) -> Value {
    let takes = |input: &&Input| model.generator.takes(**input);
    json!({
        "id": model.name, "object": "model", "created": shared.began, "owned_by": "errand",
        "context_window": model.generator.traits().context,
        "input_modalities": INPUTS.iter().filter(takes).collect::<Vec<_>>(),
    })
}
