//! A reply as it is read: bytes in, text out, and in the end the reply. Pure, so that whatever a
//! server sends can be tried without one.

use agent_core::agent::Protocol;
use agent_core::model::{Reply, Request};
use guard::Redactor;
use serde_json::Value;

use super::chunk::{self, Piece};
use super::messages;
use super::names::Names;
use super::reply::{Draft, Usaged};
use super::responses;
use super::retry::Failure;
use super::said;
use super::stream::{Event, Reader};

/// A reply under way.
#[derive(Debug)]
pub(super) struct Reading {
    protocol: Protocol,
    reader: Reader,
    draft: Draft,
    /// The first value that says nothing.
    odd: Option<String>,
}

impl Reading {
    /// Of a reply of at most so many tokens.
    pub(super) fn new(protocol: Protocol, tokens: u32) -> Self {
        Self { protocol, reader: Reader::default(), draft: Draft::new(tokens), odd: None }
    }

    /// Takes bytes in; gives the text that they add.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<String, Failure> {
        let events = self.reader.push(bytes);
        self.take(events)
    }

    /// The body is over; gives the text that its end adds.
    pub(super) fn end(&mut self) -> Result<String, Failure> {
        let events = self.reader.end();
        let text = self.take(events)?;
        match self.odd.as_deref().or(self.reader.words()) {
            Some(odd) if self.draft.silent() => {
                let odd = match said::brief(odd) {
                    page if page.starts_with(http_client::PAGE) => page,
                    odd => format!("`{odd}`"),
                };
                Err(Failure::new(format!("it answered {odd} where a reply was expected")))
            }
            _ => Ok(text),
        }
    }

    /// Whether nothing more is to be waited for.
    pub(super) fn over(&self) -> bool {
        self.draft.over() || self.draft.ended()
    }

    /// Whether the server said why the reply ended.
    pub(super) fn finished(&self) -> bool {
        self.draft.finished()
    }

    /// Whether the model has begun to answer.
    pub(super) fn begun(&self) -> bool {
        self.draft.begun()
    }

    /// The reply, once all is read.
    pub(super) fn reply(
        self,
        request: &Request,
        names: &Names,
        redactor: &Redactor,
    ) -> Result<(Reply, Usaged), Failure> {
        self.draft.reply(request, names, redactor)
    }

    fn take(&mut self, events: Vec<Event>) -> Result<String, Failure> {
        let mut text = String::new();
        for event in events {
            if self.over() {
                break;
            }
            for piece in self.pieces(event)? {
                text += &self.draft.take(piece)?;
            }
        }
        Ok(text)
    }

    /// The parts that an event adds to the reply.
    fn pieces(&mut self, event: Event) -> Result<Vec<Piece>, Failure> {
        let value = match event {
            Event::Value(value) => value,
            Event::Done => {
                self.draft.end();
                return Ok(Vec::new());
            }
            Event::Broken(_) if self.finished() => return Ok(Vec::new()),
            Event::Broken(text) => {
                return Err(Failure::new(format!("it sent `{text}`, which is no reply")).again());
            }
        };
        let protocol = spoken(&value).unwrap_or(self.protocol);
        let mut pieces = match protocol {
            Protocol::Chat => chunk::pieces(&value),
            Protocol::Responses => responses::pieces(&value),
            Protocol::Messages => messages::pieces(&value),
        };
        // Some servers say all of it once more at the end.
        if protocol == Protocol::Chat && chunk::whole(&value) {
            if self.begun() {
                pieces.retain(|piece| matches!(piece, Piece::Finish(_) | Piece::Usage(_)));
            }
            pieces.push(Piece::End);
        }
        if responses::tells_all(&value) && self.draft.called() {
            pieces.retain(|piece| !matches!(piece, Piece::Called(_)));
        }
        if pieces.is_empty() && value["choices"].is_null() {
            self.odd.get_or_insert_with(|| value.to_string());
        }
        Ok(pieces)
    }
}

/// The protocol that only this value can be of: a gateway may answer in another than it was asked in.
fn spoken(value: &Value) -> Option<Protocol> {
    let kind = value["type"].as_str().unwrap_or_default();
    let block = kind.starts_with("message_") || kind.starts_with("content_block_");
    match () {
        _ if value["choices"].is_array() => Some(Protocol::Chat),
        _ if kind.starts_with("response.") || responses::is_whole(value) => {
            Some(Protocol::Responses)
        }
        _ if block || messages::is_whole(value) => Some(Protocol::Messages),
        _ => None,
    }
}

/// The reply in a body that is there already, in these parts. The error is a sentence.
pub fn read<'a>(
    protocol: Protocol,
    parts: impl IntoIterator<Item = &'a [u8]>,
    request: &Request,
) -> Result<Reply, String> {
    let mut reading = Reading::new(protocol, request.max_tokens);
    let read = || {
        for bytes in parts {
            reading.push(bytes)?;
            if reading.over() {
                return Ok(());
            }
        }
        reading.end().map(drop)
    };
    let read: Result<(), Failure> = read();
    let finished = reading.finished();
    let reply = match read {
        Err(failure) if !finished => Err(failure),
        _ => reading.reply(request, &Names::default(), &Redactor::default()),
    };
    reply.map(|(reply, _)| reply).map_err(|failure| failure.reason)
}

#[cfg(test)]
mod tests {
    use agent_core::model::{Finish, Form};
    use serde_json::json;

    use super::*;

    fn request() -> Request {
        let (messages, prefix) = (Vec::new(), String::new());
        Request {
            call: 0,
            messages,
            prefix,
            form: Form::Calls(Vec::new()),
            max_tokens: 500,
            reasoning: 0,
        }
    }

    fn chat<'a>(
        parts: impl IntoIterator<Item = &'a [u8]>,
        request: &Request,
    ) -> Result<Reply, String> {
        read(Protocol::Chat, parts, request)
    }

    fn body(events: &[Value]) -> String {
        let events = events.iter().map(|event| format!("data: {event}\n\n"));
        events.chain(["data: [DONE]\n\n".to_string()]).collect()
    }

    fn text(body: &str) -> Result<String, String> {
        chat([body.as_bytes()], &request()).map(|reply| reply.content)
    }

    fn said(delta: Value, finish: Option<&str>) -> Value {
        json!({ "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }] })
    }

    fn content(text: &str) -> Value {
        said(json!({ "content": text }), None)
    }

    fn whole() -> Value {
        json!({ "choices": [{ "index": 0, "finish_reason": "stop",
            "message": { "role": "assistant", "content": "Hello" } }] })
    }

    #[test]
    fn a_reply_that_is_not_streamed_is_a_reply() {
        for body in [whole().to_string(), format!("{:#}", whole()), body(&[whole()])] {
            assert_eq!(text(&body).as_deref(), Ok("Hello"), "{body}");
        }
        let again = [content("Hel"), content("lo"), whole()];
        assert_eq!(text(&body(&again)).as_deref(), Ok("Hello"));
    }

    #[test]
    fn an_end_is_an_end_and_half_a_reply_is_none() {
        let stop = said(json!({}), Some("stop"));
        let unmarked = body(&[content("Hello")]);
        assert_eq!(text(&unmarked).as_deref(), Ok("Hello"));
        let cut = unmarked.split("data: [DONE]").next().unwrap();
        assert_eq!(text(cut), Err("the stream ended before the reply did".to_string()));
        let late = body(&[content("Hello"), stop.clone()]).replace("[DONE]", "{oh");
        assert_eq!(text(&late).as_deref(), Ok("Hello"));
        assert_eq!(text(&body(&[])), Err("the stream ended without a word".to_string()));
        assert!(text("<html><title>Hi</title></html>").unwrap_err().contains("`Hi`"));
        assert!(text("{\"a\": 1}").unwrap_err().contains("`{\"a\":1}`"));
    }

    #[test]
    fn reasoning_is_kept_apart() {
        let thought = said(json!({ "reasoning_content": "Hm." }), None);
        let events = [
            thought,
            content("<think>\nSo."),
            content("</think>\n\nHello"),
            said(json!({}), Some("stop")),
        ];
        let reply = chat([body(&events).as_bytes()], &request()).unwrap();
        assert_eq!(reply.content, "Hello");
        assert!(reply.reasoning.contains("Hm.") && reply.reasoning.contains("So."), "{reply:?}");
    }

    /// A gateway may take a request in one protocol and answer in another.
    #[test]
    fn a_reply_is_read_in_the_protocol_that_it_is_written_in() {
        let message = [
            json!({ "type": "message_start", "message": { "usage": null } }),
            json!({ "type": "content_block_delta", "delta": { "text": "Hello" } }),
            json!({ "type": "message_stop" }),
        ];
        let response = [
            json!({ "type": "response.created", "response": { "output": [] } }),
            json!({ "type": "response.output_text.delta", "delta": "Hello" }),
            json!({ "type": "response.completed", "response": { "status": "completed" } }),
        ];
        let chat = [content("Hello"), said(json!({}), Some("stop"))];
        let text = json!([{ "type": "text", "text": "Hello" }]);
        let said = json!([{ "type": "message", "content": text }]);
        for body in [
            body(&message),
            body(&response),
            body(&chat),
            whole().to_string(),
            json!({ "role": "assistant", "content": text }).to_string(),
            json!({ "role": "assistant", "content": "Hello", "type": "message" }).to_string(),
            json!({ "status": "completed", "output": said }).to_string(),
        ] {
            for protocol in [Protocol::Chat, Protocol::Responses, Protocol::Messages] {
                let reply = read(protocol, [body.as_bytes()], &request());
                assert_eq!(reply.map(|reply| reply.content).as_deref(), Ok("Hello"), "{body}");
            }
        }
    }

    /// Packets end anywhere.
    #[test]
    fn where_a_body_is_cut_does_not_change_the_reply() {
        let part = |index: u64, text: &str| {
            let function = json!({ "name": "files_read", "arguments": text });
            let id = format!("c{index}");
            said(
                json!({ "tool_calls": [{ "index": index, "id": id, "function": function }] }),
                None,
            )
        };
        let body = body(&[
            json!({ "choices": null }),
            content("größe "),
            content("高さ"),
            part(0, "{\"path\":"),
            part(1, "{\"path\": \"ü\"}"),
            part(0, "\"a\"}"),
            said(json!({}), Some("tool_calls")),
            json!({ "usage": { "prompt_tokens": 7, "completion_tokens": 3 } }),
        ])
        .replacen("data: ", ": ping\r\n\r\ndata: null\r\n\r\ndata: ", 1);
        let whole = chat([body.as_bytes()], &request()).unwrap();
        assert_eq!((whole.tool_calls.len(), whole.finish), (2, Finish::Stop));
        for size in 1..200 {
            let cut = chat(body.as_bytes().chunks(size), &request());
            assert_eq!(cut.as_ref(), Ok(&whole), "{size} bytes at a time");
        }
        for at in 0..body.len() {
            let (front, back) = body.as_bytes().split_at(at);
            assert_eq!(chat([front, back], &request()).as_ref(), Ok(&whole), "cut at {at}");
            // A body that breaks off is no reply, or this one.
            if let Ok(reply) = chat([front], &request()) {
                assert_eq!(reply.tool_calls, whole.tool_calls, "ends at {at}");
            }
        }
    }
}
