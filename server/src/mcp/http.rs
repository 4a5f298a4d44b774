//! `/mcp`: the protocol over HTTP, behind the same door as everything else. Each user has an endpoint of their
//! own, so that a session is there for the user who opened it and for no other.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::time::timeout;

use super::offered::Offered;
use crate::body;
use crate::door::Caller;
use crate::error::ApiError;
use crate::routes::Routes;
use crate::runs;
use crate::shared::{Account, Shared};

/// The most sessions and requests outside of one that a user has at once.
const OPEN: usize = 64;

/// How long a session may be idle: as long as a run that says nothing may take.
const IDLE: Duration = Duration::from_secs(3600);

/// The address, for all users.
pub(crate) fn routes() -> Routes {
    Routes::default().get("/mcp", asked).post("/mcp", asked).delete("/mcp", asked)
}

/// What is behind the address.
pub(crate) fn endpoints(shared: &Arc<Shared>) -> Endpoints {
    let accounts = shared.accounts.iter();
    let each = accounts.map(|account| (account.user.name.clone(), Endpoint::new(shared, account)));
    Endpoints(Arc::new(each.collect()))
}

/// The users', by their names.
#[derive(Clone)]
pub(crate) struct Endpoints(Arc<HashMap<String, Endpoint>>);

/// One user's.
struct Endpoint {
    service: StreamableHttpService<Offered, LocalSessionManager>,
    /// Held by each session.
    open: Arc<()>,
}

impl Endpoint {
    fn new(shared: &Arc<Shared>, account: &Arc<Account>) -> Endpoint {
        let open = Arc::new(());
        let mut sessions = LocalSessionManager::default();
        sessions.session_config.keep_alive = Some(IDLE);
        // The door has looked at the host and the origin already.
        let config = StreamableHttpServerConfig::default()
            .disable_allowed_hosts()
            .with_max_request_body_bytes(shared.limits.body);
        let over = config.cancellation_token.clone();
        let (held, state, account) = (open.clone(), shared.clone(), account.clone());
        let offered = move || match full(&held) {
            true => Err(io::Error::other("too many sessions are open")),
            false => Ok(Offered::new(&state, &account, &held)),
        };
        let shared = shared.clone();
        tokio::spawn(async move {
            let mut stopping = shared.stopping.subscribe();
            let _ = stopping.wait_for(|stopping| *stopping).await;
            // What is being answered is sent first.
            let _ = timeout(shared.limits.drain, shared.active.idle()).await;
            over.cancel();
        });
        let service = StreamableHttpService::new(offered, Arc::new(sessions), config);
        Endpoint { service, open }
    }
}

/// Beside what holds it: the endpoint, and what makes its sessions.
fn full(open: &Arc<()>) -> bool {
    Arc::strong_count(open) >= OPEN + 2
}

async fn asked(
    State(shared): State<Arc<Shared>>,
    Extension(Caller(account)): Extension<Caller>,
    Extension(Endpoints(endpoints)): Extension<Endpoints>,
    request: Request,
) -> Result<Response, ApiError> {
    runs::launcher(&shared)?;
    runs::stopping(&shared)?;
    let unknown = || ApiError::missing("unknown_url", "there is nothing at this address");
    let endpoint = endpoints.get(&account.user.name).ok_or_else(unknown)?;
    if !request.headers().contains_key("mcp-session-id") && full(&endpoint.open) {
        let message = "too many sessions of yours are open: end one";
        let code = StatusCode::SERVICE_UNAVAILABLE;
        return Err(ApiError::new(code, "sessions_full", message).after(60));
    }
    let (parts, sent) = request.into_parts();
    let sent = match parts.method {
        Method::POST => {
            let bytes = body::whole(&shared, &parts.headers, sent, shared.limits.body).await?;
            body::countable(&bytes)?;
            Body::from(bytes)
        }
        _ => Body::empty(),
    };
    Ok(endpoint.service.handle(Request::from_parts(parts, sent)).await.map(Body::new))
}
