//! A run that goes on by itself while a program looks at its events.

use std::pin::Pin;
use std::task::{Context, Poll};

use agent_core::agent::Agent;
use agent_core::drive::{Approval, Watch};
use agent_core::event::{Event, RunId};
use agent_core::run::Run;
use futures::Stream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::{Errand, Finished};

/// A run under way, and the stream of its events: each is in the journal before it comes. The stream
/// ends with the run; what came of it is [`Running::finished`]'s. Dropping this lets the run go on.
pub struct Running {
    events: mpsc::UnboundedReceiver<(RunId, Event)>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<anyhow::Result<Option<Finished>>>,
}

impl Running {
    /// What came of it. `None`: it was cancelled, and can be resumed.
    ///
    /// # Errors
    /// What the run needs cannot be had, or the journal cannot be written.
    pub async fn finished(self) -> anyhow::Result<Option<Finished>> {
        let Running { task, stop, .. } = self;
        let finished = task.await?;
        drop(stop);
        finished
    }

    /// Stops it where it is. Its journal has all that happened: [`Errand::start_resumed`] goes on.
    pub fn cancel(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }
}

impl Stream for Running {
    type Item = (RunId, Event);

    /// The events of the run, and of those of the agents that it calls, each with its run's name.
    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.events.poll_recv(context)
    }
}

impl Errand {
    /// Begins a run of an agent. Has to be called within a tokio runtime.
    pub fn start(&self, agent: Agent) -> Running {
        let errand = self.clone();
        begun(|watch| async move {
            let approver = errand.own.approver.clone();
            errand.run(agent, &watch, approver.as_deref()).await
        })
    }

    /// Goes on with a run that was cancelled or interrupted, or that waits for this approval. Has to
    /// be called within a tokio runtime.
    pub fn start_resumed(&self, run: RunId, approval: Option<Approval>) -> Running {
        let errand = self.clone();
        begun(|watch| async move {
            let approver = errand.own.approver.clone();
            errand.resume(&run, approval, None, &watch, approver.as_deref()).await
        })
    }
}

fn begun<F>(work: impl FnOnce(Sent) -> F) -> Running
where
    F: Future<Output = anyhow::Result<Finished>> + Send + 'static,
{
    let (sender, events) = mpsc::unbounded_channel();
    let (stop, stopped) = oneshot::channel();
    let run = work(Sent(sender));
    let task = tokio::spawn(async move {
        tokio::select! {
            finished = run => finished.map(Some),
            Ok(()) = stopped => Ok(None),
        }
    });
    Running { events, stop: Some(stop), task }
}

struct Sent(mpsc::UnboundedSender<(RunId, Event)>);

impl Watch for Sent {
    fn event(&self, event: &Event, run: &Run) {
        // One who no longer listens has no need of it.
        let _ = self.0.send((run.id().clone(), event.clone()));
    }
}
