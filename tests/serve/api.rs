//! OpenAI's API, health, and how the server begins and ends.

use std::fs;
use std::os::unix::fs::MetadataExt;

use serde_json::{Value, json};

use super::client::{ADA, Serve, file};
use crate::place::Place;

fn serving() -> (Place, Serve) {
    let place = Place::bare();
    file(&place, &[], "");
    let serve = Serve::start(&place);
    (place, serve)
}

#[test]
fn a_conversation_is_answered_whole_and_as_it_comes() {
    let (_place, serve) = serving();
    let models = serve.get("/v1/models", ADA).json();
    assert_eq!(models["data"][0]["id"], "echo");
    assert_eq!(serve.get("/v1/models/echo", ADA).json()["object"], "model");
    serve.get("/v1/models/other", ADA).says(404, "model_not_found");

    let whole =
        serve.chat(json!({ "n": 2, "temperature": 0.5, "seed": 1, "max_tokens": 20 })).json();
    assert_eq!(whole["object"], "chat.completion");
    let said: Vec<&Value> = whole["choices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|choice| &choice["message"]["content"])
        .collect();
    assert_eq!(said, ["Hello there.", "Again."]);
    assert_eq!(whole["choices"][0]["finish_reason"], "stop");
    assert_eq!(whole["usage"]["prompt_tokens"], 7);

    let stream = serve.chat(json!({ "stream": true, "stream_options": { "include_usage": true } }));
    assert!(stream.head.contains("content-type: text/event-stream"), "{stream:?}");
    assert!(stream.body.ends_with("data: [DONE]\n\n"), "{stream:?}");
    let events = stream.events();
    let deltas = events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str());
    assert_eq!(deltas.collect::<String>(), "Hello there.");
    assert_eq!(events.last().unwrap()["usage"]["completion_tokens"], 3);
}

#[test]
fn the_older_and_the_newer_protocol() {
    let (_place, serve) = serving();
    let body = json!({ "model": "echo", "prompt": "Say", "stop": "there" });
    let completion = serve.post("/v1/completions", ADA, &body).json();
    assert_eq!(completion["choices"][0]["text"], "Hello ");
    let body = json!({ "model": "echo", "input": "Hi", "instructions": "Be brief." });
    let response = serve.post("/v1/responses", ADA, &body).json();
    assert_eq!(response["output"][0]["content"][0]["text"], "Hello there.");
    assert_eq!(response["status"], "completed");
    let body =
        json!({ "model": "echo", "stream": true, "input": [{ "role": "user", "content": "Hi" }] });
    let events = serve.post("/v1/responses", ADA, &body).events();
    let kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(
        kinds,
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    let numbers: Vec<u64> =
        events.iter().map(|event| event["sequence_number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (0..9).collect::<Vec<_>>());
}

#[test]
fn what_cannot_be_honoured_is_refused_by_name() {
    let (_place, serve) = serving();
    for (more, code, param) in [
        (json!({ "logprobs": true }), "unsupported_parameter", "logprobs"),
        (json!({ "logit_bias": { "5": 1 } }), "unsupported_parameter", "logit_bias"),
        (json!({ "frequency_penalty": 0.1 }), "unsupported_parameter", "frequency_penalty"),
        (json!({ "n": 9 }), "invalid_request", "n"),
        (json!({ "temperature": -1 }), "invalid_request", "temperature"),
        (json!({ "max_tokens": 0 }), "invalid_request", "max_tokens"),
        (json!({ "tool_choice": "required" }), "invalid_request", "tool_choice"),
        (json!({ "tempersture": 1 }), "unknown_parameter", "tempersture"),
        (json!({ "messages": [] }), "invalid_request", "messages"),
        (
            json!({ "messages": [{ "role": "king", "content": "x" }] }),
            "invalid_request",
            "messages.0.role",
        ),
        (
            json!({ "messages": [{ "role": "user", "content": [{ "type": "image_url" }] }] }),
            "unsupported_parameter",
            "messages.0.content.0",
        ),
    ] {
        let refused = serve.chat(more.clone());
        refused.says(400, code);
        assert_eq!(refused.json()["error"]["param"], param, "{more}");
    }
    // What changes nothing is let through.
    let neutral = json!({ "logprobs": false, "presence_penalty": 0, "user": "x", "stop": null });
    assert_eq!(serve.chat(neutral).status, 200);
    serve.chat(json!({ "model": "gpt" })).says(404, "model_not_found");
    let body = json!({ "model": "echo", "input": "x" });
    serve.post("/v1/embeddings", ADA, &body).says(404, "model_not_found");
    let body = json!({ "model": "echo", "input": "x", "previous_response_id": "r" });
    serve.post("/v1/responses", ADA, &body).says(400, "unsupported_parameter");
}

#[test]
fn health_is_open_and_figures_are_not() {
    let (_place, serve) = serving();
    assert_eq!(serve.send("GET /healthz", &[], "").body, "ok\n");
    assert_eq!(serve.send("GET /readyz", &[], "").body, "ready\n");
    serve.send("GET /metrics", &[], "").says(401, "invalid_api_key");
    serve.send("POST /healthz", &[], "").says(401, "invalid_api_key");
    serve.chat(json!({}));
    let figures = serve.get("/metrics", ADA).body;
    let chat = "errand_http_requests_total{route=\"/v1/chat/completions\",status=\"200\"} 1";
    assert!(figures.contains(chat), "{figures}");
    assert!(figures.contains("errand_tokens_written_total{model=\"echo\"} 3"), "{figures}");
    let document = serve.get("/openapi.json", ADA).json();
    assert_eq!(document["openapi"], "3.1.0");
    // Every address of the document is there, and takes the methods that it says.
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let path = path.replace("{id}", "none").replace("{model}", "none");
            let start = format!("{} {path}", method.to_uppercase());
            let answer = serve.send(&start, &[("Authorization", &format!("Bearer {ADA}"))], "");
            assert_ne!(answer.status, 405, "{start}");
            assert!(!answer.body.contains("unknown_url"), "{start}");
        }
    }
}

#[test]
fn a_token_of_ones_own_is_made_once() {
    let place = Place::bare();
    file(&place, &[], "");
    let text = place.read("serve.toml");
    place.write("own.toml", text.split("[users").next().unwrap());
    let kept = place.home().join("serve.token");
    let serve = Serve::with(&place, &["own.toml"]);
    let token = fs::read_to_string(&kept).unwrap();
    assert_eq!(fs::metadata(&kept).unwrap().mode() & 0o777, 0o600);
    assert_eq!(serve.get("/v1/models", token.trim()).status, 200);
    assert_eq!(serve.stop(), Some(0));
    let serve = Serve::with(&place, &["own.toml"]);
    assert_eq!(serve.get("/v1/models", token.trim()).status, 200);
    serve.get("/v1/models", "errand-0000").says(401, "invalid_api_key");
}

#[test]
fn what_cannot_be_served_is_said_before_anything_listens() {
    let place = Place::bare();
    file(&place, &[], "");
    let public = place.errand(["serve", "serve.toml", "--listen", "0.0.0.0:0"]);
    assert_eq!(public.code, Some(2), "{public}");
    assert!(
        public.err.contains("without encryption") && public.err.contains("--behind-proxy"),
        "{public}"
    );
    for (change, said) in [
        ("[listn]\nx = 1\n", "unknown field `listn`"),
        ("[users.eve]\ntoken_sha256 = \"12\"\n", "64 hexadecimal digits"),
        ("[agents.a]\nfile = \"none.toml\"\n", "none.toml"),
        ("[limits]\nruns = 0\n", "let nothing through"),
        ("[models.m]\nprovider = \"openai\"\nname = \"m\"\n", "there is no `models.m.base_url`"),
        (
            "[models.m]\nname = \"m\"\ninput = [\"image\"]\n",
            "means nothing to a model of this machine",
        ),
        (
            "[models.m]\nprovider = \"openai\"\nname = \"m\"\nbase_url = \"http://127.0.0.1:9/v1\"\napi_key = \"sk-1\"\n",
            "must name an environment variable",
        ),
        ("[models.m]\nname = \"m\"\napi_key = sk-1\n", "line 3, with an `api_key`"),
    ] {
        place.write("bad.toml", change);
        let refused = place.errand(["serve", "bad.toml"]);
        assert_eq!(refused.code, Some(2), "{refused}");
        assert!(refused.err.contains(said) && !refused.err.contains("sk-1"), "{refused}");
    }
    let made = place.errand(["serve", "--new-token", "--json"]).lines().remove(0);
    let token = made["token"].as_str().unwrap();
    assert_eq!(made["token_sha256"], server::TokenHash::of(token).hex());
}

#[test]
fn a_signal_that_comes_as_soon_as_the_server_is_ready() {
    let place = Place::bare();
    file(&place, &[], "");
    for _ in 0..20 {
        assert_eq!(Serve::start(&place).stop(), Some(0));
    }
}
