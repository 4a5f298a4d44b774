//! The arguments of a step: the tool's own schema, narrowed to what this task can mean. A longer text
//! among them, such as the content of a file, is written in a turn of its own, as text and not within
//! JSON. A call that was made before is not made again.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::numeral::says_number;
use super::wording::{as_csv, left_out, no_csv, with_rows};
use super::{DELETE, EDIT, MOVE, READ, Stage, Stepwise, Taken, WRITE, grounding, prompts, survey};
use agent_core::agent::Agent;
use agent_core::event::Status;
use agent_core::message::{Message, ToolCall};
use agent_core::model::Reply;
use agent_core::strategy::{Decision, Next, cut, unfenced};
use agent_core::tool::ToolSpec;
use text::rank;

/// What arguments that hold a longer text are called.
const TEXTS: [&str; 8] =
    ["content", "contents", "text", "body", "message", "markdown", "html", "note"];

/// What `files.edit` is asked for with: a line that was read, and what stands there then.
const EDITED: [&str; 3] = ["path", "old", "new"];

/// A call that waits for its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Draft {
    pub(super) tool: String,
    arguments: Value,
    /// The argument that the text is.
    field: String,
    /// A text that was sent back, and why.
    refused: Option<[String; 2]>,
}

impl Draft {
    fn new(tool: &str, arguments: Value, field: String) -> Draft {
        Draft { tool: tool.to_string(), arguments, field, refused: None }
    }
}

impl Stepwise {
    /// What comes first for a call of this tool: whether it is one for the task, whether it is asked
    /// for, its arguments, or its text where that is all it takes.
    pub(super) fn toward(&self, agent: &Agent, name: &str) -> Stage {
        if self.asks_whether_it_suits(agent, name) {
            return Stage::Suits(name.to_string());
        }
        match self.asks_first(agent, name) {
            true => Stage::Looks(name.to_string()),
            false => self.fill(agent, name),
        }
    }

    pub(super) fn fill(&self, agent: &Agent, name: &str) -> Stage {
        let Some(tool) = self.tool(name) else { return Stage::Arguments(name.to_string()) };
        let (schema, text) = self.arguments(agent, tool);
        let empty = schema["properties"].as_object().is_none_or(Map::is_empty);
        match text {
            Some(field) if empty => Stage::Text(Draft::new(name, json!({}), field)),
            None if !empty && self.taken.is_empty() => Stage::Several(name.to_string()),
            _ => Stage::Arguments(name.to_string()),
        }
    }

    /// The arguments of a call were written.
    pub(super) fn filled(
        &mut self,
        agent: &Agent,
        number: u64,
        name: &str,
        reply: &Reply,
    ) -> Decision {
        let arguments = serde_json::from_str::<Value>(reply.content.trim()).ok();
        let Some(arguments) = arguments.filter(Value::is_object).filter(|_| cut(reply).is_none())
        else {
            let problem = cut(reply).unwrap_or_else(|| "its arguments are no JSON object".into());
            return self.refuse(agent, name, problem);
        };
        if name == WRITE
            && let Some(problem) = self.overwrites(&arguments)
        {
            return self.refuse(agent, name, problem);
        }
        if self.changes(name)
            && let Some(problem) =
                self.unsupported(agent, &arguments).or_else(|| self.forgets(agent, &arguments))
        {
            if self.repeats(name, &arguments) {
                return self.refuse(agent, name, problem);
            }
            // What stands for what a tool gives back asks for that tool.
            let first = self.tool_in(agent, &arguments).map(str::to_string);
            self.insists = None;
            self.take(agent, name, arguments, &format!("not done: {problem}"), Status::Failed);
            let next = match first {
                Some(first) if !self.unwanted.contains(&first) => {
                    self.stage = self.toward(agent, &first);
                    Next::Again
                }
                _ => self.choose(agent),
            };
            return Decision { next, rejected: Some(problem), ..Decision::default() };
        }
        match self.tool(name).and_then(|tool| self.text_of(agent, tool)) {
            Some(field) => {
                self.stage = self.before_text(agent, Draft::new(name, arguments, field));
                Decision::default()
            }
            None => self.make(agent, number, name, arguments),
        }
    }

    pub(super) fn ask_for_text(&self, agent: &Agent, draft: &Draft) -> Vec<Message> {
        let mut taken = self.for_the_answer(agent);
        if let Some((step, lines)) = &self.judged {
            let read = &self.taken[*step];
            let same = |step: &&mut Taken| step.tool == READ && step.arguments == read.arguments;
            taken.iter_mut().filter(same).for_each(|step| step.shown.clone_from(lines));
        }
        let Draft { tool, arguments, field, refused } = draft;
        let mut messages = prompts::text(agent, &taken, tool, arguments, field);
        if let Some([said, problem]) = refused {
            messages.extend([Message::assistant(said), Message::user(problem)]);
        }
        messages
    }

    /// The text of a call was written.
    pub(super) fn wrote(
        &mut self,
        agent: &Agent,
        number: u64,
        draft: Draft,
        reply: &Reply,
    ) -> Decision {
        let said = reply.content.trim();
        // A fence around all of it is not part of it; one within it is.
        let text = if said.starts_with("```") { unfenced(said) } else { said }.to_string();
        let text = as_csv(&draft.arguments, &text).unwrap_or(text);
        let results = self.succeeded().map(|step| step.whole.as_str());
        let whole = with_rows(&draft.arguments, &text, results);
        let text = whole.unwrap_or(text);
        let empty = text.is_empty().then(|| format!("the {} is empty", draft.field));
        let wrong = cut(reply)
            .or(empty)
            .or_else(|| no_csv(&draft.arguments, &text, !self.taken.is_empty()));
        let wrong = wrong.or_else(|| self.unsupported(agent, &json!(text)));
        // Said once: the words of a message may be others for a reason.
        let first = draft.tool != WRITE && draft.refused.is_none();
        let problem = wrong.or_else(|| left_out(&agent.task, &text).filter(|_| first));
        let Some(problem) = problem else {
            let mut arguments = draft.arguments;
            arguments[&draft.field] = Value::from(text);
            return self.make(agent, number, &draft.tool, arguments);
        };
        if draft.refused.is_some() {
            return self.refuse(agent, &draft.tool, problem);
        }
        let say = format!("{problem}. Write the {} again.", draft.field);
        self.stage = Stage::Text(Draft { refused: Some([text, say]), ..draft });
        Decision { rejected: Some(problem), ..Decision::default() }
    }

    /// The call, if it is new.
    fn make(&mut self, agent: &Agent, number: u64, name: &str, arguments: Value) -> Decision {
        if self.repeats(name, &arguments) {
            let problem = "this very call was made before: its result stands above".to_string();
            let last = self.taken.iter().rev().find(|step| step.tool == name);
            let failed = last.is_some_and(|step| step.status != Status::Ok);
            let insists = self.insists.as_deref() == Some(name) || self.changes(name);
            if !failed || insists || self.values(agent, name).is_empty() {
                return self.refuse(agent, name, problem);
            }
            // A lookup that failed is tried with values that results have and that were not tried.
            self.insists = Some(name.to_string());
            self.stage = Stage::Arguments(name.to_string());
            return Decision { rejected: Some(problem), ..Decision::default() };
        }
        // A change that was made is made once more only for what it was not made with.
        let again = self.changes(name) && self.succeeded().any(|step| step.tool == name);
        if let Some(rest) = self.rest.as_ref().filter(|_| again)
            && !grounding::says(&arguments, rest)
        {
            return self.refuse(agent, name, format!("that is not made with {rest}"));
        }
        let call = ToolCall { id: format!("call-{number}"), name: name.to_string(), arguments };
        match self.made(agent, vec![call]) {
            Ok(next) => {
                self.barred.clear();
                self.missing = None;
                self.insists = None;
                Decision { next, ..Decision::default() }
            }
            Err(problem) => self.refuse(agent, name, problem),
        }
    }

    /// Why a file that is there is not written anew: what else it holds would be lost.
    fn overwrites(&self, arguments: &Value) -> Option<String> {
        let path = arguments["path"].as_str()?;
        let of = |step: &&Taken, tool: &str| step.tool == tool && step.arguments["path"] == path;
        let tried = |tool: &str| self.taken.iter().any(|step| of(&step, tool));
        let listed = survey::files(&self.survey).any(|there| there == path);
        let there = listed || self.succeeded().any(|step| of(&step, READ));
        // Where nothing tells what is there, who could edit looks first.
        let unknown = self.survey.is_empty() && self.has(EDIT) && self.has(READ);
        if there && self.has(EDIT) && !tried(EDIT) {
            return Some(format!("`{path}` is there already: change it with {EDIT}"));
        }
        ((there || unknown) && self.has(READ) && !tried(READ))
            .then(|| format!("`{path}` may hold more: read it before it is written anew"))
    }

    /// There is no such call: something else is chosen.
    fn refuse(&mut self, agent: &Agent, name: &str, problem: String) -> Decision {
        self.insists = None;
        self.barred.push(name.to_string());
        self.failures += 1;
        let next = self.choose(agent);
        Decision { next, rejected: Some(problem), ..Decision::default() }
    }

    /// Whether this very call was made, and nothing has changed the world since.
    pub(super) fn repeats(&self, name: &str, arguments: &Value) -> bool {
        for step in self.taken.iter().rev() {
            if step.tool == name && step.arguments == *arguments {
                return true;
            }
            let changes = self.changes(&step.tool) && !self.changes(name);
            if changes && step.status == Status::Ok {
                return false;
            }
        }
        false
    }

    /// Values that results have and that this tool was not called with.
    fn values(&self, agent: &Agent, name: &str) -> Vec<String> {
        let tried = |value: &String| {
            let calls = self.taken.iter().filter(|step| step.tool == name);
            let mut values = calls.filter_map(|step| step.arguments.as_object());
            values.any(|fields| fields.values().any(|have| have.as_str() == Some(value)))
        };
        let results = self.succeeded().flat_map(|step| grounding::values(&step.whole));
        let mut values: Vec<String> = results.filter(|value| !tried(value)).collect();
        values.retain(|value| !agent.task.contains(value.as_str()));
        values.truncate(grounding::OFFERED);
        values
    }

    /// The argument of a tool that changes something which is a longer text.
    pub(super) fn text_of(&self, agent: &Agent, tool: &ToolSpec) -> Option<String> {
        if !self.changes(&tool.name) {
            return None;
        }
        let properties = tool.input["properties"].as_object()?;
        let required = |name: &str| {
            tool.input["required"].as_array().into_iter().flatten().any(|have| have == name)
        };
        let spoken = rank::words(&agent.task);
        TEXTS
            .iter()
            .find(|name| {
                properties.get(**name).is_some_and(|schema| {
                    free(schema) && (required(name) || meant(name, schema, &spoken))
                })
            })
            .map(ToString::to_string)
    }

    /// The schema of the arguments that this tool is called with.
    pub(super) fn form(&self, agent: &Agent, name: &str) -> Value {
        let schema = self.tool(name).map(|tool| self.arguments(agent, tool).0);
        schema.unwrap_or_else(|| json!({ "type": "object" }))
    }

    /// The schema of a tool's arguments as they are asked for: what it takes but needs not is left
    /// out unless the task speaks of it, and a file to read is one that is there. Beside it the
    /// argument that is written as a text.
    pub(super) fn arguments(&self, agent: &Agent, tool: &ToolSpec) -> (Value, Option<String>) {
        let text = self.text_of(agent, tool);
        let mut schema = tool.input.clone();
        let required: Vec<String> = schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|name| name.as_str().map(str::to_string))
            .collect();
        let spoken = rank::words(&agent.task);
        let says_number = says_number(&agent.task);
        if let Some(Value::Object(properties)) = schema.get_mut("properties") {
            properties.retain(|name, schema| {
                if tool.name == EDIT {
                    return EDITED.contains(&name.as_str());
                }
                let number = ["integer", "number"].iter().any(|kind| schema["type"] == *kind);
                required.contains(name)
                    || (meant(name, schema, &spoken) && (!number || says_number))
            });
            self.offer_files(agent, &tool.name, properties);
            if let Some(text) = &text {
                properties.remove(text);
            }
            if self.insists.as_ref() == Some(&tool.name) {
                let values = self.values(agent, &tool.name);
                let named = properties.values_mut().filter(|schema| free(schema));
                named.for_each(|schema| *schema = json!({ "enum": values }));
            }
        }
        if tool.name == EDIT {
            schema["required"] = json!(EDITED);
        }
        if let (Some(text), Some(Value::Array(required))) = (&text, schema.get_mut("required")) {
            required.retain(|name| name != text);
        }
        (schema, text)
    }

    /// Files and, of what a file is edited by, lines are chosen among those that are there.
    fn offer_files(&self, agent: &Agent, tool: &str, properties: &mut Map<String, Value>) {
        let owed;
        let mut paths: Vec<&str> = survey::files(&self.survey).collect();
        match tool {
            WRITE => {
                owed = self.owed(agent);
                paths = owed.iter().map(String::as_str).collect();
            }
            READ => paths.retain(|path| !self.repeats(READ, &json!({ "path": path }))),
            MOVE | DELETE => {
                let folders: Vec<&str> =
                    paths.iter().filter_map(|path| Some(path.rsplit_once('/')?.0)).collect();
                paths.extend(folders);
                paths.sort_unstable();
                paths.dedup();
            }
            EDIT => {
                let lines = self.lines_read();
                if !lines.is_empty() {
                    properties.insert("old".to_string(), json!({ "enum": lines }));
                }
            }
            _ => return,
        }
        if !paths.is_empty() && !self.survey.contains("… and more files") {
            properties.insert("path".to_string(), json!({ "enum": paths }));
        }
    }

    /// The lines of the files that were read.
    fn lines_read(&self) -> Vec<&str> {
        let mut had = HashSet::new();
        let texts = self.succeeded().filter(|step| step.tool == READ).map(|step| &*step.whole);
        let lines = texts.flat_map(str::lines).filter(|line| !line.trim().is_empty());
        lines.filter(|line| had.insert(*line)).take(grounding::OFFERED).collect()
    }
}

/// Whether an argument is any string.
fn free(schema: &Value) -> bool {
    let narrow = ["enum", "const", "format", "pattern"];
    schema["type"] == "string" && narrow.iter().all(|key| schema.get(*key).is_none())
}

/// Whether a task speaks of an argument: by its name, its description or one of its values.
fn meant(name: &str, schema: &Value, spoken: &[String]) -> bool {
    let values = schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let described = schema["description"].as_str().unwrap_or_default();
    let text: String = [name.replace('_', " ").as_str(), described]
        .into_iter()
        .chain(values)
        .collect::<Vec<_>>()
        .join(" ");
    let telling = |word: &String| !word.starts_with(|c: char| c.is_ascii_digit());
    rank::words(&text).iter().any(|word| telling(word) && spoken.contains(word))
}
