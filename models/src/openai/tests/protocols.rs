//! The protocols beside chat completions, against a server of our own that follows their reference.

use agent_core::agent::Protocol;

use super::*;

fn conversation(form: Form) -> Request {
    let mut request = request(form);
    let call = |id: &str| ToolCall {
        id: id.to_string(),
        name: "files.read".to_string(),
        arguments: json!({ "path": id }),
    };
    let turn = Message { tool_calls: vec![call("a"), call("b")], ..Message::assistant("I look.") };
    let told = [Message::tool("a", "one"), Message::tool("b", "")];
    let told = told.into_iter().chain([Message::assistant("It is c."), Message::user("Look.")]);
    request.messages.extend([turn].into_iter().chain(told).map(Arc::new));
    request
}

async fn asked(
    protocol: Protocol,
    form: Form,
    events: Vec<Value>,
) -> (Reply, Value, Option<String>) {
    let server = Server::start([Answer::Events(events)]).await;
    let mut options = server.options();
    (options.protocol, options.temperature) = (protocol, Some(0.0));
    options.api_key = Some(ApiKey::new("sk-secret"));
    let (reply, seen) = think(options, &conversation(form)).await;
    let reply = reply.unwrap();
    assert_eq!(seen, reply.content);
    let (body, key) = server.script.asked.lock().unwrap()[0].clone();
    (reply, body, key)
}

fn called() -> Vec<ToolCall> {
    let arguments = json!({ "path": "c" });
    vec![ToolCall { id: "c".into(), name: "files.read".into(), arguments }]
}

#[tokio::test]
async fn responses() {
    let events = vec![
        json!({ "type": "response.created", "response": {} }),
        json!({ "type": "response.reasoning_summary_text.delta", "delta": "Hm." }),
        json!({ "type": "response.output_text.delta", "output_index": 1, "delta": "I read it." }),
        json!({ "type": "response.output_item.added", "output_index": 2, "item": {
            "type": "function_call", "call_id": "c", "name": "files_read", "arguments": "" } }),
        json!({ "type": "response.function_call_arguments.delta", "output_index": 2, "delta": "{\"path\":" }),
        json!({ "type": "response.function_call_arguments.delta", "output_index": 2, "delta": "\"c\"}" }),
        json!({ "type": "response.completed", "response": { "status": "completed", "usage": {
            "input_tokens": 20, "input_tokens_details": { "cached_tokens": 16 }, "output_tokens": 5 } } }),
    ];
    let tools = vec![tool("files.read").into()];
    let (reply, body, key) = asked(Protocol::Responses, Form::Act(tools), events).await;
    assert_eq!((reply.content.as_str(), reply.reasoning.as_str()), ("I read it.", "Hm."));
    assert_eq!((reply.tool_calls, reply.finish), (called(), Finish::Stop));
    assert_eq!(reply.usage, Tokens { input: 20, cached: 16, output: 5 });
    assert_eq!(key.as_deref(), Some("Bearer sk-secret"));
    assert_eq!(
        (&body["tool_choice"], &body["max_output_tokens"]),
        (&json!("required"), &json!(50))
    );
    assert_eq!(body["tools"][0]["name"], "files_read");
    assert_eq!(
        body["input"].as_array().unwrap()[2..5],
        [
            json!({ "type": "message", "role": "assistant", "content": "I look." }),
            json!({ "type": "function_call", "call_id": "a", "name": "files_read",
                "arguments": "{\"path\":\"a\"}" }),
            json!({ "type": "function_call", "call_id": "b", "name": "files_read",
                "arguments": "{\"path\":\"b\"}" }),
        ]
    );
    assert_eq!(
        body["input"][5],
        json!({ "type": "function_call_output", "call_id": "a", "output": "one" })
    );
    let whole = json!({ "object": "response", "status": "incomplete",
        "incomplete_details": { "reason": "max_output_tokens" },
        "output": [{ "type": "message", "content": [{ "type": "output_text", "text": "Hel" }] }] });
    let (reply, body, _) =
        asked(Protocol::Responses, Form::Json(json!({ "type": "integer" })), vec![whole]).await;
    assert_eq!((reply.content.as_str(), reply.finish), ("Hel", Finish::Cut));
    assert_eq!(body["text"]["format"]["type"], "json_schema");
    assert_eq!(body["text"]["format"]["schema"], json!({ "type": "integer" }));
}

#[tokio::test]
async fn messages() {
    let start = |n: u64, block: Value| json!({ "type": "content_block_start", "index": n, "content_block": block });
    let delta =
        |n: u64, delta: Value| json!({ "type": "content_block_delta", "index": n, "delta": delta });
    let events = vec![
        json!({ "type": "message_start", "message": { "usage": { "input_tokens": 4,
            "cache_read_input_tokens": 16, "output_tokens": 1 } } }),
        start(0, json!({ "type": "thinking", "thinking": "" })),
        delta(0, json!({ "type": "thinking_delta", "thinking": "Hm." })),
        json!({ "type": "ping" }),
        start(1, json!({ "type": "text", "text": "" })),
        delta(1, json!({ "type": "text_delta", "text": "I read it." })),
        start(2, json!({ "type": "tool_use", "id": "c", "name": "files_read", "input": {} })),
        delta(2, json!({ "type": "input_json_delta", "partial_json": "{\"path\":" })),
        delta(2, json!({ "type": "input_json_delta", "partial_json": "\"c\"}" })),
        json!({ "type": "message_delta", "delta": { "stop_reason": "tool_use" }, "usage": { "output_tokens": 5 } }),
        json!({ "type": "message_stop" }),
    ];
    let tools = vec![tool("files.read").into()];
    let (reply, body, key) = asked(Protocol::Messages, Form::Act(tools), events).await;
    assert_eq!((reply.content.as_str(), reply.reasoning.as_str()), ("I read it.", "Hm."));
    assert_eq!((reply.tool_calls, reply.finish), (called(), Finish::Stop));
    assert_eq!(reply.usage, Tokens { input: 20, cached: 16, output: 5 });
    assert_eq!(key, None, "the key goes under another name");
    assert_eq!(
        (&body["system"], &body["tool_choice"]),
        (&json!("Be brief."), &json!({ "type": "any" }))
    );
    assert_eq!(
        body["messages"].as_array().unwrap()[1..],
        [
            json!({ "role": "assistant", "content": [
                { "type": "text", "text": "I look." },
                { "type": "tool_use", "id": "a", "name": "files_read", "input": { "path": "a" } },
                { "type": "tool_use", "id": "b", "name": "files_read", "input": { "path": "b" } } ] }),
            json!({ "role": "user", "content": [
                { "type": "tool_result", "tool_use_id": "a", "content": "one" },
                { "type": "tool_result", "tool_use_id": "b" } ] }),
            json!({ "role": "assistant", "content": [{ "type": "text", "text": "It is c." }] }),
            json!({ "role": "user", "content": [{ "type": "text", "text": "Look." }] }),
        ]
    );
    let whole = json!({ "type": "message", "stop_reason": "max_tokens",
        "content": [{ "type": "text", "text": "Hel" }], "usage": { "input_tokens": 9, "output_tokens": 50 } });
    let (reply, body, _) =
        asked(Protocol::Messages, Form::Json(json!({ "type": "integer" })), vec![whole]).await;
    assert_eq!((reply.content.as_str(), reply.finish), ("Hel", Finish::Cut));
    assert!(body.to_string().contains("satisfies this JSON Schema"), "{body}");
}

#[tokio::test]
async fn a_server_that_is_busy_says_so_in_each_protocol() {
    for protocol in [Protocol::Responses, Protocol::Messages] {
        let busy = json!({ "type": "error", "error": { "type": "overloaded_error", "message": "Overloaded" } });
        let server = Server::start([Answer::Events(vec![busy])]).await;
        let mut options = server.options();
        (options.protocol, options.retries) = (protocol, 0);
        let error = think(options, &free()).await.0.unwrap_err().to_string();
        assert!(error.ends_with("did not answer: Overloaded"), "{error}");
    }
}
