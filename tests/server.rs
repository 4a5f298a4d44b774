//! A loopback server on a port of its own, which counts what it was asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Value, json};

/// A server that lives as long as this value.
pub(crate) struct Server {
    pub(crate) at: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    _runtime: tokio::runtime::Runtime,
}

/// What the server was asked: its path, headers and body, and which request it is, from 0.
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) number: usize,
}

impl Server {
    /// Answers every request with what `answer` says.
    pub(crate) fn start(
        answer: impl Fn(Asked) -> Response + Clone + Send + Sync + 'static,
    ) -> Server {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let at = listener.local_addr().unwrap();
        let seen = asked.clone();
        let app = Router::new().fallback(move |request: Request| {
            let (answer, seen) = (answer.clone(), seen.clone());
            async move {
                let path = request.uri().to_string();
                let headers = request.headers().clone();
                let body = axum::body::to_bytes(request.into_body(), usize::MAX).await.unwrap();
                let number = {
                    let mut seen = seen.lock().unwrap();
                    seen.push(path.clone());
                    seen.len() - 1
                };
                answer(Asked { path, headers, body, number })
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

/// One assistant message (`content`, `tool_calls`, `finish`) as an OpenAI-compatible server streams
/// it.
pub(crate) fn reply(message: &Value) -> Response {
    let chunk = |delta: Value, finish: Value| {
        json!({
            "id": "r", "object": "chat.completion.chunk", "created": 0, "model": "m",
            "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }],
        })
    };
    let calls = message["tool_calls"].as_array().cloned().unwrap_or_default();
    let calls: Vec<Value> = (0..)
        .zip(calls)
        .map(|(index, call)| {
            json!({
                "index": index, "id": format!("call-{index}"), "type": "function",
                "function": { "name": call["name"], "arguments": call["arguments"].to_string() },
            })
        })
        .collect();
    let mut delta = json!({ "role": "assistant", "content": message["content"] });
    if !calls.is_empty() {
        delta["tool_calls"] = json!(calls);
    }
    let ends = if calls.is_empty() { "stop" } else { "tool_calls" };
    let ends = message["finish"].as_str().unwrap_or(ends);
    let usage = json!({
        "id": "r", "object": "chat.completion.chunk", "created": 0, "model": "m", "choices": [],
        "usage": { "prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15 },
    });
    let events = [chunk(delta, Value::Null), chunk(json!({}), json!(ends)), usage];
    let text: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    Response::builder()
        .header("content-type", "text/event-stream")
        .body((text + "data: [DONE]\n\n").into())
        .unwrap()
}
