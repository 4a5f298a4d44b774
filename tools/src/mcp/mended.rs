//! What a program writes, line by line, put right where it is not quite the protocol's: letters in
//! another encoding, half a pair of surrogates, `NaN`, several answers in one list or one line, an answer
//! behind other words or over several lines, one that has an error of `null` beside its result.
//! Without it such a line would answer nothing, and the call would wait for its `timeout`.
//!
//! Refuses to guess: a line that is no message after that goes on as it is, to be passed over, and its
//! beginning is remembered for the one who waits.

use std::borrow::Cow;
use std::sync::Arc;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};

use super::bounded::{Flow, MESSAGE};

/// How much is on its way between the program and its reader, in bytes.
const BETWEEN: usize = 64 << 10;

/// The same, put right. It ends when the program's output does, or when nothing reads it any more.
pub(super) fn mended(
    output: impl AsyncRead + Send + Unpin + 'static,
    flow: Arc<Flow>,
) -> impl AsyncRead + Send + Unpin + 'static {
    let (mut there, here) = tokio::io::duplex(BETWEEN);
    tokio::spawn(async move {
        let mut output = BufReader::new(output);
        let (mut line, mut whole) = (Vec::new(), true);
        let mut lines = Lines::default();
        loop {
            line.clear();
            let mut part = (&mut output).take(MESSAGE as u64 + 1);
            if !matches!(part.read_until(b'\n', &mut line).await, Ok(1..)) {
                return;
            }
            // What is longer than a message may be goes on in parts, to be refused where it is read.
            let ends = line.ends_with(b"\n");
            if whole && ends && !lines.together(&mut line) {
                continue;
            }
            let written = match whole && (ends || line.len() <= MESSAGE) {
                true => put_right(&line, &flow),
                false => Cow::Borrowed(&line[..]),
            };
            whole = ends;
            if there.write_all(&written).await.is_err() {
                return;
            }
        }
    });
    here
}

/// What of a message tells whether it is one. Of a key that is there, `Some(None)` is `null`.
#[derive(Deserialize)]
struct Shape {
    jsonrpc: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "there")]
    result: Option<Option<IgnoredAny>>,
    #[serde(default, deserialize_with = "there")]
    error: Option<Option<Failed>>,
    method: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Failed {
    #[serde(rename = "code")]
    _code: i32,
    #[serde(rename = "message")]
    _message: String,
}

/// A key that is there, whatever it has: a key of `null` is not one that is left out.
fn there<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// The lines of a message that is written over several.
#[derive(Default)]
struct Lines(Vec<u8>);

impl Lines {
    /// Whether what is in `line` then is to be read; else more belongs to it.
    fn together(&mut self, line: &mut Vec<u8>) -> bool {
        if self.0.is_empty() && line.trim_ascii() != b"{" {
            return true;
        }
        self.0.append(line);
        // It ends where its first brace does; a message by itself is none of its lines.
        let last = self.0.trim_ascii_end().rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
        let ends = last.starts_with(b"}") || is_message(last) || self.0.len() > MESSAGE;
        if !ends {
            return false;
        }
        *line = std::mem::take(&mut self.0);
        if is_like_one(&serde_json::from_slice(line).unwrap_or_default()) {
            line.retain(|byte| *byte != b'\n' && *byte != b'\r');
            line.push(b'\n');
        }
        true
    }
}

fn put_right<'a>(line: &'a [u8], flow: &Flow) -> Cow<'a, [u8]> {
    if line.trim_ascii().is_empty() || is_message(line) {
        return Cow::Borrowed(line);
    }
    let read = match serde_json::from_slice::<Value>(text::utf8::unmarked(line)) {
        Ok(value) => Ok(value),
        Err(_) => serde_json::from_str(&text::legible::json(&String::from_utf8_lossy(line))),
    };
    let messages = match read {
        Ok(Value::Array(messages)) if messages.iter().any(is_like_one) => messages,
        Ok(message) if is_like_one(&message) => vec![message],
        Ok(_) => Vec::new(),
        Err(_) => within(&String::from_utf8_lossy(line)),
    };
    if messages.is_empty() {
        flow.garbled(line);
        return Cow::Borrowed(line);
    }
    let lines = messages.into_iter().map(|message| format!("{}\n", usual(message)));
    Cow::Owned(lines.collect::<String>().into_bytes())
}

/// The messages at the end of a line: behind words, the mark of an event or a terminal's colour, and
/// several of them. Behind words only answers count, since a program may tell what it was asked.
fn within(line: &str) -> Vec<Value> {
    /// The most places where one is looked for.
    const PLACES: usize = 32;
    let line = line.trim_end_matches(|c: char| c.is_whitespace() || c.is_control());
    let line = line.strip_suffix("\u{1b}[0m").or(line.strip_suffix("\u{1b}[m")).unwrap_or(line);
    let places = line.match_indices('{').map(|(at, _)| at).take(PLACES);
    let messages = places.filter_map(|at| {
        let found: Result<Vec<Value>, _> =
            serde_json::Deserializer::from_str(&line[at..]).into_iter().collect();
        let first = line[..at].trim().is_empty();
        let counts = |message: &Value| {
            message.get("jsonrpc").is_some()
                && is_like_one(message)
                && (first || message.get("method").is_none())
        };
        found.ok().filter(|found| found.iter().all(counts))
    });
    messages.take(1).next().unwrap_or_default()
}

/// Whether it can be read as it is; what is within a result is not looked at.
fn is_message(line: &[u8]) -> bool {
    let Ok(line) = std::str::from_utf8(line) else { return false };
    // Half a pair can only be written as an escape, and is only seen where the text itself is read.
    let escaped = line.contains("\\ud") || line.contains("\\uD");
    if escaped && serde_json::from_str::<Value>(line).is_err() {
        return false;
    }
    let Ok(shape) = serde_json::from_str::<Shape>(line) else { return false };
    let one = match (shape.result, shape.error) {
        (Some(None), _) | (Some(_), Some(None)) => false,
        (Some(_), Some(_)) | (None, None | Some(None)) => shape.method.is_some(),
        (Some(_), None) | (None, Some(_)) => true,
    };
    shape.jsonrpc.is_some() && one
}

/// Whether it is meant as a message.
fn is_like_one(message: &Value) -> bool {
    let has = |key: &str| message.get(key).is_some();
    has("method") || has("id") && (has("result") || has("error"))
}

/// A message as the protocol has it.
fn usual(mut message: Value) -> Value {
    let Some(keys) = message.as_object_mut() else { return message };
    keys.insert("jsonrpc".to_string(), json!("2.0"));
    if keys.contains_key("method") {
        return message;
    }
    if keys.get("error").is_some_and(Value::is_null) {
        keys.shift_remove("error");
        keys.entry("result").or_insert(Value::Null);
    }
    if let Some(error) = keys.get("error") {
        let error = failure(error);
        keys.insert("error".to_string(), error);
        keys.shift_remove("result");
    } else if keys.get("result").is_some_and(Value::is_null) {
        keys.insert("result".to_string(), json!({}));
    }
    message
}

/// An error with a number for its code and a text for its message.
fn failure(error: &Value) -> Value {
    /// What a code stands for that is none: an error of the server's own.
    const OWN: i64 = -32000;
    let code = error["code"].as_i64().filter(|code| i32::try_from(*code).is_ok());
    let text = |value: &Value| match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    let mut said = text(&error["message"]).or_else(|| text(error)).unwrap_or_default();
    if code.is_none()
        && let Some(code) = text(&error["code"])
    {
        said = format!("{code}: {said}");
    }
    json!({"code": code.unwrap_or(OWN), "message": said, "data": error["data"]})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn right(line: &[u8]) -> String {
        let flow = Flow::default();
        String::from_utf8(put_right(line, &flow).into_owned()).unwrap()
    }

    #[test]
    fn a_message_goes_on_as_it_is() {
        for line in [
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"a\":\"\\ud83d\\ude00\"}}\n",
            "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/x\",\"params\":null}\n",
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-1,\"message\":\"no\"}}\n",
            "listening\n",
            "\n",
        ] {
            assert!(
                matches!(put_right(line.as_bytes(), &Flow::default()), Cow::Borrowed(_)),
                "{line}"
            );
        }
    }

    #[test]
    fn what_is_not_quite_a_message_is_put_right() {
        for (line, expected) in [
            (&b"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"a\":\"caf\xe9\"}}\n"[..],
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"a\":\"caf\u{fffd}\"}}\n"),
            (b"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"a\":\"\\ud83d x \\\" NaN\"}}\n",
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"a\":\"\u{fffd} x \\\" NaN\"}}\n"),
            (b"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"a\":[NaN,-Infinity,-1]}}\n",
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"a\":[null,null,-1]}}\n"),
            (b"[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}},{\"id\":2,\"result\":{}}]\n",
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n{\"id\":2,\"result\":{},\"jsonrpc\":\"2.0\"}\n"),
            (b"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{},\"error\":null}\n",
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n"),
            (b"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null}\n",
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n"),
            (b"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null,\"error\":{\"code\":\"E\",\"message\":\"no\"}}\n",
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32000,\"message\":\"E: no\",\"data\":null}}\n"),
            (b"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":\"no\"}\n",
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32000,\"message\":\"no\",\"data\":null}}\n"),
            (b"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":null}\n",
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n"),
        ] {
            assert_eq!(right(line), expected);
        }
    }

    #[test]
    fn a_message_is_found_in_its_line() {
        let answer = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"a\":{}}}";
        let told = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/x\"}";
        for line in [
            format!("Listening... {answer}\n"),
            format!("data: {answer}\r\n"),
            format!("\u{1b}[32m{answer}\u{1b}[0m\n"),
            format!("{answer}\0\n"),
            format!("tools {{}} {answer}\n"),
        ] {
            assert_eq!(right(line.as_bytes()), format!("{answer}\n"), "{line:?}");
        }
        let two = format!("{told}{answer}\n");
        assert_eq!(right(two.as_bytes()), format!("{told}\n{answer}\n"));
        for line in [
            format!("asked {told}\n"),
            format!("sent {answer} in 3 ms\n"),
            "got {\"id\":1,\"result\":{}}\n".to_string(),
        ] {
            assert_eq!(right(line.as_bytes()), line);
        }
    }

    #[test]
    fn a_message_over_several_lines_is_one() {
        let read = |written: &str| {
            let (mut lines, mut read) = (Lines::default(), String::new());
            for line in written.split_inclusive('\n') {
                let mut line = line.as_bytes().to_vec();
                if lines.together(&mut line) {
                    read += std::str::from_utf8(&line).unwrap();
                }
            }
            read
        };
        let answer = json!({"jsonrpc": "2.0", "id": 1, "result": {"a": [{}, "x\n}"]}});
        let read_back: Value = serde_json::from_str(&read(&format!("{answer:#}\r\n"))).unwrap();
        assert_eq!(read_back, answer);
        assert_eq!(read(&format!("{answer:#}\n")).lines().count(), 1);
        // What only begins like one hides no message after it.
        let words = format!("{{\n  a: 1\n{answer}\n");
        assert_eq!(read(&words), words);
        assert_eq!(read("{\n}\nx\n"), "{\n}\nx\n");
    }

    #[test]
    fn what_is_no_message_is_remembered_for_the_one_who_waits() {
        let flow = Flow::default();
        put_right(b"  {\"a\": 1\x1b}\n", &flow);
        assert_eq!(flow.odd().as_deref(), Some("{\"a\": 1}"));
        assert_eq!(flow.odd(), None);
    }
}
