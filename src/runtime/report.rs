//! The report of a research that is kept as a run.

use agent_core::event::{Reason, RunId};
use agent_core::run::{Step, ended};
use research::report::Report;

use super::Errand;
use super::runs::{as_of, over};

impl Errand {
    /// The report of a research, as far as it came; `None` where the run is none.
    ///
    /// # Errors
    /// There is no such run, or the journal cannot be read.
    pub async fn report(&self, id: &RunId) -> anyhow::Result<Option<Report>> {
        let events = self.events(id).await?;
        if as_of(id, &events)?.act.as_deref() != Some(research::RESEARCH.name) {
            return Ok(None);
        }
        let value = match ended(&events) {
            Some(outcome) => outcome.value.clone(),
            None => {
                let run = over(id, &events)?;
                let stopped = match run.step() {
                    Step::Ask(..) => Reason::Approval.as_str(),
                    _ => "it was interrupted",
                };
                run.known(stopped).unwrap_or_default()
            }
        };
        Ok(Some(serde_json::from_value(value)?))
    }
}
