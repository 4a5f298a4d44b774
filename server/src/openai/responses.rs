//! `/v1/responses`, without what would have to be stored: each request brings its whole conversation.

mod input;
mod object;

use std::convert::Infallible;
use std::sync::Arc;

use agent_core::message::Message;
use agent_core::model::Request;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use futures::stream::{self, Stream, StreamExt};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answer::{self, Ask, Piece, Pieces};
use super::fields::{Rule, checked, empty, no, zero};
use super::form::{Choice, Format, Function, Wanted};
use super::options;
use super::said::event;
use crate::body::Sent;
use crate::door::Caller;
use crate::error::ApiError;
use crate::generator::Prompt;
use crate::shared::{Shared, now, unique};
use input::Input;
use object::Head;

const STORED: &str = "nothing is stored: send the whole conversation as `input`";

const FIELDS: &[(&str, Rule)] = &[
    ("model", Rule::Takes),
    ("input", Rule::Takes),
    ("instructions", Rule::Takes),
    ("stream", Rule::Takes),
    ("tools", Rule::Takes),
    ("tool_choice", Rule::Takes),
    ("parallel_tool_calls", Rule::Takes),
    ("text", Rule::Takes),
    ("temperature", Rule::Takes),
    ("top_p", Rule::Takes),
    ("max_output_tokens", Rule::Takes),
    ("user", Rule::Idle),
    ("metadata", Rule::Idle),
    ("prompt_cache_key", Rule::Idle),
    ("prompt_cache_retention", Rule::Idle),
    ("safety_identifier", Rule::Idle),
    ("service_tier", Rule::Idle),
    ("stream_options", Rule::Idle),
    ("store", Rule::Only(no, STORED)),
    ("previous_response_id", Rule::Never(STORED)),
    ("conversation", Rule::Never(STORED)),
    ("prompt", Rule::Never(STORED)),
    ("background", Rule::Only(no, "an agent works in the background, at `/v1/runs`")),
    ("include", Rule::Only(empty, "there is nothing to include")),
    ("reasoning", Rule::Only(empty, "the model does not reason apart from its answer")),
    ("truncation", Rule::Only(|value| value == "disabled", "leave out what does not fit")),
    ("top_logprobs", Rule::Only(zero, "they are told at `/v1/chat/completions`")),
    ("max_tool_calls", Rule::Never("the client makes the calls")),
];

#[derive(Deserialize)]
struct Body {
    model: String,
    input: Input,
    instructions: Option<String>,
    #[serde(default)]
    stream: bool,
    #[serde(default)]
    tools: Vec<Value>,
    tool_choice: Option<Value>,
    parallel_tool_calls: Option<bool>,
    #[serde(default)]
    text: Map<String, Value>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    max_output_tokens: Option<u64>,
}

pub(crate) async fn create(
    State(shared): State<Arc<Shared>>,
    Extension(Caller(account)): Extension<Caller>,
    Sent(map): Sent,
) -> Result<Response, ApiError> {
    let body: Body = checked(map, FIELDS)?;
    let model = shared.model(&account.user, &body.model)?;
    if let Some(key) = body.text.keys().find(|key| *key != "format") {
        return Err(ApiError::unsupported(&format!("text.{key}"), "say it in the instructions"));
    }
    let head = Head {
        id: unique("resp_"),
        created: now(),
        model: model.name.clone(),
        asked: json!({
            "instructions": body.instructions, "tools": body.tools,
            "tool_choice": body.tool_choice.clone().unwrap_or_else(|| json!("auto")),
            "parallel_tool_calls": body.parallel_tool_calls.unwrap_or(true),
            "text": { "format": body.text.get("format").cloned()
                .unwrap_or_else(|| json!({"type": "text"})) },
            "temperature": body.temperature, "top_p": body.top_p,
            "max_output_tokens": body.max_output_tokens,
        }),
    };
    let choice = Choice::of(body.tool_choice.as_ref())?;
    let calls = choice.calls(body.parallel_tool_calls);
    let (heat, top_p) = (body.temperature, body.top_p);
    let (user, generator) = (&account.user, &*model.generator);
    let how = options::how(user, generator, heat, top_p, None, Prompt::Chat, calls)?;
    let wanted = Wanted {
        tools: body.tools.into_iter().map(function).collect::<Result<_, _>>()?,
        choice,
        format: Format::of_responses(body.text.get("format"))?,
        stop: Vec::new(),
    };
    let mut messages = body.input.conversation(&model)?;
    if let Some(rules) = body.instructions {
        messages.insert(0, Arc::new(Message::system(rules)));
    }
    let request = Request {
        call: 0,
        messages,
        prefix: String::new(),
        form: wanted.form(&*model.generator)?,
        max_tokens: options::limit("max_output_tokens", body.max_output_tokens)?,
        reasoning: 0,
    };
    let pieces = answer::ask(&shared, Ask { model, request, how, choices: 1 })?;
    if body.stream {
        let events = events(head, pieces.begun().await?);
        return Ok(Sse::new(events).keep_alive(KeepAlive::default()).into_response());
    }
    let replies = pieces.whole().await?.replies;
    let output = replies.first().map(object::output).unwrap_or_default();
    Ok(Json(head.whole(&replies, &output)).into_response())
}

fn function(tool: Value) -> Result<Function, ApiError> {
    match tool["type"].as_str() {
        Some("function") => {}
        kind => {
            let kind: String = kind.unwrap_or_default().chars().take(40).collect();
            let why = format!("a tool of type `{kind}`: only functions are");
            return Err(ApiError::unsupported("tools", &why));
        }
    }
    serde_json::from_value(tool)
        .map_err(|error| ApiError::param("tools", format!("a function is wrong: {error}")))
}

fn events(head: Head, pieces: Pieces) -> impl Stream<Item = Result<Event, Infallible>> {
    let begun = [
        ("response.created", json!({ "response": head.open() })),
        ("response.in_progress", json!({ "response": head.open() })),
    ];
    let mut writing =
        Writing { head, pieces, seq: 0, item: None, text: String::new(), over: false };
    let begun: Vec<Event> =
        begun.into_iter().map(|(kind, value)| writing.event(kind, value)).collect();
    let rest = stream::unfold(writing, |mut writing| async move {
        if writing.over {
            return None;
        }
        let piece = writing.pieces.next().await;
        let events = writing.events(piece);
        Some((stream::iter(events.into_iter().map(Ok)), writing))
    });
    stream::iter(begun.into_iter().map(Ok)).chain(rest.flatten())
}

/// A stream as far as it has come.
struct Writing {
    head: Head,
    pieces: Pieces,
    seq: u64,
    /// The message that is being written.
    item: Option<String>,
    text: String,
    over: bool,
}

impl Writing {
    /// An event, which says what it is twice and has a number.
    fn event(&mut self, kind: &str, mut value: Value) -> Event {
        value["type"] = json!(kind);
        value["sequence_number"] = json!(self.seq);
        self.seq += 1;
        event(&value).event(kind)
    }

    fn events(&mut self, piece: Option<Piece>) -> Vec<Event> {
        match piece {
            Some(Piece::Text(_, text, _)) => self.more(&text),
            Some(Piece::Whole(_, reply)) => {
                self.over = true;
                let mut events = Vec::new();
                let mut output = object::output(&reply);
                if reply.tool_calls.is_empty() {
                    if self.item.is_none() {
                        events.extend(self.more(""));
                    }
                    output[0]["id"] = json!(self.item);
                    events.extend(self.end(&output[0].clone()));
                } else {
                    for (place, item) in output.iter().enumerate() {
                        events.extend(self.call(place, item));
                    }
                }
                let replies = [reply];
                let whole = self.head.whole(&replies, &output);
                let kind = match whole["status"].as_str() {
                    Some("incomplete") => "response.incomplete",
                    _ => "response.completed",
                };
                events.push(self.event(kind, json!({ "response": whole })));
                events
            }
            Some(Piece::Failed(error)) => {
                self.over = true;
                let failed = self.head.failed(&error);
                vec![self.event("response.failed", json!({ "response": failed }))]
            }
            None => {
                self.over = true;
                Vec::new()
            }
        }
    }

    /// More of the message's text.
    fn more(&mut self, text: &str) -> Vec<Event> {
        let mut events = Vec::new();
        if self.item.is_none() {
            let id = unique("msg_");
            let item = json!({
                "id": id, "type": "message", "role": "assistant", "status": "in_progress",
                "content": [],
            });
            let added = json!({ "output_index": 0, "item": item });
            events.push(self.event("response.output_item.added", added));
            let part = json!({
                "item_id": id, "output_index": 0, "content_index": 0, "part": object::part(""),
            });
            events.push(self.event("response.content_part.added", part));
            self.item = Some(id);
        }
        if !text.is_empty() {
            self.text += text;
            let delta = json!({
                "item_id": self.item, "output_index": 0, "content_index": 0, "delta": text,
                "logprobs": [],
            });
            events.push(self.event("response.output_text.delta", delta));
        }
        events
    }

    /// The end of the message.
    fn end(&mut self, item: &Value) -> Vec<Event> {
        let at = json!({ "item_id": self.item, "output_index": 0, "content_index": 0 });
        let mut text = at.clone();
        text["text"] = json!(self.text);
        text["logprobs"] = json!([]);
        let mut part = at;
        part["part"] = object::part(&self.text);
        vec![
            self.event("response.output_text.done", text),
            self.event("response.content_part.done", part),
            self.event("response.output_item.done", json!({ "output_index": 0, "item": item })),
        ]
    }

    /// A call of a tool, from its beginning to its end.
    fn call(&mut self, place: usize, item: &Value) -> Vec<Event> {
        let mut open = item.clone();
        open["status"] = json!("in_progress");
        open["arguments"] = json!("");
        let at = |key: &str| json!({ "item_id": item["id"], "output_index": place, key: item["arguments"] });
        let mut done = at("arguments");
        done["name"] = item["name"].clone();
        vec![
            self.event(
                "response.output_item.added",
                json!({ "output_index": place, "item": open }),
            ),
            self.event("response.function_call_arguments.delta", at("delta")),
            self.event("response.function_call_arguments.done", done),
            self.event("response.output_item.done", json!({ "output_index": place, "item": item })),
        ]
    }
}
