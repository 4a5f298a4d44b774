//! One request on its way through a model: it joins the line, has its turn, and gives its answers piece by
//! piece. Dropping the pieces takes the request back, wherever it is.

use std::sync::Arc;
use std::time::Duration;

use agent_core::message::{Message, Role, ToolCall};
use agent_core::model::{Form, Reply, Request, TokenLogprob};
use axum::http::StatusCode;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::spelled::Spelled;
use crate::error::ApiError;
use crate::generator::{Calls, How};
use crate::shared::{Served, Shared};

/// How long a stream waits for its first piece before it begins without one: until then a failure still has
/// a status of its own.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is asked of a model.
pub(crate) struct Ask {
    pub(crate) model: Arc<Served>,
    pub(crate) request: Request,
    pub(crate) how: How,
    /// How many answers.
    pub(crate) choices: u32,
}

/// A piece of the answers.
#[derive(Debug)]
pub(crate) enum Piece {
    /// More of an answer's text, with its tokens where their probabilities are told.
    Text(u32, String, Vec<TokenLogprob>),
    /// An answer is whole.
    Whole(u32, Reply),
    /// There will be no more.
    Failed(ApiError),
}

/// The answers to one request, in order.
pub(crate) struct Answers {
    pub(crate) replies: Vec<Reply>,
    /// The tokens of each, where their probabilities are told.
    pub(crate) tokens: Vec<Vec<TokenLogprob>>,
}

/// The answers as they come.
pub(crate) struct Pieces {
    inbox: UnboundedReceiver<Piece>,
    first: Option<Piece>,
    work: AbortHandle,
}

impl Drop for Pieces {
    fn drop(&mut self) {
        self.work.abort();
    }
}

impl Pieces {
    /// The next piece; `None` after the last.
    pub(crate) async fn next(&mut self) -> Option<Piece> {
        match self.first.take() {
            Some(piece) => Some(piece),
            None => self.inbox.recv().await,
        }
    }

    /// Waits a while for the first piece, so that a request which fails at once is told so by its status.
    pub(crate) async fn begun(mut self) -> Result<Pieces, ApiError> {
        match timeout(PATIENCE, self.inbox.recv()).await {
            Ok(Some(Piece::Failed(error))) => Err(error),
            Ok(None) => Err(gone()),
            Ok(Some(piece)) => {
                self.first = Some(piece);
                Ok(self)
            }
            Err(_) => Ok(self),
        }
    }

    /// All answers, in order.
    pub(crate) async fn whole(mut self) -> Result<Answers, ApiError> {
        let (mut replies, mut tokens, mut told) = (Vec::new(), Vec::new(), Vec::new());
        while let Some(piece) = self.next().await {
            match piece {
                Piece::Text(_, _, more) => told.extend(more),
                Piece::Whole(_, reply) => {
                    replies.push(reply);
                    tokens.push(std::mem::take(&mut told));
                }
                Piece::Failed(error) => return Err(error),
            }
        }
        if replies.is_empty() { Err(gone()) } else { Ok(Answers { replies, tokens }) }
    }
}

fn gone() -> ApiError {
    let message = "the answer broke off";
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "model_failed", message)
}

/// Asks, unless the line before the model is full or the server is about to stop.
pub(crate) fn ask(shared: &Arc<Shared>, ask: Ask) -> Result<Pieces, ApiError> {
    if *shared.stopping.borrow() {
        let message = "the server is about to stop";
        return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", message).after(5));
    }
    let place = ask.model.queue.join(ask.how.asker)?;
    let (outbox, inbox) = unbounded_channel();
    let most = shared.limits.request;
    let shared = shared.clone();
    let work = async move {
        let answered = async {
            // Only its turn lets it speak.
            let Some(_turn) = place.turn().await else { return Err(gone()) };
            answers(&shared, ask, &outbox).await
        };
        let failed = match timeout(most, answered).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error,
            Err(_) => {
                let message = format!("no answer within {} s, the server's limit", most.as_secs());
                ApiError::new(StatusCode::GATEWAY_TIMEOUT, "timeout", message)
            }
        };
        let _ = outbox.send(Piece::Failed(failed));
    };
    let work = tokio::spawn(work).abort_handle();
    Ok(Pieces { inbox, first: None, work })
}

async fn answers(
    shared: &Shared,
    ask: Ask,
    outbox: &UnboundedSender<Piece>,
) -> Result<(), ApiError> {
    let Ask { model, mut request, how, choices } = ask;
    for choice in 0..choices {
        // With the same seed, each answer draws its own numbers.
        request.call = u64::from(choice);
        let mut spelled = Spelled::new(&request.form);
        // Tokens wait for their text, which may be held back.
        let mut told = Vec::new();
        let mut on_text = |text: &str, tokens: &[TokenLogprob]| {
            told.extend_from_slice(tokens);
            if let Some(text) = spelled.more(text) {
                let _ = outbox.send(Piece::Text(choice, text, std::mem::take(&mut told)));
            }
        };
        let mut reply = model.generator.generate(&request, how, &mut on_text).await?;
        let mut held = spelled.end(&mut reply);
        if matches!(request.form, Form::Calls(_)) && repeats(&request.messages, &reply.tool_calls) {
            // It has what it asks for, and may speak.
            let form = Form::Text { stop: Vec::new() };
            let request = Request { form, ..request.clone() };
            told.clear();
            let mut on_text = |text: &str, tokens: &[TokenLogprob]| {
                if !text.is_empty() || !tokens.is_empty() {
                    let _ = outbox.send(Piece::Text(choice, text.to_string(), tokens.to_vec()));
                }
            };
            let first = reply.usage;
            reply = model.generator.generate(&request, how, &mut on_text).await?;
            reply.usage.output += first.output;
            held.clear();
        }
        if how.calls == Calls::One {
            reply.tool_calls.truncate(1);
        }
        let usage = reply.usage;
        shared.metrics.tokens(&model.name, usage.input, usage.cached, usage.output);
        let answers = reply.tool_calls.is_empty();
        if !held.is_empty() || (answers && !told.is_empty()) {
            let _ = outbox.send(Piece::Text(choice, held, told));
        }
        let _ = outbox.send(Piece::Whole(choice, reply));
    }
    Ok(())
}

/// Whether all these calls were answered since the user spoke last.
fn repeats(messages: &[Arc<Message>], calls: &[ToolCall]) -> bool {
    let since = messages.iter().rev().take_while(|message| message.role != Role::User);
    let answered: Vec<&ToolCall> = since.flat_map(|message| &message.tool_calls).collect();
    let same = |call: &ToolCall| {
        let same = |known: &&ToolCall| known.name == call.name && known.arguments == call.arguments;
        answered.iter().any(same)
    };
    !calls.is_empty() && calls.iter().all(same)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_call_repeats_one_that_was_answered_since_the_user_spoke() {
        let call = |city: &str| ToolCall {
            id: String::new(),
            name: "weather".to_string(),
            arguments: json!({ "city": city }),
        };
        let mut asks = Message::assistant("");
        asks.tool_calls.push(call("Paris"));
        let turns = [Message::user("Paris?"), asks, Message::tool("1", "sunny")];
        let turns: Vec<Arc<Message>> = turns.into_iter().map(Arc::new).collect();
        assert!(repeats(&turns, &[call("Paris")]));
        assert!(!repeats(&turns, &[call("Paris"), call("Rome")]));
        assert!(!repeats(&turns, &[]));
        let again: Vec<Arc<Message>> =
            turns.into_iter().chain([Arc::new(Message::user("And now?"))]).collect();
        assert!(!repeats(&again, &[call("Paris")]));
    }
}
