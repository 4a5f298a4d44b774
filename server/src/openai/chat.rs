//! `/v1/chat/completions`.

use std::convert::Infallible;
use std::sync::Arc;

use agent_core::model::{Reply, Request, TokenLogprob};
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use futures::stream::{self, Stream, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{self, Answers, Ask, Piece, Pieces};
use super::fields::{Rule, checked, empty, no, zero};
use super::form::{self, Choice, Format, Offered, Wanted};
use super::logprobs;
use super::options::{self, Stop};
use super::said::{broken, calls, done, event, finish, usage};
use super::turns::{self, Turn};
use crate::body::Sent;
use crate::door::Caller;
use crate::error::ApiError;
use crate::generator::Prompt;
use crate::shared::{Shared, now, unique};

const TEXT: &str = "the model reads and writes text";

const FIELDS: &[(&str, Rule)] = &[
    ("model", Rule::Takes),
    ("messages", Rule::Takes),
    ("stream", Rule::Takes),
    ("stream_options", Rule::Takes),
    ("tools", Rule::Takes),
    ("tool_choice", Rule::Takes),
    ("parallel_tool_calls", Rule::Takes),
    ("response_format", Rule::Takes),
    ("n", Rule::Takes),
    ("stop", Rule::Takes),
    ("seed", Rule::Takes),
    ("temperature", Rule::Takes),
    ("top_p", Rule::Takes),
    ("max_tokens", Rule::Takes),
    ("max_completion_tokens", Rule::Takes),
    ("user", Rule::Idle),
    ("metadata", Rule::Idle),
    ("prompt_cache_key", Rule::Idle),
    ("prompt_cache_retention", Rule::Idle),
    ("safety_identifier", Rule::Idle),
    ("service_tier", Rule::Idle),
    ("store", Rule::Only(no, "nothing is stored")),
    ("logprobs", Rule::Takes),
    ("top_logprobs", Rule::Takes),
    ("frequency_penalty", Rule::Only(zero, "the engine has no penalties")),
    ("presence_penalty", Rule::Only(zero, "the engine has no penalties")),
    ("logit_bias", Rule::Only(empty, "the engine has no biases")),
    ("modalities", Rule::Only(|value| *value == json!(["text"]), TEXT)),
    ("audio", Rule::Never(TEXT)),
    ("prediction", Rule::Never("the engine predicts by itself")),
    ("reasoning_effort", Rule::Never("the model does not reason apart from its answer")),
    ("verbosity", Rule::Never("say it in a message")),
    ("web_search_options", Rule::Never("the model does not search; an agent does, at `/v1/runs`")),
    ("functions", Rule::Never("it was replaced by `tools`")),
    ("function_call", Rule::Never("it was replaced by `tool_choice`")),
];

#[derive(Deserialize)]
struct Body {
    model: String,
    messages: Vec<Turn>,
    #[serde(default)]
    stream: bool,
    stream_options: Option<StreamOptions>,
    #[serde(default)]
    tools: Vec<Offered>,
    tool_choice: Option<Value>,
    parallel_tool_calls: Option<bool>,
    response_format: Option<Value>,
    n: Option<u32>,
    #[serde(default)]
    stop: Stop,
    seed: Option<i64>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    max_tokens: Option<u64>,
    max_completion_tokens: Option<u64>,
    logprobs: Option<bool>,
    top_logprobs: Option<u64>,
}

/// What a stream says beside its text.
#[derive(Deserialize, Clone, Copy, Default)]
pub(super) struct StreamOptions {
    #[serde(default)]
    pub(super) include_usage: bool,
}

pub(crate) async fn create(
    State(shared): State<Arc<Shared>>,
    Extension(Caller(account)): Extension<Caller>,
    Sent(map): Sent,
) -> Result<Response, ApiError> {
    let body: Body = checked(map, FIELDS)?;
    let model = shared.model(&account.user, &body.model)?;
    let head = Head { id: unique("chatcmpl-"), created: now(), model: model.name.clone() };
    let choice = Choice::of(body.tool_choice.as_ref())?;
    let mut how = options::how(
        &account.user,
        &*model.generator,
        body.temperature,
        body.top_p,
        body.seed,
        Prompt::Chat,
        choice.calls(body.parallel_tool_calls),
    )?;
    how.logprobs = logprobs::of_chat(&*model.generator, body.logprobs, body.top_logprobs)?;
    let told = how.logprobs.is_some();
    let (name, most) = match body.max_completion_tokens {
        Some(most) => ("max_completion_tokens", Some(most)),
        None => ("max_tokens", body.max_tokens),
    };
    let wanted = Wanted {
        tools: form::functions(body.tools)?,
        choice,
        format: Format::of_chat(body.response_format.as_ref())?,
        stop: body.stop.strings()?,
    };
    let request = Request {
        call: 0,
        messages: turns::conversation(body.messages, &model)?,
        prefix: String::new(),
        form: wanted.form(&*model.generator)?,
        max_tokens: options::limit(name, most)?,
        reasoning: 0,
    };
    let choices = options::choices(body.n)?;
    let pieces = answer::ask(&shared, Ask { model, request, how, choices })?;
    if body.stream {
        let shown = body.stream_options.unwrap_or_default().include_usage;
        let events = events(head, pieces.begun().await?, shown, told);
        return Ok(Sse::new(events).keep_alive(KeepAlive::default()).into_response());
    }
    let answers = pieces.whole().await?;
    Ok(Json(head.completion(&answers, told)).into_response())
}

/// What every object of one answer says.
struct Head {
    id: String,
    created: u64,
    model: String,
}

impl Head {
    fn completion(&self, answers: &Answers, told: bool) -> Value {
        let Answers { replies, tokens } = answers;
        let choice = |((index, reply), tokens): ((u32, &Reply), &Vec<TokenLogprob>)| {
            let calls = calls(reply);
            let mut message =
                json!({ "role": "assistant", "content": reply.content, "refusal": null });
            if !calls.is_empty() {
                message["content"] = Value::Null;
                message["tool_calls"] = json!(calls);
            }
            json!({
                "index": index, "message": message,
                "logprobs": told.then(|| logprobs::chat(tokens)),
                "finish_reason": finish(reply),
            })
        };
        json!({
            "id": self.id, "object": "chat.completion", "created": self.created, "model": self.model,
            "choices": (0..).zip(replies).zip(tokens).map(choice).collect::<Vec<_>>(),
            "usage": usage(replies), "system_fingerprint": null,
        })
    }

    fn chunk(&self, choices: &Value) -> Value {
        json!({
            "id": self.id, "object": "chat.completion.chunk", "created": self.created,
            "model": self.model, "choices": choices, "system_fingerprint": null,
        })
    }

    fn delta(&self, choice: u32, delta: &Value, finish: Option<&str>) -> Event {
        self.told(choice, delta, &Value::Null, finish)
    }

    fn told(&self, choice: u32, delta: &Value, logprobs: &Value, finish: Option<&str>) -> Event {
        event(&self.chunk(&json!([{
            "index": choice, "delta": delta, "logprobs": logprobs, "finish_reason": finish,
        }])))
    }
}

fn events(
    head: Head,
    pieces: Pieces,
    shown: bool,
    told: bool,
) -> impl Stream<Item = Result<Event, Infallible>> {
    let writing =
        Writing { head, pieces, shown, told, begun: None, replies: Vec::new(), over: false };
    let all = stream::unfold(writing, |mut writing| async move {
        if writing.over {
            return None;
        }
        let piece = writing.pieces.next().await;
        let events = writing.events(piece);
        Some((stream::iter(events.into_iter().map(Ok)), writing))
    });
    all.flatten()
}

/// A stream as far as it has come.
struct Writing {
    head: Head,
    pieces: Pieces,
    shown: bool,
    /// Whether the probabilities of tokens are told.
    told: bool,
    /// The answer of which something was said.
    begun: Option<u32>,
    replies: Vec<Reply>,
    over: bool,
}

impl Writing {
    fn events(&mut self, piece: Option<Piece>) -> Vec<Event> {
        let mut events = Vec::new();
        match piece {
            Some(Piece::Text(choice, text, tokens)) => {
                self.begin(choice, &mut events);
                let logprobs = match self.told {
                    true => logprobs::chat(&tokens),
                    false => Value::Null,
                };
                let delta = json!({ "content": text });
                events.push(self.head.told(choice, &delta, &logprobs, None));
            }
            Some(Piece::Whole(choice, reply)) => {
                self.begin(choice, &mut events);
                for (index, mut call) in calls(&reply).into_iter().enumerate() {
                    call["index"] = json!(index);
                    let delta = json!({ "tool_calls": [call] });
                    events.push(self.head.delta(choice, &delta, None));
                }
                events.push(self.head.delta(choice, &json!({}), Some(finish(&reply))));
                self.replies.push(reply);
            }
            Some(Piece::Failed(error)) => {
                self.over = true;
                events.push(broken(&error));
            }
            None => {
                self.over = true;
                if self.shown {
                    let mut chunk = self.head.chunk(&json!([]));
                    chunk["usage"] = usage(&self.replies);
                    events.push(event(&chunk));
                }
                events.push(done());
            }
        }
        events
    }

    fn begin(&mut self, choice: u32, events: &mut Vec<Event>) {
        if self.begun != Some(choice) {
            self.begun = Some(choice);
            let delta = json!({ "role": "assistant", "content": "", "refusal": null });
            events.push(self.head.delta(choice, &delta, None));
        }
    }
}
