//! What becomes of a task, as it comes: the task first, then what its run does, in words that say nothing of what was
//! said, then the outcome and the status that it rests in. Each is a response to the request that asked for it.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

use agent_core::event::RunId;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream::{self, Stream};
use serde_json::{Value, json};

use super::{Failed, answer, task};
use crate::error::ApiError;
use crate::launcher::Look;
use crate::runs::{self, Came, Follow};
use crate::shared::Shared;

/// The updates of a run from here on, for the request of this name.
pub(super) async fn updates(
    shared: &Arc<Shared>,
    id: Value,
    run: RunId,
) -> Result<Response, Failed> {
    let look = runs::look(shared, &run).await?;
    let follow = Follow::new(shared, &run, look.events)?;
    let ready = VecDeque::from([task::task(&look)]);
    let updates = Updates { shared: shared.clone(), id, run, follow, ready, over: false };
    Ok(Sse::new(events(updates)).keep_alive(KeepAlive::default()).into_response())
}

/// A client as far as it was told.
struct Updates {
    shared: Arc<Shared>,
    id: Value,
    run: RunId,
    follow: Follow,
    ready: VecDeque<Value>,
    over: bool,
}

fn events(updates: Updates) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(updates, |mut updates| async move {
        loop {
            if let Some(result) = updates.ready.pop_front() {
                let event = said(&answer(&updates.id, Ok(result)));
                return Some((Ok(event), updates));
            }
            if updates.over {
                return None;
            }
            if let Err(error) = updates.more().await {
                updates.over = true;
                let event = said(&answer(&updates.id, Err(error.into())));
                return Some((Ok(event), updates));
            }
        }
    })
}

fn said(answer: &Value) -> Event {
    Event::default().data(answer.to_string())
}

impl Updates {
    async fn more(&mut self) -> Result<(), ApiError> {
        match self.follow.more().await? {
            Came::Events(events) => {
                let told = events.iter().filter_map(|(number, event)| {
                    runs::told(event).map(|words| self.working(*number, &words))
                });
                self.ready = told.collect();
            }
            Came::Rest => {
                self.over = true;
                let look = runs::look(&self.shared, &self.run).await?;
                self.ready = rested(&look);
            }
            // The task goes on, and another server tells of it.
            Came::Stop => self.over = true,
        }
        Ok(())
    }

    /// The run did something.
    fn working(&self, number: u64, words: &str) -> Value {
        let parts = json!([{ "kind": "text", "text": words }]);
        let message = task::message(&self.run.0, number, parts);
        update(&self.run.0, json!({ "state": "working", "message": message }), Last::No)
    }
}

/// Whether anything follows an update.
#[derive(PartialEq, Eq)]
enum Last {
    Yes,
    No,
}

fn rested(look: &Look) -> VecDeque<Value> {
    let artifact = task::artifact(look).map(|artifact| {
        json!({
            "kind": "artifact-update", "taskId": look.id, "contextId": look.id,
            "artifact": artifact, "append": false, "lastChunk": true,
        })
    });
    artifact.into_iter().chain([update(&look.id, task::status(look), Last::Yes)]).collect()
}

fn update(id: &str, status: Value, last: Last) -> Value {
    json!({
        "kind": "status-update", "taskId": id, "contextId": id, "status": status,
        "final": last == Last::Yes,
    })
}
