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
use super::fault::{Fault, Kind};
use super::mended::mended;
use super::oauth::Challenge;
use super::server_requests::Ears;
use super::{McpError, oauth, values};
use crate::process::{Process, SILENT, found};

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
        let stdout = mended(stdout, flow.clone());
        let pipes = AsyncRwTransport::new(stdout, stdin).with_max_line_length(MESSAGE);
        let transport = Bounded::new(pipes, flow.clone());
        let serving = ears.clone().serve_with_lifecycle(transport, mode);
        let served = tokio::time::timeout(self.server().timeout, serving).await;
        if let Some(over) = flow.over() {
            return Err(Failed::Gone(over.to_string()));
        }
        match served {
            Ok(Ok(service)) => Ok(Live::new(service, Some(process), ears, flow)),
            Ok(Err(error)) => {
                let fault = Fault::of_greeting(&error);
                Err(match fault.kind {
                    Kind::Refused => Failed::Refused(fault.said),
                    // That it ends once it is left says nothing of why it was left.
                    Kind::Odd => Failed::Gone(fault.said),
                    _ => Failed::Gone(process.end(&fault.said).await),
                })
            }
            Err(_) => {
                let seconds = self.server().timeout.as_secs_f64();
                // It was there until it was left; how it ended then says nothing.
                let end = process.told(SILENT);
                let odd = flow.odd().map(wrote).unwrap_or_default();
                Err(Failed::Gone(format!("{end} (after {seconds} s, its `timeout`){odd}")))
            }
        }
    }

    async fn reach(&self, url: &Url, mode: ClientLifecycleMode) -> Result<Live, Failed> {
        let client = http_client::builder()
            .no_proxy()
            .connect_timeout(Duration::from_secs(10))
            .build()
            .map_err(|error| Failed::Gone(http_client::reason(&error)))?;
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
                let fault = Fault::of_greeting(&error);
                let said = self.advised(&fault);
                Err(match (Challenge::of(transported(&error)), fault.kind) {
                    (Some(challenge), _) => Failed::Shut(challenge, fault.said),
                    (None, Kind::Unreachable | Kind::Plain | Kind::Encrypted | Kind::Shut) => {
                        Failed::Gone(said)
                    }
                    (None, _) => Failed::Refused(said),
                })
            }
            Err(_) => {
                let seconds = self.server().timeout.as_secs_f64();
                Err(Failed::Gone(format!("it did not answer within {seconds} s, its `timeout`")))
            }
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

/// What is said of a line that is no message.
pub(super) fn wrote(line: String) -> String {
    format!("; what it wrote last is no message of MCP: `{line}`")
}
