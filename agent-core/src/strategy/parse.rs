//! Parses a reply's text for what is more than text: a tool call in one of the spellings that models
//! were trained on, or the reasoning that precedes a reply. It never guesses: what looks like a call
//! and is none goes back to the model, since it is no answer either.

use std::ops::Range;

use serde_json::{Map, Value};

use crate::message::ToolCall;
use crate::tool::ToolSpec;

/// What a reply's text comes to.
#[derive(Debug, PartialEq)]
pub enum Parsed {
    /// Text, without the reasoning that stood before it.
    Text(String),
    /// These calls, and what was said before the first.
    Calls(String, Vec<ToolCall>),
    /// Neither; what the model is told.
    Neither(String),
}

/// Tags around reasoning.
const REASONING: [&str; 5] = ["think", "thinking", "reasoning", "thought", "reflection"];

/// What only the markup of calls and channels holds.
const MARKUP: [&str; 15] = [
    "<tool_call",
    "</tool_call",
    "<function=",
    "</function>",
    "<function_call",
    "</function_call",
    "<tools>",
    "</tools>",
    "[TOOL_CALLS]",
    "<|tool",
    "<\u{ff5c}tool",
    "<|python_tag|>",
    "<|channel|>",
    "<|im_start|>",
    "<parameter=",
];

/// Keys that a tool's name stands under.
const NAMES: [&str; 5] = ["name", "tool", "tool_name", "function", "action"];

/// Keys that its arguments stand under.
const ARGUMENTS: [&str; 8] =
    ["arguments", "parameters", "args", "input", "params", "kwargs", "tool_input", "action_input"];

/// The most places at which JSON is looked for in one reply.
const PLACES: usize = 256;

/// Reads a reply's text; `number` makes the ids of its calls.
pub fn parse<'a>(
    content: &str,
    tools: impl IntoIterator<Item = &'a ToolSpec>,
    number: u64,
) -> Parsed {
    let tools: Vec<&ToolSpec> = tools.into_iter().collect();
    let text = match without_reasoning(content) {
        Ok(text) => text,
        Err(problem) => return Parsed::Neither(problem),
    };
    let mut found = functions(text, &tools);
    if found.is_empty() {
        found = json(text, &tools);
    }
    if let Some((first, _)) = found.first() {
        let plan = plan(&text[..first.start]);
        let call = |(place, (_, (name, arguments))): (usize, (Range<usize>, Call))| ToolCall {
            id: format!("text-{number}-{}", place + 1),
            name,
            arguments,
        };
        return Parsed::Calls(plan, found.into_iter().enumerate().map(call).collect());
    }
    let Some(problem) = unread(text, &tools) else { return Parsed::Text(text.to_string()) };
    Parsed::Neither(problem)
}

/// Why text that holds no call is no answer either.
fn unread(text: &str, tools: &[&ToolSpec]) -> Option<String> {
    let there = match tools {
        [] => "this agent has no tools".to_string(),
        tools => {
            let names: Vec<String> = tools.iter().map(|tool| format!("`{}`", tool.name)).collect();
            format!("the tools are {}", names.join(", "))
        }
    };
    let tag = |tag: &&str| [format!("<{tag}>"), format!("</{tag}>")];
    if let Some(tag) = REASONING.iter().flat_map(tag).find(|tag| text.contains(tag)) {
        return Some(format!(
            "your reply holds the reasoning tag `{tag}` and was not taken: reply with the answer \
             alone"
        ));
    }
    if let Some(name) = unknown(text) {
        return Some(format!("there is no tool `{name}`: {there}"));
    }
    let markup = MARKUP.iter().find(|markup| text.contains(**markup))?;
    Some(format!(
        "your reply holds `{markup}`, the markup of a tool call, and no whole call: {there}; call \
         one of them, or answer without markup"
    ))
}

/// The text after the reasoning that it begins with, or all of it where there is none or no end to it.
pub fn after_reasoning(content: &str) -> &str {
    let has = REASONING.iter().any(|tag| content.contains(&format!("</{tag}>")));
    if has { without_reasoning(content).unwrap_or(content) } else { content }
}

/// The text after the reasoning that it begins with.
fn without_reasoning(content: &str) -> Result<&str, String> {
    const FINAL: &str = "<|channel|>final<|message|>";
    let mut text = content.trim();
    if let Some(at) = text.rfind(FINAL) {
        text = text[at + FINAL.len()..].trim();
    }
    loop {
        let open = REASONING.iter().find(|tag| {
            text.strip_prefix('<').is_some_and(|rest| {
                rest.strip_prefix(**tag).is_some_and(|rest| rest.starts_with('>'))
            })
        });
        // Templates that open the block themselves leave only its end.
        let lone = || {
            REASONING.iter().find(|tag| {
                text.contains(&format!("</{tag}>")) && !text.contains(&format!("<{tag}>"))
            })
        };
        let Some(tag) = open.or_else(lone) else { return Ok(text) };
        let close = format!("</{tag}>");
        let Some(at) = text.find(&close) else {
            return Err(format!(
                "your reply is reasoning that never ends (`<{tag}>`): reply with the answer alone"
            ));
        };
        text = text[at + close.len()..].trim();
    }
}

type Call = (String, Value);

/// `<function=NAME>` with `<parameter=KEY>` within, as some coders write it.
fn functions(text: &str, tools: &[&ToolSpec]) -> Vec<(Range<usize>, Call)> {
    const OPEN: &str = "<function=";
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..].find(OPEN).map(|at| from + at) {
        let Some(close) = text[at..].find('>').map(|close| at + close) else { break };
        let end = text[close..].find("</function>").map_or(text.len(), |end| close + end);
        from = end;
        let named = text[at + OPEN.len()..close].trim().trim_matches(['"', '\'']);
        let Some(tool) = offered(named, tools) else { continue };
        let body = &text[close + 1..end];
        let arguments = match parameters(body, tool) {
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
fn parameters(body: &str, tool: &ToolSpec) -> Option<Value> {
    const OPEN: &str = "<parameter=";
    let mut arguments = Map::new();
    let mut rest = body;
    while let Some(at) = rest.find(OPEN) {
        let (key, after) = rest[at + OPEN.len()..].split_once('>')?;
        let (value, after) = after.split_once("</parameter>")?;
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

/// The calls among the JSON values in a text, whatever stands around them: fences, tags, prose.
fn json(text: &str, tools: &[&ToolSpec]) -> Vec<(Range<usize>, Call)> {
    let mut found = Vec::new();
    for (range, value) in values(text) {
        let mut calls = Vec::new();
        shaped(&value, tools, &mut calls);
        found.extend(calls.into_iter().map(|call| (range.clone(), call)));
    }
    found
}

/// The JSON objects and lists in a text, outermost ones.
fn values(text: &str) -> Vec<(Range<usize>, Value)> {
    let mut found = Vec::new();
    let mut from = 0;
    for _ in 0..PLACES {
        let Some(at) = text[from..].find(['{', '[']).map(|at| from + at) else { break };
        let mut values = serde_json::Deserializer::from_str(&text[at..]).into_iter::<Value>();
        match values.next() {
            Some(Ok(value)) => {
                from = at + values.byte_offset();
                found.push((at..from, value));
            }
            _ => from = at + 1,
        }
    }
    found
}

/// The calls that a value is: one, a list of them, or a message that holds them.
fn shaped(value: &Value, tools: &[&ToolSpec], calls: &mut Vec<Call>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| shaped(item, tools, calls)),
        Value::Object(map) => {
            if let Some(Value::Array(items)) = map.get("tool_calls") {
                items.iter().for_each(|item| shaped(item, tools, calls));
            } else if let Some(function @ Value::Object(_)) = map.get("function") {
                shaped(function, tools, calls);
            } else if let Some(call) = one(map, tools) {
                calls.push(call);
            }
        }
        _ => {}
    }
}

fn one(map: &Map<String, Value>, tools: &[&ToolSpec]) -> Option<Call> {
    let name = NAMES.iter().find_map(|key| map.get(*key)?.as_str())?;
    let tool = offered(name, tools)?;
    let arguments = match ARGUMENTS.iter().find_map(|key| map.get(*key)) {
        Some(Value::String(text)) => serde_json::from_str(text).ok()?,
        Some(value) => value.clone(),
        // A name and nothing else is a call without arguments.
        None if map.len() == 1 => Value::Object(Map::new()),
        None => return None,
    };
    arguments.is_object().then(|| (tool.name.clone(), arguments))
}

/// The name in a value that has the shape of a call and nothing else.
fn unknown(text: &str) -> Option<String> {
    values(text).into_iter().find_map(|(_, value)| {
        let map = value.as_object()?;
        let name = map.get("name").or_else(|| map.get("tool"))?.as_str()?;
        let arguments = ARGUMENTS[..3].iter().find_map(|key| map.get(*key))?;
        (map.len() == 2 && arguments.is_object()).then(|| name.to_string())
    })
}

/// The tool of this name, also where its dots were written as what servers take.
fn offered<'a>(name: &str, tools: &[&'a ToolSpec]) -> Option<&'a ToolSpec> {
    let name = name.strip_prefix("functions.").unwrap_or(name);
    let name = name.split_once("<|").map_or(name, |(name, _)| name);
    let legal = |name: &str| name.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    let exact = tools.iter().find(|tool| tool.name == name);
    exact.or_else(|| tools.iter().find(|tool| legal(&tool.name) == legal(name))).copied()
}

/// What was said before a call: without the markup and the fence that lead to it.
fn plan(before: &str) -> String {
    let openers = MARKUP.iter().copied().chain(["```", "~~~"]);
    let end = openers.filter_map(|opener| before.find(opener)).min().unwrap_or(before.len());
    before[..end].trim().to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tool::Effect;

    fn tools() -> Vec<ToolSpec> {
        let spec = |name: &str, input: Value| ToolSpec {
            name: name.to_string(),
            description: String::new(),
            input,
            output: json!({}),
            effect: Effect::Reads,
        };
        let path = json!({"type": "object", "properties": {
            "path": {"type": "string"}, "lines": {"type": "integer"}}});
        vec![spec("files.read", path), spec("now", json!({"type": "object"}))]
    }

    fn read(content: &str) -> Parsed {
        parse(content, &tools(), 3)
    }

    fn calls(content: &str) -> Vec<(String, Value)> {
        match read(content) {
            Parsed::Calls(_, calls) => {
                calls.into_iter().map(|call| (call.name, call.arguments)).collect()
            }
            other => panic!("{content}: {other:?}"),
        }
    }

    #[test]
    fn a_call_is_a_call_however_it_is_spelled() {
        let body = r#"{"name": "files.read", "arguments": {"path": "a.md"}}"#;
        let spelled = [
            body.to_string(),
            format!("[{body}]"),
            format!("```json\n{body}\n```"),
            format!("```\n{body}\n```"),
            format!("<tool_call>\n{body}\n</tool_call>"),
            format!("<tool_call>\n{body}"),
            format!("<tools>\n{body}\n</tools>"),
            format!("[TOOL_CALLS] [{body}]"),
            format!("<think>Where is it?</think>\n\n{body}"),
            format!("Where is it?\n</think>\n{body}"),
            r#"{"tool": "files_read", "parameters": {"path": "a.md"}}"#.to_string(),
            r#"{"name": "functions.files.read", "arguments": "{\"path\": \"a.md\"}"}"#.to_string(),
            r#"{"type": "function", "function": {"name": "files.read", "arguments": {"path": "a.md"}}}"#
                .to_string(),
            r#"{"tool_calls": [{"function": {"name": "files.read", "arguments": {"path": "a.md"}}}]}"#
                .to_string(),
            "<function=files_read>\n<parameter=path>\na.md\n</parameter>\n</function>\n</tool_call>"
                .to_string(),
        ];
        for content in spelled {
            assert_eq!(calls(&content), [("files.read".into(), json!({"path": "a.md"}))]);
        }
        assert_eq!(calls("{\"name\": \"now\"}"), [("now".into(), json!({}))]);
        let typed = "<function=files.read><parameter=path>7</parameter>\
                     <parameter=lines>7</parameter></function>";
        assert_eq!(calls(typed), [("files.read".into(), json!({"path": "7", "lines": 7}))]);
    }

    #[test]
    fn what_is_said_before_a_call_is_the_plan() {
        let content = "I read it first.\n```json\n{\"name\": \"now\", \"arguments\": {}}\n```";
        let Parsed::Calls(plan, calls) = read(content) else { panic!() };
        assert_eq!((plan.as_str(), calls[0].id.as_str()), ("I read it first.", "text-3-1"));
    }

    #[test]
    fn an_answer_stays_an_answer() {
        for content in [
            "It is 30 m high.",
            "{\"name\": \"Ines\", \"age\": 30}",
            "Take `x = {}` and\n```json\n{\"name\": \"Ines\", \"tags\": []}\n```",
        ] {
            assert_eq!(read(content), Parsed::Text(content.to_string()));
        }
        assert_eq!(read("<think>\nHm {x\n</think>\n\n30 m"), Parsed::Text("30 m".to_string()));
    }

    #[test]
    fn what_is_neither_goes_back() {
        for content in [
            "<tool_call>\n{\"name\": \"files.read\", \"argum",
            "<tools></tools>",
            "<think>I wonder",
            "It is 30 m. <think>Or not?</think> It is.",
            "```json\n{\"name\": \"files.delete\", \"arguments\": {\"path\": \"a.md\"}}\n```",
            "<function=files.delete>\n</function>",
        ] {
            assert!(matches!(read(content), Parsed::Neither(_)), "{content}");
        }
        let Parsed::Neither(said) = read("{\"name\": \"rm\", \"arguments\": {}}") else { panic!() };
        assert_eq!(said, "there is no tool `rm`: the tools are `files.read`, `now`");
    }
}
