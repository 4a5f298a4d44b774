//! What a server sends where a reply is expected, in each protocol: any bytes, cut anywhere. The first
//! two bytes say where, and which protocol.
#![no_main]

use agent_core::agent::Protocol;
use agent_core::model::{Form, Request};
use libfuzzer_sys::fuzz_target;
use models::openai::read;

fuzz_target!(|bytes: &[u8]| {
    let Some((cut, body)) = bytes.split_first_chunk::<2>() else { return };
    let request = Request {
        call: 0,
        messages: Vec::new(),
        prefix: String::new(),
        form: Form::Calls(Vec::new()),
        max_tokens: 64,
        reasoning: 0,
    };
    let cut = usize::from(u16::from_le_bytes(*cut));
    let protocols = [Protocol::Chat, Protocol::Responses, Protocol::Messages];
    let protocol = protocols[cut % 3];
    let whole = read(protocol, [body], &request);
    let (front, back) = body.split_at(cut / 3 % (body.len() + 1));
    let parts = read(protocol, [front, back], &request);
    assert_eq!(parts, whole, "where bytes are cut changes nothing");
    if let Ok(reply) = whole {
        let mut ids: Vec<_> = reply.tool_calls.iter().map(|call| &call.id).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), reply.tool_calls.len(), "each call has an id of its own");
    }
});
