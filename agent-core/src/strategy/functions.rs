//! Calls that models write as markup of a function and its parameters, in place of JSON.

use std::ops::Range;

use serde_json::{Map, Value};

use super::parse::{Call, offered};
use crate::tool::ToolSpec;

/// How coders write a function and its parameters: what stands before a name, and what ends it all.
struct Spelling {
    function: &'static str,
    end: &'static str,
    parameter: &'static str,
    value: &'static str,
}

/// `<function=NAME>` with `<parameter=KEY>` within, or `<invoke name="NAME">` with `<parameter name="KEY">`.
const SPELLINGS: [Spelling; 2] = [
    Spelling {
        function: "<function=",
        end: "</function>",
        parameter: "<parameter=",
        value: "</parameter>",
    },
    Spelling {
        function: "<invoke name=",
        end: "</invoke>",
        parameter: "<parameter name=",
        value: "</parameter>",
    },
];

/// The calls that are written as functions with parameters.
pub(super) fn functions(text: &str, tools: &[&ToolSpec]) -> Vec<(Range<usize>, Call)> {
    SPELLINGS.iter().flat_map(|spelling| written(text, spelling, tools)).collect()
}

fn written(text: &str, spelling: &Spelling, tools: &[&ToolSpec]) -> Vec<(Range<usize>, Call)> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..].find(spelling.function).map(|at| from + at) {
        let Some(close) = text[at..].find('>').map(|close| at + close) else { break };
        let end = text[close..].find(spelling.end).map_or(text.len(), |end| close + end);
        from = end;
        let named = text[at + spelling.function.len()..close].trim().trim_matches(['"', '\'']);
        let Some(tool) = offered(named, tools) else { continue };
        let body = &text[close + 1..end];
        let arguments = match parameters(body, spelling, tool) {
            Some(arguments) => arguments,
            None => match serde_json::from_str(body.trim()) {
                Ok(Value::Object(map)) => Value::Object(map),
                _ => continue,
            },
        };
        found.push((at..end, (tool.name.clone(), arguments)));
    }
    found
}

/// The parameters of a function; `None` where what is within is something else.
fn parameters(body: &str, spelling: &Spelling, tool: &ToolSpec) -> Option<Value> {
    let mut arguments = Map::new();
    let mut rest = body;
    while let Some(at) = rest.find(spelling.parameter) {
        let (key, after) = rest[at + spelling.parameter.len()..].split_once('>')?;
        let (value, after) = after.split_once(spelling.value)?;
        let key = key.trim().trim_matches(['"', '\'']);
        let value = value.trim_start_matches('\n').trim_end_matches('\n');
        let text = tool.input["properties"][key]["type"] == "string";
        let value = match serde_json::from_str(value.trim()) {
            Ok(value) if !text => value,
            _ => Value::from(value),
        };
        arguments.insert(key.to_string(), value);
        rest = after;
    }
    (!arguments.is_empty() || body.trim().is_empty()).then_some(Value::Object(arguments))
}
