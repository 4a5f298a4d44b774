//! Several conversations with one network at once: each is told what it would be told alone, finds what it
//! has read before, and leaves when it is given up.

#![allow(clippy::unwrap_used, missing_docs)]

mod tiny;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use agent_core::model::{Form, Reply, Request, Sampling, TokenLogprob};
use futures::future::join_all;
use models::onnx::{Asking, Onnx, OnnxOptions, Prompt};

use tiny::{FAMILIES, Family, Network};

const PROMPTS: [&str; 6] = [
    "the quick brown fox ",
    "jumps over the lazy dog and then over the next one ",
    "a",
    "the quick brown fix ",
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen ",
    "and now for something else ",
];

fn open(network: &Network, folder: &Path, slots: usize) -> Onnx {
    tiny::library();
    tiny::unquantized(network, folder);
    let options = OnnxOptions { threads: 1, slots, ..OnnxOptions::default() };
    Onnx::open(folder, "m", options).unwrap()
}

fn request(prompt: &str, max_tokens: u32) -> Request {
    Request {
        call: 0,
        messages: Vec::new(),
        prefix: prompt.to_string(),
        form: Form::Text { stop: Vec::new() },
        max_tokens,
        reasoning: 0,
    }
}

/// The reply, and its tokens with their probabilities.
async fn ask(engine: &Onnx, prompt: &str, asking: Asking) -> (Reply, Vec<TokenLogprob>) {
    let asking = Asking { prompt: Prompt::Raw, ..asking };
    let mut told = Vec::new();
    let mut on_text = |_: &str, tokens: &[TokenLogprob]| told.extend_from_slice(tokens);
    let reply = engine.ask(&request(prompt, 20), asking, &mut on_text).await.unwrap();
    (reply, told)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn each_is_told_what_it_would_be_told_alone() {
    let folder = tempfile::tempdir().unwrap();
    for (seed, family) in FAMILIES.into_iter().enumerate() {
        let network = Network::random(family, 40 + seed as u64);
        let into = folder.path().join(format!("m{seed}"));
        let (one, several) = (open(&network, &into, 1), open(&network, &into, 3));
        for logprobs in [None, Some(2)] {
            let asking = Asking { logprobs, ..Asking::default() };
            let alone = runtime().block_on(async {
                let mut told = Vec::new();
                for prompt in PROMPTS {
                    told.push(ask(&one, prompt, asking).await);
                }
                told
            });
            let at_once = runtime()
                .block_on(join_all(PROMPTS.iter().map(|prompt| ask(&several, prompt, asking))));
            for ((alone, odds), (at_once, other_odds)) in alone.iter().zip(&at_once) {
                assert_eq!(alone.content, at_once.content, "{family:?}");
                assert_eq!(alone.finish, at_once.finish);
                assert_eq!(odds.len(), other_odds.len());
                for (odds, other) in odds.iter().zip(other_odds) {
                    let close = (odds.logprob - other.logprob).abs() < 1e-2;
                    assert!(close, "{family:?}: {} and {}", odds.logprob, other.logprob);
                }
            }
        }
        assert_eq!(one.together(), 0);
        assert!(several.together() > 20, "only {} were read together", several.together());
        assert_eq!((one.taken(), several.taken()), (0, 0));
    }
}

#[test]
fn conversations_in_turn_find_what_they_have_read() {
    let folder = tempfile::tempdir().unwrap();
    let network = Network::random(Family::Qwen2, 7);
    let engine = open(&network, &folder.path().join("m"), 2);
    let alone = open(&network, &folder.path().join("alone"), 1);
    runtime().block_on(async {
        let mut texts = ["first of two ".to_string(), "another one here ".to_string()];
        let mut had = [0, 0];
        for round in 0..4 {
            for (text, had) in texts.iter_mut().zip(&mut had) {
                let (reply, _) = ask(&engine, text, Asking::default()).await;
                assert!(reply.usage.cached >= *had, "round {round}: {:?} of {had}", reply.usage);
                *had = reply.usage.input - 1;
                let (fresh, _) = ask(&alone, text, Asking::default()).await;
                assert_eq!(fresh.content, reply.content);
                text.push_str(&reply.content);
                text.push_str(" and on ");
            }
        }
    });
}

#[test]
fn what_two_share_is_read_once() {
    let folder = tempfile::tempdir().unwrap();
    let network = Network::random(Family::Qwen3, 8);
    let engine = open(&network, &folder.path().join("m"), 2);
    let alone = open(&network, &folder.path().join("alone"), 1);
    let shared = "the same instructions for both of them and then ";
    let [first, second] = ["one of the two tasks", "the other"].map(|end| format!("{shared}{end}"));
    runtime().block_on(async {
        ask(&engine, &first, Asking::default()).await;
        let (reply, _) = ask(&engine, &second, Asking::default()).await;
        assert!(reply.usage.cached >= shared.len() as u64, "{:?}", reply.usage);
        assert_eq!(reply.content, ask(&alone, &second, Asking::default()).await.0.content);
        // And the first one's is still whole.
        let (again, _) = ask(&engine, &first, Asking::default()).await;
        assert_eq!(again.usage.cached, again.usage.input - 1);
        // Not for another asker.
        let other = Asking { asker: 5, ..Asking::default() };
        assert_eq!(ask(&engine, &first, other).await.0.usage.cached, 0);
    });
}

#[test]
fn one_that_is_given_up_leaves_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let network = Network::random(Family::Llama, 9);
    let engine = Arc::new(open(&network, &folder.path().join("m"), 2));
    let hot = Some(Sampling { temperature: 1.5, top_p: 1.0, seed: 3 });
    let asking = Asking { prompt: Prompt::Raw, sampling: hot, ..Asking::default() };
    runtime().block_on(async {
        let long = request("the quick brown fox ", 150);
        for _ in 0..4 {
            let mut on_text = |_: &str, _: &[TokenLogprob]| ();
            let pending = engine.ask(&long, asking, &mut on_text);
            let given_up = tokio::time::timeout(Duration::from_micros(300), pending).await;
            let (reply, _) = ask(&engine, "jumps over the lazy dog ", Asking::default()).await;
            assert!(reply.usage.output > 0);
            drop(given_up);
        }
        let still = async {
            while engine.taken() > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), still).await.unwrap();
    });
}
