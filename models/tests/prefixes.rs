//! What every run begins with is read once for all processes, and what comes of it is the same to the bit.

#![allow(clippy::unwrap_used, missing_docs)]

mod tiny;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use agent_core::message::Message;
use agent_core::model::{Form, Reply, Request, TokenLogprob};
use models::onnx::{Asking, Onnx, OnnxOptions};

use tiny::{Family, Network};

const RULES: &str = "Say whether it is so. These are the rules that every run has, word for word, and they are \
                     long enough to be worth keeping.";

/// As a process that starts anew opens it.
fn open(folder: &Path) -> Onnx {
    tiny::library();
    let options = OnnxOptions { threads: 1, ..OnnxOptions::default() };
    Onnx::open(folder, "m", options).unwrap()
}

/// What an import says of the weights.
fn seal(folder: &Path, sha256: &str) {
    let file = serde_json::json!({
        "file": "model.onnx.data", "size": 0, "modified": "0", "sha256": sha256,
    });
    let seal = serde_json::json!({ "files": [file] });
    fs::write(folder.join("seal.json"), seal.to_string()).unwrap();
}

fn told(engine: &Onnx, rules: Message, asked: &str, asker: u64) -> (Reply, Vec<TokenLogprob>) {
    let request = Request {
        call: 0,
        messages: vec![Arc::new(rules), Arc::new(Message::user(asked))],
        prefix: String::new(),
        form: Form::Text { stop: Vec::new() },
        max_tokens: 20,
        reasoning: 0,
    };
    let asking = Asking { logprobs: Some(2), asker, ..Asking::default() };
    let mut told = Vec::new();
    let mut on_text = |_: &str, tokens: &[TokenLogprob]| told.extend_from_slice(tokens);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let reply = runtime.block_on(engine.ask(&request, asking, &mut on_text)).unwrap();
    (reply, told)
}

fn kept(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder.join("prefixes")).into_iter().flatten();
    files.map(|file| file.unwrap().path()).collect()
}

#[test]
fn a_process_begins_after_what_another_has_read() {
    let home = tempfile::tempdir().unwrap();
    for (seed, family) in tiny::FAMILIES.into_iter().enumerate() {
        let folder = home.path().join(format!("m{seed}"));
        tiny::unquantized(&Network::random(family, 90 + seed as u64), &folder);
        seal(&folder, "a");
        let rules = || Message::system(RULES).common();
        let (first, odds) = told(&open(&folder), rules(), "The sky is blue.", 0);
        assert_eq!(first.usage.cached, 0, "{family:?}");
        assert_eq!(kept(&folder).len(), 1);

        let anew = open(&folder);
        let (again, other_odds) = told(&anew, rules(), "The sky is blue.", 7);
        assert!(again.usage.cached >= RULES.len() as u64 / 8, "{family:?}: {:?}", again.usage);
        assert!(again.usage.cached < again.usage.input);
        // To the last bit.
        assert_eq!((&again.content, &other_odds), (&first.content, &odds), "{family:?}");
        // Another question, for another asker, as a process that knows nothing answers it.
        let (other, odds) = told(&anew, rules(), "Stones float.", 8);
        assert_eq!(other.usage.cached, again.usage.cached);
        fs::remove_dir_all(folder.join("prefixes")).unwrap();
        let (fresh, fresh_odds) = told(&open(&folder), rules(), "Stones float.", 0);
        assert_eq!(fresh.usage.cached, 0);
        assert_eq!((other.content, odds), (fresh.content, fresh_odds), "{family:?}");
    }
}

#[test]
fn only_what_fits_is_taken_up() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("m");
    tiny::unquantized(&Network::random(Family::Qwen3, 3), &folder);
    let ask = |rules: Message| told(&open(&folder), rules, "The sky is blue.", 0);
    let rules = || Message::system(RULES).common();
    // Nothing says what its weights are.
    let (bare, _) = ask(rules());
    assert!(kept(&folder).is_empty());
    seal(&folder, "a");
    // What is a run's own is not kept.
    ask(Message::system(RULES));
    assert!(kept(&folder).is_empty());

    ask(rules());
    let [file] = &kept(&folder)[..] else { panic!("{:?}", kept(&folder)) };
    // Other rules, and other weights.
    let others = Message::system(RULES.replace("word for word", "letter by letter")).common();
    assert_eq!(ask(others).0.usage.cached, 0);
    seal(&folder, "b");
    assert_eq!(ask(rules()).0.usage.cached, 0);
    assert_eq!(kept(&folder).len(), 3);
    seal(&folder, "a");
    assert!(ask(rules()).0.usage.cached > 0);

    // A damaged file is read no further, and replaced.
    let whole = fs::read(file).unwrap();
    let mut flipped = whole.clone();
    flipped[100] ^= 1;
    for damaged in [&flipped[..], &whole[..whole.len() - 4], b"", b"abc"] {
        fs::write(file, damaged).unwrap();
        let (reply, _) = ask(rules());
        assert_eq!((reply.usage.cached, &reply.content), (0, &bare.content));
        assert!(fs::read(file).unwrap() == whole);
    }

    // Where nothing can be kept, it is read as ever.
    fs::remove_dir_all(folder.join("prefixes")).unwrap();
    fs::write(folder.join("prefixes"), "").unwrap();
    assert_eq!(ask(rules()).0.content, bare.content);
}
