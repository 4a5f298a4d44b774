//! What servers leave out, or say twice, of the Responses and the Messages API.

use agent_core::agent::Protocol;
use agent_core::model::Form;

use super::super::reading::read;
use super::*;

/// What a stream of these events comes to: its text, and the paths of its calls.
fn reply(protocol: Protocol, events: &[Value]) -> String {
    let body: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    let reply = read(protocol, [body.as_bytes()], &request(Form::Act(Vec::new()))).unwrap();
    let calls = reply.tool_calls.iter().map(|call| format!("{} {}", call.name, call.arguments));
    [reply.content].into_iter().chain(calls).collect::<Vec<_>>().join("; ")
}

const TWO: &str = r#"; f {"p":"a"}; f {"p":"b"}"#;

fn call(id: &str, arguments: Value) -> Value {
    json!({ "type": "function_call", "id": format!("i{id}"), "call_id": id, "name": "f", "arguments": arguments })
}

fn added(index: Option<u64>, id: &str) -> Value {
    json!({ "type": "response.output_item.added", "output_index": index, "item": call(id, "".into()) })
}

fn done(index: Option<u64>, id: &str, arguments: Value) -> Value {
    json!({ "type": "response.output_item.done", "output_index": index, "item": call(id, arguments) })
}

fn written(event: &str, index: Option<u64>, id: &str, key: &str, arguments: &str) -> Value {
    json!({ "type": format!("response.function_call_arguments.{event}"), "output_index": index,
        "item_id": format!("i{id}"), key: arguments })
}

fn completed(output: &[Value]) -> Value {
    json!({ "type": "response.completed", "response": {
        "status": "completed", "output": output, "error": null, "usage": null } })
}

#[test]
fn a_response_is_read_from_its_deltas_or_from_what_is_said_when_it_is_done() {
    let (a, b) = (r#"{"p":"a"}"#, r#"{"p":"b"}"#);
    let both = [call("x", a.into()), call("y", b.into())];
    let all = |index: fn(u64) -> Option<u64>| {
        let one = |n: u64, id: &str, arguments: &str| {
            let (front, back) = arguments.split_at(4);
            vec![
                added(index(n), id),
                written("delta", index(n), id, "delta", front),
                written("delta", index(n), id, "delta", back),
                written("done", index(n), id, "arguments", arguments),
                done(index(n), id, arguments.into()),
            ]
        };
        [one(0, "x", a), one(1, "y", b), vec![completed(&both)]].concat()
    };
    let interleaved = vec![
        added(None, "x"),
        added(None, "y"),
        written("delta", None, "x", "delta", a),
        written("delta", None, "y", "delta", b),
        completed(&[]),
    ];
    for events in [
        all(Some),
        all(|_| Some(0)),
        all(|_| None),
        interleaved,
        vec![completed(&both)],
        vec![completed(&[call("x", json!({ "p": "a" })), call("y", json!({ "p": "b" }))])],
        vec![done(Some(0), "x", a.into()), done(Some(1), "y", b.into()), completed(&both)],
        vec![
            added(Some(0), "x"),
            done(Some(0), "x", a.into()),
            added(Some(1), "y"),
            written("done", Some(1), "y", "arguments", b),
            // Other ids at the end than before.
            completed(&[call("v", a.into()), call("w", b.into())]),
        ],
    ] {
        assert_eq!(reply(Protocol::Responses, &events), TWO, "{events:?}");
    }
    let message =
        json!({ "type": "message", "content": [{ "type": "output_text", "text": "Hello" }] });
    let delta = json!({ "type": "response.output_text.delta", "delta": "Hello" });
    let text = json!({ "type": "response.output_text.done", "text": "Hello" });
    for events in [
        vec![completed(std::slice::from_ref(&message))],
        vec![delta.clone(), completed(std::slice::from_ref(&message))],
        vec![text.clone(), completed(&[])],
        vec![
            delta,
            text,
            json!({ "type": "response.output_item.done", "item": message }),
            completed(&[]),
        ],
    ] {
        assert_eq!(reply(Protocol::Responses, &events), "Hello", "{events:?}");
    }
}

#[test]
fn the_arguments_of_a_message_are_read_wherever_they_stand() {
    let start = |n: u64, id: &str, input: Value| {
        json!({ "type": "content_block_start", "index": n, "content_block": {
            "type": "tool_use", "id": id, "name": "f", "input": input } })
    };
    let delta = |n: u64, json: &str| {
        json!({ "type": "content_block_delta", "index": n, "delta": {
            "type": "input_json_delta", "partial_json": json } })
    };
    let (a, b) = (json!({ "p": "a" }), json!({ "p": "b" }));
    let stop =
        json!({ "type": "message_delta", "delta": { "stop_reason": "tool_use" }, "usage": null });
    for events in [
        [start(0, "x", a.clone()), start(1, "y", b.clone())].to_vec(),
        [
            start(0, "x", a.to_string().into()),
            start(1, "y", Value::Null),
            delta(1, ""),
            delta(1, &b.to_string()),
        ]
        .to_vec(),
        // In full, and then once more in parts; an empty object that is meant as nothing.
        [
            start(0, "x", a),
            delta(0, "{\"p\": "),
            delta(0, "\"a\"}"),
            start(1, "y", json!({})),
            delta(1, "{}"),
            delta(1, &b.to_string()),
        ]
        .to_vec(),
    ] {
        let events = [events, vec![stop.clone()]].concat();
        assert_eq!(reply(Protocol::Messages, &events), TWO, "{events:?}");
    }
}
