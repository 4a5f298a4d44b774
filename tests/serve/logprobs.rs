//! Probabilities of tokens over HTTP, from a real model with weights made up for the test, and
//! `errand models score` beside them: both speak of the same network.

use std::path::PathBuf;

use models::fetch::Fetcher;
use serde_json::{Value, json};
use server::TokenHash;

use super::client::{ADA, Serve};
use crate::place::Place;

#[path = "../../models/tests/tiny/mod.rs"]
mod tiny;

/// A folder with a tiny model and a serve file that names it, and the runtime library.
fn place() -> (Place, PathBuf) {
    let env = |name: &str| std::env::var_os(name);
    let fetcher = Fetcher::from_env(env).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let library = runtime.block_on(fetcher.runtime(models::onnx::Device::Cpu, env)).unwrap();
    let place = Place::bare();
    tiny::Network::random(tiny::Family::Llama, 7).write(&place.path("tiny.gguf"));
    let hash = TokenHash::of(ADA).hex();
    place.write(
        "serve.toml",
        format!("[models.tiny]\nname = \"tiny.gguf\"\n[users.ada]\ntoken_sha256 = \"{hash}\"\n"),
    );
    (place, library)
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

#[test]
fn probabilities_are_told_whole_streamed_and_by_score() {
    let (place, library) = place();
    let mut command = place.command(["serve", "serve.toml", "--json", "--listen", "127.0.0.1:0"]);
    command.env("ORT_DYLIB_PATH", &library);
    let serve = Serve::of(command);

    let mut body = json!({ "model": "tiny", "max_tokens": 12, "logprobs": true, "top_logprobs": 2,
        "messages": [{ "role": "user", "content": "the quick " }] });
    // The first reads all of the prompt and the next its last token: rounded otherwise, which is not the point.
    assert_eq!(serve.post("/v1/chat/completions", ADA, &body).status, 200);
    let whole = serve.post("/v1/chat/completions", ADA, &body).json();
    let choice = &whole["choices"][0];
    let told = choice["logprobs"]["content"].as_array().unwrap().clone();
    let text = |tokens: &[Value]| -> String {
        tokens.iter().map(|token| token["token"].as_str().unwrap()).collect()
    };
    assert_eq!(text(&told), choice["message"]["content"].as_str().unwrap());
    assert_eq!(told.len() as u64, whole["usage"]["completion_tokens"].as_u64().unwrap());
    for token in &told {
        let best = token["top_logprobs"].as_array().unwrap();
        assert_eq!(best.len(), 2);
        // Greedy: the token that came is the likeliest.
        assert_eq!(best[0]["logprob"], token["logprob"]);
        assert_eq!(best[0]["bytes"], token["bytes"]);
        assert!(token["logprob"].as_f64().unwrap() <= 0.0);
    }

    body["stream"] = json!(true);
    let streamed = serve.post("/v1/chat/completions", ADA, &body).events();
    let pieces = streamed
        .iter()
        .filter_map(|event| event["choices"][0]["logprobs"]["content"].as_array().cloned());
    assert_eq!(text(&pieces.flatten().collect::<Vec<_>>()), text(&told));

    let body = json!({ "model": "tiny", "prompt": "the quick ", "max_tokens": 12, "logprobs": 1 });
    let older = serve.post("/v1/completions", ADA, &body).json();
    let logprobs = &older["choices"][0]["logprobs"];
    let written = older["choices"][0]["text"].as_str().unwrap();
    let found = numbers(&logprobs["token_logprobs"]);
    let tokens: Vec<&str> = logprobs["tokens"]
        .as_array()
        .unwrap()
        .iter()
        .map(|token| token.as_str().unwrap())
        .collect();
    assert_eq!(tokens.concat(), written);
    assert_eq!(logprobs["text_offset"][1], tokens[0].len());
    assert_eq!(logprobs["top_logprobs"][0][tokens[0]].as_f64(), Some(found[0]));

    for (more, code, param) in [
        (json!({ "top_logprobs": 2 }), "invalid_request", "top_logprobs"),
        (json!({ "logprobs": true, "top_logprobs": 21 }), "invalid_request", "top_logprobs"),
    ] {
        let mut body = json!({ "model": "tiny", "messages": [{ "role": "user", "content": "x" }] });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let refused = serve.post("/v1/chat/completions", ADA, &body);
        refused.says(400, code);
        assert_eq!(refused.json()["error"]["param"], param);
    }

    // A letter is a token, so what was written is one for one what is scored, if it is of letters.
    let score = |arguments: &[&str]| {
        let mut command = place.command(["models", "score", "./tiny.gguf"]);
        place.ran(&command.args(arguments).env("ORT_DYLIB_PATH", &library).output().unwrap())
    };
    let scored = score(&["--prompt", "the quick ", "--answer", "abc", "--answer", "x", "--json"]);
    let scored: Value = serde_json::from_str(&scored.out).unwrap();
    let answers = scored["answers"].as_array().unwrap();
    let share: f64 = answers.iter().map(|answer| answer["share"].as_f64().unwrap()).sum();
    assert!((share - 1.0).abs() < 1e-9);
    assert_eq!(answers[0]["tokens"], 3);
    place.write("text.txt", "the quick brown fox");
    let told = score(&["text.txt", "--tokens"]).out;
    assert_eq!(told.lines().count(), 20, "{told}");
    assert!(told.contains("over 18 tokens, perplexity "), "{told}");
    let refused = score(&["--text", ""]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.err.contains("there is nothing to score"), "{}", refused.err);
}
