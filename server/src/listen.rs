//! Connections: how many, how long a client may take, and how they end.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::middleware::from_fn_with_state;
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::error::ApiError;
use crate::routes::{Route, Routes};
use crate::shared::{Parts, Shared};
use crate::stall::Stall;
use crate::{a2a, door, health, mcp, openai, openapi, page, runs, session, status, triggers};

/// The most header lines of a request.
const HEADERS: usize = 64;

/// The most bytes of a request's first line and headers.
const HEAD: usize = 32 << 10;

/// How long to wait where the system has no room for another connection.
const FULL: Duration = Duration::from_millis(100);

/// Serves until `stop` completes, then lets what is being answered come to its end for a while.
///
/// # Errors
/// Runs of an earlier server cannot be looked for.
pub async fn serve(
    listener: TcpListener,
    parts: Parts,
    stop: impl Future<Output = ()> + Send,
) -> Result<(), ApiError> {
    let shared = Shared::new(parts);
    a2a::tell_owed(&shared).await?;
    runs::take_up(&shared).await?;
    triggers::arm(&shared);
    let router = router(shared.clone());
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(shared.limits.client)
        .max_headers(HEADERS)
        .max_buf_size(HEAD);
    let slots = Arc::new(Semaphore::new(shared.limits.connections));
    let (graceful, mut connections) = (GracefulShutdown::new(), JoinSet::new());
    tokio::pin!(stop);
    loop {
        while connections.try_join_next().is_some() {}
        let next = async {
            let slot = slots.clone().acquire_owned().await.map_err(io::Error::other)?;
            listener.accept().await.map(|(stream, _)| (stream, slot))
        };
        let (stream, slot) = tokio::select! {
            () = &mut stop => break,
            next = next => match next {
                Ok(next) => next,
                Err(error) => {
                    tracing::warn!("a connection could not be taken: {error}");
                    tokio::time::sleep(FULL).await;
                    continue;
                }
            },
        };
        let _ = stream.set_nodelay(true);
        let io = TokioIo::new(Stall::new(stream, shared.limits.client));
        let connection = http.serve_connection(io, TowerToHyperService::new(router.clone()));
        let connection = graceful.watch(connection);
        let shared = shared.clone();
        connections.spawn(async move {
            shared.metrics.connections.fetch_add(1, Ordering::Relaxed);
            if let Err(error) = connection.await {
                tracing::debug!("a connection ended: {error}");
            }
            shared.metrics.connections.fetch_sub(1, Ordering::Relaxed);
            drop(slot);
        });
    }
    drop(listener);
    shared.stopping.send_replace(true);
    let drained = async {
        graceful.shutdown().await;
        shared.active.idle().await;
    };
    let _ = tokio::time::timeout(shared.limits.drain, drained).await;
    // What goes on is dropped: a run's journal is whole at every moment, and the next server takes it up.
    shared.active.drop_all();
    connections.shutdown().await;
    Ok(())
}

/// All that a server can be asked, whatever it is made of.
pub fn routes() -> Vec<Route> {
    addresses().list().to_vec()
}

fn addresses() -> Routes {
    Routes::default()
        .get("/healthz", health::live)
        .get("/readyz", health::ready)
        .get("/metrics", health::metrics)
        .get("/openapi.json", openapi::show)
        .get("/v1/status", status::show)
        .post(session::PATH, session::open)
        .delete(session::PATH, session::close)
        .and(page::routes())
        .and(openai::routes())
        .and(runs::routes())
        .and(mcp::routes())
        .and(triggers::routes())
        .and(a2a::routes())
}

fn router(shared: Arc<Shared>) -> Router {
    addresses()
        .router()
        .fallback(nowhere)
        .method_not_allowed_fallback(otherwise)
        .layer(Extension(mcp::endpoints(&shared)))
        .layer(from_fn_with_state(shared.clone(), door::enter))
        .with_state(shared)
}

async fn nowhere() -> ApiError {
    ApiError::missing(
        "unknown_url",
        "there is nothing at this address: `/openapi.json` lists what is",
    )
}

async fn otherwise() -> ApiError {
    let message = "this address takes another method: `/openapi.json` says which";
    ApiError::new(axum::http::StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
}
