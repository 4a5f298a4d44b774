//! Probabilities of tokens, given and written, against the same network computed another way; and that
//! what is read ahead changes nothing of what is written.

#![allow(clippy::unwrap_used, missing_docs)]

mod tiny;

use std::path::Path;

use agent_core::model::{Finish, Form, Reply, Request, Sampling, TokenLogprob};
use models::onnx::{Ahead, Asked, Asking, Onnx, OnnxOptions, Options, Prompt, Scorer};
use tiny::{Family, Network};

/// The text that each token stands for, as the tiny vocabulary has it.
fn words() -> Vec<String> {
    let letters = ('a'..='z').map(String::from).chain([" ".to_owned()]);
    letters.chain((27..tiny::VOCAB).map(|i| format!("t{i}"))).collect()
}

fn ids(text: &str) -> Vec<u32> {
    let words = words();
    let id = |letter: char| words.iter().position(|word| *word == letter.to_string()).unwrap();
    text.chars().map(|letter| id(letter) as u32).collect()
}

fn model(network: &Network, folder: &Path) {
    tiny::library();
    tiny::unquantized(network, folder);
}

/// The log-probability of each token after `from`, computed another way.
fn expected(network: &Network, tokens: &[u32], from: usize) -> Vec<f64> {
    let of = |place: usize| logprobs(network, &tokens[..place])[tokens[place] as usize];
    (from..tokens.len()).map(of).collect()
}

fn logprobs(network: &Network, tokens: &[u32]) -> Vec<f64> {
    let logits = network.logits(tokens);
    let total = logits.iter().map(|logit| logit.exp()).sum::<f64>().ln();
    logits.into_iter().map(|logit| logit - total).collect()
}

#[track_caller]
fn close(found: f64, wanted: f64) {
    assert!((found - wanted).abs() < 0.03 * wanted.abs().max(1.0), "{found} for {wanted}");
}

#[test]
fn a_text_is_as_likely_as_the_network_says() {
    let folder = tempfile::tempdir().unwrap();
    for (seed, family) in [(1, Family::Llama), (2, Family::Qwen2), (3, Family::Gemma3)] {
        let network = Network::random(family, seed);
        let into = folder.path().join(family.name());
        model(&network, &into);
        let options = Options { threads: 1, ..Options::default() };
        let mut scorer = Scorer::open(&into, options).unwrap();
        // Longer than what is read at once.
        let text = "the quick brown fox jumps over the lazy dog ".repeat(3);
        let text = text.trim_end();
        let wanted = expected(&network, &ids(text), 1);
        let mut told = Vec::new();
        let score = scorer.text(text, 1000, &mut |token| told.push(token)).unwrap();
        assert_eq!(told[0].logprob, None);
        assert_eq!(told.len(), wanted.len() + 1);
        for (token, wanted) in told[1..].iter().zip(&wanted) {
            close(token.logprob.unwrap(), *wanted);
        }
        let spelled: Vec<u8> = told.iter().flat_map(|token| token.bytes.clone()).collect();
        assert_eq!(String::from_utf8(spelled).unwrap(), text);
        let sum: f64 = wanted.iter().sum();
        close(score.logprob, sum);
        assert_eq!(score.tokens, wanted.len());
        close(score.perplexity, (-sum / wanted.len() as f64).exp());

        // In windows each begins from nothing.
        let of = |part: &[u32]| expected(&network, part, 1).iter().sum::<f64>();
        let windows = ids(text).chunks(10).map(of).sum();
        close(scorer.text(text, 10, &mut |_| ()).unwrap().logprob, windows);
    }
}

#[test]
fn answers_are_scored_after_their_prompt_alone() {
    let folder = tempfile::tempdir().unwrap();
    let network = Network::random(Family::Qwen3, 5);
    let into = folder.path().join("m");
    model(&network, &into);
    let mut scorer = Scorer::open(&into, Options { threads: 1, ..Options::default() }).unwrap();
    let long = "sphinx of black quartz judge my vow ".repeat(3);
    let answers = ["yes".to_owned(), "no".to_owned(), long, "yes".to_owned()];
    for asked in [Asked::Plain, Asked::Chat] {
        let scored = scorer.answers("is it so ", asked, &answers).unwrap();
        for (answer, scored) in answers.iter().zip(&scored) {
            let tokens = ids(&format!("is it so {answer}"));
            let wanted = expected(&network, &tokens, "is it so ".len());
            assert_eq!(scored.tokens.len(), wanted.len());
            for (token, wanted) in scored.tokens.iter().zip(&wanted) {
                close(token.logprob.unwrap(), *wanted);
            }
            close(scored.score.logprob, wanted.iter().sum());
        }
        // What came between leaves nothing behind.
        assert_eq!(scored[0], scored[3]);
    }
}

fn asked(engine: &Onnx, prompt: &str, asking: Asking) -> (Reply, Vec<TokenLogprob>) {
    let request = Request {
        call: 0,
        messages: Vec::new(),
        prefix: prompt.to_owned(),
        form: Form::Text { stop: Vec::new() },
        max_tokens: 120,
        reasoning: 0,
    };
    let mut tokens = Vec::new();
    let mut shown = String::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut on_text = |text: &str, told: &[TokenLogprob]| {
        shown.push_str(text);
        tokens.extend_from_slice(told);
    };
    let asking = Asking { prompt: Prompt::Raw, ..asking };
    let reply = runtime.block_on(engine.ask(&request, asking, &mut on_text)).unwrap();
    assert_eq!(shown, reply.content);
    (reply, tokens)
}

#[test]
fn what_is_written_is_told_with_its_probabilities() {
    let folder = tempfile::tempdir().unwrap();
    let network = Network::random(Family::Llama, 7);
    let into = folder.path().join("m");
    model(&network, &into);
    let engine = Onnx::open(&into, "m", OnnxOptions { threads: 1, ..Default::default() }).unwrap();
    let words = words();
    for ahead in [Ahead::Nothing, Ahead::Drafts] {
        for temperature in [0.0, 1.0] {
            let sampling = Some(Sampling { temperature, top_p: 1.0, seed: 4 });
            let asking = Asking { sampling, ahead, logprobs: Some(3), ..Asking::default() };
            let (reply, told) = asked(&engine, "the quick the quick ", asking);
            assert_eq!(told.len() as u64, reply.usage.output, "{reply:?}");
            let mut tokens = ids("the quick the quick ");
            for token in &told {
                let wanted = logprobs(&network, &tokens);
                let text = String::from_utf8(token.bytes.clone()).unwrap();
                let id = words.iter().position(|word| *word == text).unwrap();
                close(f64::from(token.logprob), wanted[id]);
                let mut best = wanted.clone();
                best.sort_by(|a, b| b.total_cmp(a));
                assert_eq!(token.likeliest.len(), 3);
                for (likely, wanted) in token.likeliest.iter().zip(best) {
                    close(f64::from(likely.logprob), wanted);
                }
                tokens.push(id as u32);
            }
            let spelled: Vec<u8> = told.iter().flat_map(|token| token.bytes.clone()).collect();
            assert_eq!(String::from_utf8(spelled).unwrap(), reply.content);
        }
    }
}

#[test]
fn drafts_change_nothing_of_what_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let (mut guessed, mut looped) = (0, 0);
    for seed in 20..30 {
        let network = Network::random(Family::Qwen2, seed);
        let into = folder.path().join(format!("m{seed}"));
        model(&network, &into);
        let open =
            || Onnx::open(&into, "m", OnnxOptions { threads: 1, ..Default::default() }).unwrap();
        let (plain, drafting) = (open(), open());
        for temperature in [0.0, 0.3] {
            let sampling = Some(Sampling { temperature, top_p: 1.0, seed });
            for prompt in ["abdefgh abdefgh abdefgh ", "jumps over the lazy dog jumps over "] {
                let ask = |engine, ahead| {
                    asked(engine, prompt, Asking { sampling, ahead, ..Asking::default() }).0
                };
                let (one, other) = (ask(&plain, Ahead::Nothing), ask(&drafting, Ahead::Drafts));
                assert_eq!(one.content, other.content, "seed {seed}, temperature {temperature}");
                assert_eq!((one.finish, one.usage.output), (other.finish, other.usage.output));
                looped += usize::from(one.finish == Finish::Looped);
            }
        }
        assert_eq!(plain.pace().drafted, 0);
        guessed += drafting.pace().guessed;
    }
    assert!(guessed > 100, "only {guessed} tokens came as they were guessed, {looped} loops");
}
