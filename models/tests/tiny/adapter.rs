//! A random low-rank adapter: in the two formats there are, and merged into the network.

use std::path::Path;

use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use super::{HEADS, KV_HEADS, Layer, Matrix, Network, Writer, safetensors};

pub const ALPHA: f64 = 12.0;
pub const RANK: usize = 4;

/// What it changes: the layer, the checkpoint's name, the GGUF's name.
const PLACES: [(usize, &str, &str); 6] = [
    (0, "self_attn.q_proj", "attn_q"),
    (0, "self_attn.k_proj", "attn_k"),
    (0, "self_attn.v_proj", "attn_v"),
    (0, "mlp.gate_proj", "ffn_gate"),
    (1, "self_attn.o_proj", "attn_output"),
    (1, "mlp.down_proj", "ffn_down"),
];

pub struct Lora {
    /// A and B by place.
    pub pairs: Vec<(usize, &'static str, &'static str, Matrix, Matrix)>,
}

impl Lora {
    pub fn random(network: &Network, seed: u64) -> Self {
        let random = &mut StdRng::seed_from_u64(seed);
        let pair = |&(layer, theirs, ours): &(usize, &'static str, &'static str)| {
            let mut of = network.layers[layer].clone();
            let (rows, cols) = (place(&mut of, ours).rows, place(&mut of, ours).cols);
            let a = Matrix::half(random, RANK, cols, 0.25);
            let b = Matrix::half(random, rows, RANK, 0.25);
            (layer, theirs, ours, a, b)
        };
        Self { pairs: PLACES.iter().map(pair).collect() }
    }

    /// The network with it in its weights.
    pub fn merged(&self, network: &Network) -> Network {
        let mut network = network.clone();
        for (layer, _, ours, a, b) in &self.pairs {
            let matrix = place(&mut network.layers[*layer], ours);
            for row in 0..matrix.rows {
                for col in 0..matrix.cols {
                    let product: f64 = (0..RANK)
                        .map(|r| b.values[row * RANK + r] * a.values[r * a.cols + col])
                        .sum();
                    matrix.values[row * matrix.cols + col] += product * ALPHA / RANK as f64;
                }
            }
        }
        network
    }

    /// As PEFT saves it. `more` is added to its configuration.
    pub fn peft(&self, folder: &Path, more: Value) {
        std::fs::create_dir_all(folder).unwrap();
        let mut config = json!({
            "peft_type": "LORA", "r": RANK, "lora_alpha": ALPHA, "bias": "none",
            "base_model_name_or_path": "tiny/base", "use_dora": false, "modules_to_save": null,
        });
        config.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        std::fs::write(folder.join("adapter_config.json"), config.to_string()).unwrap();
        let mut tensors = Vec::new();
        for (layer, theirs, _, a, b) in &self.pairs {
            let name = format!("base_model.model.model.layers.{layer}.{theirs}");
            tensors.push((format!("{name}.lora_A.weight"), a.clone()));
            tensors.push((format!("{name}.lora_B.weight"), b.clone()));
        }
        std::fs::write(folder.join("adapter_model.safetensors"), safetensors(&tensors)).unwrap();
    }

    /// As llama.cpp's converter writes it.
    pub fn gguf(&self, network: &Network, path: &Path) {
        let mut file = Writer::default();
        file.text("general.type", "adapter");
        file.text("general.architecture", network.family.name());
        file.text("adapter.type", "lora");
        file.float("adapter.lora.alpha", ALPHA as f32);
        for (layer, _, ours, a, b) in &self.pairs {
            let b = match *ours {
                "attn_q" if network.family.pairs() => b.permuted(HEADS),
                "attn_k" if network.family.pairs() => b.permuted(KV_HEADS),
                _ => b.clone(),
            };
            file.tensor(&format!("blk.{layer}.{ours}.weight.lora_a"), a);
            file.tensor(&format!("blk.{layer}.{ours}.weight.lora_b"), &b);
        }
        std::fs::write(path, file.finish()).unwrap();
    }
}

fn place<'a>(layer: &'a mut Layer, name: &str) -> &'a mut Matrix {
    match name {
        "attn_q" => &mut layer.q,
        "attn_k" => &mut layer.k,
        "attn_v" => &mut layer.v,
        "ffn_gate" => &mut layer.gate,
        "attn_output" => &mut layer.output,
        _ => &mut layer.down,
    }
}
