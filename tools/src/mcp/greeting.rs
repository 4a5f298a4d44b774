//! The answer to a handshake, with all that one has to have: a server that leaves something out, or writes
//! it as something else, does not have it, and is used as far as it goes.

use rmcp::model::{InitializeResult, ServerResult};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The same answer as one to a handshake, if it is meant as one.
pub(super) fn whole(said: ServerResult) -> ServerResult {
    let read = match &said {
        ServerResult::EmptyResult(_) => Some(json!({})),
        ServerResult::CustomResult(said) => Some(said.0.clone()),
        _ => None,
    };
    let Some(Value::Object(read)) = read else { return said };
    match InitializeResult::deserialize(filled(&read.into())) {
        Ok(greeting) => ServerResult::InitializeResult(greeting),
        Err(_) => said,
    }
}

fn filled(result: &Value) -> Value {
    let text = |value: &Value, without: &str| match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => without.to_string(),
    };
    let mut able = Map::new();
    for key in ["tools", "resources", "prompts"] {
        let what = &result["capabilities"][key];
        if what.is_object() || *what == json!(true) {
            able.insert(key.to_string(), json!({}));
        }
    }
    // A revision that is not told is the first: what later ones added is not told either.
    let version = text(&result["protocolVersion"], "2024-11-05");
    let server = &result["serverInfo"];
    let name = text(&server["name"], "unknown");
    let server = json!({"name": name, "version": text(&server["version"], "unknown")});
    json!({"protocolVersion": version, "capabilities": able, "serverInfo": server})
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn greeted(said: &Value) -> Value {
        serde_json::to_value(whole(serde_json::from_value(said.clone()).unwrap())).unwrap()
    }

    #[test]
    fn a_greeting_has_all_that_one_has_to_have() {
        let good = json!({"protocolVersion": "2025-06-18", "capabilities": {"tools": {"listChanged": true}},
            "serverInfo": {"name": "a", "version": "1"}, "instructions": "Ask."});
        assert_eq!(greeted(&good), good);
        let tools = json!({"protocolVersion": "2024-11-05", "capabilities": {"tools": {}},
            "serverInfo": {"name": "a", "version": "1.5"}});
        for said in [
            json!({"capabilities": {"tools": true, "logging": null},
                "serverInfo": {"name": "a", "version": 1.5}}),
            json!({"protocolVersion": null, "capabilities": {"tools": {"listChanged": "yes"}},
                "serverInfo": {"name": "a", "version": "1.5", "title": 7}, "instructions": ["a"]}),
        ] {
            assert_eq!(greeted(&said), tools);
        }
        let nothing = json!({"protocolVersion": "2024-11-05", "capabilities": {},
            "serverInfo": {"name": "unknown", "version": "unknown"}});
        for said in [json!({}), json!({"capabilities": [], "serverInfo": null})] {
            assert_eq!(greeted(&said), nothing);
        }
    }
}
