//! Parses a reply's text for what is more than text: a tool call in one of the spellings that models
//! were trained on, or the reasoning that precedes a reply. It never guesses: what looks like a call
//! and is none goes back to the model, since it is no answer either.

use std::ops::Range;

use serde_json::{Map, Value};

use super::functions::functions;
use super::reasoning::{tag_of, without_reasoning};
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

/// What only the markup of calls and channels holds.
const MARKUP: [&str; 18] = [
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
    "<invoke name=",
    "<minimax:tool_call",
    "```tool_code",
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
    if let Some(tag) = tag_of(text) {
        return Some(format!(
            "your reply holds the reasoning tag `{tag}` and was not taken: reply with the answer \
             alone"
        ));
    }
    if let Some(name) = unknown(text) {
        return Some(format!("there is no tool `{name}`: {there}"));
    }
    if let Some(name) = spelled(text, tools) {
        return Some(format!(
            "your reply writes a call of `{name}` as text, and it was not made: call the tool itself, or \
             answer"
        ));
    }
    let markup = MARKUP.iter().find(|markup| text.contains(**markup))?;
    Some(format!(
        "your reply holds `{markup}`, the markup of a tool call, and no whole call: {there}; call \
         one of them, or answer without markup"
    ))
}

/// The tool that the whole text spells a call of, as a language's or in a list of such calls.
fn spelled<'a>(text: &str, tools: &[&'a ToolSpec]) -> Option<&'a str> {
    let text = text.trim();
    let text = text.strip_prefix('[').and_then(|list| list.strip_suffix(']')).unwrap_or(text);
    let (name, rest) = text.split_once('(')?;
    let word = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let whole = !name.is_empty() && name.chars().all(word) && rest.trim_end().ends_with(')');
    offered(name, tools).filter(|_| whole).map(|tool| tool.name.as_str())
}

/// A tool's name, and its arguments.
pub(super) type Call = (String, Value);

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
pub(super) fn offered<'a>(name: &str, tools: &[&'a ToolSpec]) -> Option<&'a ToolSpec> {
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
        let invoke =
            "<invoke name=\"files.read\">\n<parameter name=\"path\">a.md</parameter>\n</invoke>";
        let invoked = ["function_calls", "minimax:tool_call"]
            .map(|tag| format!("I look.\n<{tag}>\n{invoke}\n</{tag}>"));
        for content in spelled.into_iter().chain(invoked) {
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
            "<invoke name=\"files.delete\">\n</invoke>",
            "[THINK]I wonder",
            "[files_read(path=\"a.md\"), now()]",
            "files.read(path='a.md')",
            "```tool_code\nprint(files_read(path=\"a.md\"))\n```",
        ] {
            assert!(matches!(read(content), Parsed::Neither(_)), "{content}");
        }
        let Parsed::Neither(said) = read("{\"name\": \"rm\", \"arguments\": {}}") else { panic!() };
        assert_eq!(said, "there is no tool `rm`: the tools are `files.read`, `now`");
    }
}
