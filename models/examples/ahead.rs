//! What reading ahead is worth: the same requests with drafts and without, in turn, on an imported model.
//! `cargo run --release --workspace --example ahead -- FOLDER [ROUNDS]`

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::path::Path;
use std::time::{Duration, Instant};

use agent_core::message::Message;
use agent_core::model::{Form, Reply, Request};
use models::fetch::Fetcher;
use models::onnx::{Ahead, Asking, Device, Onnx, OnnxOptions};
use serde_json::{Value, json};

const INVOICE: &str = "Invoice 2024-11873\nIssued by: Hartmann & Sorensen Engineering Supplies GmbH\n\
    Address: Lindenstrasse 114, 24937 Flensburg, Germany\nVAT id: DE 811 907 223\n\
    To: Northern Lights Boatyard, attn. Ms Frederikke Aagaard-Thomsen\n\
    Delivered: 14 November 2024, order NL-5521-B\n\
    1. Stainless steel shackle, forged, 10 mm, item 778-201-A, 24 pieces, 312.00 EUR\n\
    2. Bilge pump, 12 V, self-priming, item 441-090-C, 2 pieces, 238.40 EUR\n\
    3. Marine-grade epoxy, two components, item 100-556-K, 6 cans, 401.70 EUR\n\
    Total before tax: 952.10 EUR\nPayable within 21 days to IBAN DE44 2155 0050 0012 3456 78";

fn request(task: &str, form: Form) -> Request {
    let rules = Message::system("You fill in what is asked for, in the words of the text.");
    let messages = vec![rules.into(), Message::user(task).into()];
    Request { call: 0, messages, prefix: String::new(), form, max_tokens: 220, reasoning: 0 }
}

fn fields() -> Value {
    let text = json!({"type": "string", "maxLength": 120});
    let names = ["issued_by", "address", "vat_id", "to", "delivered", "first_item", "iban"];
    let properties: serde_json::Map<String, Value> =
        names.iter().map(|name| (name.to_string(), text.clone())).collect();
    json!({"type": "object", "properties": properties, "required": names})
}

fn ask(engine: &Onnx, request: &Request, ahead: Ahead) -> (Reply, Duration) {
    let before = engine.pace().writing;
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let asking = Asking { ahead, ..Asking::default() };
    let reply = runtime.block_on(engine.ask(request, asking, &mut |_, _| ())).unwrap();
    (reply, engine.pace().writing - before)
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let rounds = arguments.get(2).map_or(5, |rounds| rounds.parse().unwrap());
    let env = |name: &str| std::env::var_os(name);
    let fetcher = Fetcher::from_env(env).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let library = runtime.block_on(fetcher.runtime(Device::Cpu, env)).unwrap();
    models::onnx::load(Some(&library)).unwrap();
    let options = OnnxOptions { context: 4096, ..OnnxOptions::default() };
    let engine = Onnx::open(Path::new(&arguments[1]), "model", options).unwrap();
    let cases = [
        (
            "fields of an invoice",
            request(&format!("{INVOICE}\n\nFill in the fields."), Form::Json(fields())),
        ),
        (
            "lines of an invoice",
            request(
                &format!("{INVOICE}\n\nRepeat the three numbered lines, word for word."),
                Form::Text { stop: Vec::new() },
            ),
        ),
        (
            "free text",
            request(
                "Tell a short story about a lighthouse keeper who finds a message in a bottle.",
                Form::Text { stop: Vec::new() },
            ),
        ),
    ];
    for (name, request) in cases {
        ask(&engine, &request, Ahead::Nothing);
        let (mut with, mut without, mut ratios) = (vec![], vec![], vec![]);
        let before = engine.pace();
        let (mut tokens, mut same) = (0, true);
        for _ in 0..rounds {
            let started = Instant::now();
            let (plain, one) = ask(&engine, &request, Ahead::Nothing);
            let (drafted, two) = ask(&engine, &request, Ahead::Drafts);
            assert!(started.elapsed() >= one + two);
            same &= plain.content == drafted.content;
            tokens = plain.usage.output;
            without.push(one.as_secs_f64());
            with.push(two.as_secs_f64());
            ratios.push(one.as_secs_f64() / two.as_secs_f64());
        }
        let pace = engine.pace();
        let (drafted, guessed) = (pace.drafted - before.drafted, pace.guessed - before.guessed);
        println!(
            "{name}: {tokens} tokens, same: {same}, without {:.2} s, with {:.2} s, ratio {:.2}, \
             {drafted} drafted, {guessed} came, {rounds} rounds",
            median(without),
            median(with),
            median(ratios)
        );
    }
}
