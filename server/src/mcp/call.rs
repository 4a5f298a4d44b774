//! One call of a tool: its run is begun or gone on with, followed, and told once it rests.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use agent_core::event::RunId;
use rmcp::RoleServer;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, ElicitRequest, ElicitResult, InputRequest,
    InputRequiredResult, InputResponses, JsonObject, ProtocolVersion,
};
use rmcp::service::RequestContext;

use super::{ask, progress, result};
use crate::error::ApiError;
use crate::launcher::{AgentCard, Order, Waits};
use crate::runs::{self, Deed};
use crate::shared::{Shared, unique};
use crate::triggers::Begun;
use crate::user::User;

/// The one thing that a client is asked at a time.
const ANSWER: &str = "answer";

/// A call of an agent's tool.
pub(super) struct Call<'a> {
    pub(super) shared: &'a Arc<Shared>,
    pub(super) user: &'a User,
    pub(super) card: &'a AgentCard,
    pub(super) context: &'a RequestContext<RoleServer>,
    pub(super) gone: &'a AtomicBool,
}

/// How a client's user is asked.
enum Asks {
    /// Not at all.
    Never,
    /// While the call goes on.
    Meanwhile,
    /// With the result, after which the client calls again.
    Afterwards,
}

impl Call<'_> {
    /// What the client is answered. `named` is told of the run before anything is done for it.
    pub(super) async fn answered(
        &self,
        request: CallToolRequestParams,
        named: impl Fn(&RunId),
    ) -> CallToolResponse {
        let CallToolRequestParams { arguments, input_responses, request_state, .. } = request;
        let run = match request_state {
            Some(state) => self.gone_on(&state, input_responses, named).await,
            None => self.begun(arguments.unwrap_or_default(), named).await,
        };
        let answer = match run {
            Ok(run) => self.rested(&run).await,
            Err(error) => Err(error),
        };
        answer.unwrap_or_else(|error| result::refused(&error).into())
    }

    async fn begun(
        &self,
        arguments: JsonObject,
        named: impl Fn(&RunId),
    ) -> Result<RunId, ApiError> {
        let run = RunId(unique(&self.user.mark()));
        let (agent, params) = (self.card.name.clone(), arguments);
        let images = Vec::new();
        let order = Order { run: run.clone(), agent, params, images, begun: Begun::ByUser };
        runs::launcher(self.shared)?.check(&order)?;
        runs::stopping(self.shared)?;
        let claim = self.shared.active.claim(&run)?;
        named(&run);
        runs::launch(self.shared, claim, Deed::Start(order)).await?;
        Ok(run)
    }

    /// A call that comes again with what its user said. What it repeats was in the client's hands: the run has
    /// to be this user's and this agent's, and to wait for that action still.
    async fn gone_on(
        &self,
        state: &str,
        answers: Option<InputResponses>,
        named: impl Fn(&RunId),
    ) -> Result<RunId, ApiError> {
        let wrong = || ApiError::invalid("`requestState` is none that this server gave");
        let (run, digest) = state.split_once(' ').ok_or_else(wrong)?;
        let (run, look) = runs::theirs(self.shared, self.user, run).await?;
        if look.agent != self.card.name {
            return Err(wrong());
        }
        let answer = answers.and_then(|mut answers| answers.remove(ANSWER));
        let answer = answer.and_then(|answer| serde_json::from_value::<ElicitResult>(answer).ok());
        let waits = look.waits.filter(|waits| waits.digest == digest);
        named(&run);
        if let (Some(answer), Some(waits)) = (answer, waits)
            && let Some(approval) = ask::approval(&answer, &waits)?
        {
            runs::answered(self.shared, &run, digest, |_| Ok(approval)).await?;
        }
        Ok(run)
    }

    /// Follows a run until it has an outcome, or waits for what cannot be asked here.
    async fn rested(&self, run: &RunId) -> Result<CallToolResponse, ApiError> {
        let mut told = progress::Told::new(self.context, self.gone);
        let mut asked = None;
        loop {
            tokio::select! {
                biased;
                () = self.context.ct.cancelled() => return self.left(run).await,
                followed = told.follow(self.shared, run) => followed?,
            }
            let look = runs::look(self.shared, run).await?;
            let Some(waits) = &look.waits else { return Ok(result::ended(&look).into()) };
            // What was not answered is not asked again.
            if asked.as_ref() == Some(&waits.digest) {
                return Ok(result::waits(&look, waits).into());
            }
            asked = Some(waits.digest.clone());
            match self.asks() {
                Asks::Never => return Ok(result::waits(&look, waits).into()),
                Asks::Afterwards => return Ok(self.input(run, waits)?.into()),
                Asks::Meanwhile => {
                    let params = ask::params(&self.card.name, run, waits)?;
                    let answer = tokio::select! {
                        biased;
                        () = self.context.ct.cancelled() => return self.left(run).await,
                        answer = self.context.peer.create_elicitation(params) => answer,
                    };
                    let answer = answer.map_err(|error| {
                        tracing::debug!("a client was asked and did not answer: {error}");
                    });
                    let approval = match answer {
                        Ok(answer) => ask::approval(&answer, waits)?,
                        Err(()) => None,
                    };
                    let Some(approval) = approval else {
                        return Ok(result::waits(&look, waits).into());
                    };
                    let digest = waits.digest.clone();
                    runs::answered(self.shared, run, &digest, |_| Ok(approval)).await?;
                }
            }
        }
    }

    /// The client takes no answer any more. Where a request stands for itself, that is how it is taken back;
    /// in a session it is the notification that says so.
    async fn left(&self, run: &RunId) -> Result<CallToolResponse, ApiError> {
        let gone = self.gone.load(Ordering::Relaxed) || *self.shared.stopping.borrow();
        if self.modern() && !gone {
            runs::cancelled(self.shared, run).await?;
        }
        Ok(result::refused(&ApiError::invalid("the call was taken back")).into())
    }

    fn input(&self, run: &RunId, waits: &Waits) -> Result<InputRequiredResult, ApiError> {
        let request = ElicitRequest::new(ask::params(&self.card.name, run, waits)?);
        let requests = BTreeMap::from([(ANSWER.to_string(), InputRequest::Elicitation(request))]);
        Ok(InputRequiredResult::new(Some(requests), Some(format!("{run} {}", waits.digest))))
    }

    fn asks(&self) -> Asks {
        let asks = self.context.client_capabilities().and_then(|client| client.elicitation);
        match asks {
            Some(kinds) if kinds.form.is_some() || kinds.url.is_none() => match self.modern() {
                true => Asks::Afterwards,
                false => Asks::Meanwhile,
            },
            _ => Asks::Never,
        }
    }

    /// Whether the protocol is one in which a server asks nothing of a client.
    fn modern(&self) -> bool {
        let version = self.context.protocol_version();
        version.is_some_and(|version| version >= ProtocolVersion::V_2026_07_28)
    }
}
