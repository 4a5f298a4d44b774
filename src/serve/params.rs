//! What an agent takes and gives, as clients see it: JSON Schemas, and values that are held against the first.

use agent_core::agent::Agent;
use agent_core::param::{ParamSpec, ParamType};
use serde_json::{Map, Value, json};
use server::LaunchError;

use crate::STRATEGIES;

/// Parameters as JSON Schema.
pub(super) fn schema(params: &std::collections::BTreeMap<String, ParamSpec>) -> Value {
    let property = |param: &ParamSpec| {
        let mut schema = match param.kind {
            Some(ParamType::Integer) => json!({ "type": "integer" }),
            Some(ParamType::Number) => json!({ "type": "number" }),
            Some(ParamType::Boolean) => json!({ "type": "boolean" }),
            Some(ParamType::List) => {
                json!({ "type": "array", "items": { "type": "string" }, "minItems": 1 })
            }
            Some(ParamType::String) | None => json!({ "type": "string" }),
        };
        if !param.description.is_empty() {
            schema["description"] = json!(param.description);
        }
        if let Some(default) = &param.default {
            schema["default"] = default.clone();
        }
        schema
    };
    let properties: Map<String, Value> =
        params.iter().map(|(name, param)| (name.clone(), property(param))).collect();
    let required = params.iter().filter(|(_, param)| param.is_required());
    let required: Vec<&String> = required.map(|(name, _)| name).collect();
    json!({
        "type": "object", "properties": properties, "required": required,
        "additionalProperties": false,
    })
}

/// Values as the command line has them. There `@` begins the name of a file of this machine; here nothing
/// does.
pub(super) fn given(
    params: &std::collections::BTreeMap<String, ParamSpec>,
    sent: &Map<String, Value>,
) -> Result<Vec<(String, String)>, LaunchError> {
    let mut given = Vec::new();
    for (name, value) in sent {
        let short: String = name.chars().take(100).collect();
        let Some(param) = params.get(name) else {
            return Err(LaunchError::Invalid(format!("the agent has no parameter `{short}`")));
        };
        if let Some(kind) = param.kind
            && !kind.holds(value)
        {
            return Err(LaunchError::Invalid(format!("`{short}` must be {kind}")));
        }
        let literal = |text: &str| match text.starts_with('@') {
            true => format!("@{text}"),
            false => text.to_string(),
        };
        match value {
            Value::String(text) => given.push((name.clone(), literal(text))),
            Value::Array(items) if items.is_empty() => {
                let message = format!("`{short}` is empty: leave it out");
                return Err(LaunchError::Invalid(message));
            }
            Value::Array(items) => {
                let texts = items.iter().filter_map(Value::as_str);
                given.extend(texts.map(|text| (name.clone(), literal(text))));
            }
            other => given.push((name.clone(), other.to_string())),
        }
    }
    Ok(given)
}

/// What comes of its runs, as JSON Schema.
pub(super) fn outcome(agent: &Agent) -> Value {
    let strategy = STRATEGIES.named(agent.act.as_deref().unwrap_or_default());
    let fixed = strategy.and_then(|entry| entry.outcome).map(|schema| schema());
    agent.output.clone().or(fixed).unwrap_or_else(|| {
        let properties = json!({ "answer": { "type": "string" } });
        json!({ "type": "object", "properties": properties, "required": ["answer"] })
    })
}
