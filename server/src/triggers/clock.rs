//! Fires a schedule when its times come. What was fired before is read from the journal; the time is that of
//! the machine's clock, which is looked at again and again: it may be put forward or back.

use std::sync::Arc;
use std::time::Duration;

use super::{Armed, Fires, Missed, Schedule};
use crate::error::ApiError;
use crate::runs::{self, Deed};
use crate::shared::{Shared, now};

/// How long the clock is not looked at.
const GLANCE: u64 = 15;

/// Until the server stops.
pub(super) async fn run(shared: Arc<Shared>, armed: Arc<Armed>) {
    let Fires::At(schedule, missed) = &armed.trigger.fires else { return };
    let mut stopping = shared.stopping.subscribe();
    let ticking = async {
        if let Err(error) = tick(&shared, &armed, schedule, *missed).await {
            tracing::error!("trigger `{}` fires no more: {}", armed.trigger.name, error.message);
        }
    };
    tokio::select! {
        _ = stopping.wait_for(|stopping| *stopping) => {}
        () = ticking => {}
    }
}

async fn tick(
    shared: &Arc<Shared>,
    armed: &Armed,
    schedule: &Schedule,
    missed: Missed,
) -> Result<(), ApiError> {
    let launcher = runs::launcher(shared)?;
    let latest = launcher.latest(&armed.mark()).await?;
    // Before its first run a trigger has missed nothing.
    let mut from = latest.and_then(|run| armed.time(&run)).unwrap_or_else(time);
    loop {
        let now = time();
        for due in schedule.due(from, now, missed) {
            fire(shared, armed, due).await;
        }
        // A clock that is put back lets times come again, which have their runs already.
        from = now;
        let Some(next) = schedule.after(from) else { return Ok(()) };
        let wait = u64::try_from(next - time()).unwrap_or(0);
        tokio::time::sleep(Duration::from_secs(wait.clamp(1, GLANCE))).await;
    }
}

/// Begins the run of one firing, once there is room, unless it has one.
async fn fire(shared: &Arc<Shared>, armed: &Armed, time: i64) {
    let run = armed.at(time);
    if runs::look(shared, &run).await.is_ok() {
        return;
    }
    let Some(claim) = shared.active.claim_in_turn(&run).await else { return };
    let order = armed.trigger.order(run.clone(), armed.trigger.params.clone());
    // Another server with the same journal may have been first.
    if let Err(error) = runs::launch(shared, claim, Deed::Start(order)).await {
        tracing::warn!("trigger `{}` began no run `{run}`: {}", armed.trigger.name, error.message);
    }
}

/// Seconds since 1970.
fn time() -> i64 {
    i64::try_from(now()).unwrap_or(i64::MAX)
}
