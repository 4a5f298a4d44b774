//! Writes many constrained replies with a real model and checks each: every whole one must be
//! valid JSON that satisfies its schema, or calls of offered tools with valid arguments.
//!
//! `cargo run --release -p models --example constrained -- FOLDER [REPLIES]`, where FOLDER holds an
//! imported model. The runtime is found as `models::onnx::load` says.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use agent_core::message::Message;
use agent_core::model::{Finish, Form, Model, Reply, Request, Sampling};
use agent_core::tool::{Effect, ToolSpec};
use models::onnx::{Onnx, OnnxOptions};
use serde_json::{Value, json};

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "an example talks to a person")]
async fn main() -> Result<ExitCode, Failure> {
    let mut arguments = std::env::args().skip(1);
    let Some(folder) = arguments.next() else {
        eprintln!("usage: constrained FOLDER [REPLIES]");
        return Ok(ExitCode::from(2));
    };
    let replies: u64 = arguments.next().as_deref().unwrap_or("1000").parse()?;
    let options = OnnxOptions {
        context: 2048,
        sampling: Sampling { temperature: 0.7, top_p: 0.95, seed: 1 },
        ..OnnxOptions::default()
    };
    let model = Onnx::open(Path::new(&folder), "model", options)?;
    println!("open after {:.2} s", model.pace().load.as_secs_f64());

    let started = Instant::now();
    let (mut cut, mut calls, mut invalid) = (0, 0, 0);
    let schemas = schemas();
    let tools = tools();
    for call in 0..replies {
        let schema = &schemas[call as usize % schemas.len()];
        let form = match call % 4 {
            3 => Form::CallsOrJson(tools.clone(), schema.clone()),
            _ => Form::Json(schema.clone()),
        };
        let topic = TOPICS[(call as usize / schemas.len()) % TOPICS.len()];
        let request = Request {
            call,
            messages: vec![
                Message::system(format!("Answer with JSON that satisfies this schema: {schema}"))
                    .into(),
                Message::user(format!("Number {call}: tell me something about {topic}.")).into(),
            ],
            prefix: String::new(),
            form,
            max_tokens: 200,
        };
        let reply = model.think(&request, &mut |_| ()).await?;
        if reply.finish == Finish::Cut {
            cut += 1;
            invalid += usize::from(!reply.tool_calls.is_empty());
            continue;
        }
        calls += usize::from(!reply.tool_calls.is_empty());
        if let Err(reason) = valid(&reply, schema, &tools) {
            invalid += 1;
            eprintln!("reply {call}: {reason}\n{reply:?}");
        }
    }
    let pace = model.pace();
    let share = pace.masking.as_secs_f64() / pace.writing.as_secs_f64();
    println!(
        "{replies} replies in {:.0} s: {invalid} invalid, {cut} cut at the limit, {calls} with calls",
        started.elapsed().as_secs_f64()
    );
    println!(
        "{} tokens written ({} forced), {:.1} a second; grammar {:.2} % of that time, and {:.1} ms a \
         reply to make; {} tokens read, {:.0} a second",
        pace.written,
        pace.forced,
        pace.written as f64 / pace.writing.as_secs_f64(),
        share * 100.0,
        pace.compiling.as_secs_f64() * 1e3 / replies as f64,
        pace.read,
        pace.read as f64 / pace.reading.as_secs_f64(),
    );
    Ok(if invalid == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn valid(reply: &Reply, schema: &Value, tools: &[Arc<ToolSpec>]) -> Result<(), Failure> {
    if reply.tool_calls.is_empty() {
        let value: Value = serde_json::from_str(&reply.content)?;
        return jsonschema::validate(schema, &value).map_err(|error| error.to_string().into());
    }
    for call in &reply.tool_calls {
        let tool = tools.iter().find(|tool| tool.name == call.name).ok_or("an unknown tool")?;
        jsonschema::validate(&tool.input, &call.arguments).map_err(|error| error.to_string())?;
    }
    Ok(())
}

const TOPICS: [&str; 20] = [
    "rivers",
    "the moon",
    "bread",
    "chess",
    "Iceland",
    "bees",
    "steam engines",
    "the number seven",
    "rain",
    "violins",
    "tea",
    "glaciers",
    "maps",
    "the year 1969",
    "cats",
    "bridges",
    "salt",
    "clouds",
    "postage stamps",
    "prime numbers",
];

fn schemas() -> Vec<Value> {
    vec![
        json!({"type": "object", "properties": {"answer": {"type": "string", "maxLength": 80}, "sure": {"type": "boolean"}}, "required": ["answer", "sure"]}),
        json!({"type": "object", "properties": {"title": {"type": "string", "maxLength": 40}, "year": {"type": "integer", "minimum": 1000, "maximum": 2100}, "score": {"type": "number", "minimum": 0, "maximum": 1}}, "required": ["title", "year", "score"]}),
        json!({"type": "array", "items": {"type": "string", "maxLength": 16}, "minItems": 1, "maxItems": 4}),
        json!({"type": "object", "properties": {"kind": {"enum": ["animal", "place", "thing", "idea"]}, "tags": {"type": "array", "items": {"enum": ["old", "new", "large", "small"]}, "maxItems": 3}}, "required": ["kind", "tags"]}),
        json!({"anyOf": [{"type": "object", "properties": {"error": {"type": "string", "maxLength": 30}}, "required": ["error"]}, {"type": "object", "properties": {"value": {"type": "integer"}}, "required": ["value"]}]}),
        json!({"type": "object", "properties": {"day": {"type": "string", "format": "date"}, "id": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]{4}$"}}, "required": ["day", "id"]}),
        json!({"type": "object", "properties": {"name": {"type": ["string", "null"], "maxLength": 20}, "parts": {"type": "array", "items": {"$ref": "#/$defs/part"}, "maxItems": 2}}, "required": ["name", "parts"], "$defs": {"part": {"type": "object", "properties": {"n": {"type": "integer", "minimum": 0}, "of": {"type": "string", "maxLength": 12}}, "required": ["n", "of"]}}}),
        json!({"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 1, "maxProperties": 3}),
        json!({"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}),
        json!({"type": "integer", "multipleOf": 5, "minimum": 0, "maximum": 1000}),
    ]
}

fn tools() -> Vec<Arc<ToolSpec>> {
    let tool = |name: &str, description: &str, input: Value| {
        Arc::new(ToolSpec {
            name: name.to_string(),
            description: description.to_string(),
            input,
            output: json!({}),
            effect: Effect::Reads,
        })
    };
    vec![
        tool(
            "files.read",
            "Reads a file.",
            json!({"type": "object", "properties": {"path": {"enum": ["docs/a.md", "docs/b.md"]}, "lines": {"type": "integer", "minimum": 1, "maximum": 100}}, "required": ["path"]}),
        ),
        tool(
            "files.search",
            "Searches all files.",
            json!({"type": "object", "properties": {"query": {"type": "string", "maxLength": 40}}, "required": ["query"]}),
        ),
    ]
}
