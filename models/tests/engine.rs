//! The imported graph against the same network computed another way: prompt, one token at a
//! time, and after going back. Fetches the ONNX Runtime library where it is
//! not here yet.

#![allow(clippy::unwrap_used, missing_docs)]

mod tiny;

use models::import::import;
use models::onnx::{Device, EngineError, Options, PIECE, Session, history};
use tiny::{CONTEXT, Family, Network, VOCAB};

fn open(network: &Network) -> (tempfile::TempDir, Session) {
    let folder = tempfile::tempdir().unwrap();
    let gguf = folder.path().join("tiny.gguf");
    network.write(&gguf);
    let into = folder.path().join("models").join("tiny");
    import(&gguf, &into, &mut |_, _| {}).unwrap();
    tiny::library();
    let session = Session::open(&into, Options { threads: 1, ..Options::default() }).unwrap();
    (folder, session)
}

fn tokens(count: usize, seed: u32) -> Vec<u32> {
    (0..count as u32).map(|i| (i * 31 + i * i * 7 + seed) % VOCAB as u32).collect()
}

/// The runtime multiplies with activations of eight bits, so logits differ a little: a hundredth
/// of their spread, where a wrong rotation, mask or cache would be off by all of it.
#[track_caller]
fn check(found: &[f32], wanted: &[f64], what: &str) {
    assert_eq!(found.len(), wanted.len());
    let mean = wanted.iter().sum::<f64>() / wanted.len() as f64;
    let spread = wanted.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
    let error = found.iter().zip(wanted).map(|(a, b)| (f64::from(*a) - b).powi(2)).sum::<f64>();
    let relative = (error / spread).sqrt();
    assert!(relative < 0.05, "{what}: logits are off by {relative:.3} of their spread");
}

fn follows_the_reference(family: Family, seed: u64) {
    let network = Network::random(family, seed);
    let (_folder, mut session) = open(&network);
    let prompt = tokens(23, 5);

    check(session.feed(&prompt).unwrap(), &network.logits(&prompt), "prompt");

    let mut all = prompt.clone();
    for token in tokens(6, 50) {
        all.push(token);
        check(session.feed(&[token]).unwrap(), &network.logits(&all), "one token");
    }
    assert_eq!(session.len(), 29);

    session.rewind(11);
    let mut other = prompt[..11].to_vec();
    let rest = tokens(9, 3);
    other.extend(&rest);
    check(session.feed(&rest).unwrap(), &network.logits(&other), "several after going back");

    session.rewind(0);
    let prompt = tokens(4, 1);
    check(session.feed(&prompt).unwrap(), &network.logits(&prompt), "from nothing again");
}

#[test]
fn llama_follows_the_reference() {
    follows_the_reference(Family::Llama, 1);
}

#[test]
fn qwen2_follows_the_reference() {
    follows_the_reference(Family::Qwen2, 2);
}

#[test]
fn qwen3_follows_the_reference() {
    follows_the_reference(Family::Qwen3, 5);
}

#[test]
fn gemma3_follows_the_reference() {
    follows_the_reference(Family::Gemma3, 6);
}

#[test]
fn a_long_prompt_in_chunks_is_the_same_prompt() {
    let network = Network::random(Family::Qwen2, 3);
    let (_folder, mut session) = open(&network);
    let prompt = tokens(700, 9);
    check(session.feed(&prompt).unwrap(), &network.logits(&prompt), "two chunks");
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let network = Network::random(Family::Llama, 4);
    let (_folder, mut session) = open(&network);
    session.feed(&tokens(10, 0)).unwrap();
    let error = session.feed(&tokens(CONTEXT, 0)).unwrap_err();
    assert_eq!(error.to_string(), "1290 tokens do not fit into a context of 1280");
    let error = session.feed(&[1, VOCAB as u32]).unwrap_err();
    assert_eq!(error.to_string(), "there is no token 77 in a vocabulary of 77");
    assert!(matches!(session.feed(&[]), Err(EngineError::Empty)));
    assert_eq!(session.len(), 10);
}

#[test]
fn a_device_that_is_not_there_is_an_error() {
    assert!(matches!("gpu".parse::<Device>(), Err(EngineError::UnknownDevice(_))));
    let network = Network::random(Family::Llama, 4);
    let (folder, _session) = open(&network);
    let into = folder.path().join("models").join("tiny");
    let options = Options { device: Device::Cuda, ..Options::default() };
    // Where there is one, it must work; anywhere else it must say so.
    if let Err(error) = Session::open(&into, options) {
        assert!(error.to_string().starts_with("device `cuda` cannot be used: "), "{error}");
    }
}

#[test]
fn steps_are_measured_after_each_eighth_of_a_history_that_fits() {
    let (folder, _session) = open(&Network::random(Family::Llama, 3));
    let model = folder.path().join("models").join("tiny");
    let costs = history(&model, CONTEXT - PIECE, 1, 1).unwrap();
    let lengths: Vec<usize> = costs.iter().map(|cost| cost.history).collect();
    assert_eq!(lengths, (1..=8).map(|eighth| eighth * (CONTEXT - PIECE) / 8).collect::<Vec<_>>());
    assert!(costs.iter().all(|cost| cost.step_ms > 0.0 && cost.piece_ms > 0.0), "{costs:?}");
    let error = history(&model, CONTEXT, 1, 1).unwrap_err();
    assert!(matches!(error, EngineError::TooLong { .. }), "{error}");
}
