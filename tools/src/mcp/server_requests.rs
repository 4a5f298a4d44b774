//! What a server sends without being asked. It is told what it may not have in words; that its list
//! is another one now is remembered, and so is what it wanted of a person or a model.

#![expect(deprecated, reason = "servers ask for a model's answer (sampling) all the same")]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rmcp::model::{
    ClientConfig, CreateMessageRequestParams, CreateMessageResult, ElicitRequestParams,
    ElicitResult, ElicitationAction, ErrorCode, ErrorData, Implementation,
    ProgressNotificationParam, ProtocolVersion,
};
use rmcp::service::{NotificationContext, RequestContext};
use rmcp::{ClientHandler, RoleClient};

use crate::plain::plain;

/// The longest question that is remembered, in characters.
const QUESTION: usize = 300;
/// The most things that are remembered until a call is over.
const WANTED: usize = 3;

/// What a server tells and wants.
#[derive(Clone, Default)]
pub(super) struct Ears {
    changed: Arc<AtomicBool>,
    progress: Arc<AtomicU64>,
    wanted: Arc<Mutex<Vec<String>>>,
}

impl Ears {
    /// Whether its list of tools is another one since this was asked last.
    pub(super) fn changed(&self) -> bool {
        self.changed.swap(false, Ordering::Relaxed)
    }

    /// How many signs of progress there were.
    pub(super) fn progress(&self) -> u64 {
        self.progress.load(Ordering::Relaxed)
    }

    /// What it wanted since this was asked last and was refused, as a remark for the model.
    pub(super) fn refused(&self) -> Option<String> {
        let wanted =
            std::mem::take(&mut *self.wanted.lock().unwrap_or_else(PoisonError::into_inner));
        (!wanted.is_empty()).then(|| format!("[{}]", wanted.join("; ")))
    }

    fn wants(&self, what: String) {
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        if wanted.len() < WANTED {
            wanted.push(what);
        }
    }
}

impl ClientHandler for Ears {
    fn get_info(&self) -> ClientConfig {
        let own = Implementation::new("errand", env!("CARGO_PKG_VERSION"));
        ClientConfig::new(Default::default(), own)
            .with_protocol_version(ProtocolVersion::LATEST_WITH_INITIALIZE)
    }

    /// A model's answers are the run's to pay for, and what a server asks it would steer the run.
    async fn create_message(
        &self,
        _params: CreateMessageRequestParams,
        _context: RequestContext<RoleClient>,
    ) -> Result<CreateMessageResult, ErrorData> {
        self.wants(
            "meanwhile the server wanted a model's answer, which it does not get here".into(),
        );
        let refusal = "errand lends no model to a server: sampling is not offered";
        Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, refusal, None))
    }

    /// Who is asked is shown who asks: a server's words would look like errand's.
    async fn create_elicitation(
        &self,
        params: ElicitRequestParams,
        _context: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        let params = serde_json::to_value(&params).unwrap_or_default();
        let question = plain(params["message"].as_str().unwrap_or_default(), QUESTION);
        self.wants(format!(
            "meanwhile the server wanted to ask a person `{question}`, and no answer was given: a server \
             cannot ask here. Where the answer matters, find it out or ask with `ask.person`, and \
             give it in the arguments"
        ));
        Ok(ElicitResult::new(ElicitationAction::Decline))
    }

    async fn on_tool_list_changed(&self, _context: NotificationContext<RoleClient>) {
        self.changed.store(true, Ordering::Relaxed);
    }

    async fn on_progress(
        &self,
        _params: ProgressNotificationParam,
        _context: NotificationContext<RoleClient>,
    ) {
        self.progress.fetch_add(1, Ordering::Relaxed);
    }
}
