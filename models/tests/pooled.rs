//! Encoders of the kind of Qwen3-Embedding and Qwen3-Reranker: a tiny random network as a GGUF file and as
//! a checkpoint's folder, and the same network computed another way, in `f64`. Fetches the ONNX Runtime
//! library where it is not here yet.

#![allow(clippy::unwrap_used, missing_docs)]

mod tiny;

use std::path::Path;

use models::embed::{Embedder, EncodeOptions, Reranker};
use models::import::{encoder, import};
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use tiny::{Family, HIDDEN, Matrix, Network, VOCAB, Writer};

/// The token that ends a text: the tiny vocabulary's `c`.
const END: u32 = 2;
const TEXTS: [&str; 4] = ["the lamp is dead", "lights", "", "a broken lamp gives no light at all"];
const TEMPLATE: &str = "t70system t71ask {query} of {document}t72say t73";

/// A letter is its place in the alphabet, a blank comes after them, and nothing else is a token.
fn ids(text: &str) -> Vec<u32> {
    let id = |letter: char| match letter {
        ' ' => Some(26),
        letter => letter.is_ascii_lowercase().then(|| letter as u32 - 'a' as u32),
    };
    text.chars().filter_map(id).collect()
}

fn ended(text: &str) -> Vec<u32> {
    [ids(text), vec![END]].concat()
}

fn cosine(found: &[f32], wanted: &[f64]) -> f64 {
    let length = wanted.iter().map(|x| x * x).sum::<f64>().sqrt();
    found.iter().zip(wanted).map(|(a, b)| f64::from(*a) * b / length).sum()
}

/// Every matrix of the layers as this makes it.
fn each(network: &mut Network, mut make: impl FnMut(&Matrix) -> Matrix) {
    for layer in &mut network.layers {
        let matrices = [
            &mut layer.q,
            &mut layer.k,
            &mut layer.v,
            &mut layer.output,
            &mut layer.gate,
            &mut layer.up,
            &mut layer.down,
        ];
        matrices.into_iter().for_each(|matrix| *matrix = make(matrix));
    }
}

fn floats() -> Network {
    let mut network = Network::random(Family::Qwen3, 7);
    each(&mut network, Matrix::floats);
    network
}

fn vectors(file: &mut Writer) {
    file.number("qwen3.pooling_type", 3);
    file.text("tokenizer.ggml.pre", "qwen2");
    file.truth("tokenizer.ggml.add_eos_token", true);
}

/// The rows of `yes` and of `no`.
fn rows() -> Matrix {
    Matrix::half(&mut StdRng::seed_from_u64(8), 2, HIDDEN, 0.4)
}

fn scores(file: &mut Writer) {
    file.number("qwen3.pooling_type", 4);
    file.text("tokenizer.ggml.pre", "qwen2");
    file.texts("qwen3.classifier.output_labels", &["yes".to_owned(), "no".to_owned()]);
    file.text("tokenizer.chat_template.rerank", TEMPLATE);
    let kind = |id: usize| if (70..74).contains(&id) { 3 } else { 1 };
    file.numbers("tokenizer.ggml.token_type", &(0..VOCAB).map(kind).collect::<Vec<i32>>());
    file.tensor("cls.output.weight", &rows());
}

fn imported(file: &[u8], folder: &Path) -> Result<(), String> {
    let gguf = folder.with_extension("gguf");
    std::fs::write(&gguf, file).unwrap();
    encoder(&gguf, folder, &mut |_, _| {}).map_err(|error| error.to_string())
}

#[test]
fn vectors_are_the_state_of_the_last_token() {
    tiny::library();
    let folder = tempfile::tempdir().unwrap();
    let random = &mut StdRng::seed_from_u64(9);
    let (whole, four) = (floats(), Network::random(Family::Qwen3, 7));
    let mut eight = floats();
    each(&mut eight, |matrix| Matrix::q8(random, matrix.rows, matrix.cols));
    for (name, network, least) in
        [("F32", whole, 0.999_99), ("Q8_0", eight, 0.999), ("Q4_0", four, 0.999)]
    {
        let into = folder.path().join(name);
        imported(&network.gguf_with(vectors), &into).unwrap();
        let mut embedder = Embedder::open(&into, EncodeOptions::default()).unwrap();
        // Together, padded to the longest, and each by itself.
        let made = embedder.embed(&TEXTS, &mut |_| {}).unwrap();
        assert!(made.cut.is_empty());
        for (at, text) in TEXTS.iter().enumerate() {
            let alone = embedder.embed(&[text], &mut |_| {}).unwrap();
            assert_eq!((made.tokens[at], alone.tokens[0]), (text.len() + 1, text.len() + 1));
            let wanted = network.state(&ended(text));
            for vector in [&made.vectors[at], &alone.vectors[0]] {
                let (near, length) =
                    (cosine(vector, &wanted), vector.iter().map(|x| x * x).sum::<f32>());
                assert!(near > least, "{name}, `{text}`: {near}");
                assert!((length - 1.0).abs() < 1e-5, "{name}, `{text}`: {length}");
            }
        }
        let question = embedder.question("lamp");
        assert!(
            question.starts_with("Instruct: ") && question.ends_with("\nQuery:lamp"),
            "{question}"
        );
    }
}

#[test]
fn a_checkpoint_says_it_with_the_files_of_sentence_transformers() {
    tiny::library();
    let (folder, network) = (tempfile::tempdir().unwrap(), floats());
    let (published, into) = (folder.path().join("published"), folder.path().join("into"));
    network.checkpoint(&published);
    let write = |name: &str, value: &Value| {
        std::fs::create_dir_all(published.join(name).parent().unwrap()).unwrap();
        std::fs::write(published.join(name), value.to_string()).unwrap();
    };
    let made = || {
        encoder(&published, &into, &mut |_, _| {}).map_err(|error| error.to_string())?;
        Ok::<_, String>(Embedder::open(&into, EncodeOptions::default()).unwrap())
    };
    let error = made().unwrap_err();
    assert!(error.contains("does not say that the last token"), "{error}");

    write("1_Pooling/config.json", &json!({ "pooling_mode_lasttoken": true }));
    write(
        "config_sentence_transformers.json",
        &json!({ "prompts": { "query": "ask ", "document": "" } }),
    );
    let text = std::fs::read(published.join("tokenizer.json")).unwrap();
    let mut tokenizer: Value = serde_json::from_slice(&text).unwrap();
    tokenizer["model"]["merges"] = json!([]);
    tokenizer["pre_tokenizer"]["trim_offsets"] = json!(false);
    let text = |name: &str| json!({ "Sequence": { "id": name, "type_id": 0 } });
    tokenizer["post_processor"] = json!({
        "type": "TemplateProcessing",
        "single": [text("A"), { "SpecialToken": { "id": "c", "type_id": 0 } }],
        "pair": [text("A"), text("B")],
        "special_tokens": { "c": { "id": "c", "ids": [END], "tokens": ["c"] } },
    });
    tokenizer["added_tokens"] = json!([]);
    write("tokenizer.json", &tokenizer);
    let mut embedder = made().unwrap();
    let found = embedder.embed(&TEXTS, &mut |_| {}).unwrap();
    for (vector, text) in found.vectors.iter().zip(TEXTS) {
        let near = cosine(vector, &network.state(&ended(text)));
        assert!(near > 0.999_99, "`{text}`: {near}");
    }
    assert_eq!(embedder.question("lamp"), "ask lamp");

    write("config_sentence_transformers.json", &json!({ "prompts": { "document": "passage: " } }));
    assert!(made().unwrap_err().contains("a prompt comes before its documents"));
}

#[test]
fn a_score_is_by_how_much_yes_is_likelier_than_no() {
    tiny::library();
    let (folder, network) = (tempfile::tempdir().unwrap(), floats());
    let into = folder.path().join("m");
    imported(&network.gguf_with(scores), &into).unwrap();
    let mut reranker = Reranker::open(&into, EncodeOptions::default()).unwrap();
    let check = |found: f32, question: &str, passage: &str, most: usize| {
        let before = [vec![70], ids("system "), vec![71]].concat();
        let after = [vec![72], ids("say "), vec![73]].concat();
        let mut pair = ids(&format!("ask {question} of {passage}"));
        pair.truncate(most - before.len() - after.len());
        let state = network.state(&[before, pair, after].concat());
        let logits = rows().times(&state);
        let both = rows().values;
        let row: Vec<f64> = (0..HIDDEN).map(|i| both[i] - both[HIDDEN + i]).collect();
        let wanted = logits[0] - logits[1];
        // The weights are in half precision, so what is off goes with the lengths of what is multiplied.
        let length = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
        let off = (f64::from(found) - wanted).abs() / length(&state) / length(&row);
        assert!(off < 1e-3, "`{question}`, `{passage}`: {found} and {wanted}, off by {off}");
    };
    // What a passage says is neither a marker nor a place of the template.
    let passages = ["the lamp is dead", "light", "", "lampt72say t73{query}"];
    for question in ["why", "which {document}"] {
        let found = reranker.score(question, &passages).unwrap();
        assert!(found.cut.is_empty());
        for (found, passage) in found.scores.iter().zip(passages) {
            check(*found, question, passage, usize::MAX);
        }
    }
    // Of a pair that is too long the end of the passage is left out, and the template is whole.
    let most = 40;
    let mut reranker =
        Reranker::open(&into, EncodeOptions { tokens: most, ..EncodeOptions::default() }).unwrap();
    let long = "lamp light ".repeat(20);
    let found = reranker.score("why", &[long.as_str(), "light"]).unwrap();
    assert_eq!(found.cut, [0]);
    for (found, passage) in found.scores.iter().zip([long.as_str(), "light"]) {
        check(*found, "why", passage, most);
    }
    let error = Embedder::open(&into, EncodeOptions::default()).unwrap_err().to_string();
    assert!(error.contains("it scores pairs of texts"), "{error}");
}

#[test]
fn what_is_no_such_encoder_is_refused() {
    let (folder, network) = (tempfile::tempdir().unwrap(), Network::random(Family::Qwen3, 7));
    let into = folder.path().join("m");
    type More = fn(&mut Writer);
    let refused: [(More, &str); 7] = [
        (|_| (), "it has no `qwen3.pooling_type`, so it writes text"),
        (|file| file.number("qwen3.pooling_type", 1), "its pooling is 1"),
        (
            |file| {
                vectors(file);
                file.truth("qwen3.attention.causal", false);
            },
            "each of its tokens sees those after it",
        ),
        (
            |file| {
                vectors(file);
                file.truth("tokenizer.ggml.add_bos_token", true);
            },
            "begins texts with a token of its own",
        ),
        (
            |file| {
                file.number("qwen3.pooling_type", 3);
                file.text("tokenizer.ggml.pre", "qwen2");
            },
            "which token ends a text",
        ),
        (|file| file.number("qwen3.pooling_type", 4), "are not `yes` and `no`"),
        (
            |file| {
                file.number("qwen3.pooling_type", 4);
                file.texts("qwen3.classifier.output_labels", &["yes".to_owned(), "no".to_owned()]);
                file.text("tokenizer.chat_template.rerank", "{document} {query}");
            },
            "no `{query}` with a `{document}` after it",
        ),
    ];
    for (more, reason) in refused {
        let error = imported(&network.gguf_with(more), &into).unwrap_err();
        assert!(error.contains(reason), "{reason}: {error}");
        assert!(!into.exists());
    }
    // And an encoder is no model that writes.
    let gguf = folder.path().join("m.gguf");
    std::fs::write(&gguf, network.gguf_with(vectors)).unwrap();
    let error = import(&gguf, &into, &mut |_, _| {}).unwrap_err().to_string();
    assert!(error.contains("it makes vectors or scores of texts and writes none"), "{error}");
}
