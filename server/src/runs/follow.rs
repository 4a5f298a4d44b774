//! A run's events as they come, for whatever tells of them: a client's stream, the progress of a call, a task's
//! updates.

use std::sync::Arc;

use agent_core::event::RunId;
use guard::visible;
use serde_json::Value;

use super::launcher;
use crate::error::ApiError;
use crate::launcher::Events;
use crate::shared::Shared;

/// A run, as far as it was read.
pub(crate) struct Follow {
    shared: Arc<Shared>,
    run: RunId,
    events: Box<dyn Events>,
    next: u64,
}

/// What came of a run since it was last asked for.
pub(crate) enum Came {
    /// These, each with its number.
    Events(Vec<(u64, Value)>),
    /// Nothing, and nothing drives it.
    Rest,
    /// Nothing, and the server is about to stop.
    Stop,
}

impl Follow {
    /// From this event on.
    pub(crate) fn new(shared: &Arc<Shared>, run: &RunId, from: u64) -> Result<Follow, ApiError> {
        let events = launcher(shared)?.follow(run, from);
        Ok(Follow { shared: shared.clone(), run: run.clone(), events, next: from })
    }

    /// Waits for more events, or for the run to rest.
    pub(crate) async fn more(&mut self) -> Result<Came, ApiError> {
        loop {
            // Looked at first: what comes between this and the journal is seen as a change.
            let follows = self.shared.active.follow(&self.run);
            let events = self.events.more().await?;
            if !events.is_empty() {
                let first = self.next;
                self.next += events.len() as u64;
                return Ok(Came::Events((first..).zip(events).collect()));
            }
            let Some(mut count) = follows else { return Ok(Came::Rest) };
            let mut stopping = self.shared.stopping.subscribe();
            let next = self.next;
            tokio::select! {
                // An error says that the work on it has ended: there may be something new all the same.
                _ = count.wait_for(|count| *count > next) => {}
                _ = stopping.wait_for(|stopping| *stopping) => return Ok(Came::Stop),
            }
        }
    }
}

/// What an event is, in words that name what happens and never say what was said: they may be shown anywhere.
pub(crate) fn told(event: &Value) -> Option<String> {
    let text = |value: &Value| visible(value.as_str().unwrap_or_default()).into_owned();
    Some(match event["type"].as_str()? {
        "started" => "the run began".to_string(),
        "resumed" => "the run goes on".to_string(),
        "thinking" => "the model is asked".to_string(),
        "planned" => "there is a plan".to_string(),
        "judged" => {
            let (action, verdict) = (&event["action"], &event["verdict"]);
            format!(
                "{} {}: {}",
                text(&action["id"]),
                text(&action["tool"]),
                text(&verdict["decision"])
            )
        }
        "answered" => "a person answered".to_string(),
        "observed" => {
            format!("{}: {}", text(&event["call"]), text(&event["observation"]["status"]))
        }
        "ended" => "the run is over".to_string(),
        _ => return None,
    })
}
