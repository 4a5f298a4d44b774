//! A loopback server on a port of its own, which counts what it was asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::Request;
use axum::response::Response;

/// A server that lives as long as this value.
pub(crate) struct Server {
    pub(crate) at: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    _runtime: tokio::runtime::Runtime,
}

/// What the server was asked: its path, its body, and which request it is, from 0.
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) body: Bytes,
    pub(crate) number: usize,
}

impl Server {
    /// Answers every request with what `answer` says.
    pub(crate) fn start(answer: impl Fn(Asked) -> Response + Clone + Send + Sync + 'static) -> Server {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let at = listener.local_addr().unwrap();
        let seen = asked.clone();
        let app = Router::new().fallback(move |request: Request| {
            let (answer, seen) = (answer.clone(), seen.clone());
            async move {
                let path = request.uri().to_string();
                let body = axum::body::to_bytes(request.into_body(), usize::MAX).await.unwrap();
                let number = {
                    let mut seen = seen.lock().unwrap();
                    seen.push(path.clone());
                    seen.len() - 1
                };
                answer(Asked { path, body, number })
            }
        });
        runtime.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Server { at, asked, _runtime: runtime }
    }

    /// The paths it was asked for, in order.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}
