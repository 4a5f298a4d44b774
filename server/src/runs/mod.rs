//! Runs of agents, as a service. A run belongs to the user who started it, which its name says; to all others
//! it is not there. What is known of a run is in its journal, so another server goes on with it.

mod active;
mod answers;
mod api;
mod documents;
mod events;
mod follow;
mod key;

use std::sync::Arc;

use agent_core::drive::Approval;
use agent_core::event::{Event, RunId};
use agent_core::run::Run;
use axum::http::StatusCode;
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

pub(crate) use active::{Active, Claim};
pub(crate) use answers::{ApproveBody, ReplyBody, answered};
pub(crate) use api::{Agents, CreateBody, RunList, cancelled, stopping};
pub(crate) use follow::{Came, Follow, told};

use crate::a2a::{self, Push, Update};
use crate::error::ApiError;
use crate::launcher::{LaunchError, Launched, Launcher, Look, Order};
use crate::routes::Routes;
use crate::shared::Shared;
use crate::user::User;

/// The addresses of runs.
pub(crate) fn routes() -> Routes {
    Routes::default()
        .get("/v1/agents", api::agents)
        .get("/v1/runs", api::list)
        .post("/v1/runs", api::create)
        .get("/v1/runs/{id}", api::show)
        .get("/v1/runs/{id}/events", events::follow)
        .get("/v1/runs/{id}/outcome", documents::outcome)
        .get("/v1/runs/{id}/report", documents::report)
        .post("/v1/runs/{id}/cancel", api::cancel)
        .post("/v1/runs/{id}/resume", api::resume)
        .post("/v1/runs/{id}/approval", answers::approve)
        .post("/v1/runs/{id}/reply", answers::reply)
}

/// What runs agents, if anything does.
pub(crate) fn launcher(shared: &Shared) -> Result<Arc<dyn Launcher>, ApiError> {
    shared.launcher.clone().ok_or_else(|| {
        let message = "this server runs no agents: name some in its file, under `[agents]`";
        ApiError::missing("no_agents", message)
    })
}

/// The run of this name as it stands, if it is this user's: of others' runs nothing is told, not even that
/// they are there.
pub(crate) async fn theirs(
    shared: &Shared,
    user: &User,
    id: &str,
) -> Result<(RunId, Look), ApiError> {
    let run = owned(user, id)?;
    let look = look(shared, &run).await?;
    Ok((run, look))
}

/// Whether a user may have an agent work: it is offered, and to them. A run outlives the right to it.
pub(crate) fn may_run(shared: &Shared, user: &User, agent: &str) -> Result<(), ApiError> {
    let mut cards = shared.launcher.iter().flat_map(|launcher| launcher.agents());
    if cards.any(|card| card.name == agent) && user.runs(agent) {
        return Ok(());
    }
    let agent: String = agent.chars().take(100).collect();
    let message = format!("there is no agent `{agent}`: `/v1/agents` lists those that you may run");
    let missing = ApiError::missing("agent_not_found", message);
    Err(ApiError { param: Some("agent".to_string()), ..missing })
}

fn owned(user: &User, id: &str) -> Result<RunId, ApiError> {
    let run = RunId(id.to_string());
    let plain = |letter: u8| letter.is_ascii_alphanumeric() || letter == b'_';
    match id.len() <= 64 && id.bytes().all(plain) && user.owns(&run) {
        true => Ok(run),
        false => Err(ApiError::missing("run_not_found", "there is no such run")),
    }
}

/// How a run stands; one that is being driven runs, whatever its last event says.
pub(crate) async fn look(shared: &Shared, run: &RunId) -> Result<Look, ApiError> {
    let mut look = launcher(shared)?.look(run).await?;
    if shared.active.follow(run).is_some() {
        look.status = "running".to_string();
        look.waits = None;
        look.detail = None;
    }
    Ok(look)
}

/// Tells of each event of one run that it is in the journal, and of the first one those who want to know of the run.
struct Seen {
    run: RunId,
    count: watch::Sender<u64>,
    push: Option<Arc<dyn Push>>,
}

impl agent_core::drive::Watch for Seen {
    fn event(&self, event: &Event, run: &Run) {
        // Runs of the agents that it calls are told here as well.
        if *run.id() == self.run {
            let before = self.count.send_replace(run.seq());
            if let (0, Some(push)) = (before, &self.push) {
                push.clone().tell(Update::working(&self.run, run.seq(), event.at));
            }
        }
    }
}

/// What is to be done with a run.
pub(crate) enum Deed {
    /// To begin it.
    Start(Order),
    /// To go on with it, perhaps with a person's word.
    Resume(Option<Approval>),
}

/// Drives a run on its own, and comes back once its first event is in the journal, or with the reason why
/// there is none.
pub(crate) async fn launch(shared: &Arc<Shared>, claim: Claim, deed: Deed) -> Result<(), ApiError> {
    let launcher = launcher(shared)?;
    let (run, mut seen) = (claim.run().clone(), claim.count().subscribe());
    seen.mark_unchanged();
    let (count, push) = (claim.count().clone(), shared.push.clone());
    let watch = Arc::new(Seen { run: run.clone(), count, push });
    let (tell, told) = oneshot::channel();
    let (state, named) = (shared.clone(), run.clone());
    let handle = claim.handle();
    let work = tokio::spawn(async move {
        // Let go of when the run rests, and when it is stopped.
        let _claim = claim;
        let end: Result<Launched, LaunchError> = match deed {
            Deed::Start(order) => launcher.start(order, watch).await,
            Deed::Resume(answer) => launcher.resume(&named, answer, watch).await,
        };
        let look = launcher.look(&named).await;
        if let Ok(look) = &look {
            a2a::rested(&state, look);
        }
        let agent = look.map(|look| look.agent).unwrap_or_default();
        match &end {
            Ok(launched) => state.metrics.run(&agent, &launched.end),
            Err(error) => {
                tracing::warn!("run `{named}` cannot go on: {error}");
                state.metrics.run(&agent, "error");
            }
        }
        let _ = tell.send(end);
    });
    handle.set(work.abort_handle());
    let begun = async {
        tokio::select! {
            biased;
            Ok(()) = seen.changed() => Ok(()),
            end = told => match end {
                Ok(Err(error)) => Err(error.into()),
                _ => Ok(()),
            },
        }
    };
    match timeout(shared.limits.request, begun).await {
        Ok(begun) => begun,
        Err(_) => {
            work.abort();
            let message = "what the run needs was not ready in time";
            Err(ApiError::new(StatusCode::GATEWAY_TIMEOUT, "timeout", message))
        }
    }
}

/// Goes on with what an earlier server left, one after the other as there is room.
pub(crate) async fn take_up(shared: &Arc<Shared>) -> Result<(), ApiError> {
    let Some(launcher) = shared.launcher.clone() else { return Ok(()) };
    let mut left = Vec::new();
    for account in &shared.accounts {
        for (run, agent) in launcher.interrupted(&account.user.mark()).await? {
            if may_run(shared, &account.user, &agent).is_ok() {
                left.push(run);
            }
        }
    }
    let shared = shared.clone();
    tokio::spawn(async move {
        for run in left.into_iter().rev() {
            let Some(claim) = shared.active.claim_in_turn(&run).await else { continue };
            if let Err(error) = launch(&shared, claim, Deed::Resume(None)).await {
                tracing::warn!("run `{run}` was not taken up: {}", error.message);
            }
        }
    });
    Ok(())
}
