//! One server, spoken to: connected when it is first needed, held to what was agreed to each time,
//! and connected again when it is gone. One client serves all calls of a run and of the agents
//! below it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use agent_core::mcp::{Pinned, Server, Transport};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, ClientConfig, GetPromptRequestParams,
    GetPromptResponse, Implementation, PaginatedRequestParams, ProgressNotificationParam,
    ProtocolVersion, ReadResourceRequestParams, ReadResourceResponse,
};
use rmcp::service::{NotificationContext, RunningService, ServiceError};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::async_rw::AsyncRwTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{ClientHandler, RoleClient, ServiceExt};
use serde_json::{Map, Value};
use tokio::sync::Mutex;

use crate::plain::plain;
use crate::process::{Cells, Process};

use super::bounded::{Bounded, Flow, MESSAGE};
use super::list::{self, Offer, PROMPT, RESOURCES};
use super::{McpError, content, values};

/// The most pages of a list.
const PAGES: usize = 32;

/// A server of an agent.
pub struct Client {
    name: String,
    server: Server,
    cells: Cells,
    live: Mutex<Option<Arc<Live>>>,
}

/// A connection.
struct Live {
    service: RunningService<RoleClient, Ears>,
    process: Mutex<Option<Process>>,
    ears: Ears,
    flow: Arc<Flow>,
}

/// What the server tells without being asked.
#[derive(Clone, Default)]
struct Ears {
    /// Its list of tools is another one now.
    changed: Arc<AtomicBool>,
    /// Counts signs of progress.
    progress: Arc<AtomicU64>,
}

/// How a call failed.
pub(super) enum Failure {
    /// The server answered that it failed, or what it answered cannot be used.
    Told(String),
    /// Nothing was sent: it may be tried again.
    Unsent(McpError),
    /// The connection broke while it worked.
    Broken(String),
}

impl ClientHandler for Ears {
    fn get_info(&self) -> ClientConfig {
        let own = Implementation::new("errand", env!("CARGO_PKG_VERSION"));
        // The revisions after it have no handshake, which this client begins with.
        ClientConfig::new(Default::default(), own)
            .with_protocol_version(ProtocolVersion::LATEST_WITH_INITIALIZE)
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

impl Client {
    /// For a server of this name. Nothing is started yet.
    pub fn new(name: &str, server: Server, cells: Cells) -> Self {
        Self { name: name.to_string(), server, cells, live: Mutex::new(None) }
    }

    /// The server as the agent names it.
    pub fn server(&self) -> &Server {
        &self.server
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What the server offers now, whatever was agreed to.
    ///
    /// # Errors
    /// It cannot be reached, or offers what cannot be used.
    pub async fn offered(&self) -> Result<Pinned, McpError> {
        let live = self.connect().await?;
        self.looked(&live).await
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
        if let Some(live) = held.as_ref()
            && !live.service.is_transport_closed()
            && !live.service.is_closed()
            && live.flow.over().is_none()
            && !live.ears.changed.load(Ordering::Relaxed)
        {
            return Ok(live.clone());
        }
        *held = None;
        let live = Arc::new(self.connect().await?);
        let (was, is) = (&self.server.pinned, self.looked(&live).await?);
        if was.digest != is.digest {
            let change = list::change(was, &is);
            return Err(McpError::Changed { server: self.name.clone(), change });
        }
        *held = Some(live.clone());
        Ok(live)
    }

    fn gone(&self, reason: impl ToString) -> McpError {
        McpError::Gone { server: self.name.clone(), reason: reason.to_string() }
    }

    async fn connect(&self) -> Result<Live, McpError> {
        let from = self.server.from.as_deref();
        let value = |texts, key| {
            values::resolved(texts, from, &self.name, key).map_err(|error| self.gone(error))
        };
        let (ears, flow) = (Ears::default(), Arc::new(Flow::default()));
        let patience = self.server.timeout;
        match &self.server.transport {
            Transport::Stdio(program) => {
                let env = value(&program.env, "env")?;
                let (mut process, (stdout, stdin)) =
                    Process::start(program, env, &self.cells).map_err(|error| self.gone(error))?;
                let pipes = AsyncRwTransport::new(stdout, stdin).with_max_line_length(MESSAGE);
                let transport = Bounded::new(pipes, flow.clone());
                match tokio::time::timeout(patience, ears.clone().serve(transport)).await {
                    Ok(Ok(service)) => {
                        Ok(Live { service, process: Mutex::new(Some(process)), ears, flow })
                    }
                    _ if flow.over().is_some() => Err(self.gone(flow.over().unwrap_or_default())),
                    Ok(Err(_)) | Err(_) => Err(self.gone(process.end().await)),
                }
            }
            Transport::Http { url, headers } => {
                let mut named = std::collections::HashMap::new();
                for (name, value) in value(headers, "headers")? {
                    let name = reqwest::header::HeaderName::try_from(name.as_str());
                    let value = reqwest::header::HeaderValue::try_from(value.as_str());
                    // What is wrong with it is not told: it may be a secret.
                    let (Ok(name), Ok(mut value)) = (name, value) else {
                        return Err(self.gone("a header cannot be sent as it is written"));
                    };
                    value.set_sensitive(true);
                    named.insert(name, value);
                }
                // A redirect would carry the headers to whoever it names.
                let client = http_client::builder()
                    .redirect(reqwest::redirect::Policy::none())
                    .no_proxy()
                    .connect_timeout(Duration::from_secs(10))
                    .build()
                    .map_err(|error| self.gone(error))?;
                let config = StreamableHttpClientTransportConfig::with_uri(url.as_str())
                    .custom_headers(named)
                    .max_json_response_size(MESSAGE)
                    .max_sse_event_size(MESSAGE);
                let transport = StreamableHttpClientTransport::with_client(client, config);
                let transport = Bounded::new(transport, flow.clone());
                match tokio::time::timeout(patience, ears.clone().serve(transport)).await {
                    Ok(Ok(service)) => Ok(Live { service, process: Mutex::new(None), ears, flow }),
                    Ok(Err(error)) => Err(self.gone(self.without_query(&cause(&error)))),
                    Err(_) => Err(self.gone("it does not answer")),
                }
            }
        }
    }

    /// The server's list, page by page.
    async fn looked(&self, live: &Live) -> Result<Pinned, McpError> {
        let unfit = |reason: String| McpError::Unfit { server: self.name.clone(), reason };
        let looking = async {
            let mut offer = Offer::default();
            if let Some(info) = live.service.peer_info() {
                offer.resources = info.capabilities.resources.is_some();
                offer.prompts = info.capabilities.prompts.is_some();
                if info.capabilities.tools.is_none() {
                    return Ok(Ok(offer));
                }
            }
            let mut cursor = None;
            for _ in 0..PAGES {
                let mut params = PaginatedRequestParams::default();
                params.cursor = cursor;
                let page = live.service.list_tools(Some(params)).await?;
                for tool in &page.tools {
                    offer.tools.push(serde_json::to_value(tool).unwrap_or_default());
                }
                cursor = page.next_cursor;
                if cursor.is_none() || offer.tools.len() > list::MOST {
                    return Ok(Ok(offer));
                }
            }
            Ok(Err(format!("a list of more than {PAGES} pages")))
        };
        let offer: Result<_, ServiceError> =
            match tokio::time::timeout(self.server.timeout, looking).await {
                Ok(looked) => looked,
                Err(_) => return Err(self.gone("it does not say which tools it has")),
            };
        match offer {
            Ok(offer) => offer.and_then(|offer| list::read(&offer)).map_err(unfit),
            Err(error) => Err(self.gone(self.why(live, &error).await)),
        }
    }

    async fn why(&self, live: &Live, error: &ServiceError) -> String {
        let broken =
            matches!(error, ServiceError::TransportClosed | ServiceError::TransportSend(_));
        match live.process.lock().await.as_mut() {
            Some(process) if broken => process.end().await,
            _ => plain(&self.without_query(&error.to_string()), 1000),
        }
    }

    /// Without what the endpoint's address may carry as a key: its name and password, its query.
    fn without_query(&self, text: &str) -> String {
        let Transport::Http { url, .. } = &self.server.transport else { return text.to_string() };
        let mut bare = url.clone();
        bare.set_query(None);
        bare.set_fragment(None);
        match url.query() {
            Some(query) => text.replace(url.as_str(), bare.as_str()).replace(query, "[query]"),
            None => text.to_string(),
        }
    }

    /// One call of a tool. Dropping the future tells the server to stop.
    pub(super) async fn call(&self, tool: &str, arguments: &Value) -> Result<Value, Failure> {
        let live = self.live().await.map_err(Failure::Unsent)?;
        let calling = async {
            match tool {
                RESOURCES if self.own(RESOURCES) => resources(&live, arguments).await,
                PROMPT if self.own(PROMPT) => prompt(&live, arguments).await,
                _ => tool_call(&live, tool, arguments).await,
            }
        };
        tokio::pin!(calling);
        loop {
            let before = live.ears.progress.load(Ordering::Relaxed);
            let answer = tokio::time::timeout(self.server.timeout, &mut calling);
            let answer = tokio::select! {
                // That its connection is gone follows from this.
                biased;
                over = live.flow.stopped() => {
                    // It goes now, and not when it is next needed.
                    live.process.lock().await.take();
                    return Err(Failure::Broken(format!("it was stopped: {over}")));
                }
                answer = answer => answer,
            };
            match answer {
                Ok(Ok(result)) => return result.map_err(Failure::Told),
                Ok(Err(error)) => {
                    let broken = matches!(
                        error,
                        ServiceError::TransportClosed | ServiceError::TransportSend(_)
                    );
                    let why = self.why(&live, &error).await;
                    return Err(if broken { Failure::Broken(why) } else { Failure::Told(why) });
                }
                // As long as there is progress there is time.
                Err(_) if live.ears.progress.load(Ordering::Relaxed) > before => {}
                Err(_) => {
                    let seconds = self.server.timeout.as_secs_f64();
                    return Err(Failure::Told(format!(
                        "`{}` did not answer within {seconds} s, its `timeout`",
                        self.name
                    )));
                }
            }
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

type Told = Result<Result<Value, String>, ServiceError>;

async fn tool_call(live: &Live, tool: &str, arguments: &Value) -> Told {
    let mut params = CallToolRequestParams::new(tool.to_string());
    params.arguments = arguments.as_object().cloned();
    Ok(match live.service.call_tool_once(params).await? {
        CallToolResponse::Complete(result) => {
            content::result(&serde_json::to_value(&result).unwrap_or_default())
        }
        _ => Err("the server wants to ask something back, which nobody can answer".to_string()),
    })
}

async fn resources(live: &Live, arguments: &Value) -> Told {
    let Some(uri) = arguments["uri"].as_str() else {
        let mut all = Vec::new();
        let mut params = PaginatedRequestParams::default();
        for _ in 0..PAGES {
            let page = live.service.list_resources(Some(params.clone())).await?;
            all.extend(page.resources);
            params.cursor = page.next_cursor;
            if params.cursor.is_none() {
                break;
            }
        }
        return Ok(listed(&serde_json::to_value(&all).unwrap_or_default(), "uri"));
    };
    let params = ReadResourceRequestParams::new(uri);
    Ok(match live.service.read_resource_once(params).await? {
        ReadResourceResponse::Complete(result) => {
            let contents = serde_json::to_value(&result.contents).unwrap_or_default();
            content::bounded(content::texts(&contents)).map(Value::String)
        }
        _ => Err("the server wants to ask something back, which nobody can answer".to_string()),
    })
}

async fn prompt(live: &Live, arguments: &Value) -> Told {
    let Some(name) = arguments["name"].as_str() else {
        let mut all = Vec::new();
        let mut params = PaginatedRequestParams::default();
        for _ in 0..PAGES {
            let page = live.service.list_prompts(Some(params.clone())).await?;
            all.extend(page.prompts);
            params.cursor = page.next_cursor;
            if params.cursor.is_none() {
                break;
            }
        }
        return Ok(listed(&serde_json::to_value(&all).unwrap_or_default(), "name"));
    };
    let mut params = GetPromptRequestParams::new(name);
    params.arguments = arguments["arguments"].as_object().cloned();
    Ok(match live.service.get_prompt_once(params).await? {
        GetPromptResponse::Complete(result) => {
            let messages = serde_json::to_value(&result.messages).unwrap_or_default();
            let texts = messages.as_array().into_iter().flatten();
            let texts: Vec<String> =
                texts.map(|message| content::texts(&message["content"])).collect();
            content::bounded(texts.join("\n\n")).map(Value::String)
        }
        _ => Err("the server wants to ask something back, which nobody can answer".to_string()),
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

/// A list of things for a model: one a line, with what it is called by and what is said of it.
fn listed(items: &Value, key: &str) -> Result<Value, String> {
    let line = |item: &Value| {
        let word = |key: &str| item[key].as_str().unwrap_or_default().to_string();
        let arguments = item["arguments"].as_array().into_iter().flatten();
        let arguments: Map<String, Value> = arguments
            .filter_map(|argument| {
                Some((argument["name"].as_str()?.to_string(), argument["description"].clone()))
            })
            .collect();
        let arguments = match arguments.is_empty() {
            true => String::new(),
            false => format!(" {}", Value::Object(arguments)),
        };
        format!("{}: {}{arguments}", word(key), word("description"))
    };
    let lines: Vec<String> = items.as_array().into_iter().flatten().map(line).collect();
    content::bounded(lines.join("\n")).map(Value::String)
}
