//! Several calls of one tool: where a task names several things, the first tool that is chosen is
//! called for each of them. A small model that writes one call at a time takes the first for all.

use serde_json::{Map, Value, json};

use super::calibration::thresholds;
use super::{Stage, Stepwise, grounding};
use agent_core::agent::Agent;
use agent_core::message::ToolCall;
use agent_core::model::Reply;
use agent_core::strategy::{Decision, cut};

/// The most calls at once.
pub(super) const MOST: usize = 12;
/// Where a schema keeps the parts that it refers to, always at its root.
const PARTS: [&str; 2] = ["$defs", "definitions"];

impl Stepwise {
    /// How likely the tool is called for several things.
    pub(super) fn several(&mut self, agent: &Agent, name: String, odds: f32) -> Decision {
        self.stage = match odds >= thresholds(agent).several {
            true => Stage::Calls(name),
            false => Stage::Arguments(name),
        };
        Decision::default()
    }

    /// The calls were written. Where they are no calls, or one, or one of them says what nothing
    /// supports, the arguments are asked for as those of one call, which says what is wrong with it.
    pub(super) fn called(
        &mut self,
        agent: &Agent,
        number: u64,
        name: &str,
        reply: &Reply,
    ) -> Decision {
        let listed = serde_json::from_str::<Value>(reply.content.trim()).ok();
        let mut all: Vec<Value> = Vec::new();
        for arguments in listed.iter().flat_map(|listed| listed["calls"].as_array()).flatten() {
            if arguments.is_object() && !all.contains(arguments) {
                all.push(arguments.clone());
            }
        }
        let known = self.known_to(agent);
        all.retain(|arguments| grounding::stands_on(arguments, &known));
        all.truncate(MOST);
        let count = all.len();
        let calls = side_by_side(number, name, all);
        let made = match (cut(reply), count) {
            (Some(problem), _) => Err(Some(problem)),
            (None, 0) => Err(Some("its calls are no list of JSON objects".to_string())),
            (None, 1) => Err(None),
            (None, _) => self.made(agent, calls).map_err(Some),
        };
        match made {
            Ok(next) => {
                self.pending = count;
                let plan = Some(format!("next: {name}, {count} times"));
                Decision { plan, next, ..Decision::default() }
            }
            Err(rejected) => {
                self.stage = Stage::Arguments(name.to_string());
                Decision { rejected, ..Decision::default() }
            }
        }
    }
}

/// A call of this tool for each of these arguments, made at once.
pub(super) fn side_by_side(
    number: u64,
    name: &str,
    all: impl IntoIterator<Item = Value>,
) -> Vec<ToolCall> {
    let call = |(at, arguments)| {
        let id = format!("call-{number}-{at}");
        ToolCall { id, name: name.to_string(), arguments }
    };
    all.into_iter().enumerate().map(call).collect()
}

/// The schema of a list of such values.
pub(super) fn list_of(mut schema: Value) -> Value {
    let mut parts = Map::new();
    if let Value::Object(fields) = &mut schema {
        parts.extend(PARTS.iter().filter_map(|part| fields.remove_entry(*part)));
    }
    let mut list = json!({
        "type": "object",
        "properties": {
            "calls": { "type": "array", "minItems": 1, "maxItems": MOST, "items": schema }
        },
        "required": ["calls"],
        "additionalProperties": false,
    });
    if let Value::Object(fields) = &mut list {
        fields.extend(parts);
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_schema_refers_to_stays_at_its_root() {
        let list = list_of(json!({
            "type": "object",
            "properties": { "start": { "$ref": "#/$defs/place" } },
            "$defs": { "place": { "type": "string" } },
        }));
        assert_eq!(list["$defs"]["place"]["type"], "string");
        let items = &list["properties"]["calls"]["items"];
        assert_eq!(items["properties"]["start"]["$ref"], "#/$defs/place");
        assert!(items.get("$defs").is_none());
    }
}
