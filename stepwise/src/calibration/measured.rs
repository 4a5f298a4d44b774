//! A labelled example of a decision, as the strategy asks about it: a state of the strategy is made that has come
//! to the decision, and says what it asks. No prompt stands here.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::folder::{self, Folder};
use crate::{Stage, Stepwise, Then, done, fitting, prompts};
use agent_core::agent::Agent;
use agent_core::event::Status;
use agent_core::message::Message;
use agent_core::model::Form;
use agent_core::strategy::{Grounds, Prompt, Strategy, View};
use agent_core::tool::{Effect, ToolSpec};

/// The decisions that have a labelled set. The other thresholds are of one of these, where more hangs on it.
pub const DECISIONS: [&str; 17] = [
    "own",
    "fits",
    "suits",
    "opens",
    "whole",
    "looks",
    "acts",
    "claims",
    "leaves",
    "asked",
    "several",
    "each",
    "compute",
    "number",
    "holds",
    "speaks_of_none",
    "stated",
];

/// What a model is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// The conversation.
    pub messages: Vec<Message>,
    /// Of these it chooses one; how likely the first is counts.
    pub choices: Vec<String>,
}

/// A labelled example.
#[derive(Debug, Clone)]
pub struct Example {
    /// What it is asked; two questions where two count together.
    pub questions: Vec<Question>,
    /// Whether the right answer is the one that the decision's threshold is for.
    pub counts: bool,
    decision: String,
}

impl Example {
    /// From a line of a labelled set. Its `answer` is one of the choices, and the rest is what the decision is about.
    ///
    /// # Errors
    /// A sentence on what is missing or wrong.
    pub fn read(decision: &str, line: &Value) -> Result<Example, String> {
        let agent = agent(text(line, "task").unwrap_or_default())?;
        let questions = questions(decision, &agent, line)?;
        let answer = text(line, "answer")?;
        let choices = questions.last().map_or(&[][..], |asked| &asked.choices);
        if !choices.iter().any(|choice| choice == answer) {
            return Err(format!("`{answer}` is none of {}", choices.join(", ")));
        }
        let first = choices.first().is_some_and(|first| first == answer);
        let counts = first != (decision == "whole");
        Ok(Example { questions, counts, decision: decision.to_string() })
    }

    /// What is held against the threshold, where the first choice of each question is so likely.
    pub fn score(&self, likely: &[f32]) -> f32 {
        let first = likely.first().copied().unwrap_or_default();
        let last = likely.last().copied().unwrap_or_default();
        match self.decision.as_str() {
            "suits" => fitting::beside(first, last),
            "leaves" => done::together(first, last),
            "stated" => folder::both(first, last),
            "whole" => 1.0 - last,
            _ => last,
        }
    }
}

fn questions(decision: &str, agent: &Agent, line: &Value) -> Result<Vec<Question>, String> {
    let of = |stage: Stage, tools: Vec<ToolSpec>| asked(&at(stage, tools), agent);
    let said = || Ok::<_, String>(json!({ "answer": text(line, "said")? }));
    let acts = || Stage::Acts(Then::Answer(Value::Null));
    Ok(match decision {
        "own" => vec![of(Stage::Own, Vec::new())?],
        "fits" => {
            let listed = line["tools"].as_array().ok_or("`tools` is missing")?;
            let tools: Result<Vec<ToolSpec>, String> =
                listed.iter().map(|written| tool(written.as_str().unwrap_or_default())).collect();
            vec![of(Stage::Fits, tools?)?]
        }
        "suits" | "opens" | "looks" | "asked" | "several" => {
            let tool = tool(text(line, "tool")?)?;
            let name = tool.name.clone();
            let stage = match decision {
                "suits" => Stage::Suits(name),
                "opens" => Stage::Opens(name),
                "looks" => Stage::Looks(name),
                "asked" => Stage::Asked(name),
                _ => Stage::Several(name),
            };
            match decision {
                "suits" => vec![of(Stage::Own, Vec::new())?, of(stage, vec![tool])?],
                _ => vec![of(stage, vec![tool])?],
            }
        }
        "whole" => vec![of(Stage::Whole, Vec::new())?],
        "acts" => vec![of(acts(), Vec::new())?],
        "claims" => vec![of(Stage::Claims(said()?), Vec::new())?],
        "leaves" => vec![of(acts(), Vec::new())?, of(Stage::Leaves(said()?), Vec::new())?],
        "each" => vec![each(agent, line)?],
        "compute" | "number" | "holds" | "speaks_of_none" | "stated" => {
            let looks = Folder::at(decision, agent, line)?;
            let questions: Result<Vec<Question>, String> =
                looks.iter().map(|look| question(look.ask(agent))).collect();
            questions?
        }
        other => return Err(format!("there is no decision `{other}`")),
    })
}

/// A lookup of one value of a list was made.
fn each(agent: &Agent, line: &Value) -> Result<Question, String> {
    let mut stepwise = at(Stage::Choose, Vec::new());
    for step in ["list", "done"] {
        let [tool, arguments, result] = line[step].as_array().map_or(&[][..], Vec::as_slice) else {
            return Err(format!("`{step}` is a tool's name, its arguments and its result"));
        };
        let (name, result) = (tool.as_str().unwrap_or_default(), result.to_string());
        stepwise.take(agent, name, arguments.clone(), &result, Status::Ok);
    }
    let siblings = stepwise.siblings(agent);
    let siblings =
        siblings.ok_or("`done` was made with no value of `list`, or the task names it")?;
    stepwise.stage = Stage::Each(siblings);
    asked(&stepwise, agent)
}

pub(super) fn at(stage: Stage, tools: Vec<ToolSpec>) -> Stepwise {
    let tools: Vec<Arc<ToolSpec>> = tools.into_iter().map(Arc::new).collect();
    Stepwise { stage, ..Stepwise::new(&tools) }
}

fn asked(stepwise: &Stepwise, agent: &Agent) -> Result<Question, String> {
    question(stepwise.prompt(&View {
        agent,
        tools: &stepwise.tools,
        sources: &[],
        grounds: Grounds::Enough,
        call: 0,
        last: false,
        correcting: false,
        now: 0,
    }))
}

fn question(prompt: Prompt) -> Result<Question, String> {
    match (prompt.messages, prompt.form) {
        (Some(messages), Form::Choice(choices)) => Ok(Question { messages, choices }),
        _ => Err("it is no choice".to_string()),
    }
}

pub(crate) fn text<'a>(line: &'a Value, key: &str) -> Result<&'a str, String> {
    line[key].as_str().ok_or_else(|| format!("`{key}` is missing"))
}

/// A tool as a model reads it: `lamps.switch(lamp: str) – switches a lamp`.
fn tool(written: &str) -> Result<ToolSpec, String> {
    let wrong =
        || format!("`{written}` is no tool such as `lamps.switch(lamp: str) – what it does`");
    let (shape, description) = written.split_once(" – ").ok_or_else(wrong)?;
    let (name, takes) =
        shape.strip_suffix(')').and_then(|shape| shape.split_once('(')).ok_or_else(wrong)?;
    let mut input = json!({ "type": "object", "properties": {}, "required": [] });
    for argument in takes.split(", ").filter(|argument| !argument.is_empty()) {
        let (argument, kind) = argument.split_once(": ").ok_or_else(wrong)?;
        let (kind, needed) = match kind.strip_suffix(" = None") {
            Some(kind) => (kind, false),
            None => (kind, true),
        };
        let kind = match kind {
            "int" => "integer",
            "float" => "number",
            "bool" => "boolean",
            "list" => "array",
            _ => "string",
        };
        input["properties"][argument] = json!({ "type": kind });
        if let Some(required) = input["required"].as_array_mut().filter(|_| needed) {
            required.push(json!(argument));
        }
    }
    let (name, description) = (name.to_string(), description.to_string());
    let tool = ToolSpec { name, description, input, output: json!({}), effect: Effect::Reads };
    match prompts::step(&tool) == written {
        true => Ok(tool),
        false => Err(wrong()),
    }
}

/// An agent with this task, and nothing else that is shown.
pub(super) fn agent(task: &str) -> Result<Agent, String> {
    let agent = json!({
        "name": "", "description": "", "instructions": "", "task": task, "act": null, "params": {},
        "tools": [], "secrets": [], "output": null, "root": "/", "file": "/agent.toml",
        "model": {
            "provider": "onnx", "name": "", "path": null, "base_url": null, "api_key": null,
            "sampling": { "temperature": 0.0, "top_p": 1.0, "seed": 0 }, "max_tokens": 100,
            "device": "cpu", "timeout": { "secs": 1, "nanos": 0 }, "fallback": [], "price": null
        },
        "grants": { "root": "/", "read": [], "write": [], "net": [], "ask": [], "tools": [] },
        "budget": { "steps": 1, "tokens": 1, "time": { "secs": 1, "nanos": 0 }, "cost_usd": null },
    });
    serde_json::from_value(agent).map_err(|error| error.to_string())
}
