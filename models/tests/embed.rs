//! A tiny random BERT as its authors would publish it and as a GGUF, and the same network computed
//! another way, in `f64`. Fetches the ONNX Runtime library where it is not here yet.

#![allow(clippy::unwrap_used, missing_docs)]

mod tiny;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use models::embed::{Embedder, EncodeOptions, Reranker};
use models::fetch::{FetchError, Fetcher};
use models::import::encoder;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;

const HIDDEN: usize = 32;
const INNER: usize = 48;
const HEADS: usize = 4;
const LAYERS: usize = 2;
const CONTEXT: usize = 24;
const WORDS: [&str; 12] = [
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "lamp", "light", "##s", "is", "dead", "broken", "?",
];

/// Name in safetensors, name in a GGUF, rows (0 for a vector), columns.
type Named = (String, String, usize, usize);

struct Bert {
    tensors: BTreeMap<String, (Named, Vec<f32>)>,
}

impl Bert {
    fn random(labels: Option<usize>) -> Self {
        let mut random = StdRng::seed_from_u64(3);
        let mut names: Vec<Named> = Vec::new();
        let mut name = |theirs: &str, ours: &str, rows: usize, cols: usize| {
            names.push((theirs.to_owned(), ours.to_owned(), rows, cols));
        };
        let embeddings = [
            ("word", "token_embd", WORDS.len()),
            ("position", "position_embd", CONTEXT),
            ("token_type", "token_types", 2),
        ];
        for (theirs, ours, rows) in embeddings {
            name(
                &format!("embeddings.{theirs}_embeddings.weight"),
                &format!("{ours}.weight"),
                rows,
                HIDDEN,
            );
        }
        for part in ["weight", "bias"] {
            name(
                &format!("embeddings.LayerNorm.{part}"),
                &format!("token_embd_norm.{part}"),
                0,
                HIDDEN,
            );
            for layer in 0..LAYERS {
                let parts = [
                    ("attention.self.query", "attn_q", HIDDEN, HIDDEN),
                    ("attention.self.key", "attn_k", HIDDEN, HIDDEN),
                    ("attention.self.value", "attn_v", HIDDEN, HIDDEN),
                    ("attention.output.dense", "attn_output", HIDDEN, HIDDEN),
                    ("attention.output.LayerNorm", "attn_output_norm", 0, HIDDEN),
                    ("intermediate.dense", "ffn_up", INNER, HIDDEN),
                    ("output.dense", "ffn_down", HIDDEN, INNER),
                    ("output.LayerNorm", "layer_output_norm", 0, HIDDEN),
                ];
                for (theirs, ours, rows, cols) in parts {
                    let (rows, cols) = match part {
                        "bias" if rows > 0 => (0, rows),
                        _ => (rows, cols),
                    };
                    name(
                        &format!("encoder.layer.{layer}.{theirs}.{part}"),
                        &format!("blk.{layer}.{ours}.{part}"),
                        rows,
                        cols,
                    );
                }
            }
            if let Some(labels) = labels {
                let weight = part == "weight";
                name(
                    &format!("pooler.dense.{part}"),
                    &format!("cls.{part}"),
                    if weight { HIDDEN } else { 0 },
                    HIDDEN,
                );
                name(
                    &format!("classifier.{part}"),
                    &format!("cls.output.{part}"),
                    if weight { labels } else { 0 },
                    if weight { HIDDEN } else { labels },
                );
            }
        }
        let tensors = names.into_iter().map(|named| {
            let norm = named.1.contains("norm.weight");
            let numbers = (0..named.2.max(1) * named.3)
                .map(|_| random.random_range(-0.4..0.4) + if norm { 1.0 } else { 0.0 });
            (named.1.clone(), (named.clone(), numbers.collect()))
        });
        Self { tensors: tensors.collect() }
    }

    fn folder(&self, into: &Path) {
        std::fs::create_dir_all(into).unwrap();
        let config = json!({
            "model_type": "bert", "hidden_act": "gelu", "hidden_size": HIDDEN, "num_hidden_layers": LAYERS,
            "num_attention_heads": HEADS, "intermediate_size": INNER, "max_position_embeddings": CONTEXT,
            "layer_norm_eps": 1e-12,
        });
        std::fs::write(into.join("config.json"), config.to_string()).unwrap();
        std::fs::write(into.join("tokenizer.json"), tokenizer().to_string()).unwrap();
        let (mut header, mut data) = (serde_json::Map::new(), Vec::new());
        for ((theirs, _, rows, cols), numbers) in self.tensors.values() {
            let from = data.len();
            data.extend(numbers.iter().flat_map(|x| x.to_le_bytes()));
            let shape = if *rows == 0 { json!([cols]) } else { json!([rows, cols]) };
            let entry =
                json!({ "dtype": "F32", "shape": shape, "data_offsets": [from, data.len()] });
            header.insert(format!("bert.{theirs}").replace("bert.classifier", "classifier"), entry);
        }
        let header = json!(header).to_string();
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend(header.as_bytes());
        file.extend(data);
        std::fs::write(into.join("model.safetensors"), file).unwrap();
    }

    fn gguf(&self, path: &Path) {
        let mut file = b"GGUF\x03\0\0\0".to_vec();
        let text = |file: &mut Vec<u8>, text: &str| {
            file.extend((text.len() as u64).to_le_bytes());
            file.extend(text.as_bytes());
        };
        let numbers = [
            ("embedding_length", HIDDEN),
            ("block_count", LAYERS),
            ("attention.head_count", HEADS),
            ("feed_forward_length", INNER),
            ("context_length", CONTEXT),
            ("pooling_type", 1),
        ];
        file.extend((self.tensors.len() as u64).to_le_bytes());
        file.extend((numbers.len() as u64 + 3).to_le_bytes());
        for (key, value) in [("general.architecture", "bert"), ("tokenizer.ggml.model", "bert")] {
            text(&mut file, key);
            file.extend(8u32.to_le_bytes());
            text(&mut file, value);
        }
        for (key, value) in numbers {
            text(&mut file, &format!("bert.{key}"));
            file.extend(4u32.to_le_bytes());
            file.extend((value as u32).to_le_bytes());
        }
        text(&mut file, "tokenizer.ggml.tokens");
        file.extend(9u32.to_le_bytes());
        file.extend(8u32.to_le_bytes());
        file.extend((WORDS.len() as u64).to_le_bytes());
        for word in WORDS {
            let written = match word.strip_prefix("##") {
                Some(rest) => rest.to_owned(),
                None if word.starts_with('[') => word.to_owned(),
                None => format!("▁{word}"),
            };
            text(&mut file, &written);
        }
        let mut data = Vec::new();
        for ((_, ours, rows, cols), numbers) in self.tensors.values() {
            text(&mut file, ours);
            let dims: Vec<usize> = if *rows == 0 { vec![*cols] } else { vec![*cols, *rows] };
            file.extend((dims.len() as u32).to_le_bytes());
            dims.iter().for_each(|size| file.extend((*size as u64).to_le_bytes()));
            file.extend(0u32.to_le_bytes());
            file.extend((data.len() as u64).to_le_bytes());
            data.extend(numbers.iter().flat_map(|x| x.to_le_bytes()));
            data.resize(data.len().next_multiple_of(32), 0);
        }
        file.resize(file.len().next_multiple_of(32), 0);
        file.extend(data);
        std::fs::write(path, file).unwrap();
    }

    fn numbers(&self, name: &str) -> Vec<f64> {
        self.tensors[name].1.iter().map(|x| f64::from(*x)).collect()
    }

    fn linear(&self, name: &str, input: &[f64]) -> Vec<f64> {
        let (weight, bias) =
            (self.numbers(&format!("{name}.weight")), self.numbers(&format!("{name}.bias")));
        let rows = weight.chunks(input.len()).zip(bias);
        rows.map(|(row, bias)| row.iter().zip(input).map(|(a, b)| a * b).sum::<f64>() + bias)
            .collect()
    }

    fn norm(&self, name: &str, input: &[f64]) -> Vec<f64> {
        let mean = input.iter().sum::<f64>() / input.len() as f64;
        let spread = input.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / input.len() as f64;
        let (scale, shift) =
            (self.numbers(&format!("{name}.weight")), self.numbers(&format!("{name}.bias")));
        let parts = input.iter().zip(scale).zip(shift);
        parts
            .map(|((x, scale), shift)| (x - mean) / (spread + 1e-12).sqrt() * scale + shift)
            .collect()
    }

    /// The states after the last layer.
    fn states(&self, ids: &[usize], types: &[usize]) -> Vec<Vec<f64>> {
        let row =
            |name: &str, at: usize| self.numbers(name)[at * HIDDEN..(at + 1) * HIDDEN].to_vec();
        let add =
            |a: Vec<f64>, b: Vec<f64>| a.iter().zip(b).map(|(a, b)| a + b).collect::<Vec<f64>>();
        let mut states: Vec<Vec<f64>> = ids
            .iter()
            .zip(types)
            .enumerate()
            .map(|(at, (&id, &kind))| {
                let sum = add(row("token_embd.weight", id), row("position_embd.weight", at));
                self.norm("token_embd_norm", &add(sum, row("token_types.weight", kind)))
            })
            .collect();
        for layer in 0..LAYERS {
            let name = |part: &str| format!("blk.{layer}.{part}");
            let part = |part: &str| {
                states.iter().map(|state| self.linear(&name(part), state)).collect::<Vec<_>>()
            };
            let (q, k, v) = (part("attn_q"), part("attn_k"), part("attn_v"));
            let size = HIDDEN / HEADS;
            states = states
                .iter()
                .enumerate()
                .map(|(at, state)| {
                    let mut mixed = vec![0.0; HIDDEN];
                    for head in 0..HEADS {
                        let own = head * size..(head + 1) * size;
                        let scores: Vec<f64> = k
                            .iter()
                            .map(|k| {
                                q[at][own.clone()]
                                    .iter()
                                    .zip(&k[own.clone()])
                                    .map(|(a, b)| a * b)
                                    .sum::<f64>()
                                    / (size as f64).sqrt()
                            })
                            .map(f64::exp)
                            .collect();
                        let all: f64 = scores.iter().sum();
                        for (score, v) in scores.iter().zip(&v) {
                            own.clone().for_each(|i| mixed[i] += score / all * v[i]);
                        }
                    }
                    let state = self.norm(
                        &name("attn_output_norm"),
                        &add(self.linear(&name("attn_output"), &mixed), state.clone()),
                    );
                    let up: Vec<f64> =
                        self.linear(&name("ffn_up"), &state).into_iter().map(gelu).collect();
                    self.norm(
                        &name("layer_output_norm"),
                        &add(self.linear(&name("ffn_down"), &up), state),
                    )
                })
                .collect();
        }
        states
    }

    fn vector(&self, ids: &[usize]) -> Vec<f64> {
        let states = self.states(ids, &vec![0; ids.len()]);
        let sum: Vec<f64> =
            (0..HIDDEN).map(|i| states.iter().map(|state| state[i]).sum()).collect();
        let norm = sum.iter().map(|x: &f64| x * x).sum::<f64>().sqrt();
        sum.into_iter().map(|x| x / norm).collect()
    }
}

/// x Φ(x), with Φ integrated by Simpson's rule.
fn gelu(x: f64) -> f64 {
    let density = |t: f64| (-t * t / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let step = x / 200.0;
    let inner: f64 =
        (1..200).map(|i| density(i as f64 * step) * if i % 2 == 1 { 4.0 } else { 2.0 }).sum();
    x * (0.5 + step / 3.0 * (density(0.0) + inner + density(x)))
}

fn tokenizer() -> serde_json::Value {
    let vocab: BTreeMap<&str, usize> = WORDS.iter().copied().zip(0..).collect();
    let special =
        |name: &str, kind: usize| json!({ "SpecialToken": { "id": name, "type_id": kind } });
    let text = |name: &str, kind: usize| json!({ "Sequence": { "id": name, "type_id": kind } });
    json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
        "normalizer": { "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true },
        "pre_tokenizer": { "type": "BertPreTokenizer" },
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [special("[CLS]", 0), text("A", 0), special("[SEP]", 0)],
            "pair": [special("[CLS]", 0), text("A", 0), special("[SEP]", 0), text("B", 1), special("[SEP]", 1)],
            "special_tokens": {
                "[CLS]": { "id": "[CLS]", "ids": [2], "tokens": ["[CLS]"] },
                "[SEP]": { "id": "[SEP]", "ids": [3], "tokens": ["[SEP]"] },
            },
        },
        "decoder": null,
        "model": { "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": vocab },
    })
}

fn imported(from: &Path) -> PathBuf {
    tiny::library();
    let into = from.with_extension("imported");
    encoder(from, &into, &mut |_, _| {}).unwrap();
    into
}

const TEXTS: [&str; 3] =
    ["The lamp is dead", "Lights?", "the lights is broken broken broken ? ? ?"];
const IDS: [&[usize]; 3] =
    [&[2, 4, 5, 8, 9, 3], &[2, 6, 7, 11, 3], &[2, 4, 6, 7, 8, 10, 10, 10, 11, 11, 11, 3]];

#[test]
fn vectors_are_those_of_the_network_computed_another_way() {
    let (folder, bert) = (tempfile::tempdir().unwrap(), Bert::random(None));
    let (published, gguf) = (folder.path().join("published"), folder.path().join("tiny.gguf"));
    bert.folder(&published);
    bert.gguf(&gguf);
    for from in [published, gguf] {
        let mut embedder = Embedder::open(&imported(&from), EncodeOptions::default()).unwrap();
        let mut done = 0;
        let made = embedder.embed(&TEXTS, &mut |now| done = now).unwrap();
        assert_eq!((done, made.cut.len(), &made.tokens[..]), (3, 0, &[6, 5, 12][..]));
        for (vector, ids) in made.vectors.iter().zip(IDS) {
            let cosine: f64 =
                vector.iter().zip(bert.vector(ids)).map(|(a, b)| f64::from(*a) * b).sum();
            assert!((cosine - 1.0).abs() < 1e-5, "{from:?}: {cosine}");
        }
    }
}

#[test]
fn a_text_that_is_too_long_is_cut_and_said_to_be() {
    let (folder, bert) = (tempfile::tempdir().unwrap(), Bert::random(None));
    bert.folder(&folder.path().join("a"));
    let mut embedder =
        Embedder::open(&imported(&folder.path().join("a")), EncodeOptions::default()).unwrap();
    assert_eq!(embedder.reads(), CONTEXT);
    let long = "lamp ".repeat(100_000);
    let short = "lamp ".repeat(CONTEXT - 2);
    let made = embedder.embed(&[long.as_str(), "dead", &short], &mut |_| {}).unwrap();
    assert_eq!((&made.cut[..], &made.tokens[..]), (&[0][..], &[CONTEXT, 3, CONTEXT][..]));
    assert_eq!(made.vectors[0], made.vectors[2]);
    let none: [&str; 0] = [];
    assert!(embedder.embed(&none, &mut |_| {}).unwrap().vectors.is_empty());
    assert_eq!(embedder.embed(&[""], &mut |_| {}).unwrap().tokens, [2]);
}

#[test]
fn a_cross_encoder_reads_question_and_passage_together() {
    let (folder, bert) = (tempfile::tempdir().unwrap(), Bert::random(Some(1)));
    bert.folder(&folder.path().join("a"));
    let imported = imported(&folder.path().join("a"));
    let mut reranker = Reranker::open(&imported, EncodeOptions::default()).unwrap();
    let scored = reranker.score("lamp ?", &["the lamp is dead", "light"]).unwrap();
    let pairs: [(&[usize], usize); 2] =
        [(&[2, 5, 11, 3, 4, 5, 8, 9, 3], 4), (&[2, 5, 11, 3, 6, 3], 4)];
    for (score, (ids, first)) in scored.scores.iter().zip(pairs) {
        let types: Vec<usize> = (0..ids.len()).map(|at| usize::from(at >= first)).collect();
        let state = bert.states(ids, &types).remove(0);
        let pooled: Vec<f64> = bert.linear("cls", &state).into_iter().map(f64::tanh).collect();
        let wanted = bert.linear("cls.output", &pooled)[0];
        assert!((f64::from(*score) - wanted).abs() < 1e-4, "{score} and {wanted}");
    }
    let error = Embedder::open(&imported, EncodeOptions::default()).unwrap_err().to_string();
    assert!(error.contains("it scores pairs of texts"), "{error}");
}

#[test]
fn broken_weights_are_refused_by_name() {
    let (folder, bert) = (tempfile::tempdir().unwrap(), Bert::random(None));
    let at = folder.path().join("a");
    bert.folder(&at);
    let whole = std::fs::read(at.join("model.safetensors")).unwrap();
    let refused = |bytes: &[u8]| {
        std::fs::write(at.join("model.safetensors"), bytes).unwrap();
        encoder(&at, &folder.path().join("into"), &mut |_, _| {}).unwrap_err().to_string()
    };
    assert!(refused(&whole[..whole.len() - 8]).contains("is the file complete?"));
    assert!(refused(&whole[..4]).contains("model.safetensors"));
    assert!(refused(&[0xff; 64]).contains("is it safetensors?"));
    let mut odd = whole.clone();
    odd[20] = b'\\';
    assert!(refused(&odd).contains("model.safetensors"));
    let renamed = String::from_utf8_lossy(&whole[8..2000]).contains("attention.self.key.bias");
    assert!(renamed);
    std::fs::write(at.join("config.json"), r#"{"model_type":"roberta"}"#).unwrap();
    assert!(refused(&whole).contains("its `model_type` is `roberta`"));
    assert!(!folder.path().join("into").exists());
}

#[tokio::test]
async fn a_name_that_means_no_encoder_is_said_to_be_one() {
    let fetcher = Fetcher::from_env(|name| std::env::var_os(name)).unwrap();
    let error = fetcher.encoder("no/such-encoder").await.unwrap_err();
    assert!(matches!(error, FetchError::Encoder { .. }), "{error}");
    assert!(error.to_string().contains("`all-minilm-l6-v2`"), "{error}");
}
