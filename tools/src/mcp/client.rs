//! One server, spoken to: connected when it is first needed, held to what was agreed to each time,
//! and connected again when it is gone. One client serves all calls of a run and of the agents
//! below it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

use agent_core::event::RunId;
use agent_core::journal::{Journal, JournalError, Writer};
use agent_core::mcp::{Confinement, Program, Server, Transport, written};
use agent_core::provenance::Origin;
use guard::Redactor;
use rmcp::RoleClient;
use rmcp::service::{RunningService, ServiceError};
use serde_json::{Value, json};
use tokio::sync::{Mutex, OnceCell};
use url::Url;

use crate::process::{Cells, Process, origin, since};

use super::bounded::Flow;
use super::connect::{Failed, wrote};
use super::content::{Given, Promised};
use super::fault::{Fault, Kind};
use super::list::{self, Offer, PROMPT, RESOURCES};
use super::oauth::{Challenge, TokenFile, Tokens};
use super::server_requests::Ears;
use super::{McpError, Offered, asking, values};

/// A server of an agent.
pub struct Client {
    name: String,
    server: Server,
    cells: Cells,
    tokens: Option<Tokens>,
    live: Mutex<Option<Arc<Live>>>,
    owner: RunId,
    /// When it was first started, in milliseconds since 1970.
    since: OnceCell<u64>,
    /// The origins of all that it was ever given: it may keep it, and write it down later.
    given: std::sync::Mutex<BTreeSet<Origin>>,
}

/// A connection.
pub(super) struct Live {
    service: RunningService<RoleClient, Ears>,
    process: Mutex<Option<Process>>,
    ears: Ears,
    flow: Arc<Flow>,
}

impl Live {
    pub(super) fn new(
        service: RunningService<RoleClient, Ears>,
        process: Option<Process>,
        ears: Ears,
        flow: Arc<Flow>,
    ) -> Self {
        Self { service, process: Mutex::new(process), ears, flow }
    }

    pub(super) fn service(&self) -> &RunningService<RoleClient, Ears> {
        &self.service
    }

    async fn end(&self) {
        if let Some(process) = self.process.lock().await.take() {
            process.stopped().await;
        }
    }

    fn is_open(&self) -> bool {
        !self.service.is_transport_closed()
            && !self.service.is_closed()
            && self.flow.over().is_none()
    }
}

/// How a call failed.
pub(super) enum Failure {
    /// The server answered that it failed, or what it answered cannot be used: a sentence.
    Told(String),
    /// Nothing was sent: it may be tried again.
    Unsent(McpError),
    /// The connection broke while it worked, or what failed may pass: a sentence.
    Broken(String),
}

impl Client {
    /// For a server of this name. Nothing is started yet.
    /// `owner` is driven, under whatever name, for as long as the server runs.
    pub fn new(name: &str, server: Server, cells: Cells, owner: RunId) -> Self {
        let (tokens, live, since, given) = Default::default();
        Self { name: name.to_string(), server, cells, tokens, live, owner, since, given }
    }

    /// With what the user signed in with.
    pub fn signed_in(self, tokens: Tokens) -> Self {
        Self { tokens: Some(tokens), ..self }
    }

    /// What requests to this address are let in with; none where `headers` say it.
    pub(super) fn tokens(&self, filled: &Url) -> Option<TokenFile> {
        let Transport::Http { headers, .. } = &self.server.transport else { return None };
        let said = headers.keys().any(|name| name.eq_ignore_ascii_case("authorization"));
        self.tokens.as_ref().filter(|_| !said).map(|tokens| tokens.of(filled))
    }

    /// What takes the tokens out of what the server sends back.
    fn redactor(&self) -> Redactor {
        let Transport::Http { url, .. } = &self.server.transport else {
            return Redactor::default();
        };
        let tokens = filled(url).and_then(|url| self.tokens(&url));
        tokens.map(|tokens| tokens.redactor()).unwrap_or_default()
    }

    /// Ends it, and waits until it is gone.
    pub async fn end(&self) {
        if let Some(live) = self.live.lock().await.take() {
            live.end().await;
        }
    }

    /// Notes in the journal, before it is first started, that it writes without being asked.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub async fn watched(&self, journal: &dyn Journal) -> Result<(), JournalError> {
        let Some(program) = self.confined() else { return Ok(()) };
        let own = Origin::Server(self.name.clone());
        let read = program.read.iter().chain(&program.write).map(|path| origin(path));
        let origins = read.chain([own]).map(|origin| origin.inherited()).collect();
        let origins = self.given(origins);
        match program.write.is_empty() {
            true => Ok(()),
            false => journal.writer_began(&self.writer(program).await, &origins).await,
        }
    }

    /// The program that it is, where that may do what was granted and no more.
    pub(super) fn confined(&self) -> Option<&Program> {
        match &self.server.transport {
            Transport::Stdio(program) if program.confinement == Confinement::Required => {
                Some(program)
            }
            _ => None,
        }
    }

    pub(super) async fn writer<'a>(&'a self, program: &'a Program) -> Writer<'a> {
        let since = *self.since.get_or_init(|| since(&program.write)).await;
        Writer { run: &self.owner, name: &self.name, folders: &program.write, since }
    }

    /// Adds to what it was given, and gives all that back.
    pub(super) fn given(&self, more: Vec<Origin>) -> Vec<Origin> {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        given.extend(more);
        given.iter().cloned().collect()
    }

    /// The server as the agent names it.
    pub fn server(&self) -> &Server {
        &self.server
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn cells(&self) -> &Cells {
        &self.cells
    }

    /// What the server offers now, whatever was agreed to.
    ///
    /// # Errors
    /// It cannot be reached.
    pub async fn offered(&self) -> Result<Offered, McpError> {
        let live = self.connect().await?;
        let looked = self.looked(&live).await;
        live.end().await;
        looked
    }

    /// What a server over HTTP says to one who is not signed in (`WWW-Authenticate`), asked for its
    /// tools as a run does; none where it lets errand in.
    pub async fn challenge(&self) -> Option<String> {
        let live = match self.greet().await {
            Ok(live) => live,
            Err(Failed::Shut(Challenge::Unknown(said), _)) => return Some(said),
            Err(_) => return None,
        };
        let mut offer = Offer::default();
        let listing = asking::tools(&live.service, &mut offer);
        let listed = tokio::time::timeout(self.server.timeout, listing).await;
        live.end().await;
        match Challenge::of(&listed.ok()?.err()?)? {
            Challenge::Unknown(said) => Some(said),
            Challenge::TooLittle(_) => None,
        }
    }

    /// Connects, and holds the server to what was agreed to.
    ///
    /// # Errors
    /// It cannot be reached, or is not the one that was agreed to.
    pub async fn ready(&self) -> Result<(), McpError> {
        self.live().await.map(drop)
    }

    async fn live(&self) -> Result<Arc<Live>, McpError> {
        let mut held = self.live.lock().await;
        if let Some(live) = held.clone().filter(|live| live.is_open()) {
            if !live.ears.changed() {
                return Ok(live);
            }
            // It said that its tools are others now.
            match self.agreed(&live).await {
                Ok(()) => return Ok(live),
                Err(McpError::Gone { .. }) => {}
                Err(changed) => {
                    *held = None;
                    return Err(changed);
                }
            }
        }
        *held = None;
        let live = Arc::new(self.connect().await?);
        self.agreed(&live).await?;
        *held = Some(live.clone());
        Ok(live)
    }

    /// Whether its tools are those that were agreed to.
    async fn agreed(&self, live: &Live) -> Result<(), McpError> {
        let (was, is) = (&self.server.pinned, self.looked(live).await?.pinned);
        if was.digest == is.digest {
            return Ok(());
        }
        let change = list::change(was, &is);
        Err(McpError::Changed { server: self.name.clone(), change })
    }

    pub(super) fn gone(&self, reason: impl ToString) -> McpError {
        McpError::Gone { server: self.name.clone(), reason: reason.to_string() }
    }

    /// These texts of the agent file or of the file that the server stands in, filled in.
    pub(super) fn values(
        &self,
        texts: &BTreeMap<String, String>,
        key: &str,
    ) -> Result<BTreeMap<String, String>, String> {
        let entry = self.server.entry.as_deref().unwrap_or(&self.name);
        values::resolved(texts, self.server.from.as_deref(), entry, key)
    }

    /// The server's list.
    pub(super) async fn looked(&self, live: &Live) -> Result<Offered, McpError> {
        let mut offer = Offer::default();
        let mut says = true;
        if let Some(info) = live.service.peer_info() {
            offer.resources = info.capabilities.resources.is_some();
            offer.prompts = info.capabilities.prompts.is_some();
            says = info.capabilities.tools.is_some();
        }
        let listing = asking::tools(&live.service, &mut offer);
        match tokio::time::timeout(self.server.timeout, listing).await {
            Ok(Ok(())) => {}
            // One that does not say that it has tools may have some all the same.
            Ok(Err(ServiceError::McpError(_))) if !says => {}
            Ok(Err(ServiceError::UnexpectedResponse)) => {
                return Err(self.gone("its list of tools is none"));
            }
            Ok(Err(error)) => {
                let mut fault = self.why(live, &error).await;
                if fault.kind == Kind::Refused {
                    fault.said = format!("it does not say which tools it has: {}", fault.said);
                }
                return Err(self.gone(match Challenge::of(&error) {
                    Some(challenge) => format!("{}\n{}", fault.said, self.hint(&challenge)),
                    None => self.advised(&fault),
                }));
            }
            Err(_) => return Err(self.gone("it does not say which tools it has")),
        }
        let redactor = self.redactor();
        offer.tools.iter_mut().for_each(|tool| clean(tool, &redactor));
        Ok(list::read(offer))
    }

    /// Why a request failed: of a program that ended how it did, else what the fault is.
    async fn why(&self, live: &Live, error: &ServiceError) -> Fault {
        let fault = Fault::of_request(error);
        let broken = matches!(fault.kind, Kind::Lost);
        let said = match live.process.lock().await.as_mut().filter(|_| broken) {
            Some(process) => process.end(&fault.said).await,
            None => self.redactor().clean_text(fault.said),
        };
        let said = match &self.server.transport {
            Transport::Http { url, .. } => match filled(url) {
                Some(filled) => self.without_secrets(&said, &filled),
                None => said,
            },
            Transport::Stdio(_) => said,
        };
        Fault { said, kind: fault.kind }
    }

    /// A call that has no result, told in words that name the server.
    async fn failed(&self, live: &Live, error: &ServiceError) -> Failure {
        let fault = self.why(live, error).await;
        let name = &self.name;
        let mut said = match (fault.kind, live.flow.over()) {
            // Its connection may be gone before it is heard why.
            (Kind::Lost, Some(over)) => format!("server `{name}` was stopped: {over}"),
            (Kind::Lost | Kind::Unreachable, _) => {
                format!("server `{name}` was lost while it worked: {}", fault.said)
            }
            (Kind::Refused, _) => format!("server `{name}` refused: {}", fault.said),
            _ => format!("server `{name}` failed: {}", fault.said),
        };
        let hint = match (Challenge::of(error), fault.kind) {
            (Some(challenge), _) => Some(self.hint(&challenge)),
            (None, Kind::Shut) => Some(self.sign_in()),
            (None, _) => None,
        };
        for line in hint.into_iter().chain(live.ears.refused()) {
            said = format!("{said}\n{line}");
        }
        match fault.kind {
            Kind::Refused | Kind::Odd | Kind::Shut | Kind::Elsewhere => Failure::Told(said),
            _ => Failure::Broken(said),
        }
    }

    /// One call of a tool. Dropping the future tells the server to stop.
    pub(super) async fn call(&self, tool: &str, arguments: &Value) -> Result<Given, Failure> {
        let live = self.live().await.map_err(Failure::Unsent)?;
        let theirs = self.server.pinned.own.get(tool).map_or(tool, String::as_str);
        let promised = self.promised(tool);
        let calling = async {
            match tool {
                RESOURCES if self.own(RESOURCES) => {
                    asking::resources(&live.service, arguments).await
                }
                PROMPT if self.own(PROMPT) => asking::prompt(&live.service, arguments).await,
                _ => asking::call(&live.service, theirs, arguments, promised).await,
            }
        };
        tokio::pin!(calling);
        live.flow.odd();
        loop {
            let before = live.ears.progress();
            let answer = tokio::time::timeout(self.server.timeout, &mut calling);
            let answer = tokio::select! {
                // That its connection is gone follows from this.
                biased;
                over = live.flow.stopped() => {
                    // It goes now, and not when it is next needed.
                    live.process.lock().await.take();
                    let name = &self.name;
                    return Err(Failure::Broken(format!("server `{name}` was stopped: {over}")));
                }
                answer = answer => answer,
            };
            match answer {
                Ok(Ok(result)) => {
                    let redactor = self.redactor();
                    let (result, parts) = match result {
                        Ok(Given { mut value, parts }) => {
                            clean(&mut value, &redactor);
                            (Ok(value), parts)
                        }
                        Err(reason) => (Err(redactor.clean_text(reason)), Vec::new()),
                    };
                    let value = remarked(result, live.ears.refused())?;
                    return Ok(Given { value, parts });
                }
                Ok(Err(error)) => return Err(self.failed(&live, &error).await),
                // As long as there is progress there is time.
                Err(_) if live.ears.progress() > before => {}
                Err(_) => {
                    let seconds = self.server.timeout.as_secs_f64();
                    let odd = live.flow.odd().map(wrote).unwrap_or_default();
                    return Err(Failure::Told(format!(
                        "`{}` did not answer within {seconds} s, its `timeout`{odd}",
                        self.name
                    )));
                }
            }
        }
    }

    fn promised(&self, tool: &str) -> Promised {
        let spec = self.server.pinned.tools.iter().find(|spec| spec.name == tool);
        match spec.is_some_and(|spec| spec.output != json!({"type": "string"})) {
            true => Promised::Structure,
            false => Promised::Text,
        }
    }

    /// Whether a tool of this name is one of ours, and not the server's.
    fn own(&self, tool: &str) -> bool {
        self.server
            .pinned
            .tools
            .iter()
            .any(|spec| spec.name == tool && spec.description.starts_with("The server's "))
    }
}

/// Takes secrets out of every text of a value.
fn clean(value: &mut Value, redactor: &Redactor) {
    match value {
        Value::String(text) => *text = redactor.clean_text(std::mem::take(text)),
        Value::Array(items) => items.iter_mut().for_each(|item| clean(item, redactor)),
        Value::Object(entries) => entries.values_mut().for_each(|value| clean(value, redactor)),
        _ => {}
    }
}

/// The address with the environment's variables in it.
pub(super) fn filled(url: &Url) -> Option<Url> {
    values::filled(&written(url)).ok().and_then(|filled| Url::parse(&filled).ok())
}

/// What came of a call, with what the server wanted meanwhile and did not get.
fn remarked(result: Result<Value, String>, remark: Option<String>) -> Result<Value, Failure> {
    let with = |text: String| match &remark {
        Some(remark) => format!("{text}\n{remark}"),
        None => text,
    };
    match result {
        Ok(Value::String(text)) => Ok(Value::String(with(text))),
        Ok(structured) => Ok(structured),
        Err(reason) => Err(Failure::Told(with(reason))),
    }
}
