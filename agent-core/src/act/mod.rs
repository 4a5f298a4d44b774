//! Ways to act: how the model is asked, and how what it wrote becomes calls or an answer.
//!
//! A way to act is a pure reading of the run: it never calls a model or a tool. [`Style::Tools`]
//! offers schema'd calls, [`Style::Code`] asks for Python and takes what comes. The others keep a
//! course of their own: [`Style::Stepwise`] asks a constrained model for one small decision at a
//! time, [`Style::Research`] and [`Style::Read`] lead any model through web research.

pub mod cited;
pub(crate) mod code;
mod parse;
pub mod research;
pub(crate) mod stepwise;
pub(crate) mod tools;

pub use parse::{Parsed, after_reasoning, parse};

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::agent::{Act, Agent};
use crate::message::{Message, ToolCall};
use crate::model::{Finish, Form, Reply, Traits};
use crate::schema;
use crate::tool::ToolSpec;

/// The tool that runs a model's code.
pub const PYTHON: &str = "python";

/// How a run acts; settled when it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Style {
    /// Schema'd tool calls.
    Tools,
    /// Python snippets, as the model pleases.
    Code,
    /// Any tools, one small decision at a time, from a constrained model.
    #[serde(alias = "guided")]
    Stepwise,
    /// Leads a research: questions to readers, a report from what they find.
    Research,
    /// Looks one question up on the web.
    Read,
}

impl Style {
    /// What the agent file says, but that a constrained model always acts step by step: it neither
    /// plans nor notices what it does wrong.
    pub fn of(agent: &Agent, traits: &Traits) -> Style {
        match agent.act {
            Some(Act::Research) => Style::Research,
            Some(Act::Read) => Style::Read,
            Some(Act::Stepwise) => Style::Stepwise,
            _ if traits.constrained => Style::Stepwise,
            Some(Act::Code) => Style::Code,
            Some(Act::Tools) | None => Style::Tools,
        }
    }
}

/// How far a run is, where its way to act keeps more than the conversation.
#[derive(Debug, Clone)]
pub(crate) enum Course {
    /// The conversation is all.
    Talk,
    /// One decision at a time.
    Stepwise(Box<stepwise::Stepwise>),
    /// A lead's.
    Lead(Box<research::Lead>),
    /// A reader's.
    Reader(Box<research::Reader>),
}

impl Course {
    pub(crate) fn of(style: Style, tools: &[Arc<ToolSpec>]) -> Course {
        match style {
            Style::Tools | Style::Code => Course::Talk,
            Style::Stepwise => Course::Stepwise(Box::new(stepwise::Stepwise::new(tools))),
            Style::Research => Course::Lead(Box::default()),
            Style::Read => Course::Reader(Box::default()),
        }
    }

    /// What a run begins with.
    pub(crate) fn begin(&mut self, agent: &Agent) -> Next {
        match self {
            Course::Talk => Next::Again,
            Course::Stepwise(steps) => steps.begin(),
            Course::Lead(lead) => lead.begin(agent),
            Course::Reader(reader) => reader.begin(agent),
        }
    }

    /// The questions of a plan that waits for a person's yes.
    pub(crate) fn proposed(&self) -> Option<&[String]> {
        match self {
            Course::Lead(lead) => lead.proposed(),
            Course::Talk | Course::Stepwise(_) | Course::Reader(_) => None,
        }
    }

    /// A person put these in the place of the plan's questions.
    pub(crate) fn replan(&mut self, questions: &[String]) {
        if let Course::Lead(lead) = self {
            lead.replan(questions);
        }
    }

    /// A person said yes or no to a plan.
    pub(crate) fn decide(&mut self, agent: &Agent, granted: bool, now: u64) -> Next {
        match self {
            Course::Lead(lead) => lead.decide(agent, granted, now),
            Course::Talk | Course::Stepwise(_) | Course::Reader(_) => Next::Again,
        }
    }

    /// What is known before the end, for an outcome that comes too early. `None`: nothing that is
    /// worth telling.
    pub(crate) fn known(&self, now: u64, stopped: &str) -> Option<Value> {
        match self {
            Course::Talk | Course::Stepwise(_) => None,
            Course::Lead(lead) => Some(lead.report(now, Some(stopped.to_string()))),
            Course::Reader(reader) => Some(reader.notes()),
        }
    }
}

/// How the model is to be asked next.
pub(crate) struct Ask {
    /// A conversation of its own; left out, it is the run's.
    pub(crate) messages: Option<Vec<Message>>,
    /// Said after the conversation, for this one question.
    pub(crate) say: Option<String>,
    pub(crate) prefix: String,
    pub(crate) form: Form,
    pub(crate) max_tokens: u32,
}

impl Ask {
    /// Goes on with the run's conversation; the last question says so.
    pub(crate) fn on(agent: &Agent, form: Form, last: bool) -> Ask {
        Ask {
            messages: None,
            say: last.then(|| LAST.to_string()),
            prefix: String::new(),
            form,
            max_tokens: agent.model.max_tokens,
        }
    }
}

/// The most calls of one reply.
const CALLS: usize = 64;

/// What a reply comes to.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    /// The plan, where the reply holds one.
    pub(crate) plan: Option<String>,
    /// What joins the conversation before any observation does.
    pub(crate) say: Vec<Message>,
    pub(crate) next: Next,
    /// Why the reply could not be taken, as the model is told.
    pub(crate) rejected: Option<String>,
}

impl Turn {
    /// The reply is sent back with what is wrong with it.
    pub(crate) fn back(said: Message, problem: String) -> Turn {
        Turn {
            say: vec![said, Message::user(problem.clone())],
            rejected: Some(problem),
            ..Turn::default()
        }
    }

    /// These calls, with the plan that stands beside them.
    pub(crate) fn calls(plan: &str, said: Message, calls: Vec<ToolCall>) -> Turn {
        if calls.len() > CALLS {
            let problem = format!(
                "These are {} calls, and none of them was made: a reply makes {CALLS} at most. Make \
                 the first ones, and the rest after you have seen what they give back.",
                calls.len()
            );
            return Turn::back(Message { tool_calls: Vec::new(), ..said }, problem);
        }
        let plan = Some(plan.trim()).filter(|plan| !plan.is_empty()).map(str::to_string);
        Turn { plan, say: vec![said], next: Next::Call(calls), rejected: None }
    }

    /// This text of a reply is the answer, or is sent back.
    pub(crate) fn answer(agent: &Agent, grounds: &Grounds<'_>, said: Message, text: &str) -> Turn {
        let answer = answer(agent, text, grounds.sources).and_then(|value| {
            match grounds.seen == Seen::Nothing && agent.output.is_some() {
                true => Err(UNSEEN.to_string()),
                false => Ok(value),
            }
        });
        match answer {
            Ok(value) => Turn { say: vec![said], next: Next::Answer(value), ..Turn::default() },
            Err(problem) => Turn::back(said, problem),
        }
    }
}

/// What an answer can stand on.
pub(crate) struct Grounds<'a> {
    /// What it can cite.
    pub(crate) sources: &'a [String],
    pub(crate) seen: Seen,
}

/// Whether something was observed that a filled-in answer can stand on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Nothing, though there are tools to look with.
    Nothing,
    /// Something; or there are no tools; or the model was told and says that it needs none.
    Enough,
}

/// Said once to a model that fills in its answer before it has looked at anything.
pub(crate) const UNSEEN: &str = "No tool has given anything back yet, so nothing in this answer was \
                                 observed. Call a tool for what the task asks about. Only if the \
                                 task needs no tool at all, reply with the answer once more.";

/// What follows from a reply.
#[derive(Debug, Default)]
pub(crate) enum Next {
    /// These calls.
    Call(Vec<ToolCall>),
    /// The run's outcome.
    Answer(Value),
    /// There is none, for this reason.
    Stop(String),
    /// Ask again.
    #[default]
    Again,
}

/// The answer in `text`: the JSON value that satisfies the agent's schema and cites only these
/// sources, or the text itself. The error is a sentence for the model.
pub(crate) fn answer(agent: &Agent, text: &str, sources: &[String]) -> Result<Value, String> {
    let text = text.trim();
    if let Some(own) = OWN.iter().find(|own| text.contains(**own)) {
        return Err(format!("`{own}` was said to you and is no answer"));
    }
    let Some(schema) = &agent.output else {
        return match text {
            "" => Err("the reply is empty: answer, or act".to_string()),
            text => Ok(serde_json::json!({ "answer": text })),
        };
    };
    let value = serde_json::from_str(unfenced(text))
        .map_err(|error| format!("the answer must be one JSON value and nothing else: {error}"))?;
    schema::check(schema, &value)
        .map_err(|problems| format!("the answer does not satisfy its schema: {problems}"))?;
    cited::check(schema, &value, sources)?;
    Ok(value)
}

/// What a model is told whose reply is a fragment.
pub(crate) fn cut(reply: &Reply) -> Option<String> {
    let why = match reply.finish {
        Finish::Stop => return None,
        Finish::Cut => format!("was cut after {} tokens", reply.usage.output),
        Finish::Looped => "repeated itself and was stopped".to_string(),
    };
    Some(format!("your reply {why} and nothing of it was done: be shorter"))
}

/// How the model is told what a final answer looks like.
pub(crate) fn answer_rule(agent: &Agent) -> String {
    match &agent.output {
        None => "When you know the answer, reply with it as plain text.".to_string(),
        Some(schema) => format!(
            "When you know the answer, reply with one JSON value that satisfies this JSON Schema \
             and with nothing else: {schema}"
        ),
    }
}

/// Said with the last question that the budget has room for.
pub(crate) const LAST: &str =
    "The budget is nearly spent. Do not act any more: give the best answer that you have now.";

/// How sentences begin that are said to a model: a reply that repeats one is no answer.
const OWN: [&str; 3] = [
    "The budget is nearly spent",
    "No tool has given anything back yet",
    "This is the same call as before",
];

/// How a tool looks as a Python function: `files.read(path: str, lines: int = …) – what it does`.
pub(crate) fn signature(spec: &ToolSpec) -> String {
    format!("{} – {}", shape(spec), spec.description)
}

/// A tool's name and what it takes: `files.read(path: str, lines: int = None)`.
pub(crate) fn shape(spec: &ToolSpec) -> String {
    let required: Vec<&str> = spec.input["required"]
        .as_array()
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let parameters: Vec<String> = spec.input["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, schema)| {
            let kind = match schema["type"].as_str() {
                Some("integer") => "int",
                Some("number") => "float",
                Some("boolean") => "bool",
                Some("array") => "list",
                Some("object") => "dict",
                _ => "str",
            };
            match required.contains(&name.as_str()) {
                true => format!("{name}: {kind}"),
                false => format!("{name}: {kind} = None"),
            }
        })
        .collect();
    format!("{}({})", spec.name, parameters.join(", "))
}

/// What went wrong, without the advice that is for people: no model can change its agent file.
pub(crate) fn for_a_model(text: &str) -> String {
    const PEOPLE: [&str; 4] = ["[permissions]", "[tools]", "`errand ", "the agent file"];
    let advice = |part: &str| {
        let part = part.trim_start();
        part.starts_with("hint: ") && PEOPLE.iter().any(|word| part.contains(word))
    };
    let line = |line: &str| {
        let parts: Vec<&str> = line.split("; ").filter(|part| !advice(part)).collect();
        parts.join("; ")
    };
    text.lines().filter(|line| !advice(line)).map(line).collect::<Vec<_>>().join("\n")
}

/// Parts of a prompt, those that are empty left out.
pub(crate) fn paragraphs(parts: &[&str]) -> String {
    let parts: Vec<&str> = parts.iter().map(|part| part.trim()).filter(|p| !p.is_empty()).collect();
    parts.join("\n\n")
}

/// The text inside the one Markdown fence that `text` ends with, or `text`.
pub(crate) fn unfenced(text: &str) -> &str {
    let Some((_, inside)) = text.strip_suffix("```").and_then(|text| text.split_once("```")) else {
        return text;
    };
    match inside.split_once('\n') {
        Some((_, body)) if !body.contains("```") => body.trim(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_fenced_answer_is_an_answer() {
        assert_eq!(unfenced("```json\n{\"a\": 1}\n```"), "{\"a\": 1}");
        assert_eq!(unfenced("{\"a\": 1}"), "{\"a\": 1}");
        assert_eq!(unfenced("Here it is:\n```json\n{\"a\": 1}\n```"), "{\"a\": 1}");
        assert_eq!(unfenced("``` half"), "``` half");
    }

    #[test]
    fn advice_for_people_is_not_for_models() {
        let denied = "denied: tool `x` may not read `a; b`; hint: add it to [permissions] read; c";
        assert_eq!(for_a_model(denied), "denied: tool `x` may not read `a; b`; c");
        let failed = "line 1: open('a')\nValueError: a\nhint: convert it first";
        assert_eq!(for_a_model(failed), failed);
    }

    #[test]
    fn a_tool_reads_as_a_function() {
        let spec = ToolSpec {
            name: "files.read".into(),
            description: "reads a file".into(),
            input: json!({"type": "object", "required": ["path"], "properties": {
                "path": {"type": "string"}, "lines": {"type": "integer"}}}),
            output: json!({}),
            effect: crate::tool::Effect::Reads,
        };
        assert_eq!(signature(&spec), "files.read(path: str, lines: int = None) – reads a file");
    }
}
