//! The events of a run as they come. Each has its number in the journal as its id, so a client that was cut
//! off goes on where it was, whichever server it asks.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

use agent_core::event::RunId;
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream::{self, Stream};
use serde_json::Value;

use super::follow::{Came, Follow};
use super::{look, theirs};
use crate::door::Caller;
use crate::error::ApiError;
use crate::shared::Shared;

pub(super) async fn follow(
    State(shared): State<Arc<Shared>>,
    Extension(Caller(account)): Extension<Caller>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (run, _) = theirs(&shared, &account.user, &id).await?;
    let next = match headers.get("last-event-id") {
        None => 0,
        Some(last) => {
            let last = last.to_str().ok().and_then(|last| last.trim().parse::<u64>().ok());
            let wrong = || ApiError::invalid("`Last-Event-ID` is the number of an event");
            last.and_then(|last| last.checked_add(1)).ok_or_else(wrong)?
        }
    };
    let reading = Reading {
        follow: Follow::new(&shared, &run, next)?,
        shared,
        run,
        ready: VecDeque::new(),
        over: false,
    };
    Ok(Sse::new(events(reading)).keep_alive(KeepAlive::default()).into_response())
}

/// A client as far as it has read.
struct Reading {
    shared: Arc<Shared>,
    run: RunId,
    follow: Follow,
    ready: VecDeque<Event>,
    over: bool,
}

fn events(reading: Reading) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(reading, |mut reading| async move {
        loop {
            if let Some(event) = reading.ready.pop_front() {
                return Some((Ok(event), reading));
            }
            if reading.over {
                return None;
            }
            if let Err(error) = reading.more().await {
                reading.over = true;
                let event = Event::default().event("error").data(error.body().to_string());
                reading.ready.push_back(event);
            }
        }
    })
}

impl Reading {
    /// Waits for more events, and for the end of the run with how it stands.
    async fn more(&mut self) -> Result<(), ApiError> {
        match self.follow.more().await? {
            Came::Events(events) => {
                self.ready.extend(events.iter().map(|(number, event)| shown(*number, event)));
            }
            Came::Rest => {
                self.over = true;
                let state = look(&self.shared, &self.run).await?;
                let state = serde_json::to_string(&state).unwrap_or_default();
                self.ready.push_back(Event::default().event("state").data(state));
            }
            Came::Stop => self.over = true,
        }
        Ok(())
    }
}

fn shown(number: u64, event: &Value) -> Event {
    let kind = event["type"].as_str().unwrap_or("event");
    Event::default().id(number.to_string()).event(kind).data(event.to_string())
}
