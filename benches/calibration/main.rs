//! Asks a local model what the stepwise strategy asks, of labelled examples, and prints how likely it found the
//! answer that each decision's threshold is for: one line of JSON an example. `run.py` makes thresholds of them.
//!
//! `cargo bench --bench calibration -- qwen2.5-coder-1.5b benches/calibration/own.jsonl …`

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]

use std::path::PathBuf;
use std::sync::Arc;

use agent_core::model::{Form, Model, Request};
use models::fetch::Fetcher;
use models::onnx::{Device, Onnx, OnnxOptions, load};
use serde_json::{Value, json};
use stepwise::calibration::measured::{Example, Question};

/// Tokens of one question.
const CONTEXT: u32 = 4096;

#[tokio::main]
async fn main() {
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    let name = words.next().unwrap_or_else(|| panic!("NAME FILE …"));
    let model = open(&name).await;
    for path in words.map(PathBuf::from) {
        let decision = path.file_stem().unwrap().to_string_lossy().into_owned();
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let example = Example::read(&decision, &line)
                .unwrap_or_else(|problem| panic!("{}: {line}: {problem}", path.display()));
            let mut likely = Vec::new();
            for question in &example.questions {
                likely.push(first(&model, question).await);
            }
            let (score, counts) = (example.score(&likely), example.counts);
            let told = json!({ "decision": decision, "score": score, "counts": counts, "likely": likely, "line": line });
            println!("{told}");
        }
    }
}

async fn open(name: &str) -> Onnx {
    let env = |name: &str| std::env::var_os(name);
    let fetcher = Fetcher::from_env(env).unwrap();
    let library = fetcher.runtime(Device::Cpu, env).await.unwrap();
    let folder = fetcher.model(name).await.unwrap();
    load(Some(&library)).unwrap();
    let options = OnnxOptions { context: CONTEXT, slots: 1, ..OnnxOptions::default() };
    Onnx::open(&folder, name, options).unwrap()
}

/// How likely the first of a question's choices is.
async fn first(model: &Onnx, question: &Question) -> f32 {
    let request = Request {
        call: 0,
        messages: question.messages.iter().cloned().map(Arc::new).collect(),
        prefix: String::new(),
        form: Form::Choice(question.choices.clone()),
        max_tokens: 16,
        reasoning: 0,
    };
    let reply = model.think(&request, &mut |_: &str| {}).await.unwrap();
    *reply.odds.first().unwrap()
}
