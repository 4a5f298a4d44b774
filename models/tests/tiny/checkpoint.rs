//! The network as the hub lays out a checkpoint.

use std::path::Path;

use serde_json::{Value, json};

use super::{
    BASE, CONTEXT, EPSILON, Family, HEAD, HEADS, HIDDEN, KV_HEADS, LOCAL_BASE, Matrix, Network,
    VOCAB, WINDOW, safetensors, words,
};

impl Network {
    /// Writes `config.json`, `tokenizer.json`, `tokenizer_config.json` and `model.safetensors`.
    pub fn checkpoint(&self, folder: &Path) {
        std::fs::create_dir_all(folder).unwrap();
        let write = |name: &str, value: Value| {
            std::fs::write(folder.join(name), value.to_string()).unwrap();
        };
        write("config.json", self.config());
        let vocabulary: serde_json::Map<String, Value> =
            words().into_iter().zip(0..).map(|(word, id)| (word, json!(id))).collect();
        write(
            "tokenizer.json",
            json!({
                "added_tokens": [{"id": 2, "content": "c", "special": true}],
                "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
                "model": {"type": "BPE", "vocab": vocabulary, "merges": [["a", "b"]]},
            }),
        );
        let template = "{{ messages[0].content }}";
        write("tokenizer_config.json", json!({"eos_token": "c", "chat_template": template}));
        std::fs::write(folder.join("model.safetensors"), safetensors(&self.tensors())).unwrap();
    }

    fn config(&self) -> Value {
        let family = self.family;
        let mut config = json!({
            "model_type": family.name(),
            "hidden_size": HIDDEN,
            "num_hidden_layers": self.layers.len(),
            "num_attention_heads": HEADS,
            "num_key_value_heads": KV_HEADS,
            "rms_norm_eps": EPSILON,
            "rope_theta": BASE,
            "max_position_embeddings": CONTEXT,
            "vocab_size": VOCAB,
            "tie_word_embeddings": self.head.is_none(),
        });
        let more = match family {
            Family::Gemma3 => json!({
                "model_type": "gemma3_text", "head_dim": HEAD, "sliding_window": WINDOW,
                "rope_local_base_freq": LOCAL_BASE, "query_pre_attn_scalar": HEAD,
                "layer_types": ["sliding_attention", "full_attention"], "sliding_window_pattern": 2,
            }),
            Family::Granite => json!({
                "embedding_multiplier": family.embedding_scale(),
                "residual_multiplier": family.residual_scale(),
                "attention_multiplier": family.attention_scale(),
                "logits_scaling": family.logit_scale(),
            }),
            Family::SmolLm3 => json!({"no_rope_layers": [1, 1, 1, 0]}),
            // The stretch from which the magnitude of 1.25 comes.
            Family::Phi3 => json!({
                "original_max_position_embeddings": CONTEXT,
                "max_position_embeddings": (CONTEXT as f64).powf(1.5625).round() as u64,
                "rope_scaling": {"type": "longrope", "short_factor": family.factors()},
            }),
            _ => json!({}),
        };
        let more = more.as_object().cloned().unwrap_or_default();
        config.as_object_mut().unwrap().extend(more);
        config
    }

    fn tensors(&self) -> Vec<(String, Matrix)> {
        // What stores one less than it multiplies by.
        let norm = |matrix: &Matrix| match self.family.sandwich() {
            true => Matrix::of(matrix.values.iter().map(|x| x - 1.0).collect()),
            false => matrix.clone(),
        };
        let mut all = vec![
            ("model.embed_tokens.weight".to_owned(), self.embedding.clone()),
            ("model.norm.weight".to_owned(), norm(&self.norm)),
        ];
        all.extend(self.head.iter().map(|head| ("lm_head.weight".to_owned(), head.clone())));
        for (i, layer) in self.layers.iter().enumerate() {
            let mut put = |name: &str, matrix: Matrix| {
                all.push((format!("model.layers.{i}.{name}"), matrix));
            };
            put("input_layernorm.weight", norm(&layer.attn_norm));
            if self.family.fused() {
                let qkv = Matrix::stacked(&[&layer.q, &layer.k, &layer.v]);
                put("self_attn.qkv_proj.weight", qkv);
                let both = Matrix::stacked(&[&layer.gate, &layer.up]);
                put("mlp.gate_up_proj.weight", both);
            } else {
                put("self_attn.q_proj.weight", layer.q.clone());
                put("self_attn.k_proj.weight", layer.k.clone());
                put("self_attn.v_proj.weight", layer.v.clone());
                put("mlp.gate_proj.weight", layer.gate.clone());
                put("mlp.up_proj.weight", layer.up.clone());
            }
            for (bias, part) in layer.bias.iter().flatten().zip(["q", "k", "v"]) {
                put(&format!("self_attn.{part}_proj.bias"), bias.clone());
            }
            for (weight, part) in layer.head_norms.iter().flatten().zip(["q", "k"]) {
                put(&format!("self_attn.{part}_norm.weight"), norm(weight));
            }
            put("self_attn.o_proj.weight", layer.output.clone());
            put("mlp.down_proj.weight", layer.down.clone());
            match (&layer.attn_post, &layer.ffn_post) {
                (Some(attention), Some(feed)) => {
                    put("post_attention_layernorm.weight", norm(attention));
                    put("pre_feedforward_layernorm.weight", norm(&layer.ffn_norm));
                    put("post_feedforward_layernorm.weight", norm(feed));
                }
                _ => put("post_attention_layernorm.weight", layer.ffn_norm.clone()),
            }
        }
        all
    }
}
