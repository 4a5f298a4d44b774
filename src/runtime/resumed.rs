//! A run is taken up again, by this process alone, with what its journal says.

use agent_core::drive::{self, Approval, Person, Watch};
use agent_core::event::RunId;
use agent_core::run::Step;
use agent_core::strategy::PLAN;
use agent_core::subagent::{AgentRuntime, Launcher};
use agent_file::other_model;

use super::begun::{Begun, TakenUp};
use super::launch::Launch;
use super::runs::{as_of, over, taken, told};
use super::unfit::unfit;
use super::{Errand, Finished, Unfit, roots};
use crate::STRATEGIES;

impl Errand {
    /// Goes on with a run that was interrupted or that waits for an approval, perhaps with another
    /// model. A run that is over is only told again.
    ///
    /// # Errors
    /// There is no such run, another process drives it, or what it needs cannot be had.
    pub async fn resume(
        &self,
        id: &RunId,
        approval: Option<Approval>,
        model: Option<&str>,
        watch: &dyn Watch,
        person: Option<&dyn Person>,
    ) -> anyhow::Result<Finished> {
        match Box::pin(self.taken_up(id, approval, model, watch, person)).await? {
            TakenUp::Over(finished) => Ok(finished),
            TakenUp::Begun(begun) => begun.drive(watch, person).await,
        }
    }

    async fn taken_up(
        &self,
        id: &RunId,
        approval: Option<Approval>,
        model: Option<&str>,
        watch: &dyn Watch,
        person: Option<&dyn Person>,
    ) -> anyhow::Result<TakenUp> {
        let store = self.store()?;
        let driven = taken(&store, id).await?;
        let events = told(store.events(id).await)?;
        if let Some(outcome) = agent_core::run::ended(&events) {
            let outcome = outcome.clone();
            let spent = *over(id, &events)?.spent();
            return Ok(TakenUp::Over(Finished { run: id.clone(), outcome, spent }));
        }
        let mut agent = as_of(id, &events)?;
        roots::unchanged(&agent)?;
        let other = match model {
            Some(_) => Some(self.known(model, |known| other_model(&agent, known))?),
            None => None,
        };
        if let Some(model) = &other {
            agent.model = model.clone();
        }
        // One store for all of it: the run is taken for this process through it.
        let launcher = Launch::new(self, store, &agent, approval.clone()).await?;
        let assembled = self.assemble(&agent, &launcher).await?;
        let mut run =
            drive::fold(id, &events, &STRATEGIES, assembled.model.traits(), assembled.specs())?;
        let strategy = STRATEGIES.choose(&agent, &assembled.model.traits());
        if other.is_some() && strategy.name != run.strategy().name {
            anyhow::bail!(
                "run `{id}` cannot go on with the model `{}`: it acts in another way\nhint: begin a \
                 new run with it",
                agent.model.name
            );
        }
        if let Some(Approval::Revised(_)) = approval
            && !matches!(run.step(), Step::Ask(action, _) if action.tool == PLAN)
        {
            anyhow::bail!(
                "run `{id}` does not wait with a plan\nhint: `errand runs show {id}` says how far \
                 it is"
            );
        }
        if let Step::Ask(action, _) = run.step()
            && let Some(problem) = unfit(id, approval.as_ref(), &action)
        {
            return Err(Unfit(problem).into());
        }
        let parts = assembled.parts(watch, person);
        drive::resume(&mut run, other, |action| launcher.answer(action), &parts).await?;
        let (run, ends) = (Box::new(run), launcher.ends());
        Ok(TakenUp::Begun(Box::new(Begun { run, assembled, ends, driven })))
    }
}
