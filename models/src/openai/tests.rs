//! The remote model against servers that behave and servers that do not, over real HTTP.

mod failures;
mod llama;
mod parts;
mod protocols;
mod refusals;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use agent_core::message::{Message, ToolCall};
use agent_core::model::{Finish, Tokens};
use agent_core::tool::{Effect, ToolSpec};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Response};
use axum::routing::any;
use futures::StreamExt;
use serde_json::{Value, json};

use super::*;

/// What the server does with one request.
enum Answer {
    /// These events, each after a flush.
    Events(Vec<Value>),
    /// These events, and then the connection breaks.
    Half(Vec<Value>),
    /// Text, as a stream.
    Raw(String),
    Status(u16, &'static [(&'static str, &'static str)], &'static str),
    /// Accepts the request and says nothing.
    Silent,
    /// Text without end.
    Flood,
}

#[derive(Default)]
struct Script {
    answers: Mutex<VecDeque<Answer>>,
    asked: Mutex<Vec<(Value, Option<String>)>>,
}

struct Server {
    address: SocketAddr,
    script: Arc<Script>,
}

impl Server {
    async fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        let script = Arc::new(Script::default());
        script.answers.lock().unwrap().extend(answers);
        let app = Router::new().route("/v1/{*path}", any(answer)).with_state(script.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, script }
    }

    fn options(&self) -> RemoteOptions {
        let mut options = RemoteOptions::new("m", format!("http://{}/v1/", self.address));
        options.backoff = Duration::from_millis(2);
        options.retries = 2;
        options.timeout = Duration::from_millis(500);
        options
    }

    async fn ask(&self, request: &Request) -> (Result<Reply, ModelError>, String) {
        think(self.options(), request).await
    }

    fn asked(&self) -> Vec<Value> {
        self.script.asked.lock().unwrap().iter().map(|(body, _)| body.clone()).collect()
    }
}

async fn think(options: RemoteOptions, request: &Request) -> (Result<Reply, ModelError>, String) {
    let mut seen = String::new();
    let model = OpenAi::new(options).unwrap();
    let reply = model.think(request, &mut |text| seen.push_str(text)).await;
    (reply, seen)
}

async fn answer(
    State(script): State<Arc<Script>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let key = headers.get("authorization").map(|key| key.to_str().unwrap().to_string());
    script.asked.lock().unwrap().push((serde_json::from_slice(&body).unwrap_or_default(), key));
    let answer = script.answers.lock().unwrap().pop_front();
    let stream = || Response::builder().header("content-type", "text/event-stream");
    let lines = |events: Vec<Value>| {
        let lines = events.into_iter().map(|event| format!("data: {event}\n\n"));
        futures::stream::iter(lines).then(|line| async {
            // While the body waits the server flushes what it has.
            tokio::task::yield_now().await;
            Ok::<_, std::io::Error>(line)
        })
    };
    let body = match answer {
        None => {
            return Response::builder().status(410).body(Body::from("no answer left")).unwrap();
        }
        Some(Answer::Status(status, headers, text)) => {
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(*name, *value);
            }
            return response.body(Body::from(text)).unwrap();
        }
        Some(Answer::Events(events)) => {
            let done = futures::stream::iter([Ok("data: [DONE]\n\n".to_string())]);
            Body::from_stream(lines(events).chain(done))
        }
        Some(Answer::Half(events)) => {
            Body::from_stream(lines(events).chain(futures::stream::once(async {
                tokio::task::yield_now().await;
                Err(std::io::Error::other("cut"))
            })))
        }
        Some(Answer::Raw(text)) => Body::from(text),
        Some(Answer::Silent) => return futures::future::pending().await,
        Some(Answer::Flood) => {
            let event = format!("data: {}\n\n", text(&"a".repeat(60_000)));
            let events = futures::stream::repeat(event).take(2000);
            Body::from_stream(events.map(Ok::<_, std::io::Error>))
        }
    };
    stream().body(body).unwrap()
}

fn text(text: &str) -> Value {
    json!({ "choices": [{ "index": 0, "delta": { "content": text } }] })
}

fn end(reason: &str) -> Value {
    json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": reason }] })
}

fn call(part: Value) -> Value {
    json!({ "choices": [{ "index": 0, "delta": { "tool_calls": [part] } }] })
}

fn usage() -> Value {
    json!({ "choices": [], "usage": {
        "prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25,
        "prompt_tokens_details": { "cached_tokens": 16 },
    }})
}

fn hello() -> Answer {
    Answer::Events(vec![text("Hel"), text("lo"), end("stop"), usage()])
}

fn request(form: Form) -> Request {
    let messages = vec![Message::system("Be brief.").into(), Message::user("Say hello.").into()];
    Request { call: 0, messages, prefix: String::new(), form, max_tokens: 50, reasoning: 0 }
}

fn free() -> Request {
    request(Form::Text { stop: Vec::new() })
}

fn tool(name: &str) -> ToolSpec {
    let input = json!({
        "type": "object",
        "properties": { "path": { "type": "string" } },
        "required": ["path"],
        "additionalProperties": false,
    });
    let description = "Reads one file.".to_string();
    ToolSpec {
        name: name.to_string(),
        description,
        input,
        output: json!({}),
        effect: Effect::Reads,
    }
}

async fn unavailable(answers: Vec<Answer>) -> (String, usize) {
    let server = Server::start(answers).await;
    let (reply, _) = server.ask(&free()).await;
    let error = reply.unwrap_err();
    let given_up = matches!(
        error,
        ModelError::Unavailable { .. } | ModelError::Refused { .. } | ModelError::Key { .. }
    );
    assert!(given_up, "{error}");
    (error.to_string(), server.asked().len())
}

#[tokio::test]
async fn a_reply_is_streamed_with_its_usage() {
    let server = Server::start([hello()]).await;
    let mut options = server.options();
    options.temperature = Some(0.0);
    options.seed = Some(u64::MAX);
    options.api_key = Some(ApiKey::new("sk-secret"));
    let (reply, seen) = think(options, &free()).await;
    let reply = reply.unwrap();
    assert_eq!((reply.content.as_str(), seen.as_str()), ("Hello", "Hello"));
    assert_eq!(reply.usage, Tokens { input: 20, cached: 16, output: 5 });
    assert_eq!(reply.finish, Finish::Stop);
    assert_eq!(
        server.asked()[0],
        json!({
            "messages": [
                { "role": "system", "content": "Be brief." },
                { "role": "user", "content": "Say hello." },
            ],
            "model": "m",
            "stream": true,
            "max_tokens": 50,
            "seed": i64::MAX,
            "stream_options": { "include_usage": true },
            "temperature": 0.0,
        })
    );
    let key = server.script.asked.lock().unwrap()[0].1.clone();
    assert_eq!(key.as_deref(), Some("Bearer sk-secret"));
}

#[tokio::test]
async fn without_a_key_none_is_sent() {
    let server = Server::start([hello()]).await;
    server.ask(&free()).await.0.unwrap();
    assert_eq!(server.script.asked.lock().unwrap()[0].1, None);
}

#[tokio::test]
async fn calls_come_in_pieces_and_under_their_own_names() {
    let events = vec![
        call(json!({ "index": 0, "id": "a", "type": "function",
            "function": { "name": "files_read", "arguments": "" } })),
        call(json!({ "index": 0, "function": { "arguments": "{\"path\":" } })),
        call(json!({ "index": 0, "function": { "arguments": "\"a.md\"}" } })),
        call(json!({ "index": 1, "function": { "name": "rm_rf", "arguments": "{oh no" } })),
        end("tool_calls"),
    ];
    let server = Server::start([Answer::Events(events)]).await;
    let mut request = request(Form::CallsOrJson(vec![tool("files.read").into()], json!({})));
    let earlier =
        ToolCall { id: "z".into(), name: "files.list".into(), arguments: json!({ "path": "." }) };
    let mut turn = Message::assistant("");
    turn.tool_calls.push(earlier);
    request.messages.extend([turn, Message::tool("z", "a.md")].map(Arc::new));
    let reply = server.ask(&request).await.0.unwrap();
    let call = |id: &str, name: &str, arguments| ToolCall {
        id: id.to_string(),
        name: name.to_string(),
        arguments,
    };
    assert_eq!(
        reply.tool_calls,
        [
            call("a", "files.read", json!({ "path": "a.md" })),
            call("call-2", "rm_rf", json!("{oh no")),
        ]
    );
    assert!(reply.usage.input > 10 && reply.usage.output > 3, "{:?}", reply.usage);
    let asked = &server.asked()[0];
    assert_eq!(asked["tools"][0]["function"]["name"], "files_read");
    assert_eq!(asked["tools"][0]["function"]["parameters"], tool("files.read").input);
    assert_eq!(asked["response_format"], Value::Null);
    assert_eq!(asked["tool_choice"], Value::Null);
    assert_eq!(
        asked["messages"][2],
        json!({ "role": "assistant", "content": null, "tool_calls": [{ "id": "z", "type": "function",
            "function": { "name": "files_list", "arguments": "{\"path\":\".\"}" } }] })
    );
    assert_eq!(
        asked["messages"][3],
        json!({ "role": "tool", "content": "a.md", "tool_call_id": "z" })
    );
}

#[tokio::test]
async fn only_known_words_end_a_reply() {
    let request = request(Form::Text { stop: Vec::new() });
    for (word, expected) in [
        ("stop", Some(Finish::Stop)),
        ("STOP", Some(Finish::Stop)),
        ("end_turn", Some(Finish::Stop)),
        ("max_tokens", Some(Finish::Cut)),
        ("error", None),
        ("network_error", None),
    ] {
        let broken = || Answer::Events(vec![text("500 an"), end(word)]);
        let server = Server::start([broken(), broken(), broken(), broken()]).await;
        let reply = server.ask(&request).await.0;
        assert_eq!(reply.as_ref().ok().map(|reply| reply.finish), expected, "{word}: {reply:?}");
    }
    // No word at all, and the end of the stream: whole, and said to be.
    for unmarked in [vec![text("500")], vec![text("500"), end("")]] {
        let server = Server::start([Answer::Events(unmarked)]).await;
        let reply = server.ask(&request).await.0.unwrap();
        assert_eq!((reply.finish, reply.notes.len()), (Finish::Stop, 1));
    }
}

#[tokio::test]
async fn forms_are_asked_for() {
    let schema = json!({ "type": "object", "properties": { "a": { "type": "integer" } } });
    let chosen = Answer::Events(vec![text("{\"choice\":\"no\"}"), end("stop")]);
    let in_words = Answer::Events(vec![text("The answer is NO."), end("stop")]);
    let code = Answer::Events(vec![text("Here:\n```python\nprint(1)\n```\nDone."), end("length")]);
    let server = Server::start([hello(), chosen, in_words, code]).await;
    server.ask(&request(Form::Json(schema.clone()))).await.0.unwrap();
    let choice = request(Form::Choice(vec!["yes".into(), "no".into()]));
    for _ in 0..2 {
        let (reply, seen) = server.ask(&choice).await;
        assert_eq!((reply.unwrap().content.as_str(), seen.as_str()), ("no", ""));
    }
    let mut fenced = request(Form::Text { stop: vec!["```".into(), "END".into()] });
    fenced.prefix = "```python\n".to_string();
    let reply = server.ask(&fenced).await.0.unwrap();
    assert_eq!((reply.content.as_str(), reply.finish), ("print(1)\n", Finish::Cut));
    let asked = server.asked();
    assert_eq!(
        asked[0]["response_format"],
        json!({ "type": "json_schema", "json_schema": { "name": "answer", "schema": schema } })
    );
    assert_eq!(asked[1]["response_format"]["json_schema"]["strict"], true);
    assert_eq!(asked[3]["stop"], json!(["END"]));
    assert_eq!(asked[3]["messages"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_prefix_is_sent_where_the_server_goes_on_with_it() {
    let server = Server::start([Answer::Events(vec![text("print(1)\n"), end("stop")])]).await;
    let mut options = server.options();
    options.prefill = Prefill::Supported;
    let mut fenced = request(Form::Text { stop: vec!["```".into()] });
    fenced.prefix = "```python\n".to_string();
    assert_eq!(think(options, &fenced).await.0.unwrap().content, "print(1)\n");
    let asked = &server.asked()[0];
    assert_eq!(asked["messages"][2], json!({ "role": "assistant", "content": "```python\n" }));
    assert_eq!(asked["stop"], json!(["```"]));
}

#[tokio::test]
async fn the_key_shows_nowhere() {
    let told = r#"{"error":{"message":"Incorrect API key provided: sk-secret."}}"#;
    let server = Server::start([Answer::Status(401, &[], told)]).await;
    let mut options = server.options();
    options.api_key = Some(ApiKey::new("sk-secret"));
    let model = OpenAi::new(options).unwrap();
    let error = model.think(&free(), &mut |_| {}).await.unwrap_err();
    assert!(error.to_string().contains("Incorrect API key provided: [secret API key]."), "{error}");
    assert!(!format!("{model:?} {error:?}").contains("sk-secret"));
    let mut options = RemoteOptions::new("m", "http://127.0.0.1:9/v1");
    options.api_key = Some(ApiKey::new("sk-sec\nret"));
    let error = OpenAi::new(options).unwrap_err().to_string();
    assert!(error.contains("no header") && !error.contains("ret\""), "{error}");
    assert!(OpenAi::new(RemoteOptions::new("m", "localhost:80")).is_err());
}

/// A server that says the key back, as a reply and piece by piece.
#[tokio::test]
async fn a_key_that_a_server_echoes() {
    use base64::Engine as _;
    const KEY: &str = "sk-live/0123456789+abc";
    let percent: String = KEY.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let base64 = base64::engine::general_purpose::STANDARD.encode(format!("Bearer {KEY}"));
    let json: String = KEY.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
    for echo in [KEY, &percent, &base64, &json] {
        let (front, back) = echo.split_at(9);
        let arguments = format!("{{\"path\": \"{echo}\"}}");
        let function = json!({"name": "files_read", "arguments": arguments});
        let server = Server::start([Answer::Events(vec![
            text(&format!("It is {front}")),
            text(&format!("{back}.")),
            call(json!({"index": 0, "id": "c", "function": function})),
            end("stop"),
        ])])
        .await;
        let mut options = server.options();
        options.api_key = Some(ApiKey::new(KEY));
        let (reply, seen) =
            think(options, &request(Form::Calls(vec![tool("files.read").into()]))).await;
        let reply = reply.unwrap();
        assert!(reply.content.contains("[secret API key]"), "{reply:?}");
        for said in [&reply.content, &seen, &reply.tool_calls[0].arguments.to_string()] {
            assert!(!said.contains(KEY) && !said.contains(echo), "{said}");
        }
    }
}
