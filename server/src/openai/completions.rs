//! `/v1/completions`: the model goes on with a text.

use std::convert::Infallible;
use std::sync::Arc;

use agent_core::model::{Form, Reply, Request};
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use futures::stream::{self, Stream, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{self, Ask, Piece, Pieces};
use super::chat::StreamOptions;
use super::fields::{Rule, checked, empty, no, zero};
use super::logprobs;
use super::options::{self, Stop};
use super::said::{broken, done, event, finish, usage};
use crate::body::Sent;
use crate::door::Caller;
use crate::error::ApiError;
use crate::generator::{Calls, Prompt};
use crate::shared::{Shared, now, unique};

/// Tokens of an answer where the request does not say, as OpenAI's API has it.
const TOKENS: u64 = 16;

fn one(value: &Value) -> bool {
    value.as_u64() == Some(1)
}

const FIELDS: &[(&str, Rule)] = &[
    ("model", Rule::Takes),
    ("prompt", Rule::Takes),
    ("stream", Rule::Takes),
    ("stream_options", Rule::Takes),
    ("n", Rule::Takes),
    ("stop", Rule::Takes),
    ("seed", Rule::Takes),
    ("temperature", Rule::Takes),
    ("top_p", Rule::Takes),
    ("max_tokens", Rule::Takes),
    ("user", Rule::Idle),
    ("best_of", Rule::Only(one, "each answer is given")),
    ("echo", Rule::Only(no, "the client has the prompt")),
    ("logprobs", Rule::Takes),
    ("frequency_penalty", Rule::Only(zero, "the engine has no penalties")),
    ("presence_penalty", Rule::Only(zero, "the engine has no penalties")),
    ("logit_bias", Rule::Only(empty, "the engine has no biases")),
    ("suffix", Rule::Only(|value| value == "", "the model writes on, not in between")),
];

#[derive(Deserialize)]
struct Body {
    model: String,
    prompt: Text,
    #[serde(default)]
    stream: bool,
    stream_options: Option<StreamOptions>,
    n: Option<u32>,
    #[serde(default)]
    stop: Stop,
    seed: Option<i64>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    max_tokens: Option<u64>,
    logprobs: Option<u64>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "`prompt` is one text")]
enum Text {
    Alone(String),
    Listed([String; 1]),
}

pub(crate) async fn create(
    State(shared): State<Arc<Shared>>,
    Extension(Caller(account)): Extension<Caller>,
    Sent(map): Sent,
) -> Result<Response, ApiError> {
    let body: Body = checked(map, FIELDS)?;
    let model = shared.model(&account.user, &body.model)?;
    let head = Head { id: unique("cmpl-"), created: now(), model: model.name.clone() };
    let (Text::Alone(prompt) | Text::Listed([prompt])) = body.prompt;
    if prompt.is_empty() {
        return Err(ApiError::param("prompt", "`prompt` is empty: there is nothing to go on with"));
    }
    let mut how = options::how(
        &account.user,
        &*model.generator,
        body.temperature,
        body.top_p,
        body.seed,
        Prompt::Raw,
        Calls::One,
    )?;
    how.logprobs = logprobs::of_completion(&*model.generator, body.logprobs)?;
    let told = how.logprobs.is_some();
    let request = Request {
        call: 0,
        messages: Vec::new(),
        prefix: prompt,
        form: Form::Text { stop: body.stop.strings()? },
        max_tokens: options::limit("max_tokens", Some(body.max_tokens.unwrap_or(TOKENS)))?,
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
    let choice = |((index, reply), tokens): ((u32, &Reply), &Vec<_>)| {
        let logprobs = told.then(|| logprobs::completion(tokens, &mut 0));
        choice(index, &reply.content, logprobs, Some(finish(reply)))
    };
    let choices = (0..).zip(&answers.replies).zip(&answers.tokens).map(choice).collect();
    let mut completion = head.object(choices);
    completion["usage"] = usage(&answers.replies);
    Ok(Json(completion).into_response())
}

fn choice(index: u32, text: &str, logprobs: Option<Value>, finish: Option<&str>) -> Value {
    json!({ "index": index, "text": text, "logprobs": logprobs, "finish_reason": finish })
}

/// What every object of one answer says.
struct Head {
    id: String,
    created: u64,
    model: String,
}

impl Head {
    fn object(&self, choices: Vec<Value>) -> Value {
        json!({
            "id": self.id, "object": "text_completion", "created": self.created,
            "model": self.model, "choices": choices, "system_fingerprint": null,
        })
    }
}

fn events(
    head: Head,
    pieces: Pieces,
    shown: bool,
    told: bool,
) -> impl Stream<Item = Result<Event, Infallible>> {
    let state = (head, pieces, Vec::<Reply>::new(), 0, false);
    let all = stream::unfold(state, move |state| async move {
        let (head, mut pieces, mut replies, mut offset, over) = state;
        if over {
            return None;
        }
        let (events, over) = match pieces.next().await {
            Some(Piece::Text(index, text, tokens)) => {
                let logprobs = told.then(|| logprobs::completion(&tokens, &mut offset));
                (vec![event(&head.object(vec![choice(index, &text, logprobs, None)]))], false)
            }
            Some(Piece::Whole(index, reply)) => {
                let last = head.object(vec![choice(index, "", None, Some(finish(&reply)))]);
                replies.push(reply);
                offset = 0;
                (vec![event(&last)], false)
            }
            Some(Piece::Failed(error)) => (vec![broken(&error)], true),
            None if shown => {
                let mut last = head.object(Vec::new());
                last["usage"] = usage(&replies);
                (vec![event(&last), done()], true)
            }
            None => (vec![done()], true),
        };
        let events = stream::iter(events.into_iter().map(Ok));
        Some((events, (head, pieces, replies, offset, over)))
    });
    all.flatten()
}
