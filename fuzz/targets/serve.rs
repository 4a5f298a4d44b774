//! What a client sends to `errand serve`: any bytes, or a request to one of its addresses by a user, with
//! a body of any bytes; the first byte says which. It answers or closes the connection, and never fails
//! for reasons of its own.
#![no_main]

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use agent_core::model::{
    Finish, ModelError, Reply, Request, Sampling, TokenLogprob, Tokens, Traits,
};
use async_trait::async_trait;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use server::{Doors, Embedder, Generator, How, Limits, Model, Parts, TokenHash, User};

const TOKEN: &str = "errand-fuzz";

const ROUTES: [&str; 15] = [
    "POST /v1/chat/completions",
    "POST /v1/completions",
    "POST /v1/responses",
    "POST /v1/embeddings",
    "GET /v1/models",
    "GET /v1/models/m",
    "POST /v1/runs",
    "GET /v1/runs",
    "GET /v1/runs/x/events",
    "GET /metrics",
    "GET /openapi.json",
    "POST /v1/runs/x/approval",
    "POST /mcp",
    "POST /a2a/x",
    "POST /v1/triggers/x",
];

/// A model that says what it was asked.
struct Echo;

#[async_trait]
impl Generator for Echo {
    fn traits(&self) -> Traits {
        Traits { constrained: false, caches: false, context: 4096 }
    }

    fn sampling(&self) -> Sampling {
        Sampling::default()
    }

    fn holds(&self, _schema: &Value) -> Result<(), String> {
        Ok(())
    }

    async fn generate(
        &self,
        request: &Request,
        _how: How,
        on_text: &mut (dyn for<'t> FnMut(&'t str, &'t [TokenLogprob]) + Send),
    ) -> Result<Reply, ModelError> {
        let text = format!("{:?}", request.messages);
        on_text(&text, &[]);
        Ok(Reply::text(text, Tokens::default(), Finish::Stop))
    }
}

#[async_trait]
impl Embedder for Echo {
    async fn embed(&self, texts: &[String]) -> Result<(Vec<Vec<f32>>, u64), ModelError> {
        Ok((vec![vec![0.5; 4]; texts.len()], 1))
    }
}

static AT: LazyLock<SocketAddr> = LazyLock::new(|| {
    let (told, at) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build();
        runtime.expect("a runtime").block_on(async move {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let at = listener.local_addr().expect("an address");
            told.send(at).expect("a listener");
            let user = User {
                name: "me".to_string(),
                token: TokenHash::of(TOKEN),
                models: None,
                agents: None,
                most: None,
            };
            let parts = Parts {
                models: vec![Model { name: "m".to_string(), generator: Arc::new(Echo) }],
                embedder: Some(("e".to_string(), Arc::new(Echo))),
                launcher: None,
                users: vec![user],
                triggers: Vec::new(),
                push: None,
                limits: Limits { rate: u32::MAX, ..Limits::default() },
                doors: Doors::local(at.port(), []),
                ticket: None,
            };
            server::serve(listener, parts, std::future::pending()).await.expect("it serves");
        });
    });
    at.recv().expect("it listens")
});

fuzz_target!(|bytes: &[u8]| {
    let Some((which, body)) = bytes.split_first() else { return };
    let request = match ROUTES.get(usize::from(*which)) {
        None => body.to_vec(),
        Some(route) => {
            let (port, length) = (AT.port(), body.len());
            let head = format!(
                "{route} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {TOKEN}\r\n\
                 Accept: application/json, text/event-stream\r\n\
                 Content-Type: application/json\r\nContent-Length: {length}\r\n\
                 Connection: close\r\n\r\n"
            );
            [head.as_bytes(), body].concat()
        }
    };
    let mut stream = TcpStream::connect(*AT).expect("it takes connections");
    stream.set_read_timeout(Some(Duration::from_secs(15))).expect("a timeout");
    // It may close a connection before all of it is read.
    let _ = stream.write_all(&request);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    if let Err(error) = stream.read_to_end(&mut answer) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "no end of the answer");
    }
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1."), "{answer}");
    assert!(!answer.starts_with("HTTP/1.1 500"), "{answer}");
});
