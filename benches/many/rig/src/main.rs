//! Many of rig's agents in one process: ten calls of a tool that reads a file, then the answer. The model is in
//! the process, behind rig's client for OpenAI's chat completions, so that requests and replies are JSON.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use rig_agent::prelude::*;
use rig_agent::tool::{Tool, ToolContext};
use rig_core::http_client::{self, HttpClientExt, LazyBody, MultipartForm, StreamingResponse};
use rig_core::providers::openai::OpenAIConfig;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Notify;

const CALLS: usize = 10;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let told = match words[..] {
        ["run", agents, latency] => {
            runtime.block_on(measured(agents.parse().unwrap(), latency.parse().unwrap()))
        }
        ["wait", agents] => runtime.block_on(waiting(agents.parse().unwrap())),
        _ => panic!("run AGENTS LATENCY_MS | wait AGENTS"),
    };
    println!("{told}");
}

/// An OpenAI server, as far as it is asked, without a socket.
#[derive(Clone, Default)]
struct Stub {
    latency: Duration,
    gate: Option<Arc<Gate>>,
}

impl Stub {
    async fn answer(self, body: Bytes) -> http_client::Result<Bytes> {
        if !self.latency.is_zero() {
            tokio::time::sleep(self.latency).await;
        }
        let asked: Value = serde_json::from_slice(&body).unwrap();
        let messages = asked["messages"].as_array().unwrap();
        let call = messages.iter().filter(|message| message["role"] == "assistant").count();
        if let Some(gate) = self.gate.filter(|_| call == CALLS / 2) {
            gate.pass().await;
        }
        let message = if call < CALLS {
            json!({ "role": "assistant", "content": null, "tool_calls": [{
                "id": format!("call-{call}"), "type": "function",
                "function": { "name": "read", "arguments": "{\"path\": \"note.md\"}" },
            }] })
        } else {
            json!({ "role": "assistant", "content": "done" })
        };
        let finish = if call < CALLS { "tool_calls" } else { "stop" };
        Ok(Bytes::from(
            json!({
                "id": "r", "object": "chat.completion", "created": 0, "model": "stub",
                "choices": [{ "index": 0, "message": message, "finish_reason": finish }],
                "usage": { "prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2 },
            })
            .to_string(),
        ))
    }
}

impl HttpClientExt for Stub {
    fn send<T, U>(
        &self,
        req: Request<T>,
    ) -> impl Future<Output = http_client::Result<Response<LazyBody<U>>>> + Send + 'static
    where
        T: Into<Bytes> + Send,
        U: From<Bytes> + Send + 'static,
    {
        let (stub, body) = (self.clone(), req.into_body().into());
        async move {
            let answer = stub.answer(body).await?;
            let lazy: LazyBody<U> = Box::pin(async move { Ok(U::from(answer)) });
            Ok(Response::builder().header("content-type", "application/json").body(lazy).unwrap())
        }
    }

    fn send_multipart<U>(
        &self,
        _: Request<MultipartForm>,
    ) -> impl Future<Output = http_client::Result<Response<LazyBody<U>>>> + Send + 'static
    where
        U: From<Bytes> + Send + 'static,
    {
        async { unreachable!() }
    }

    fn send_streaming<T>(
        &self,
        _: Request<T>,
    ) -> impl Future<Output = http_client::Result<StreamingResponse>> + Send
    where
        T: Into<Bytes> + Send,
    {
        async { unreachable!() }
    }
}

#[derive(Default)]
struct Gate {
    open: AtomicBool,
    held: AtomicUsize,
    opened: Notify,
    arrived: Notify,
}

impl Gate {
    async fn pass(&self) {
        let opened = self.opened.notified();
        if !self.open.load(Ordering::SeqCst) {
            self.held.fetch_add(1, Ordering::SeqCst);
            self.arrived.notify_one();
            opened.await;
        }
    }
}

#[derive(Deserialize)]
struct Path {
    path: String,
}

struct Read;

impl Tool for Read {
    const NAME: &'static str = "read";
    type Args = Path;
    type Output = String;
    type Error = std::io::Error;

    fn description(&self) -> String {
        "Reads a file.".to_string()
    }

    fn parameters(&self) -> Value {
        json!({ "type": "object", "properties": { "path": { "type": "string" } }, "required": ["path"] })
    }

    async fn call(&self, _: &mut ToolContext, args: Path) -> Result<String, std::io::Error> {
        std::fs::read_to_string(std::env::temp_dir().join("many-rig").join(args.path))
    }
}

/// A run from nothing: an agent of its own, as errand's runs have.
async fn run(stub: Stub, number: usize) -> bool {
    let model = OpenAIConfig::new("none").connect(stub).chat("stub");
    let agent = AgentBuilder::new(model).tool(Read).default_max_turns(CALLS + 2).build();
    agent.prompt(number.to_string()).await.is_ok_and(|said| said.to_string() == "done")
}

async fn all(stub: &Stub, agents: usize) -> usize {
    let runs: Vec<_> = (0..agents).map(|number| tokio::spawn(run(stub.clone(), number))).collect();
    let mut done = 0;
    for run in runs {
        done += usize::from(run.await.unwrap());
    }
    done
}

fn note() {
    let folder = std::env::temp_dir().join("many-rig");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("note.md"), "A line of text.\n").unwrap();
}

async fn measured(agents: usize, latency: u64) -> Value {
    note();
    let stub = Stub { latency: Duration::from_millis(latency), gate: None };
    all(&stub, 1).await;
    let began = Instant::now();
    let done = all(&stub, agents).await;
    let (seconds, steps) = (began.elapsed().as_secs_f64(), (agents * (CALLS + 1)) as f64);
    json!({
        "agents": agents,
        "latency_ms": latency,
        "lost": agents - done,
        "steps_per_s": (steps / seconds).round(),
        "ms_a_step": (seconds * 1e5 * agents as f64 / steps).round() / 100.0,
    })
}

async fn waiting(agents: usize) -> Value {
    note();
    let gate = Arc::new(Gate::default());
    let stub = Stub { latency: Duration::ZERO, gate: Some(gate.clone()) };
    gate.open.store(true, Ordering::SeqCst);
    all(&stub, 1).await;
    gate.open.store(false, Ordering::SeqCst);
    let before = resident();
    let work = tokio::spawn(async move { all(&stub, agents).await });
    while gate.held.load(Ordering::SeqCst) < agents {
        gate.arrived.notified().await;
    }
    let grown = resident() - before;
    gate.open.store(true, Ordering::SeqCst);
    gate.opened.notify_waiters();
    let done = work.await.unwrap();
    json!({
        "waiting": agents,
        "lost": agents - done,
        "kib_an_agent": (grown as f64 / agents as f64 * 10.0).round() / 10.0,
    })
}

/// KiB of this process that are in memory.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
