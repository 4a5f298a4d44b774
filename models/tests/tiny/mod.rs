//! A tiny random network as a GGUF file, as a checkpoint's folder, and computed another way.

#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

use std::path::Path;

use models::fetch::Fetcher;
use models::import::{Gguf, Precision, write_into};
use models::onnx::Device;
use rand::SeedableRng;
use rand::rngs::StdRng;

mod adapter;
mod checkpoint;
mod family;
mod matrix;
mod reference;
mod writer;

#[allow(unused_imports, reason = "each test binary uses a part of this")]
pub use adapter::Lora;
#[allow(unused_imports, reason = "each test binary uses a part of this")]
pub use family::{FAMILIES, Family};
pub use matrix::Matrix;
pub use writer::{Writer, safetensors};

/// Loads ONNX Runtime, which is fetched where it is not here yet.
pub fn library() {
    let env = |name: &str| std::env::var_os(name);
    let fetcher = Fetcher::from_env(env).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let library = runtime.block_on(fetcher.runtime(Device::Cpu, env)).unwrap();
    models::onnx::load(Some(&library)).unwrap();
}

/// Imports a network into a folder, unquantized, so that what differs is rounding.
pub fn unquantized(network: &Network, folder: &Path) {
    let gguf = folder.with_extension("gguf");
    network.write(&gguf);
    write_into(&Gguf::open(&gguf).unwrap(), folder, Precision::Sixteen, &mut |_, _| {}).unwrap();
}

pub const HIDDEN: usize = 64;
pub const HEADS: usize = 4;
pub const KV_HEADS: usize = 2;
pub const HEAD: usize = 16;
pub const FFN: usize = 96;
pub const VOCAB: usize = 77;
pub const CONTEXT: usize = 1280;
const WINDOW: usize = 7;
const BASE: f64 = 50_000.0;
const LOCAL_BASE: f64 = 10_000.0;
const EPSILON: f64 = 1e-5;

#[derive(Clone)]
pub struct Layer {
    attn_norm: Matrix,
    pub q: Matrix,
    pub k: Matrix,
    pub v: Matrix,
    bias: Option<[Matrix; 3]>,
    head_norms: Option<[Matrix; 2]>,
    pub output: Matrix,
    attn_post: Option<Matrix>,
    ffn_norm: Matrix,
    pub gate: Matrix,
    pub up: Matrix,
    pub down: Matrix,
    ffn_post: Option<Matrix>,
}

#[derive(Clone)]
pub struct Network {
    pub family: Family,
    embedding: Matrix,
    pub layers: Vec<Layer>,
    norm: Matrix,
    /// Without one, the embedding serves.
    head: Option<Matrix>,
}

impl Network {
    pub fn random(family: Family, seed: u64) -> Self {
        let random = &mut StdRng::seed_from_u64(seed);
        let kv = KV_HEADS * HEAD;
        let mut layer = || Layer {
            attn_norm: Matrix::vector(random, HIDDEN, 1.0),
            q: Matrix::q4(random, HEADS * HEAD, HIDDEN),
            k: Matrix::q4(random, kv, HIDDEN),
            v: Matrix::q4(random, kv, HIDDEN),
            bias: (family == Family::Qwen2)
                .then(|| [HEADS * HEAD, kv, kv].map(|rows| Matrix::vector(random, rows, 0.0))),
            head_norms: family
                .head_norms()
                .then(|| [(); 2].map(|()| Matrix::vector(random, HEAD, 1.0))),
            output: Matrix::q4(random, HIDDEN, HEADS * HEAD),
            attn_post: family.sandwich().then(|| Matrix::vector(random, HIDDEN, 1.0)),
            ffn_norm: Matrix::vector(random, HIDDEN, 1.0),
            gate: Matrix::q4(random, FFN, HIDDEN),
            up: Matrix::q4(random, FFN, HIDDEN),
            down: Matrix::q4(random, HIDDEN, FFN),
            ffn_post: family.sandwich().then(|| Matrix::vector(random, HIDDEN, 1.0)),
        };
        let layers = (0..family.layers()).map(|_| layer()).collect();
        Self {
            family,
            embedding: Matrix::q8(random, VOCAB, HIDDEN),
            layers,
            norm: Matrix::vector(random, HIDDEN, 1.0),
            head: (family == Family::Qwen2).then(|| Matrix::q8(random, VOCAB, HIDDEN)),
        }
    }

    /// The network as a GGUF file's bytes.
    pub fn gguf(&self) -> Vec<u8> {
        self.gguf_with(|_| ())
    }

    /// The same with what else is written.
    pub fn gguf_with(&self, more: impl FnOnce(&mut Writer)) -> Vec<u8> {
        let mut file = Writer::default();
        more(&mut file);
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
        let (family, name) = (self.family, self.family.name());
        file.text("general.architecture", name);
        for (key, value) in [
            ("embedding_length", HIDDEN),
            ("block_count", self.layers.len()),
            ("feed_forward_length", FFN),
            ("attention.head_count", HEADS),
            ("attention.head_count_kv", KV_HEADS),
            ("context_length", CONTEXT),
            ("rope.dimension_count", family.width()),
        ] {
            file.number(&format!("{name}.{key}"), value as u32);
        }
        let mut float = |key: &str, value: f64| file.float(&format!("{name}.{key}"), value as f32);
        float("attention.layer_norm_rms_epsilon", EPSILON);
        float("rope.freq_base", BASE);
        match family {
            Family::Granite => {
                float("embedding_scale", family.embedding_scale());
                float("residual_scale", family.residual_scale());
                float("attention.scale", family.attention_scale());
                float("logit_scale", family.logit_scale());
            }
            Family::Phi3 => {
                float("rope.scaling.attn_factor", family.magnitude());
                file.number("phi3.rope.scaling.original_context_length", CONTEXT as u32);
            }
            Family::Gemma3 => {
                file.number("gemma3.attention.sliding_window", WINDOW as u32);
                file.number("gemma3.attention.sliding_window_pattern", 2);
            }
            _ => {}
        }
        file.text("tokenizer.ggml.model", "gpt2");
        file.texts("tokenizer.ggml.tokens", &words());
        file.number("tokenizer.ggml.eos_token_id", 2);
        file.text("tokenizer.chat_template", "{{ messages[0].content }}");
    }

    fn ends(&self, file: &mut Writer) {
        file.tensor("token_embd.weight", &self.embedding);
        file.tensor("output_norm.weight", &self.norm);
        if let Some(head) = &self.head {
            file.tensor("output.weight", head);
        }
        let factors = Matrix::of(self.family.factors());
        match self.family {
            Family::Llama3 => file.tensor("rope_freqs.weight", &factors),
            Family::Phi3 => {
                file.tensor("rope_factors_short.weight", &factors);
                file.tensor("rope_factors_long.weight", &Matrix::of(vec![9.0; HEAD / 2]));
            }
            _ => {}
        }
    }

    fn blocks(&self, file: &mut Writer) {
        for (i, layer) in self.layers.iter().enumerate() {
            let mut tensor = |name: &str, matrix: &Matrix| {
                file.tensor(&format!("blk.{i}.{name}"), matrix);
            };
            let permuted = |matrix: &Matrix, heads| match self.family.pairs() {
                true => matrix.permuted(heads),
                false => matrix.clone(),
            };
            tensor("attn_norm.weight", &layer.attn_norm);
            let (q, k) = (permuted(&layer.q, HEADS), permuted(&layer.k, KV_HEADS));
            if self.family.fused() {
                tensor("attn_qkv.weight", &Matrix::stacked(&[&q, &k, &layer.v]));
            } else {
                tensor("attn_q.weight", &q);
                tensor("attn_k.weight", &k);
                tensor("attn_v.weight", &layer.v);
            }
            for (bias, part) in layer.bias.iter().flatten().zip(["q", "k", "v"]) {
                tensor(&format!("attn_{part}.bias"), bias);
            }
            for (weight, part) in layer.head_norms.iter().flatten().zip(["q", "k"]) {
                tensor(&format!("attn_{part}_norm.weight"), weight);
            }
            tensor("attn_output.weight", &layer.output);
            layer.attn_post.iter().for_each(|norm| tensor("post_attention_norm.weight", norm));
            tensor("ffn_norm.weight", &layer.ffn_norm);
            if self.family.fused() {
                tensor("ffn_up.weight", &Matrix::stacked(&[&layer.gate, &layer.up]));
            } else {
                tensor("ffn_gate.weight", &layer.gate);
                tensor("ffn_up.weight", &layer.up);
            }
            tensor("ffn_down.weight", &layer.down);
            layer.ffn_post.iter().for_each(|norm| tensor("post_ffw_norm.weight", norm));
        }
    }

    pub fn write(&self, path: &Path) {
        std::fs::write(path, self.gguf()).unwrap();
    }
}

/// The vocabulary: letters, and words that nothing is merged into.
fn words() -> Vec<String> {
    let letters = ('a'..='z').map(String::from).chain(["Ġ".to_owned()]);
    letters.chain((27..VOCAB).map(|i| format!("t{i}"))).collect()
}
