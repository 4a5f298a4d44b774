//! A model that answers from a file, for tests and demonstrations: one assistant message a line.
//!
//! Reply n answers model call n, however often it is asked, so a resumed run goes on where
//! it stopped. A line is `{"content": string or null, "tool_calls": […], "usage": {…}}`; a tool
//! call is written as OpenAI does (`{"id", "type", "function": {"name", "arguments": "<json>"}}`)
//! or in short (`{"id"?, "name", "arguments": {…}}`). Blank lines count for nothing.
//!
//! Like any model it leaves out the request's prefix where the line repeats it, and what follows
//! a stop string. Beyond that it says what the file says: it enforces no form.

use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use agent_core::message::ToolCall;
use agent_core::model::{Finish, Form, Model, ModelError, Reply, Request, Tokens, Traits};
use async_trait::async_trait;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::REPLY_LIMIT;

/// A model that answers from a file.
#[derive(Debug)]
pub struct Scripted {
    name: String,
    path: PathBuf,
    lines: Vec<Line>,
}

/// A script that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// The file cannot be read.
    #[error("the script `{}` cannot be read: {source}", path.display())]
    Read {
        /// The script.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// One line is no assistant message.
    #[error("line {line} of the script `{}` is no assistant message: {reason}", path.display())]
    Line {
        /// The script.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
}

/// One reply. The text is kept and read again when it is asked for: a script is checked whole at
/// load and still takes no more memory than its file.
#[derive(Debug)]
enum Line {
    /// A reply, checked.
    Text {
        /// Which line of the file, from 1.
        number: usize,
        /// The line.
        text: String,
        /// How many tool calls the lines before this one make.
        calls_before: usize,
    },
    /// Longer than any model may answer, so not even kept.
    TooLong {
        /// Which line of the file, from 1.
        number: usize,
    },
}

impl Scripted {
    /// Reads and checks a script.
    pub fn load(path: impl Into<PathBuf>) -> Result<Self, ScriptError> {
        let path = path.into();
        let lines = read(&path)?;
        Ok(Self { name: path.display().to_string(), path, lines })
    }

    fn unavailable(&self, reason: String) -> ModelError {
        ModelError::Unavailable { model: self.name.clone(), reason }
    }
}

#[async_trait]
impl Model for Scripted {
    fn name(&self) -> &str {
        &self.name
    }

    fn traits(&self) -> Traits {
        Traits { constrained: false, caches: false, context: 0 }
    }

    async fn think(
        &self,
        request: &Request,
        on_text: &mut (dyn for<'t> FnMut(&'t str) + Send),
    ) -> Result<Reply, ModelError> {
        let index = usize::try_from(request.call).unwrap_or(usize::MAX);
        let (number, text, calls_before) = match self.lines.get(index) {
            Some(Line::Text { number, text, calls_before }) => (*number, text, *calls_before),
            Some(Line::TooLong { number }) => {
                return Err(self.unavailable(format!(
                    "line {number} of the script is longer than a reply may be, {} MiB",
                    REPLY_LIMIT >> 20
                )));
            }
            None => {
                return Err(self.unavailable(format!(
                    "the script `{}` ends with reply {}, and this is call {}",
                    self.path.display(),
                    self.lines.len(),
                    request.call + 1
                )));
            }
        };
        let message = parse(text)
            .map_err(|reason| self.unavailable(format!("line {number} of the script: {reason}")))?;
        let mut content = message.content.flatten().unwrap_or_default();
        let calls = message.tool_calls.flatten().unwrap_or_default();
        let tool_calls: Vec<_> =
            calls.into_iter().zip(calls_before + 1..).map(|(call, n)| call.named(n)).collect();
        if !request.prefix.is_empty() && content.starts_with(&request.prefix) {
            content.drain(..request.prefix.len());
        }
        if let Form::Text { stop } = &request.form {
            stop_at(&mut content, stop);
        }
        let usage = match message.usage {
            Some(Usage { input, cached, output }) => Tokens { input, cached, output },
            None => self.estimate(request, &content, &tool_calls),
        };
        if !content.is_empty() {
            on_text(&content);
        }
        Ok(Reply { tool_calls, ..Reply::text(content, usage, Finish::Stop) })
    }
}

impl Scripted {
    fn estimate(&self, request: &Request, content: &str, calls: &[ToolCall]) -> Tokens {
        let mut input = self.count(&request.prefix);
        for message in &request.messages {
            input += self.count(&message.content);
            input += message.tool_calls.iter().map(|c| self.call_tokens(c)).sum::<u64>();
        }
        let calls = calls.iter().map(|call| self.call_tokens(call)).sum::<u64>();
        Tokens { input, cached: 0, output: self.count(content) + calls }
    }

    fn call_tokens(&self, call: &ToolCall) -> u64 {
        self.count(&call.name) + self.count(&call.arguments.to_string())
    }
}

fn read(path: &Path) -> Result<Vec<Line>, ScriptError> {
    let failed = |source| ScriptError::Read { path: path.to_owned(), source };
    let mut file = BufReader::new(guard::file::open(path).map_err(failed)?);
    let mut lines = Vec::new();
    let mut calls_before = 0;
    for number in 1.. {
        let mut bytes = Vec::new();
        file.by_ref().take(REPLY_LIMIT as u64 + 1).read_until(b'\n', &mut bytes).map_err(failed)?;
        if bytes.is_empty() {
            break;
        }
        if bytes.len() > REPLY_LIMIT && bytes.last() != Some(&b'\n') {
            file.skip_until(b'\n').map_err(failed)?;
            lines.push(Line::TooLong { number });
            continue;
        }
        let bad = |reason| ScriptError::Line { path: path.to_owned(), line: number, reason };
        let text = text::utf8::of(&bytes).map_err(|error| bad(error.to_string()))?;
        let text = text.to_string();
        if text.trim().is_empty() {
            continue;
        }
        let calls = parse(&text).map_err(bad)?.tool_calls.flatten().map_or(0, |c| c.len());
        lines.push(Line::Text { number, text, calls_before });
        calls_before += calls;
    }
    Ok(lines)
}

fn parse(text: &str) -> Result<Message, String> {
    let message: Message = serde_json::from_str(text).map_err(|e| e.to_string())?;
    if message.content.is_none() && message.tool_calls.is_none() {
        return Err("it has neither `content` nor `tool_calls`".to_string());
    }
    Ok(message)
}

/// Cuts the text before the first stop string in it.
fn stop_at(content: &mut String, stop: &[String]) {
    let found = stop.iter().filter(|s| !s.is_empty()).filter_map(|s| content.find(s.as_str()));
    if let Some(end) = found.min() {
        content.truncate(end);
    }
}

/// What a line holds; the keys that servers add to an assistant message are read past, any other
/// is a mistake.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    #[serde(default, deserialize_with = "present")]
    content: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    tool_calls: Option<Option<Vec<Call>>>,
    usage: Option<Usage>,
    #[serde(default, rename = "role")]
    _role: Option<Role>,
    #[serde(default, rename = "refusal")]
    _refusal: Option<IgnoredAny>,
    #[serde(default, rename = "annotations")]
    _annotations: Option<IgnoredAny>,
    #[serde(default, rename = "audio")]
    _audio: Option<IgnoredAny>,
    #[serde(default, rename = "function_call")]
    _function_call: (),
    #[serde(default, rename = "reasoning_content")]
    _reasoning: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Role {
    Assistant,
}

/// Tells a key that is null from one that is not there.
fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a tool call has a `name` and `arguments`, alone or in `function`")]
enum Call {
    Long {
        id: Option<String>,
        function: Function,
    },
    Short {
        id: Option<String>,
        #[serde(flatten)]
        function: Function,
    },
}

impl Call {
    fn named(self, n: usize) -> ToolCall {
        let (Call::Long { id, function } | Call::Short { id, function }) = self;
        let id = id.unwrap_or_else(|| format!("call-{n}"));
        ToolCall { id, name: function.name, arguments: crate::arguments(function.arguments) }
    }
}

#[derive(Deserialize)]
struct Function {
    name: String,
    #[serde(default)]
    arguments: Value,
}

#[derive(Deserialize, Clone, Copy)]
struct Usage {
    #[serde(alias = "input_tokens", alias = "prompt_tokens", default)]
    input: u64,
    #[serde(default)]
    cached: u64,
    #[serde(alias = "output_tokens", alias = "completion_tokens", default)]
    output: u64,
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use agent_core::message::Message;
    use serde_json::json;

    use super::*;

    struct Script(tempfile::NamedTempFile);

    fn script(text: &[u8]) -> Script {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text).unwrap();
        Script(file)
    }

    impl Script {
        fn load(&self) -> Result<Scripted, ScriptError> {
            Scripted::load(self.0.path())
        }

        fn error(&self) -> String {
            self.load().unwrap_err().to_string()
        }
    }

    fn request(call: u64) -> Request {
        Request {
            call,
            messages: vec![Message::user("How high is the Brocken?").into()],
            prefix: String::new(),
            form: Form::Calls(Vec::new()),
            max_tokens: 100,
            reasoning: 0,
        }
    }

    async fn ask(model: &Scripted, request: &Request) -> Result<Reply, ModelError> {
        let mut seen = String::new();
        let reply = model.think(request, &mut |text| seen.push_str(text)).await?;
        assert_eq!(seen, reply.content);
        Ok(reply)
    }

    #[tokio::test]
    async fn both_ways_to_write_a_call_are_read() {
        let script = script(
            br#"{"role":"assistant","content":null,"refusal":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"files.read","arguments":"{\"path\":\"a.md\"}"}},{"name":"files.list","arguments":{"path":"."}}]}

{"tool_calls":[{"name":"files.list"},{"name":"files.read","arguments":"{not json"}]}
{"content":"1,141 m","usage":{"prompt_tokens":7,"completion_tokens":3}}"#,
        );
        let model = script.load().unwrap();
        let call = |id: &str, name: &str, arguments| ToolCall {
            id: id.to_string(),
            name: name.to_string(),
            arguments,
        };
        let first = ask(&model, &request(0)).await.unwrap();
        assert_eq!(first.content, "");
        assert_eq!(
            first.tool_calls,
            [
                call("a", "files.read", json!({"path": "a.md"})),
                call("call-2", "files.list", json!({"path": "."})),
            ]
        );
        let second = ask(&model, &request(1)).await.unwrap();
        assert_eq!(
            second.tool_calls,
            [
                call("call-3", "files.list", json!({})),
                call("call-4", "files.read", json!("{not json")),
            ]
        );
        let third = ask(&model, &request(2)).await.unwrap();
        assert_eq!(third.content, "1,141 m");
        assert_eq!(third.usage, Tokens { input: 7, cached: 0, output: 3 });
        // A second process that resumes asks by number too.
        assert_eq!(ask(&script.load().unwrap(), &request(1)).await.unwrap(), second);
    }

    #[tokio::test]
    async fn running_out_names_file_and_count() {
        let script = script(b"{\"content\":\"yes\"}\n");
        let error = ask(&script.load().unwrap(), &request(1)).await.unwrap_err();
        let path = script.0.path().display();
        assert_eq!(
            error.to_string(),
            format!(
                "model `{path}` did not answer: the script `{path}` ends with reply 1, and this is call 2"
            )
        );
    }

    #[tokio::test]
    async fn prefix_and_stop_are_left_out() {
        let script = script(b"{\"content\":\"```python\\nprint(1)\\n```\\nthat is it\"}");
        let model = script.load().unwrap();
        let mut request = request(0);
        request.prefix = "```python\n".to_string();
        request.form = Form::Text { stop: vec!["```".to_string()] };
        assert_eq!(ask(&model, &request).await.unwrap().content, "print(1)\n");
    }

    #[test]
    fn a_bad_line_is_named() {
        let good = "{\"content\":\"yes\"}\n\n";
        for (line, reason) in [
            ("{\"content\":", "EOF while parsing"),
            ("{}", "it has neither `content` nor `tool_calls`"),
            ("{\"content\":3}", "invalid type: integer `3`"),
            ("{\"content\":\"a\",\"toolcalls\":[]}", "unknown field `toolcalls`"),
            ("{\"role\":\"user\",\"content\":\"a\"}", "unknown variant `user`"),
            ("{\"tool_calls\":[{\"id\":\"x\"}]}", "a tool call has a `name` and `arguments`"),
        ] {
            let error = script(format!("{good}{line}\n").as_bytes()).error();
            assert!(error.contains("line 3 of the script"), "{error}");
            assert!(error.contains(reason), "{error}");
        }
        assert!(script(b"\xff\xfe").error().contains("line 1"));
        assert!(Scripted::load("/nowhere/replies.jsonl").is_err());
    }

    #[tokio::test]
    async fn a_flood_is_an_error_and_is_not_kept() {
        let mut text = b"{\"content\":\"".to_vec();
        text.resize(100 << 20, b'a');
        text.extend(b"\"}\n{\"content\":\"small\"}\n");
        let model = script(&text).load().unwrap();
        let error = ask(&model, &request(0)).await.unwrap_err().to_string();
        assert!(error.contains("line 1 of the script is longer than a reply may be"), "{error}");
        assert_eq!(ask(&model, &request(1)).await.unwrap().content, "small");
    }
}
