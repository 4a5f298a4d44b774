//! How far a run is, told to a client that asked for that. A message names what happens and never what was
//! said: a client may show it anywhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use agent_core::event::RunId;
use guard::visible;
use rmcp::RoleServer;
use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::{Peer, RequestContext};
use serde_json::Value;
use tokio::time::timeout;

use crate::error::ApiError;
use crate::runs;
use crate::shared::Shared;

/// How long a client is waited for that does not read.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a client was told of a run.
pub(super) struct Told<'a> {
    token: Option<ProgressToken>,
    peer: Peer<RoleServer>,
    gone: &'a AtomicBool,
    next: u64,
}

impl<'a> Told<'a> {
    pub(super) fn new(context: &RequestContext<RoleServer>, gone: &'a AtomicBool) -> Self {
        let token = context.meta.get_progress_token();
        Told { token, peer: context.peer.clone(), gone, next: 0 }
    }

    /// Follows a run until nothing drives it.
    pub(super) async fn follow(
        &mut self,
        shared: &Arc<Shared>,
        run: &RunId,
    ) -> Result<(), ApiError> {
        loop {
            // Looked at first: what comes between this and the journal is seen as a change.
            let follows = shared.active.follow(run);
            if let Some(token) = self.token.clone() {
                for event in runs::launcher(shared)?.events(run, self.next).await? {
                    self.next += 1;
                    let Some(message) = message(&event) else { continue };
                    // Numbers of events: they only grow.
                    let progress = ProgressNotificationParam::new(token.clone(), self.next as f64);
                    let told = self.peer.notify_progress(progress.with_message(message));
                    // One that is lost is made up for by the next; a client that sends no more is not
                    // waited for.
                    if !self.gone.load(Ordering::Relaxed) {
                        let _ = timeout(PATIENCE, told).await;
                    }
                }
            }
            let Some(mut count) = follows else { return Ok(()) };
            let next = if self.token.is_some() { self.next } else { u64::MAX };
            // An error says that the work on it has ended: there may be something new all the same.
            let _ = count.wait_for(|count| *count > next).await;
        }
    }
}

fn message(event: &Value) -> Option<String> {
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
