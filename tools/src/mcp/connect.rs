//! How a connection to a server begins: its program is started, or its endpoint reached, and the two
//! agree on a revision of the protocol. Those up to 2025-11-25 begin with a handshake; a server that
//! refuses it is asked once more as the later ones are.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use agent_core::mcp::{Program, Transport, written};
use reqwest::header::{HeaderName, HeaderValue};
use rmcp::RoleClient;
use rmcp::model::ProtocolVersion;
use rmcp::service::{ClientInitializeError, ClientLifecycleMode, ClientServiceExt};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::async_rw::AsyncRwTransport;
use rmcp::transport::auth::AuthClient;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use url::Url;

use super::bounded::{Bounded, Flow, MESSAGE};
use super::client::{Client, Live};
use super::oauth::Challenge;
use super::server_requests::Ears;
use super::{McpError, oauth, values};
use crate::plain::plain;
use crate::process::{Process, found};

/// How a connection does not come about.
pub(super) enum Failed {
    /// The server is there, and refused how it was greeted.
    Refused(String),
    /// It is not there, or says nothing that can be understood.
    Gone(String),
    /// It does not let errand in: what it said, and in words.
    Shut(Challenge, String),
}

impl Client {
    pub(super) async fn connect(&self) -> Result<Live, McpError> {
        self.greet().await.map_err(|failed| match failed {
            Failed::Gone(reason) | Failed::Refused(reason) => self.gone(reason),
            Failed::Shut(challenge, reason) => {
                self.gone(format!("{reason}\n{}", self.hint(&challenge)))
            }
        })
    }

    pub(super) async fn greet(&self) -> Result<Live, Failed> {
        let refused = match self.begin(ClientLifecycleMode::Initialize).await {
            Err(Failed::Refused(reason)) => Failed::Refused(reason),
            ended => return ended,
        };
        let later = ClientLifecycleMode::Discover {
            preferred_versions: vec![ProtocolVersion::V_2026_07_28],
        };
        self.begin(later).await.map_err(|failed| match failed {
            Failed::Shut(..) => failed,
            // That it knows no later way either is no news.
            Failed::Gone(_) | Failed::Refused(_) => refused,
        })
    }

    async fn begin(&self, mode: ClientLifecycleMode) -> Result<Live, Failed> {
        match &self.server().transport {
            Transport::Stdio(program) => self.start(program, mode).await,
            Transport::Http { url, .. } => {
                let filled = values::filled(&written(url)).map_err(Failed::Gone)?;
                let filled = Url::parse(&filled)
                    .map_err(|_| Failed::Gone("`url` is none once it is filled in".to_string()))?;
                let reached = self.reach(&filled, mode).await;
                reached.map_err(|failed| failed.map(|text| self.without_secrets(&text, &filled)))
            }
        }
    }

    async fn start(&self, program: &Program, mode: ClientLifecycleMode) -> Result<Live, Failed> {
        let mut env = self.values(&program.env, "env").map_err(Failed::Gone)?;
        let program = values::program(program).map_err(Failed::Gone)?;
        let path = found(&program.command, &program.root).map_err(Failed::Gone)?;
        env.entry("PATH".to_string()).or_insert_with(|| search_path(&path));
        let (mut process, (stdout, stdin)) =
            Process::start(&program, env, self.cells()).map_err(Failed::Gone)?;
        let (ears, flow) = (Ears::default(), Arc::new(Flow::default()));
        let pipes = AsyncRwTransport::new(stdout, stdin).with_max_line_length(MESSAGE);
        let transport = Bounded::new(pipes, flow.clone());
        let serving = ears.clone().serve_with_lifecycle(transport, mode);
        let served = tokio::time::timeout(self.server().timeout, serving).await;
        if let Some(over) = flow.over() {
            return Err(Failed::Gone(over.to_string()));
        }
        match served {
            Ok(Ok(service)) => Ok(Live::new(service, Some(process), ears, flow)),
            Ok(Err(ClientInitializeError::JsonRpcError(error))) => Err(Failed::Refused(format!(
                "it refused the handshake: {}",
                plain(&error.message, 300)
            ))),
            Ok(Err(_)) => Err(Failed::Gone(process.end().await)),
            Err(_) => {
                let seconds = self.server().timeout.as_secs_f64();
                let end = process.end().await;
                Err(Failed::Gone(format!("{end} (after {seconds} s, its `timeout`)")))
            }
        }
    }

    async fn reach(&self, url: &Url, mode: ClientLifecycleMode) -> Result<Live, Failed> {
        // A redirect would carry the headers to the host that it names.
        let client = http_client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(Duration::from_secs(10))
            .build()
            .map_err(|error| Failed::Gone(error.to_string()))?;
        let config = StreamableHttpClientTransportConfig::with_uri(url.as_str())
            .custom_headers(self.headers().map_err(Failed::Gone)?)
            .max_json_response_size(MESSAGE)
            .max_sse_event_size(MESSAGE);
        let signed_in = match self.tokens(url) {
            Some(file) => oauth::signed_in(file)
                .await
                .map_err(|reason| Failed::Gone(format!("{reason}\n{}", self.sign_in())))?,
            None => None,
        };
        match signed_in {
            Some(manager) => {
                let client = AuthClient::new(client, manager);
                self.greeted(StreamableHttpClientTransport::with_client(client, config), mode).await
            }
            None => {
                self.greeted(StreamableHttpClientTransport::with_client(client, config), mode).await
            }
        }
    }

    pub(super) async fn greeted(
        &self,
        transport: impl rmcp::transport::Transport<RoleClient> + 'static,
        mode: ClientLifecycleMode,
    ) -> Result<Live, Failed> {
        let (ears, flow) = (Ears::default(), Arc::new(Flow::default()));
        let transport = Bounded::new(transport, flow.clone());
        let serving = ears.clone().serve_with_lifecycle(transport, mode);
        let served = tokio::time::timeout(self.server().timeout, serving).await;
        if let Some(over) = flow.over() {
            return Err(Failed::Gone(over.to_string()));
        }
        match served {
            Ok(Ok(service)) => Ok(Live::new(service, None, ears, flow)),
            Ok(Err(error)) => {
                let said = cause(transported(&error));
                Err(match Challenge::of(transported(&error)) {
                    Some(challenge) => Failed::Shut(challenge, said),
                    None if error.is_authorization_required() => {
                        Failed::Gone(format!("{said}\n{}", self.sign_in()))
                    }
                    None if is_unreachable(transported(&error)) => Failed::Gone(said),
                    None => Failed::Refused(said),
                })
            }
            Err(_) => Err(Failed::Gone("it does not answer".to_string())),
        }
    }

    fn headers(&self) -> Result<HashMap<HeaderName, HeaderValue>, String> {
        let Transport::Http { headers, .. } = &self.server().transport else {
            return Ok(HashMap::new());
        };
        let mut named = HashMap::new();
        for (name, value) in self.values(headers, "headers")? {
            let name = HeaderName::try_from(name.as_str());
            let value = HeaderValue::try_from(value.as_str());
            // What is wrong with it is not told: it may be a secret.
            let (Ok(name), Ok(mut value)) = (name, value) else {
                return Err("a header cannot be sent as it is written".to_string());
            };
            value.set_sensitive(true);
            named.insert(name, value);
        }
        Ok(named)
    }
}

impl Failed {
    fn map(self, change: impl FnOnce(String) -> String) -> Self {
        match self {
            Failed::Refused(reason) => Failed::Refused(change(reason)),
            Failed::Gone(reason) => Failed::Gone(change(reason)),
            Failed::Shut(challenge, reason) => Failed::Shut(challenge, change(reason)),
        }
    }
}

/// Where a program looks for others, such as `git` or what `npx` fetched: beside itself, and among the
/// system's.
fn search_path(program: &Path) -> String {
    let folder = program.parent().unwrap_or(program);
    format!("{}:/usr/local/bin:/usr/bin:/bin", folder.display())
}

/// What went wrong on the way, which this error does not name as its source.
fn transported(error: &ClientInitializeError) -> &(dyn std::error::Error + 'static) {
    match error {
        ClientInitializeError::TransportError { error, .. } => error,
        error => error,
    }
}

/// Whether there is no other way to ask.
fn is_unreachable(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source()).any(|error| {
        let error = error.downcast_ref::<reqwest::Error>();
        error.is_some_and(|error| error.is_connect() || error.is_timeout())
    })
}

/// What is at the bottom of an error: above it each layer only says that it passed it on.
fn cause(error: &dyn std::error::Error) -> String {
    let mut deepest = error;
    while let Some(deeper) = deepest.source() {
        deepest = deeper;
    }
    plain(&deepest.to_string(), 300)
}
