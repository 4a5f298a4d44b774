//! From bytes to events: a small state machine without IO, which takes whatever a server sends and
//! gives the same events wherever the bytes are cut.
//!
//! It reads server-sent events, and beside them what stands in their place: one JSON document where
//! `stream` was passed over, or one a line. Comments, heartbeats, `null` and other fields are passed
//! over, but for the name of an event whose data does not say what it is. What should be JSON and is none
//! is made legible; where that does not help it is an event of its own: it may have held a part of the reply.

use serde_json::{Value, json};

/// How much of what could not be read is kept.
const HEAD: usize = 300;

/// What was found in the bytes.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A JSON value, never null.
    Value(Value),
    /// The server says that the stream is over.
    Done,
    /// The beginning of what should be JSON.
    Broken(String),
}

/// Reads a body.
#[derive(Debug, Default)]
pub struct Reader {
    /// The line under way.
    line: Vec<u8>,
    /// The last byte was a carriage return: a line feed belongs to it.
    returned: bool,
    /// The name of the event under way.
    name: String,
    /// Data of the event under way that is not JSON by itself.
    data: Vec<String>,
    /// A document that goes over lines, up to the end.
    document: Option<String>,
    /// The beginning of the text that is no field.
    stray: String,
    begun: bool,
}

impl Reader {
    /// The events that these bytes complete.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        for &byte in bytes {
            match byte {
                b'\n' if std::mem::take(&mut self.returned) => {}
                b'\n' | b'\r' => {
                    self.returned = byte == b'\r';
                    self.end_line(&mut events);
                }
                _ => {
                    self.returned = false;
                    self.line.push(byte);
                }
            }
        }
        events
    }

    /// The events that the end of the body completes.
    pub fn end(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        if !self.line.is_empty() {
            self.end_line(&mut events);
        }
        self.dispatch(&mut events);
        if let Some(document) = self.document.take() {
            values(&document, &mut events);
        }
        events
    }

    /// The beginning of what the body holds beside events, such as a page of HTML.
    pub fn words(&self) -> Option<&str> {
        Some(self.stray.as_str()).filter(|text| !text.is_empty())
    }

    fn end_line(&mut self, events: &mut Vec<Event>) {
        let bytes = std::mem::take(&mut self.line);
        let mut line = &*String::from_utf8_lossy(&bytes);
        if !std::mem::replace(&mut self.begun, true) {
            line = line.trim_start_matches('\u{feff}');
        }
        if let Some(document) = &mut self.document {
            document.push_str(line);
            document.push('\n');
            return;
        }
        if line.trim().is_empty() {
            return self.dispatch(events);
        }
        match line.split_once(':').map_or((line, ""), |(field, value)| (field, value)) {
            ("event", name) => self.name = name.trim().to_string(),
            ("", _) | ("id" | "retry", _) => {}
            ("data", value) => self.take(value, events),
            _ if self.stray.is_empty() && line.trim_start().starts_with(['{', '[']) => {
                self.open(line, events);
            }
            _ => self.stray(line),
        }
    }

    /// A line of data. Most servers put an event on each, and some no empty line between two.
    fn take(&mut self, value: &str, events: &mut Vec<Event>) {
        if self.data.is_empty() {
            let mut found = Vec::new();
            values(value, &mut found);
            if !broken(&found) {
                self.called(&mut found);
                return events.append(&mut found);
            }
        }
        self.data.push(value.strip_prefix(' ').unwrap_or(value).to_string());
    }

    /// JSON without a field's name: a document of this line, or one that begins with it.
    fn open(&mut self, line: &str, events: &mut Vec<Event>) {
        match serde_json::from_str(line) {
            Ok(value) => events.push(Event::Value(value)),
            Err(_) => self.document = Some(format!("{line}\n")),
        }
    }

    fn dispatch(&mut self, events: &mut Vec<Event>) {
        let data = std::mem::take(&mut self.data).join("\n");
        // Words are a heartbeat, or a page.
        match data.trim_start().starts_with(['{', '[', '"']) {
            true => {
                let mut found = Vec::new();
                values(&data, &mut found);
                self.called(&mut found);
                events.append(&mut found);
            }
            false if data.trim().is_empty() => {}
            false if self.name == "error" => {
                events.push(Event::Value(json!({ "type": "error", "message": head(&data) })));
            }
            false => self.stray(&data),
        }
        self.name.clear();
    }

    /// Servers that name an event beside its data may not say it again within.
    fn called(&self, events: &mut [Event]) {
        if self.name.is_empty() {
            return;
        }
        for event in events {
            if let Event::Value(Value::Object(event)) = event {
                event.entry("type").or_insert_with(|| self.name.as_str().into());
            }
        }
    }

    /// Text that is no event.
    fn stray(&mut self, text: &str) {
        if self.stray.len() < HEAD {
            self.stray.push_str(&head(text));
            self.stray.push('\n');
        }
    }
}

/// The values in a text, one after the other.
fn values(text: &str, events: &mut Vec<Event>) {
    let mut found = Vec::new();
    read(text, &mut found);
    if broken(&found) {
        let mut again = Vec::new();
        read(&text::legible::json(text), &mut again);
        if !broken(&again) {
            found = again;
        }
    }
    events.append(&mut found);
}

fn broken(events: &[Event]) -> bool {
    events.iter().any(|event| matches!(event, Event::Broken(_)))
}

fn read(text: &str, events: &mut Vec<Event>) {
    const DONE: &str = "[DONE]";
    let mut rest = text.trim();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix(DONE) {
            events.push(Event::Done);
            rest = after.trim_start();
            continue;
        }
        let mut found = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        match found.next() {
            Some(Ok(Value::Null)) => {}
            Some(Ok(value)) => events.push(Event::Value(value)),
            Some(Err(_)) | None => return events.push(Event::Broken(head(rest))),
        }
        rest = rest[found.byte_offset()..].trim_start();
    }
}

fn head(text: &str) -> String {
    let line = text::one_line(text);
    match line.char_indices().nth(HEAD) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn events(body: &[u8]) -> Vec<Event> {
        let mut reader = Reader::default();
        let mut events = reader.push(body);
        events.extend(reader.end());
        events
    }

    fn numbers(body: &str) -> Vec<i64> {
        let number = |event| match event {
            Event::Value(value) => value["n"].as_i64().unwrap_or(-1),
            Event::Done => 0,
            Event::Broken(_) => -2,
        };
        events(body.as_bytes()).into_iter().map(number).collect()
    }

    #[test]
    fn events_are_found_however_they_are_written() {
        for (body, found) in [
            ("data: {\"n\":1}\n\ndata: [DONE]\n\n", vec![1, 0]),
            ("data:{\"n\":1}\r\n\r\ndata:[DONE]\r\n\r\n", vec![1, 0]),
            ("data: {\"n\":1}\r\rdata: {\"n\":2}\r\r", vec![1, 2]),
            ("\u{feff}event: x\nid: 7\nretry: 3\ndata: {\"n\":1}\n\n", vec![1]),
            (
                ": ping\n\n:\n\ndata\n\ndata:\n\ndata: \n\ndata: null\n\ndata: {\"n\":1}\n\n",
                vec![1],
            ),
            ("data: keep-alive\n\ndata: {\"n\":1}\n\n", vec![1]),
            ("data: {\"n\":1}\ndata: {\"n\":2}\n\ndata: {\"n\":3} [DONE]", vec![1, 2, 3, 0]),
            ("data: {\ndata:   \"n\": 1\ndata: }\n\ndata: {\"n\":2}", vec![1, 2]),
            ("{\"n\":1}\n{\"n\":2}\n", vec![1, 2]),
            ("\n {\n  \"n\": 1\n\n }\n", vec![1]),
            ("{\"n\":1}", vec![1]),
            ("data: {\"n\":1}\n\ndata: {\"n\":\n\n", vec![1, -2]),
            ("{\n\"n\": 1", vec![-2]),
            ("", vec![]),
        ] {
            assert_eq!(numbers(body), found, "{body:?}");
        }
    }

    #[test]
    fn json_of_other_languages_is_read() {
        for (written, read) in [
            (r#"{"a": "\ud83d", "b": NaN}"#, json!({ "a": "\u{fffd}", "b": null })),
            ("{\"a\": \"x\ty\"}", json!({ "a": "x\ty" })),
        ] {
            let body = format!("data: {written}\n\n");
            assert_eq!(events(body.as_bytes()), [Event::Value(read.clone())]);
            assert_eq!(events(written.as_bytes()), [Event::Value(read)]);
        }
    }

    #[test]
    fn the_name_of_an_event_stands_for_its_type() {
        let body =
            b"event: a\ndata: {\"n\":1}\n\ndata: {\"n\":2}\n\nevent: a\ndata: {\"type\":\"b\"}\n\n\
                     event: error\ndata: it broke\n\n";
        let values = [
            json!({ "n": 1, "type": "a" }),
            json!({ "n": 2 }),
            json!({ "type": "b" }),
            json!({ "type": "error", "message": "it broke" }),
        ];
        assert_eq!(events(body), values.map(Event::Value));
    }

    #[test]
    fn what_is_no_event_is_kept_to_be_named() {
        let mut reader = Reader::default();
        assert!(reader.push(b"<html>\n<h1>Bad gateway</h1>\n").is_empty());
        assert_eq!(reader.words(), Some("<html>\n<h1>Bad gateway</h1>\n"));
    }

    /// A server's packets end anywhere, also within a letter.
    #[test]
    fn where_bytes_are_cut_changes_nothing() {
        let body = "\u{feff}: ping\r\n\r\ndata: {\"n\": \"größe 高さ\"}\r\n\r\ndata: null\n\n\
                    data: {\ndata: \"n\": 2}\n\nevent: x\ndata: [1, 2]\r\rdata: {oh\n\ndata: [DONE]\n\n\
                    {\"a\": 1}\n{\n\"b\": \"é\"\n}"
            .as_bytes();
        let whole = events(body);
        assert!(whole.contains(&Event::Value(json!({"n": "größe 高さ"}))), "{whole:?}");
        assert_eq!(whole.last(), Some(&Event::Value(json!({"b": "é"}))));
        for size in 1..body.len() {
            let mut reader = Reader::default();
            let mut cut: Vec<_> = body.chunks(size).flat_map(|bytes| reader.push(bytes)).collect();
            cut.extend(reader.end());
            assert_eq!(cut, whole, "{size} bytes at a time");
        }
    }
}
