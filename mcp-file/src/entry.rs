//! One server of a file, in the form that most programs have for it.

use serde_json::{Map, Value};

/// Servers by their names, each in the usual form: of an object its members, of a list those that have a
/// name.
pub(super) fn named(servers: &Value) -> Option<Map<String, Value>> {
    match servers {
        Value::Object(all) => {
            Some(all.iter().map(|(name, entry)| (name.clone(), usual(entry))).collect())
        }
        Value::Array(all) => {
            let named = |entry: &Value| Some((entry["name"].as_str()?.to_string(), usual(entry)));
            all.iter().map(named).collect()
        }
        _ => None,
    }
}

/// Whether it says how a server is started or reached.
pub(super) fn is_one(entry: &Value) -> bool {
    ["command", "url", "serverUrl", "httpUrl"].iter().any(|key| entry.get(key).is_some())
}

/// The same with `command` as a text, `args` and `env` beside it, `disabled` where it is not `enabled`,
/// and without keys that are written as none.
fn usual(entry: &Value) -> Value {
    let Value::Object(entry) = entry else { return entry.clone() };
    let mut usual: Map<String, Value> = entry
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    match usual.get("command").cloned() {
        // Zed, once: all of the program below its key.
        Some(Value::Object(program)) => {
            usual.shift_remove("command");
            for (from, to) in
                [("path", "command"), ("command", "command"), ("args", "args"), ("env", "env")]
            {
                if let Some(value) = program.get(from).filter(|value| !value.is_null()) {
                    usual.insert(to.to_string(), value.clone());
                }
            }
        }
        // opencode: the program and its arguments in one list.
        Some(Value::Array(words)) => {
            let mut words = words.into_iter();
            usual.shift_remove("command");
            if let Some(program) = words.next() {
                usual.insert("command".to_string(), program);
            }
            let more = usual.get("args").and_then(Value::as_array).cloned().unwrap_or_default();
            usual.insert("args".to_string(), words.chain(more).collect());
        }
        _ => {}
    }
    if let Some(environment) = usual.shift_remove("environment") {
        usual.entry("env").or_insert(environment);
    }
    if usual.shift_remove("enabled") == Some(Value::Bool(false)) {
        usual.insert("disabled".to_string(), Value::Bool(true));
    }
    Value::Object(usual)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_server_has_one_form() {
        for (written, expected) in [
            (json!({"command": "a", "env": null}), json!({"command": "a"})),
            (
                json!({"command": {"path": "a", "args": ["b"], "env": {"C": "d"}}, "settings": {}}),
                json!({"settings": {}, "command": "a", "args": ["b"], "env": {"C": "d"}}),
            ),
            (
                json!({"type": "local", "command": ["a", "b"], "environment": {"C": "d"}, "enabled": true}),
                json!({"type": "local", "command": "a", "args": ["b"], "env": {"C": "d"}}),
            ),
            (json!({"url": "u", "enabled": false}), json!({"url": "u", "disabled": true})),
            (json!(7), json!(7)),
        ] {
            assert_eq!(usual(&written), expected, "{written}");
        }
    }
}
