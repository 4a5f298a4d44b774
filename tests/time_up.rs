//! The time of a budget is up while events are on their way into the journal: whichever they are, and whether they
//! arrive or not, the run and its journal are of one mind.

use std::cell::Cell;
use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use agent_core::drive::{self, Parts};
use agent_core::journal::{Journal, JournalError, Lasting};
use agent_core::run::Run;
use agent_core::strategy::{Strategies, TOOLS};
use errand::model::Model;
use errand::{AgentFile, Effect, Errand, Event, FnTool, Reason, RunId, Tool, Watch, What};
use policies::Cedar;
use sandbox::{Config, Wasm};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use store::Store;

use crate::place::block_on;
use crate::turns::Turns;

thread_local! {
    /// Whether the time is up.
    static UP: Cell<bool> = const { Cell::new(false) };
}

/// What becomes of the append during which the time is up.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Arrives {
    Yes,
    No,
}

/// The journal on the disk, which does not say of one append that it was made.
struct Silent {
    store: Store,
    appends: AtomicUsize,
    which: usize,
    arrives: Arrives,
}

#[async_trait::async_trait]
impl Journal for Silent {
    async fn append_all(
        &self,
        run: &RunId,
        seq: u64,
        events: &[Event],
        lasting: Lasting,
    ) -> Result<(), JournalError> {
        let silent = self.appends.fetch_add(1, Ordering::Relaxed) == self.which;
        if !silent || self.arrives == Arrives::Yes {
            self.store.append_all(run, seq, events, lasting).await?;
        }
        if !silent {
            return Ok(());
        }
        UP.set(true);
        poll_fn(|context| {
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await
    }

    async fn sync(&self, run: &RunId) -> Result<(), JournalError> {
        self.store.sync(run).await
    }

    async fn load(&self, run: &RunId) -> Result<Vec<Event>, JournalError> {
        self.store.load(run).await
    }
}

/// Looks, changes something and looks, and answers.
const MODEL: Turns =
    Turns { tools: &[&["things.look"], &["things.add", "things.look"]], arguments: |_| json!({}) };

#[derive(Default)]
struct Seen(Mutex<Vec<Event>>);

impl Watch for Seen {
    fn event(&self, event: &Event, _: &Run) {
        self.0.lock().unwrap().push(event.clone());
    }
}

#[derive(Deserialize, JsonSchema)]
struct Nothing {}

fn tool(name: &str, effect: Effect) -> FnTool {
    let work = |Nothing {}| async { Ok::<bool, std::io::Error>(true) };
    FnTool::new(name, "Does a thing.", work).effect(effect)
}

/// Drives a run until the time is up, during this append. Gives its outcome's reason, unless it was over before.
async fn drives(which: usize, arrives: Arrives) -> Option<Option<Reason>> {
    let place = tempfile::tempdir().unwrap();
    let home = place.path().join("home");
    let tools = [tool("things.look", Effect::Reads), tool("things.add", Effect::Writes)];
    let [look, add] = tools.clone();
    let errand = Errand::builder().home(&home).offline().tool(look).tool(add).build().unwrap();
    let file: AgentFile = serde_json::from_value(json!({
        "name": "time",
        "task": "add",
        "act": "tools",
        "model": { "provider": "openai", "name": "turns", "base_url": "http://127.0.0.1:9/v1" },
        "tools": { "use": ["things.look", "things.add"] },
    }))
    .unwrap();
    let agent = errand.agent(place.path(), &file, &[]).unwrap();
    let journal =
        Silent { store: Store::open(&home).unwrap(), appends: AtomicUsize::new(0), which, arrives };
    let tools: Vec<Arc<dyn Tool>> = tools.into_iter().map(|tool| Arc::new(tool) as _).collect();
    let (policy, seen) = (Cedar::new(&agent.grants).unwrap(), Seen::default());
    let sandbox = Wasm::new(Config::new(&agent.root, home.join("cache"))).unwrap();
    let parts = Parts {
        model: &MODEL,
        tools: &tools,
        policy: &policy,
        sandbox: &sandbox,
        journal: &journal,
        watch: &seen,
        person: None,
        clock: || 0,
        chance: || 0,
        sleep: |_| {
            Box::pin(poll_fn(|_| match UP.get() {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }))
        },
    };
    let id = RunId("time".to_string());
    let specs: Vec<_> = tools.iter().map(|tool| tool.spec().clone()).collect();
    let mut run = Run::new(id.clone(), agent, &TOOLS, MODEL.traits(), specs.clone());
    UP.set(false);
    drive::begin(&mut run, &parts).await.unwrap();
    let case = format!("append {which}, arrives: {arrives:?}");
    let (outcome, run) =
        drive::drive(Box::new(run), &parts).await.unwrap_or_else(|fault| panic!("{case}: {fault}"));
    let events = journal.store.events(&id).await.unwrap();
    assert_eq!(*seen.0.lock().unwrap(), events, "{case}");
    let ends: Vec<_> = events
        .iter()
        .filter_map(|event| match &event.what {
            What::Ended { outcome } => Some(outcome),
            _ => None,
        })
        .collect();
    assert_eq!(ends, [&outcome], "{case}");
    let folded = drive::fold(&id, &events, &Strategies::PLAIN, MODEL.traits(), specs).unwrap();
    assert_eq!(format!("{run:?}"), format!("{folded:?}"), "{case}");
    UP.get().then_some(outcome.reason)
}

/// What was written and not taken in was written a second time under its number, and the run ended in a fault;
/// what was taken in and not written left a gap.
#[test]
fn an_append_under_way_when_the_time_is_up_is_in_the_run_if_it_is_in_the_journal() {
    for arrives in [Arrives::Yes, Arrives::No] {
        // The first has the run begin.
        let mut which = 1;
        let mut reasons = Vec::new();
        while let Some(reason) = block_on(drives(which, arrives)) {
            reasons.push(reason);
            which += 1;
        }
        let last = reasons.pop().unwrap();
        assert!(reasons.len() > 5, "{reasons:?}");
        assert!(reasons.iter().all(|reason| *reason == Some(Reason::Time)), "{reasons:?}");
        // The answer is there, and the run over with it, or neither is.
        let answered = if arrives == Arrives::Yes { None } else { Some(Reason::Time) };
        assert_eq!(last, answered);
    }
}
