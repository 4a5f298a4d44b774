//! Images in OpenAI's API, and the remote models of a serve file that are shown them. The endpoint is a loopback
//! server that keeps what it was sent.

use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::client::{ADA, Serve, file};
use crate::images::{Endpoint, png, url};
use crate::place::{Place, call, say};

/// A server with the scripted model `echo`, which takes text, and `eyes`, which takes images too.
fn serving(endpoint: &Endpoint) -> (Place, Serve) {
    let place = Place::bare();
    file(&place, &[], "");
    let eyes = format!(
        "[models.eyes]\nprovider = \"openai\"\nname = \"m\"\nbase_url = \"http://{}/v1\"\n\
         api_key = \"${{EYES_KEY}}\"\ninput = [\"text\", \"image\"]\n",
        endpoint.server.at
    );
    place.write("serve.toml", format!("{eyes}{}", place.read("serve.toml")));
    let mut command = place.command(["serve", "--json", "--listen", "127.0.0.1:0", "serve.toml"]);
    command.env("EYES_KEY", "sk-eyes-0123456789");
    let serve = Serve::of(command);
    (place, serve)
}

fn text(text: &str) -> Value {
    json!({ "type": "text", "text": text })
}

fn image(bytes: &[u8]) -> Value {
    json!({ "type": "image_url", "image_url": { "url": url(bytes) } })
}

fn asks(model: &str, content: &[Value]) -> Value {
    json!({ "model": model, "messages": [{ "role": "user", "content": content }] })
}

#[test]
fn images_of_a_chat_reach_a_model_that_takes_them_where_they_stood() {
    let endpoint = Endpoint::chat(vec![say("a chart")]);
    let (_place, serve) = serving(&endpoint);
    let mut low = image(&png(2, 2));
    low["image_url"]["detail"] = json!("low");
    let content = [text("before:"), image(&png(1, 1)), text("after:"), low, text("which?")];
    let answer = serve.chat(asks("eyes", &content)).json();
    assert_eq!(answer["choices"][0]["message"]["content"], "a chart", "{answer}");
    assert_eq!((&answer["model"], &answer["usage"]["prompt_tokens"]), (&json!("eyes"), &json!(10)));
    let sent = endpoint.body(0);
    assert_eq!(sent["messages"], json!([{ "role": "user", "content": content }]));
    // The endpoint knows it by another name, and says itself how long an answer may be.
    assert_eq!((&sent["model"], &sent["max_tokens"]), (&json!("m"), &Value::Null));

    let mut streamed = asks("eyes", &[image(&png(3, 3))]);
    streamed["stream"] = json!(true);
    streamed["max_tokens"] = json!(7);
    streamed["seed"] = json!(5);
    streamed["n"] = json!(2);
    let events = serve.chat(streamed).events();
    let said = events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str());
    assert_eq!(said.collect::<String>(), "a charta chart");
    for (at, seed) in [(1, 5), (2, 6)] {
        let sent = endpoint.body(at);
        assert_eq!(sent["messages"][0]["content"], json!([image(&png(3, 3))]));
        assert_eq!((&sent["max_tokens"], &sent["seed"]), (&json!(7), &json!(seed)));
    }
}

#[test]
fn images_of_messages_in_a_row_stay_where_they_stood() {
    let endpoint = Endpoint::chat(vec![say("two charts")]);
    let (_place, serve) = serving(&endpoint);
    let first = [text("one"), image(&png(1, 1))];
    let second = [image(&png(2, 2)), text("é, two"), image(&png(3, 3))];
    let turn = |content: &[Value]| json!({ "role": "user", "content": content });
    let messages = json!([turn(&first), turn(&second)]);
    assert_eq!(serve.chat(json!({ "model": "eyes", "messages": messages })).status, 200);
    // Two of a user's in a row are one, as every template takes it.
    let [one, after, two, last] =
        [first[1].clone(), text("\n\n"), second[0].clone(), text("é, two")];
    let content = json!([text("one"), one, after, two, last, image(&png(3, 3))]);
    assert_eq!(endpoint.body(0)["messages"], json!([turn(content.as_array().unwrap())]));
}

#[test]
fn images_of_a_response_reach_it_too() {
    let endpoint = Endpoint::chat(vec![say("a chart")]);
    let (_place, serve) = serving(&endpoint);
    let shown =
        |bytes: &[u8]| json!({ "type": "input_image", "image_url": url(bytes), "detail": "high" });
    let input = json!([
        { "role": "user", "content": [{ "type": "input_text", "text": "see" }, shown(&png(1, 1))] },
        { "type": "function_call", "call_id": "c", "name": "look", "arguments": "{}" },
        { "type": "function_call_output", "call_id": "c",
            "output": [{ "type": "input_text", "text": "found" }, shown(&png(2, 2))] },
    ]);
    let body = json!({ "model": "eyes", "instructions": "Be brief.", "input": input });
    let response = serve.post("/v1/responses", ADA, &body).json();
    assert_eq!(response["output"][0]["content"][0]["text"], "a chart", "{response}");
    let sent = endpoint.body(0)["messages"].clone();
    let high = |bytes: &[u8]| json!({ "type": "image_url", "image_url": { "url": url(bytes), "detail": "high" } });
    assert_eq!(sent[1]["content"], json!([text("see"), high(&png(1, 1))]));
    // A chat has no place for an image in what a call gave back, so it follows.
    assert_eq!((&sent[3]["role"], &sent[3]["content"]), (&json!("tool"), &json!("found")));
    assert_eq!((&sent[4]["role"], &sent[4]["content"][1]), (&json!("user"), &high(&png(2, 2))));
}

#[test]
fn what_a_model_does_not_take_is_refused_and_never_left_out() {
    let endpoint = Endpoint::chat(vec![say("never")]);
    let (_place, serve) = serving(&endpoint);
    let models = serve.get("/v1/models", ADA).json();
    let takes = |at: usize| (&models["data"][at]["id"], &models["data"][at]["input_modalities"]);
    assert_eq!(takes(0), (&json!("echo"), &json!(["text"])), "{models}");
    assert_eq!(takes(1), (&json!("eyes"), &json!(["text", "image"])));

    let address =
        json!({ "type": "image_url", "image_url": { "url": "http://169.254.169.254/a.png" } });
    let own = format!("http://{}/a.png", endpoint.server.at);
    let own = json!({ "type": "image_url", "image_url": { "url": own } });
    let many = vec![image(&png(1, 1)); 21];
    for (model, content, code, param, says) in [
        (
            "echo",
            vec![text("x"), image(&png(1, 1))],
            "unsupported_parameter",
            1,
            "`echo` takes text only",
        ),
        ("echo", vec![address.clone()], "unsupported_parameter", 0, "is never fetched"),
        ("eyes", vec![text("x"), address], "unsupported_parameter", 1, "is never fetched"),
        ("eyes", vec![own], "unsupported_parameter", 0, "is never fetched"),
        ("eyes", vec![image(b"<svg/>")], "invalid_request", 0, "no PNG, JPEG, GIF or WebP"),
        ("eyes", many, "invalid_request", 20, "20"),
    ] {
        let refused = serve.chat(asks(model, &content));
        refused.says(400, code);
        let error = refused.json()["error"].clone();
        assert_eq!(error["param"], format!("messages.0.content.{param}"), "{error}");
        assert_eq!(error["type"], "invalid_request_error");
        assert!(error["message"].as_str().unwrap().contains(says), "{error}");
    }
    for role in ["system", "assistant"] {
        let messages = json!([{ "role": role, "content": [image(&png(1, 1))] }]);
        let refused = serve.chat(json!({ "model": "eyes", "messages": messages }));
        refused.says(400, "unsupported_parameter");
        assert_eq!(refused.json()["error"]["param"], "messages.0.content.0");
    }
    let content = json!([{ "type": "input_image", "image_url": url(&png(1, 1)) }]);
    let input = json!([{ "role": "user", "content": content }]);
    let refused = serve.post("/v1/responses", ADA, &json!({ "model": "echo", "input": input }));
    refused.says(400, "unsupported_parameter");
    assert_eq!(refused.json()["error"]["param"], "input.0.content.0");
    let large = asks("eyes", &[image(&vec![0; 4 << 20])]);
    serve.chat(large).says(413, "body_too_large");
    assert_eq!(endpoint.server.asked(), Vec::<String>::new());
}

#[test]
fn a_remote_model_is_asked_in_chats_and_calls_tools() {
    let endpoint = Endpoint::chat(vec![call([("look", json!({ "at": "a" }))]), say("done")]);
    let (_place, serve) = serving(&endpoint);
    let tools = json!([{ "type": "function", "function": { "name": "look", "parameters": {
        "type": "object", "properties": { "at": { "type": "string" } } } } }]);
    let answer = serve.chat(json!({ "model": "eyes", "tools": tools })).json();
    let called = &answer["choices"][0]["message"]["tool_calls"][0]["function"];
    assert_eq!((&called["name"], &called["arguments"]), (&json!("look"), &json!("{\"at\":\"a\"}")));
    let body = json!({ "model": "eyes", "prompt": "Say" });
    serve.post("/v1/completions", ADA, &body).says(400, "invalid_request");
    let format = json!({ "model": "eyes", "response_format": { "type": "json_object" } });
    assert_eq!(serve.chat(format).status, 400);
}

#[test]
fn what_one_client_makes_an_endpoint_refuse_is_not_held_against_another() {
    let refuses = |said: &Value| match said["refused"].as_bool() {
        Some(true) => {
            let said = json!({ "error": { "message": "Unsupported value: 'temperature' does not support 1.9",
                "param": "temperature", "code": "unsupported_value" } });
            (axum::http::StatusCode::BAD_REQUEST, axum::Json(said)).into_response()
        }
        _ => crate::server::reply(said),
    };
    let answers = vec![json!({ "refused": true }), say("cool"), say("warm")];
    let endpoint = Endpoint::with(answers, refuses);
    let (_place, serve) = serving(&endpoint);
    assert_eq!(serve.chat(json!({ "model": "eyes", "temperature": 1.9 })).status, 200);
    assert_eq!(serve.chat(json!({ "model": "eyes", "temperature": 0.5 })).status, 200);
    let sent = [0, 1, 2].map(|at| endpoint.body(at)["temperature"].clone());
    assert_eq!((&sent[1], &sent[2]), (&Value::Null, &json!(0.5)), "{sent:?}");
}

#[test]
fn what_an_endpoint_says_against_images_is_told_without_its_key() {
    let refuses = |_: &Value| {
        let said = "image input is not supported by this model, dear sk-eyes-0123456789";
        let said = json!({ "error": { "message": said } });
        (axum::http::StatusCode::BAD_REQUEST, axum::Json(said)).into_response()
    };
    let endpoint = Endpoint::with(vec![Value::Null], refuses);
    let (_place, serve) = serving(&endpoint);
    let refused = serve.chat(asks("eyes", &[image(&png(1, 1))]));
    refused.says(400, "invalid_request");
    assert!(refused.body.contains("image input is not supported"), "{refused:?}");
    assert!(!refused.body.contains("sk-eyes"), "{refused:?}");
}

#[test]
fn a_key_that_an_endpoint_does_not_take_is_the_servers_fault_and_not_told() {
    let refuses = |said: &Value| {
        let status = axum::http::StatusCode::from_u16(said["status"].as_u64().unwrap() as u16);
        let said = "Incorrect API key provided: sk-eyes-0123456789 (sk-e…6789)";
        let said = json!({ "error": { "message": said, "code": "invalid_api_key" } });
        (status.unwrap(), axum::Json(said)).into_response()
    };
    let answers = [401, 403, 401, 403].map(|status| json!({ "status": status })).to_vec();
    let endpoint = Endpoint::with(answers, refuses);
    let (_place, serve) = serving(&endpoint);
    let input = json!({ "model": "eyes", "input": "Say" });
    let mut streamed = asks("eyes", &[text("Say")]);
    streamed["stream"] = json!(true);
    for (status, refused) in [
        (401, serve.chat(asks("eyes", &[text("Say")]))),
        (403, serve.chat(asks("eyes", &[text("Say")]))),
        (401, serve.chat(streamed)),
        (403, serve.post("/v1/responses", ADA, &input)),
    ] {
        refused.says(502, "upstream_key");
        let error = refused.json()["error"].clone();
        assert_eq!((&error["type"], &error["param"]), (&json!("server_error"), &Value::Null));
        let message = error["message"].as_str().unwrap();
        assert!(
            message.contains(&format!(
                "`eyes` did not answer: the endpoint behind it answered {status}"
            )),
            "{message}"
        );
        assert!(!refused.body.contains("sk-e"), "{refused:?}");
    }
    assert_eq!(endpoint.server.asked().len(), 4);
}
