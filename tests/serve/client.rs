//! A server that lives as long as a value, and a client that sends what it is given, byte by byte.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use server::TokenHash;

use crate::place::Place;

/// The tokens of two users.
pub(crate) const ADA: &str = "errand-ada-0123456789abcdef0123456789abcdef";
pub(crate) const BOB: &str = "errand-bob-0123456789abcdef0123456789abcdef";

/// `serve.toml` with a scripted model, these agents, and two users who may use all of it.
pub(crate) fn file(place: &Place, agents: &[&str], limits: &str) {
    place.write("script.jsonl", "{\"content\": \"Hello there.\", \"usage\": {\"prompt_tokens\": 7, \"completion_tokens\": 3}}\n{\"content\": \"Again.\"}\n");
    let mut text = "[models.echo]\nprovider = \"scripted\"\nname = \"script.jsonl\"\n".to_string();
    for agent in agents {
        text += &format!("[agents.{agent}]\nfile = \"agent.toml\"\n");
    }
    for (name, token) in [("ada", ADA), ("bob", BOB)] {
        text += &format!("[users.{name}]\ntoken_sha256 = \"{}\"\n", TokenHash::of(token).hex());
    }
    place.write("serve.toml", format!("{text}[limits]\n{limits}\n"));
}

/// A server that is ended with this value.
pub(crate) struct Serve {
    child: Child,
    pub(crate) at: String,
}

impl Serve {
    /// `errand serve serve.toml`, once it is ready.
    pub(crate) fn start(place: &Place) -> Serve {
        Serve::with(place, &["serve.toml"])
    }

    pub(crate) fn with(place: &Place, arguments: &[&str]) -> Serve {
        let mut command = place.command(["serve", "--json", "--listen", "127.0.0.1:0"]);
        command.args(arguments);
        Serve::of(command)
    }

    /// The server that this command starts.
    pub(crate) fn of(mut command: Command) -> Serve {
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("not ready: {line}"));
        let at = ready["url"].as_str().unwrap().strip_prefix("http://").unwrap().to_string();
        Serve { child, at }
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn stop(mut self) -> Option<i32> {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap().code()
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends these bytes and reads until the connection ends.
    pub(crate) fn raw(&self, bytes: &str) -> Answer {
        let mut stream = TcpStream::connect(&self.at).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        // It may refuse before it has read all of it.
        let _ = stream.write_all(bytes.as_bytes());
        let mut read = Vec::new();
        let _ = stream.read_to_end(&mut read);
        Answer::of(&String::from_utf8_lossy(&read))
    }

    /// One request with these headers beside those that are needed.
    pub(crate) fn send(&self, start: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut text = format!("{start} HTTP/1.1\r\nConnection: close\r\n");
        let has = |name: &str| headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
        if !has("host") {
            text += &format!("Host: {}\r\n", self.at);
        }
        if !body.is_empty() && !has("content-type") {
            text += "Content-Type: application/json\r\n";
        }
        for (name, value) in headers {
            text += &format!("{name}: {value}\r\n");
        }
        if !has("content-length") && !has("transfer-encoding") {
            text += &format!("Content-Length: {}\r\n", body.len());
        }
        self.raw(&format!("{text}\r\n{body}"))
    }

    pub(crate) fn get(&self, path: &str, token: &str) -> Answer {
        self.send(&format!("GET {path}"), &[("Authorization", &format!("Bearer {token}"))], "")
    }

    pub(crate) fn post(&self, path: &str, token: &str, body: &Value) -> Answer {
        let authorization = format!("Bearer {token}");
        self.send(&format!("POST {path}"), &[("Authorization", &authorization)], &body.to_string())
    }

    /// One message to the scripted model.
    pub(crate) fn chat(&self, more: Value) -> Answer {
        let mut body =
            json!({ "model": "echo", "messages": [{ "role": "user", "content": "Hi" }] });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.post("/v1/chat/completions", ADA, &body)
    }

    /// How a run stands once it rests: what its events end with.
    pub(crate) fn rests(&self, run: &str, token: &str) -> Value {
        let events = self.get(&format!("/v1/runs/{run}/events"), token);
        let (_, state) = events.body.rsplit_once("event: state\ndata: ").unwrap();
        serde_json::from_str(state.trim()).unwrap()
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    /// 0 where the connection ended without an answer.
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    fn of(text: &str) -> Answer {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        let head = head.to_ascii_lowercase();
        let chunked = head.contains("transfer-encoding: chunked");
        let body = if chunked { whole(body) } else { body.to_string() };
        Answer { status, head, body }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The status and the code of an error.
    pub(crate) fn error(&self) -> (u16, String) {
        (self.status, self.json()["error"]["code"].as_str().unwrap_or_default().to_string())
    }

    pub(crate) fn says(&self, status: u16, code: &str) {
        assert_eq!(self.error(), (status, code.to_string()), "{self:?}");
    }

    /// The data of its events.
    pub(crate) fn events(&self) -> Vec<Value> {
        let data = self.body.lines().filter_map(|line| line.strip_prefix("data: "));
        data.filter(|data| *data != "[DONE]")
            .map(|data| serde_json::from_str(data).unwrap())
            .collect()
    }
}

/// A chunked body without its chunks.
fn whole(mut body: &str) -> String {
    let mut text = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        if size == 0 || rest.len() < size {
            break;
        }
        text += &rest[..size];
        body = rest[size..].trim_start_matches("\r\n");
    }
    text
}
