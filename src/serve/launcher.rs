//! Runs of the serve file's agents. All that is told of a run is read from its journal; what a journal does
//! not hold, why a run rests, is remembered for as long as this process lives.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use agent_core::action::Action;
use agent_core::agent::Agent;
use agent_core::drive::{Approval, Told, Watch};
use agent_core::event::{Event, Reason, RunId};
use agent_core::journal::JournalError;
use agent_core::provenance::Origin;
use agent_core::question::Question;
use agent_core::run::Run;
use agent_core::sandbox::Remark;
use agent_file::{Checked, Invalid};
use async_trait::async_trait;
use futures::FutureExt;
use research::render::{Format, render};
use serde_json::{Map, Value};
use server::{
    AgentCard, Begun, Document, Events, LaunchError, Launched, Launcher, Look, Order, Sought,
    Source as Began, Waits,
};
use store::{RunRow, Which, Whose};

use super::events::Books;
use super::file::ServeFile;
use super::granted::{Granted, Tools};
use super::looks::{Looks, Said, Stands};
use super::notify::Notify;
use super::params::{given, outcome, schema};
use super::placed;
use crate::{Errand, Finished, Unfit};

/// Runs the agents of a serve file.
pub(super) struct Agents {
    errand: Errand,
    cards: Vec<AgentCard>,
    files: HashMap<String, Source>,
    tools: Tools,
    rests: Rests,
    books: Books,
    looks: Looks,
    notify: Option<Arc<Notify>>,
}

/// An agent file, as it was when the server began.
struct Source {
    path: PathBuf,
    checked: Checked,
}

/// Why runs rest.
type Rests = Arc<Mutex<HashMap<RunId, Rest>>>;

/// Why a run rests.
#[derive(Clone)]
enum Rest {
    /// For a person's word on this.
    Waits(Box<Action>, Vec<String>),
    /// Something broke.
    Fault(String),
}

impl Agents {
    /// Reads and checks the agent files.
    pub(super) fn open(
        errand: &Errand,
        file: &ServeFile,
        notify: Option<Arc<Notify>>,
    ) -> Result<Agents, Invalid> {
        let (mut cards, mut files) = (Vec::new(), HashMap::new());
        for (name, table) in &file.agents {
            let path = placed(&file.folder, &table.file);
            let checked = errand.check(&path, &[])?;
            cards.push(AgentCard {
                name: name.clone(),
                description: checked.agent.description.clone(),
                model: checked.agent.model.name.clone(),
                params: schema(checked.params()),
                outcome: outcome(&checked.agent),
            });
            files.insert(name.clone(), Source { path, checked });
        }
        Ok(Agents {
            errand: errand.clone(),
            cards,
            files,
            tools: Tools::new(),
            rests: Rests::default(),
            books: Books::default(),
            looks: Looks::default(),
            notify,
        })
    }

    /// With the tools of all agents, each to be called by itself.
    pub(super) fn and_tools(mut self) -> Agents {
        let names: Vec<String> = self.cards.iter().map(|card| card.name.clone()).collect();
        for source in names.iter().filter_map(|name| self.files.get(name)) {
            for (name, granted) in Granted::of(&self.errand, &source.checked.agent) {
                self.cards.push(granted.card());
                self.tools.insert(name, granted);
            }
        }
        self
    }

    fn agent(&self, order: &Order) -> Result<Agent, LaunchError> {
        if let Some(granted) = self.tools.get(&order.agent) {
            return granted.called(&order.params);
        }
        let source = self.files.get(&order.agent);
        let Source { path, checked } =
            source.ok_or_else(|| LaunchError::Invalid(format!("no agent `{}`", order.agent)))?;
        let given = given(checked.params(), &order.params)?;
        let agent = self.errand.load_text(path, checked.contents(), &given, None);
        let mut agent = agent.map_err(|invalid| {
            let messages = invalid.problems.iter().map(|problem| problem.message.clone());
            LaunchError::Invalid(messages.collect::<Vec<_>>().join("; "))
        })?;
        // The name under which the server offers it is what its runs are known by.
        agent.name.clone_from(&order.agent);
        Ok(agent)
    }

    fn rests(&self) -> MutexGuard<'_, HashMap<RunId, Rest>> {
        self.rests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn noted(&self, run: &RunId, watch: Arc<dyn Watch>) -> Noted {
        self.rests().remove(run);
        Noted { run: run.clone(), rests: self.rests.clone(), watch }
    }

    /// Drives a run. A panic on the way is a fault like any: it is told, and the run can be resumed.
    async fn driven(
        &self,
        run: &RunId,
        work: impl Future<Output = anyhow::Result<Finished>> + Send,
    ) -> Result<Launched, LaunchError> {
        // Nothing of what it had is used again: the run is made from its journal.
        let launched = match AssertUnwindSafe(work).catch_unwind().await {
            Ok(end) => self.rested(end),
            Err(panic) => {
                let words = panic.downcast_ref::<&str>().map(ToString::to_string);
                let words = words.or_else(|| panic.downcast_ref::<String>().cloned());
                let detail = format!("errand failed: {}", words.unwrap_or_default());
                tracing::error!("run `{run}` stopped: {detail}");
                self.rests().insert(run.clone(), Rest::Fault(detail));
                let fault = store::Status::Ended(Reason::Fault);
                Ok(Launched { end: fault.as_str().to_string() })
            }
        };
        self.tell(run).await;
        launched
    }

    /// Tells how a run rests, where that is owed.
    async fn tell(&self, run: &RunId) {
        let Some(notify) = self.notify.as_ref().filter(|notify| notify.owes(run)) else { return };
        match self.look(run).await {
            // Work on it goes on by itself.
            Ok(look) if look.status == "interrupted" => {}
            Ok(look) => notify.tell(look),
            // It never began.
            Err(LaunchError::Missing(_)) => notify.settled(run),
            Err(error) => tracing::warn!("run `{run}` cannot be told of: {error}"),
        }
    }

    /// Tells what an earlier server owed.
    pub(super) async fn tell_owed(&self) {
        for run in self.notify.iter().flat_map(|notify| notify.owed()) {
            self.tell(&run).await;
        }
    }

    fn rested(&self, end: anyhow::Result<Finished>) -> Result<Launched, LaunchError> {
        let finished = end.map_err(|error| failed(&error))?;
        let outcome = finished.outcome;
        if outcome.reason == Some(Reason::Fault) {
            let detail = outcome.detail.unwrap_or_default();
            self.rests().insert(finished.run, Rest::Fault(detail));
        }
        let end = match outcome.reason {
            None => "done",
            Some(Reason::Approval) => "waiting",
            Some(reason) => store::Status::Ended(reason).as_str(),
        };
        Ok(Launched { end: end.to_string() })
    }

    /// How a run stands, after what its events say of it.
    fn stands(&self, row: &RunRow, said: Said) -> Look {
        let Said { task, model, params, images, usage, budget, outcome, stands } = said;
        let mut look = Look {
            id: row.id.to_string(),
            object: "run".to_string(),
            agent: row.agent.clone(),
            task,
            model,
            params,
            images,
            status: row.status.as_str().to_string(),
            created_ms: row.created,
            updated_ms: row.updated,
            events: row.events,
            outcome,
            detail: None,
            waits: None,
            usage,
            budget,
        };
        let rest = self.rests().get(&row.id).cloned();
        match (stands, rest) {
            (Stands::Ended(detail), _) => look.detail = detail,
            (Stands::Waits(waits), _) => look.waits = Some(*waits),
            (_, Some(Rest::Waits(action, reasons))) => look.waits = Some(waits(&action, reasons)),
            (_, Some(Rest::Fault(detail))) | (Stands::Unanswered(detail), None) => {
                (look.status, look.detail) = ("fault".to_string(), Some(detail));
            }
            (Stands::GoesOn, None) => {}
        }
        if look.waits.is_some() {
            look.status = "waiting".to_string();
        }
        look
    }

    /// How a run stands, without its outcome: what is known of it is not read again.
    async fn glanced(&self, row: &RunRow) -> Result<Look, LaunchError> {
        let said = match self.looks.known(row) {
            Some(said) => said,
            None => {
                let events = self.errand.events(&row.id).await.map_err(|error| failed(&error))?;
                self.looks.keep(&row.id, &events)?
            }
        };
        Ok(self.stands(row, said))
    }

    async fn row(&self, run: &RunId) -> Result<RunRow, LaunchError> {
        let store = self.errand.store().map_err(|error| failed(&error))?;
        // What another journal says is no answer to a request that was made here.
        let rows = store.named(&run.0, Whose::Here, 1).await.map_err(broken)?;
        let row = rows.into_iter().find(|row| row.id == *run);
        row.ok_or_else(|| LaunchError::Missing(run.clone()))
    }
}

#[async_trait]
impl Launcher for Agents {
    fn agents(&self) -> &[AgentCard] {
        &self.cards
    }

    fn check(&self, order: &Order) -> Result<Map<String, Value>, LaunchError> {
        let agent = self.agent(order)?;
        let fits = self.errand.takes(&agent, &order.images);
        fits.map_err(|unfit| LaunchError::Invalid(unfit.to_string()))?;
        Ok(agent.params)
    }

    async fn start(&self, order: Order, watch: Arc<dyn Watch>) -> Result<Launched, LaunchError> {
        let agent = self.agent(&order)?;
        if let (Some(notify), Begun::By(_)) = (&self.notify, &order.begun) {
            let owed = notify.owe(&order.run);
            owed.map_err(|error| {
                LaunchError::Broken(format!("what is owed cannot be kept: {error}"))
            })?;
        }
        let noted = self.noted(&order.run, watch);
        let run = order.run.clone();
        let taint = match order.begun {
            Begun::By(Began::Webhook(name)) => vec![Origin::Webhook(name)],
            Begun::By(Began::Schedule(_)) | Begun::ByUser => Vec::new(),
        };
        let told = Told { taint, parts: order.images };
        self.driven(&run, self.errand.run_told(order.run, agent, told, &noted, None)).await
    }

    async fn resume(
        &self,
        run: &RunId,
        answer: Option<Approval>,
        watch: Arc<dyn Watch>,
    ) -> Result<Launched, LaunchError> {
        let noted = self.noted(run, watch);
        self.driven(run, self.errand.resume(run, answer, None, &noted, None)).await
    }

    async fn look(&self, run: &RunId) -> Result<Look, LaunchError> {
        let row = self.row(run).await?;
        let events = self.errand.events(run).await.map_err(|error| failed(&error))?;
        Ok(self.stands(&row, Said::of(run, &events)?))
    }

    async fn list(&self, sought: &Sought) -> Result<Vec<Look>, LaunchError> {
        let store = self.errand.store().map_err(|error| failed(&error))?;
        let mut looks = Vec::new();
        let which = Which {
            begin: sought.begin.clone(),
            agent: sought.agent.clone(),
            before: sought.before_ms,
            whose: Whose::Here,
            limit: sought.most,
            ..Which::default()
        };
        let mut rows = Vec::new();
        match &sought.status {
            None => rows = store.list(&which).await.map_err(broken)?,
            Some(status) => {
                for (status, limit) in as_rows_say(status, sought.most) {
                    let which = Which { status: Some(status.to_string()), limit, ..which.clone() };
                    rows.extend(store.list(&which).await.map_err(broken)?);
                }
                rows.sort_by_key(|row| std::cmp::Reverse(row.created));
            }
        }
        for row in rows {
            if looks.len() == sought.most {
                break;
            }
            let look = self.glanced(&row).await?;
            if sought.status.as_ref().is_none_or(|status| look.status == *status) {
                looks.push(look);
            }
        }
        Ok(looks)
    }

    async fn latest(&self, begin: &str) -> Result<Option<RunId>, LaunchError> {
        let store = self.errand.store().map_err(|error| failed(&error))?;
        let latest = store.named(begin, Whose::Here, 1).await.map_err(broken)?.pop();
        Ok(latest.map(|row| row.id))
    }

    async fn report(&self, run: &RunId, format: &str) -> Result<Option<Document>, LaunchError> {
        let unknown = |error: research::render::Unknown| LaunchError::Invalid(error.to_string());
        let format: Format = format.parse().map_err(unknown)?;
        let Some(report) = self.errand.report(run).await.map_err(|error| failed(&error))? else {
            return Ok(None);
        };
        let text =
            render(&report, format).map_err(|error| LaunchError::Broken(error.to_string()))?;
        let (kind, ending) = match format {
            Format::Markdown => ("text/markdown; charset=utf-8", "md"),
            Format::Html => ("text/html; charset=utf-8", "html"),
            Format::Json => ("application/json", "json"),
            Format::Bibtex => ("application/x-bibtex; charset=utf-8", "bib"),
            Format::Csl => ("application/vnd.citationstyles.csl+json", "csl.json"),
        };
        Ok(Some(Document { kind, ending, text }))
    }

    async fn interrupted(&self, begin: &str) -> Result<Vec<(RunId, String)>, LaunchError> {
        let store = self.errand.store().map_err(|error| failed(&error))?;
        let mut runs = Vec::new();
        for row in store.named(begin, Whose::Here, u32::MAX).await.map_err(broken)? {
            if row.status != store::Status::Interrupted {
                continue;
            }
            // What met a fault would meet it again.
            if self.glanced(&row).await?.status == "interrupted" {
                runs.push((row.id, row.agent));
            }
        }
        Ok(runs)
    }

    fn follow(&self, run: &RunId, from: u64) -> Box<dyn Events> {
        Box::new(self.books.follow(&self.errand, run, from))
    }

    async fn cancel(&self, run: &RunId) -> Result<(), LaunchError> {
        self.rests().remove(run);
        self.errand.cancel(run).await.map_err(|error| failed(&error))?;
        self.tell(run).await;
        Ok(())
    }
}

/// What the rows of runs of a status say, and how many of those have to be looked at: only an end for good
/// is in a row as it is.
fn as_rows_say(status: &str, most: usize) -> Vec<(&str, usize)> {
    match status {
        "running" => vec![("running", most)],
        "waiting" => vec![("approval", most), ("running", usize::MAX), ("interrupted", usize::MAX)],
        "interrupted" | "fault" => vec![("interrupted", usize::MAX), ("fault", most)],
        ended => vec![(ended, most)],
    }
}

/// What a run waits for, all of it.
pub(super) fn waits(action: &Action, reasons: Vec<String>) -> Waits {
    let question = Question::of(action);
    Waits {
        digest: action.mark(),
        tool: action.tool.clone(),
        arguments: action.arguments.clone(),
        capabilities: action.capabilities.iter().map(ToString::to_string).collect(),
        reasons,
        choices: question.as_ref().map(|question| question.choices.clone()).unwrap_or_default(),
        question: question.map(|question| question.text),
    }
}

/// Remembers why a run rests.
struct Noted {
    run: RunId,
    rests: Rests,
    watch: Arc<dyn Watch>,
}

impl Watch for Noted {
    fn event(&self, event: &Event, run: &Run) {
        self.watch.event(event, run);
    }

    fn text(&self, text: &str) {
        self.watch.text(text);
    }

    fn waits(&self, run: &RunId, action: &Action, reasons: &[String]) {
        let rest = Rest::Waits(Box::new(action.clone()), reasons.to_vec());
        let mut rests = self.rests.lock().unwrap_or_else(PoisonError::into_inner);
        rests.insert(self.run.clone(), rest);
        drop(rests);
        self.watch.waits(run, action, reasons);
    }

    fn emit(&self, run: &RunId, call: &Action, remark: &Remark) {
        self.watch.emit(run, call, remark);
    }
}

pub(super) fn failed(error: &anyhow::Error) -> LaunchError {
    if error.is::<Unfit>() {
        return LaunchError::Unfit(error.to_string());
    }
    match error.downcast_ref::<JournalError>() {
        Some(JournalError::Unknown(run)) => LaunchError::Missing(run.clone()),
        Some(JournalError::Busy(_) | JournalError::Imported(_)) => {
            LaunchError::Unfit(error.to_string())
        }
        _ => LaunchError::Broken(format!("{error:#}")),
    }
}

fn broken(error: store::StoreError) -> LaunchError {
    LaunchError::Broken(error.to_string())
}

#[cfg(test)]
mod tests {
    use agent_core::event::What;
    use serde_json::json;

    use super::super::tests::scripted;
    use super::*;

    /// What a defect of errand is in the middle of a run.
    struct Breaks;

    impl Watch for Breaks {
        fn event(&self, event: &Event, _: &Run) {
            assert!(!matches!(event.what, What::Thinking { .. }), "it broke");
        }
    }

    #[tokio::test]
    async fn a_run_whose_driver_panics_meets_a_fault_and_can_be_resumed() {
        let (_folder, errand, file) = scripted("{\"content\": \"Done.\"}\n");
        let agents =
            Agents::open(&errand, &ServeFile::of(&errand, &[file]).unwrap(), None).unwrap();
        let run = RunId("sbroken1".to_string());
        let order = Order {
            run: run.clone(),
            agent: "helper".to_string(),
            params: Map::new(),
            images: Vec::new(),
            begun: Begun::ByUser,
        };
        let launched = agents.start(order, Arc::new(Breaks)).await.unwrap();
        assert_eq!(launched.end, "fault");
        let look = agents.look(&run).await.unwrap();
        let detail = look.detail.unwrap_or_default();
        assert_eq!((&*look.status, &*detail), ("fault", "errand failed: it broke"));
        // It would meet it again at once, so nothing takes it up unasked.
        assert_eq!(agents.interrupted("s").await.unwrap(), Vec::new());
        let launched = agents.resume(&run, None, Arc::new(crate::Unseen)).await.unwrap();
        assert_eq!(launched.end, "done");
        assert_eq!(agents.look(&run).await.unwrap().outcome, Some(json!({ "answer": "Done." })));
    }
}
