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

use super::{launcher, look, theirs};
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
    let reading = Reading { shared, run, next, ready: VecDeque::new(), over: false };
    Ok(Sse::new(events(reading)).keep_alive(KeepAlive::default()).into_response())
}

/// A client as far as it has read.
struct Reading {
    shared: Arc<Shared>,
    run: RunId,
    next: u64,
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
        // Looked at first: what comes between this and the journal is seen as a change.
        let follows = self.shared.active.follow(&self.run);
        let events = launcher(&self.shared)?.events(&self.run, self.next).await?;
        for event in events {
            self.ready.push_back(shown(self.next, &event));
            self.next += 1;
        }
        let Some(mut count) = follows else {
            self.over = true;
            let state = look(&self.shared, &self.run).await?;
            let state = serde_json::to_string(&state).unwrap_or_default();
            self.ready.push_back(Event::default().event("state").data(state));
            return Ok(());
        };
        if self.ready.is_empty() {
            let mut stopping = self.shared.stopping.subscribe();
            let next = self.next;
            tokio::select! {
                // An error says that the work on it has ended: there may be something new all the same.
                _ = count.wait_for(|count| *count > next) => {}
                _ = stopping.wait_for(|stopping| *stopping) => self.over = true,
            }
        }
        Ok(())
    }
}

fn shown(number: u64, event: &Value) -> Event {
    let kind = event["type"].as_str().unwrap_or("event");
    Event::default().id(number.to_string()).event(kind).data(event.to_string())
}
