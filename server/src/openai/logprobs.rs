//! Log-probabilities of tokens: how a request asks for them, and OpenAI's two shapes of them.

use agent_core::model::TokenLogprob;
use serde_json::{Map, Value, json};

use crate::error::ApiError;
use crate::generator::Generator;

/// The most of the likeliest tokens that a chat is told.
const TOP: u64 = 20;
/// The most that the older protocol is told.
const TOP_OLDER: u64 = 5;

/// What a chat asks for with `logprobs` and `top_logprobs`: how many of the likeliest tokens are told with
/// each token; `None` where no probabilities are.
pub(super) fn of_chat(
    model: &dyn Generator,
    logprobs: Option<bool>,
    top: Option<u64>,
) -> Result<Option<u8>, ApiError> {
    match (logprobs.unwrap_or(false), top.unwrap_or(0)) {
        (false, 0) => Ok(None),
        (false, _) => {
            Err(ApiError::param("top_logprobs", "`top_logprobs` goes with `logprobs: true`"))
        }
        (true, top) => told(model, "top_logprobs", top, TOP),
    }
}

/// What `logprobs` asks for in the older protocol.
pub(super) fn of_completion(
    model: &dyn Generator,
    logprobs: Option<u64>,
) -> Result<Option<u8>, ApiError> {
    match logprobs {
        None => Ok(None),
        Some(top) => told(model, "logprobs", top, TOP_OLDER),
    }
}

fn told(model: &dyn Generator, param: &str, top: u64, most: u64) -> Result<Option<u8>, ApiError> {
    if !model.traits().constrained {
        let why = "this model does not tell the probabilities of tokens";
        return Err(ApiError::unsupported("logprobs", why));
    }
    match u8::try_from(top) {
        Ok(top) if u64::from(top) <= most => Ok(Some(top)),
        _ => Err(ApiError::param(param, format!("`{param}` is a number from 0 to {most}"))),
    }
}

/// As chat completions have them.
pub(super) fn chat(tokens: &[TokenLogprob]) -> Value {
    let token = |token: &TokenLogprob| {
        let mut told = alone(&token.bytes, token.logprob);
        let likely = token.likeliest.iter().map(|likely| alone(&likely.bytes, likely.logprob));
        told["top_logprobs"] = likely.collect();
        told
    };
    json!({ "content": tokens.iter().map(token).collect::<Vec<_>>(), "refusal": null })
}

fn alone(bytes: &[u8], logprob: f32) -> Value {
    json!({ "token": String::from_utf8_lossy(bytes), "logprob": logprob, "bytes": bytes })
}

/// As the older protocol has them. `offset` counts the characters of the answer before these tokens, and
/// those of these tokens are added.
pub(super) fn completion(tokens: &[TokenLogprob], offset: &mut usize) -> Value {
    let (mut texts, mut logprobs, mut likeliest, mut offsets) = (vec![], vec![], vec![], vec![]);
    for token in tokens {
        let text = String::from_utf8_lossy(&token.bytes);
        offsets.push(*offset);
        *offset += text.chars().count();
        texts.push(text);
        logprobs.push(token.logprob);
        let mut likely = Map::new();
        for other in &token.likeliest {
            let text = String::from_utf8_lossy(&other.bytes).into_owned();
            // Of two with the same text, which parts of characters can have, the likelier.
            likely.entry(text).or_insert_with(|| json!(other.logprob));
        }
        likeliest.push(likely);
    }
    json!({
        "tokens": texts, "token_logprobs": logprobs, "top_logprobs": likeliest,
        "text_offset": offsets,
    })
}
