//! What a call gives back: an outcome, or why there is none, for a model and for a program.

use guard::visible;
use rmcp::model::{CallToolResult, ContentBlock, MetaObject};
use serde_json::{Map, Value, json};

use crate::error::ApiError;
use crate::launcher::{Look, Waits};

/// Of a run that rests and waits for nothing.
pub(super) fn ended(look: &Look) -> CallToolResult {
    if look.status != "done" {
        let detail = look.detail.as_deref().map(|detail| format!(": {detail}")).unwrap_or_default();
        let text = format!("run `{}` has no outcome: {}{detail}", look.id, look.status);
        return failed(look, text);
    }
    let outcome = look.outcome.as_ref().unwrap_or(&Value::Null);
    let (text, value) = match outcome {
        Value::Object(fields) => match (fields.len(), fields.get("answer")) {
            (1, Some(Value::String(answer))) => (answer.clone(), outcome.clone()),
            _ => (outcome.to_string(), outcome.clone()),
        },
        other => (other.to_string(), json!({ "value": other })),
    };
    let mut result = CallToolResult::structured(value);
    result.content = vec![ContentBlock::text(text)];
    result.with_meta(Some(of(look)))
}

/// Of a run that waits for a person who cannot be asked here.
pub(super) fn waits(look: &Look, waits: &Waits) -> CallToolResult {
    let what = match &waits.question {
        Some(question) => format!("the answer to: {}", visible(question)),
        None => format!("a yes or a no to a call of `{}`", visible(&waits.tool)),
    };
    let text = format!(
        "run `{id}` waits for a person: it wants {what}\nhint: `errand runs resume {id}` shows all of it \
         and how it is answered; so does the page of `errand serve`",
        id = look.id,
    );
    let mut result = failed(look, text);
    result.structured_content =
        Some(json!({ "run": look.id, "status": look.status, "waits": waits }));
    result
}

/// Of a call that came to nothing.
pub(super) fn refused(error: &ApiError) -> CallToolResult {
    let later = error.retry.map(|seconds| format!("\nhint: try again in {seconds} s"));
    let text = format!("{}{}", error.message, later.unwrap_or_default());
    CallToolResult::error(vec![ContentBlock::text(text)])
}

fn failed(look: &Look, text: String) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(text)]).with_meta(Some(of(look)))
}

/// Which run it was.
fn of(look: &Look) -> MetaObject {
    MetaObject(Map::from_iter([("errand/run".to_string(), json!(look.id))]))
}
