//! What a client asks its user: yes or no to one action, all of which is shown, or the answer to a question.

use agent_core::drive::Approval;
use agent_core::event::RunId;
use guard::{visible, visible_json};
use rmcp::model::{ElicitRequestParams, ElicitResult, ElicitationAction, ElicitationSchema};
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::launcher::Waits;

/// The request.
pub(super) fn params(
    agent: &str,
    run: &RunId,
    waits: &Waits,
) -> Result<ElicitRequestParams, ApiError> {
    let message = match &waits.question {
        Some(question) => format!("Agent `{agent}` asks:\n{}", visible(question)),
        None => shown(agent, run, waits),
    };
    let schema = serde_json::from_value::<ElicitationSchema>(schema(waits));
    let requested_schema = schema.map_err(|error| {
        let code = axum::http::StatusCode::INTERNAL_SERVER_ERROR;
        ApiError::new(code, "run_failed", format!("what the run waits for has no form: {error}"))
    })?;
    Ok(ElicitRequestParams::FormElicitationParams { meta: None, message, requested_schema })
}

/// What an answer comes to; `None` leaves the run waiting.
pub(super) fn approval(answer: &ElicitResult, waits: &Waits) -> Result<Option<Approval>, ApiError> {
    let content = answer.content.as_ref().unwrap_or(&Value::Null);
    match answer.action {
        ElicitationAction::Accept => {}
        // Not to answer a question is no word on anything.
        ElicitationAction::Decline if waits.question.is_none() => {
            return Ok(Some(Approval::Refused));
        }
        _ => return Ok(None),
    }
    match (&waits.question, content["answer"].as_str(), content["decision"].as_str()) {
        (Some(_), Some(words), _) => Ok(Some(Approval::Said(words.to_string()))),
        (None, _, Some("approve")) => Ok(Some(Approval::Marked(waits.digest.clone()))),
        (None, _, Some("deny")) => Ok(Some(Approval::Refused)),
        _ => Err(ApiError::invalid("the answer is not of the form that was asked for")),
    }
}

/// All of an action: nothing is approved that was not shown.
fn shown(agent: &str, run: &RunId, waits: &Waits) -> String {
    let arguments = serde_json::to_string_pretty(&waits.arguments).unwrap_or_default();
    let mut lines = vec![
        format!("Agent `{agent}` wants to call `{}`.", visible(&waits.tool)),
        format!("Arguments: {}", visible_json(&arguments)),
    ];
    lines.extend(waits.capabilities.iter().map(|wanted| format!("It uses: {}", visible(wanted))));
    lines.extend(waits.reasons.iter().map(|reason| format!("Asked because: {}", visible(reason))));
    lines.push(format!("Run {run}, action {}", waits.digest));
    lines.join("\n")
}

fn schema(waits: &Waits) -> Value {
    let (name, property) = match (&waits.question, waits.choices.is_empty()) {
        (Some(_), true) => {
            ("answer", json!({ "type": "string", "title": "Answer", "minLength": 1 }))
        }
        (Some(_), false) => {
            ("answer", json!({ "type": "string", "title": "Answer", "enum": waits.choices }))
        }
        (None, _) => {
            let choices = ["approve", "deny"];
            ("decision", json!({ "type": "string", "title": "Decision", "enum": choices }))
        }
    };
    json!({ "type": "object", "properties": { name: property }, "required": [name] })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(question: Option<&str>) -> Waits {
        Waits {
            digest: "c1-abc".to_string(),
            tool: "files.write".to_string(),
            arguments: json!({ "path": "a\u{202e}txt" }),
            capabilities: vec!["write a.txt".to_string()],
            reasons: vec!["it is asked for".to_string()],
            question: question.map(str::to_string),
            choices: Vec::new(),
        }
    }

    #[test]
    fn all_of_an_action_is_shown_and_nothing_of_it_hides() {
        let text = shown("clerk", &RunId("r1".to_string()), &waiting(None));
        for part in ["files.write", "a\\u202etxt", "write a.txt", "it is asked for", "c1-abc"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(params("clerk", &RunId("r1".to_string()), &waiting(Some("Which?"))).is_ok());
    }

    #[test]
    fn only_a_plain_yes_is_one() {
        let said =
            |content: Value| ElicitResult::new(ElicitationAction::Accept).with_content(content);
        let waits = waiting(None);
        assert_eq!(
            approval(&said(json!({ "decision": "approve" })), &waits).unwrap(),
            Some(Approval::Marked("c1-abc".to_string()))
        );
        assert_eq!(
            approval(&said(json!({ "decision": "deny" })), &waits).unwrap(),
            Some(Approval::Refused)
        );
        for content in [json!({}), json!({ "decision": true }), json!({ "answer": "approve" })] {
            assert!(approval(&said(content), &waits).is_err());
        }
        let bare = |action| approval(&ElicitResult::new(action), &waits).unwrap();
        assert_eq!(bare(ElicitationAction::Decline), Some(Approval::Refused));
        assert_eq!(bare(ElicitationAction::Cancel), None);
        assert!(approval(&ElicitResult::new(ElicitationAction::Accept), &waits).is_err());
    }
}
