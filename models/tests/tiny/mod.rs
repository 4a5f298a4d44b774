//! A tiny random network as a GGUF file, and the same network computed another way: in `f64`,
//! the whole sequence at once, without a cache, with rotary pairs half a head apart (as the
//! original checkpoints have them; a `llama` GGUF has its rows permuted instead).

#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

use std::path::Path;

use half::f16;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

#[derive(Clone, Copy, PartialEq)]
pub enum Family {
    Llama,
    Qwen2,
}

pub const HIDDEN: usize = 64;
pub const HEADS: usize = 4;
pub const KV_HEADS: usize = 2;
pub const HEAD: usize = 16;
pub const FFN: usize = 96;
pub const LAYERS: usize = 2;
pub const VOCAB: usize = 77;
pub const CONTEXT: usize = 1280;
const BASE: f64 = 10_000.0;
const EPSILON: f64 = 1e-5;

/// Rows of numbers, and the bytes that stand for exactly these numbers in a GGUF.
#[derive(Clone)]
pub struct Matrix {
    pub rows: usize,
    pub cols: usize,
    pub values: Vec<f64>,
    pub kind: u32,
    pub bytes: Vec<u8>,
}

impl Matrix {
    /// Q4_0 with whatever scales and values come.
    fn q4(random: &mut StdRng, rows: usize, cols: usize) -> Self {
        let (mut values, mut bytes) = (Vec::new(), Vec::new());
        for _ in 0..rows * cols / 32 {
            let scale = f16::from_f32(random.random_range(0.01..0.04));
            let mut q: Vec<u8> = (0..32).map(|_| random.random_range(0..16)).collect();
            // The reference quantiser always puts the extreme at -8.
            q[random.random_range(0..32)] = 0;
            bytes.extend(scale.to_le_bytes());
            bytes.extend((0..16).map(|i| q[i] | q[i + 16] << 4));
            values.extend(q.iter().map(|&q| f64::from(scale) * (f64::from(q) - 8.0)));
        }
        Self { rows, cols, values, kind: 2, bytes }
    }

    /// Q8_0.
    fn q8(random: &mut StdRng, rows: usize, cols: usize) -> Self {
        let (mut values, mut bytes) = (Vec::new(), Vec::new());
        for _ in 0..rows * cols / 32 {
            let scale = f16::from_f32(random.random_range(0.002..0.01));
            let mut q: Vec<i8> = (0..32).map(|_| random.random_range(-127..=127)).collect();
            q[random.random_range(0..32)] = 127;
            bytes.extend(scale.to_le_bytes());
            bytes.extend(q.iter().map(|&q| q as u8));
            values.extend(q.iter().map(|&q| f64::from(scale) * f64::from(q)));
        }
        Self { rows, cols, values, kind: 8, bytes }
    }

    fn vector(random: &mut StdRng, length: usize, around: f32) -> Self {
        let numbers: Vec<f32> =
            (0..length).map(|_| around + random.random_range(-0.5..0.5)).collect();
        let bytes = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
        let values = numbers.into_iter().map(f64::from).collect();
        Self { rows: 1, cols: length, values, kind: 0, bytes }
    }

    fn times(&self, x: &[f64]) -> Vec<f64> {
        self.values
            .chunks(self.cols)
            .map(|row| row.iter().zip(x).map(|(a, b)| a * b).sum())
            .collect()
    }

    /// As `convert_hf_to_gguf.py` permutes q and k for `llama`: pairs become neighbours.
    fn permuted(&self, heads: usize) -> Self {
        let size = self.rows / heads;
        let row = self.bytes.len() / self.rows;
        let mut out = self.clone();
        out.bytes.clear();
        for head in 0..heads {
            for i in 0..size {
                let from = head * size + i / 2 + i % 2 * (size / 2);
                out.bytes.extend(&self.bytes[from * row..][..row]);
            }
        }
        out
    }
}

struct Layer {
    attn_norm: Matrix,
    q: Matrix,
    k: Matrix,
    v: Matrix,
    bias: Option<[Matrix; 3]>,
    output: Matrix,
    ffn_norm: Matrix,
    gate: Matrix,
    up: Matrix,
    down: Matrix,
}

pub struct Network {
    family: Family,
    embedding: Matrix,
    layers: Vec<Layer>,
    norm: Matrix,
    /// Without one, the embedding serves.
    head: Option<Matrix>,
}

impl Network {
    pub fn random(family: Family, seed: u64) -> Self {
        let random = &mut StdRng::seed_from_u64(seed);
        let kv = KV_HEADS * HEAD;
        let layers = (0..LAYERS)
            .map(|_| Layer {
                attn_norm: Matrix::vector(random, HIDDEN, 1.0),
                q: Matrix::q4(random, HEADS * HEAD, HIDDEN),
                k: Matrix::q4(random, kv, HIDDEN),
                v: Matrix::q4(random, kv, HIDDEN),
                bias: (family == Family::Qwen2)
                    .then(|| [HEADS * HEAD, kv, kv].map(|rows| Matrix::vector(random, rows, 0.0))),
                output: Matrix::q4(random, HIDDEN, HEADS * HEAD),
                ffn_norm: Matrix::vector(random, HIDDEN, 1.0),
                gate: Matrix::q4(random, FFN, HIDDEN),
                up: Matrix::q4(random, FFN, HIDDEN),
                down: Matrix::q4(random, HIDDEN, FFN),
            })
            .collect();
        Self {
            family,
            embedding: Matrix::q8(random, VOCAB, HIDDEN),
            layers,
            norm: Matrix::vector(random, HIDDEN, 1.0),
            head: (family == Family::Qwen2).then(|| Matrix::q8(random, VOCAB, HIDDEN)),
        }
    }

    /// The logits after the last token.
    pub fn logits(&self, tokens: &[u32]) -> Vec<f64> {
        let mut stream: Vec<Vec<f64>> = tokens
            .iter()
            .map(|&token| self.embedding.values[token as usize * HIDDEN..][..HIDDEN].to_vec())
            .collect();
        for layer in &self.layers {
            let normed: Vec<_> = stream.iter().map(|x| norm(x, &layer.attn_norm)).collect();
            let project = |matrix: &Matrix, bias: Option<&Matrix>, heads: usize, turn: bool| {
                let rows = normed.iter().enumerate().map(|(position, x)| {
                    let mut y = matrix.times(x);
                    if let Some(bias) = bias {
                        y.iter_mut().zip(&bias.values).for_each(|(y, b)| *y += b);
                    }
                    for head in 0..heads {
                        if turn {
                            rotate(&mut y[head * HEAD..][..HEAD], position);
                        }
                    }
                    y
                });
                rows.collect::<Vec<_>>()
            };
            let bias = |i: usize| layer.bias.as_ref().map(|bias| &bias[i]);
            let q = project(&layer.q, bias(0), HEADS, true);
            let k = project(&layer.k, bias(1), KV_HEADS, true);
            let v = project(&layer.v, bias(2), KV_HEADS, false);
            for t in 0..tokens.len() {
                let mut mixed = vec![0.0; HEADS * HEAD];
                for head in 0..HEADS {
                    let kv = head / (HEADS / KV_HEADS) * HEAD;
                    let query = &q[t][head * HEAD..][..HEAD];
                    let scores: Vec<f64> = (0..=t)
                        .map(|s| {
                            let dot: f64 = query.iter().zip(&k[s][kv..]).map(|(a, b)| a * b).sum();
                            (dot / (HEAD as f64).sqrt()).exp()
                        })
                        .collect();
                    let sum: f64 = scores.iter().sum();
                    for (s, score) in scores.iter().enumerate() {
                        for i in 0..HEAD {
                            mixed[head * HEAD + i] += score / sum * v[s][kv + i];
                        }
                    }
                }
                add(&mut stream[t], &layer.output.times(&mixed));
            }
            for x in &mut stream {
                let normed = norm(x, &layer.ffn_norm);
                let up = layer.up.times(&normed);
                let gated: Vec<f64> = layer
                    .gate
                    .times(&normed)
                    .iter()
                    .zip(up)
                    .map(|(g, u)| g / (1.0 + (-g).exp()) * u)
                    .collect();
                add(x, &layer.down.times(&gated));
            }
        }
        let last = norm(&stream[tokens.len() - 1], &self.norm);
        self.head.as_ref().unwrap_or(&self.embedding).times(&last)
    }

    /// The network as a GGUF file's bytes.
    pub fn gguf(&self) -> Vec<u8> {
        let mut file = Writer::default();
        self.metadata(&mut file);
        self.ends(&mut file);
        self.blocks(&mut file);
        file.finish()
    }

    /// The same as two files: `gguf-split` writes the metadata into the first.
    pub fn parts(&self) -> [Vec<u8>; 2] {
        let (mut first, mut second) = (Writer::default(), Writer::default());
        for (number, file) in (0..).zip([&mut first, &mut second]) {
            file.number("split.no", number);
            file.number("split.count", 2);
        }
        self.metadata(&mut first);
        self.ends(&mut first);
        self.blocks(&mut second);
        [first.finish(), second.finish()]
    }

    fn metadata(&self, file: &mut Writer) {
        let name = if self.family == Family::Llama { "llama" } else { "qwen2" };
        file.text("general.architecture", name);
        for (key, value) in [
            ("embedding_length", HIDDEN),
            ("block_count", LAYERS),
            ("feed_forward_length", FFN),
            ("attention.head_count", HEADS),
            ("attention.head_count_kv", KV_HEADS),
            ("context_length", CONTEXT),
        ] {
            file.number(&format!("{name}.{key}"), value as u32);
        }
        file.float(&format!("{name}.attention.layer_norm_rms_epsilon"), EPSILON as f32);
        file.float(&format!("{name}.rope.freq_base"), BASE as f32);
        file.text("tokenizer.ggml.model", "gpt2");
        let tokens: Vec<String> = (0..VOCAB).map(|i| format!("t{i}")).collect();
        file.texts("tokenizer.ggml.tokens", &tokens);
        file.number("tokenizer.ggml.eos_token_id", 2);
    }

    fn ends(&self, file: &mut Writer) {
        file.tensor("token_embd.weight", &self.embedding);
        file.tensor("output_norm.weight", &self.norm);
        if let Some(head) = &self.head {
            file.tensor("output.weight", head);
        }
    }

    fn blocks(&self, file: &mut Writer) {
        for (i, layer) in self.layers.iter().enumerate() {
            let mut tensor = |name: &str, matrix: &Matrix| {
                file.tensor(&format!("blk.{i}.{name}"), matrix);
            };
            let permuted = |matrix: &Matrix, heads| match self.family {
                Family::Llama => matrix.permuted(heads),
                Family::Qwen2 => matrix.clone(),
            };
            tensor("attn_norm.weight", &layer.attn_norm);
            tensor("attn_q.weight", &permuted(&layer.q, HEADS));
            tensor("attn_k.weight", &permuted(&layer.k, KV_HEADS));
            tensor("attn_v.weight", &layer.v);
            for (bias, part) in layer.bias.iter().flatten().zip(["q", "k", "v"]) {
                tensor(&format!("attn_{part}.bias"), bias);
            }
            tensor("attn_output.weight", &layer.output);
            tensor("ffn_norm.weight", &layer.ffn_norm);
            tensor("ffn_gate.weight", &layer.gate);
            tensor("ffn_up.weight", &layer.up);
            tensor("ffn_down.weight", &layer.down);
        }
    }

    pub fn write(&self, path: &Path) {
        std::fs::write(path, self.gguf()).unwrap();
    }
}

fn norm(x: &[f64], weight: &Matrix) -> Vec<f64> {
    let square = x.iter().map(|x| x * x).sum::<f64>() / x.len() as f64;
    let scale = (square + EPSILON).sqrt().recip();
    x.iter().zip(&weight.values).map(|(x, w)| x * scale * w).collect()
}

fn add(x: &mut [f64], y: &[f64]) {
    x.iter_mut().zip(y).for_each(|(x, y)| *x += y);
}

fn rotate(head: &mut [f64], position: usize) {
    let half = HEAD / 2;
    for i in 0..half {
        let angle = position as f64 * BASE.powf(-2.0 * i as f64 / HEAD as f64);
        let (sin, cos) = angle.sin_cos();
        let (a, b) = (head[i], head[i + half]);
        head[i] = a * cos - b * sin;
        head[i + half] = a * sin + b * cos;
    }
}

/// Writes GGUF version 3.
#[derive(Default)]
pub struct Writer {
    pairs: u64,
    metadata: Vec<u8>,
    tensors: u64,
    infos: Vec<u8>,
    data: Vec<u8>,
}

fn string(into: &mut Vec<u8>, text: &str) {
    into.extend((text.len() as u64).to_le_bytes());
    into.extend(text.as_bytes());
}

impl Writer {
    fn key(&mut self, key: &str, kind: u32) {
        self.pairs += 1;
        string(&mut self.metadata, key);
        self.metadata.extend(kind.to_le_bytes());
    }

    pub fn number(&mut self, key: &str, value: u32) {
        self.key(key, 4);
        self.metadata.extend(value.to_le_bytes());
    }

    pub fn float(&mut self, key: &str, value: f32) {
        self.key(key, 6);
        self.metadata.extend(value.to_le_bytes());
    }

    pub fn text(&mut self, key: &str, value: &str) {
        self.key(key, 8);
        string(&mut self.metadata, value);
    }

    pub fn texts(&mut self, key: &str, values: &[String]) {
        self.key(key, 9);
        self.metadata.extend(8_u32.to_le_bytes());
        self.metadata.extend((values.len() as u64).to_le_bytes());
        values.iter().for_each(|value| string(&mut self.metadata, value));
    }

    pub fn tensor(&mut self, name: &str, matrix: &Matrix) {
        self.tensors += 1;
        string(&mut self.infos, name);
        let dims: &[usize] =
            if matrix.rows == 1 { &[matrix.cols] } else { &[matrix.cols, matrix.rows] };
        self.infos.extend((dims.len() as u32).to_le_bytes());
        dims.iter().for_each(|&dim| self.infos.extend((dim as u64).to_le_bytes()));
        self.infos.extend(matrix.kind.to_le_bytes());
        self.infos.extend((self.data.len() as u64).to_le_bytes());
        self.data.extend(&matrix.bytes);
        self.data.resize(self.data.len().next_multiple_of(32), 0);
    }

    pub fn finish(self) -> Vec<u8> {
        let mut out = b"GGUF".to_vec();
        out.extend(3_u32.to_le_bytes());
        out.extend(self.tensors.to_le_bytes());
        out.extend(self.pairs.to_le_bytes());
        out.extend(self.metadata);
        out.extend(self.infos);
        out.resize(out.len().next_multiple_of(32), 0);
        out.extend(self.data);
        out
    }
}
