//! How far a run is, told to a client that asked for that. A message names what happens and never what was
//! said: a client may show it anywhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use agent_core::event::RunId;
use rmcp::RoleServer;
use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::{Peer, RequestContext};
use tokio::time::timeout;

use crate::error::ApiError;
use crate::runs::{self, Came, Follow};
use crate::shared::Shared;

/// How long a client is waited for that does not read.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a client was told of a run.
pub(super) struct Told<'a> {
    token: Option<ProgressToken>,
    peer: Peer<RoleServer>,
    gone: &'a AtomicBool,
    follow: Option<Follow>,
}

impl<'a> Told<'a> {
    pub(super) fn new(context: &RequestContext<RoleServer>, gone: &'a AtomicBool) -> Self {
        let token = context.meta.get_progress_token();
        Told { token, peer: context.peer.clone(), gone, follow: None }
    }

    /// Follows a run until nothing drives it.
    pub(super) async fn follow(
        &mut self,
        shared: &Arc<Shared>,
        run: &RunId,
    ) -> Result<(), ApiError> {
        let Some(token) = self.token.clone() else {
            rested(shared, run).await;
            return Ok(());
        };
        let mut follow = match self.follow.take() {
            Some(follow) => follow,
            None => Follow::new(shared, run, 0)?,
        };
        loop {
            let events = match follow.more().await? {
                Came::Events(events) => events,
                Came::Rest => break,
                Came::Stop => {
                    rested(shared, run).await;
                    break;
                }
            };
            for (number, event) in events {
                let Some(message) = runs::told(&event) else { continue };
                // Numbers of events: they only grow.
                let progress = ProgressNotificationParam::new(token.clone(), (number + 1) as f64);
                let told = self.peer.notify_progress(progress.with_message(message));
                // One that is lost is made up for by the next; a client that sends no more is not
                // waited for.
                if !self.gone.load(Ordering::Relaxed) {
                    let _ = timeout(PATIENCE, told).await;
                }
            }
        }
        self.follow = Some(follow);
        Ok(())
    }
}

/// Comes back once nothing drives a run.
async fn rested(shared: &Shared, run: &RunId) {
    if let Some(mut count) = shared.active.follow(run) {
        // An error says that the work on it has ended.
        let _ = count.wait_for(|_| false).await;
    }
}
