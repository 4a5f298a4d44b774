//! Attention: q, k and v from one matrix, turned by position, held against the cache.

use super::{Builder, Gives, MS};
use crate::import::ImportError;
use crate::import::onnx::{AttributeProto, INT64};

/// What q, k and v are called in the graph.
struct Heads {
    q: String,
    k: String,
    v: String,
}

impl Builder<'_, '_> {
    pub(super) fn attention(&mut self, layer: usize, normed: &str) -> Result<String, ImportError> {
        let config = self.config;
        let heads = self.heads(layer, normed)?;
        let past = |part| match self.gives {
            Gives::Logits => format!("past_key_values.{layer}.{part}"),
            Gives::Vectors | Gives::Scores => String::new(),
        };
        let present = |part| format!("present.{layer}.{part}");
        let out = format!("blk.{layer}.attended");
        let local = config.local(layer);
        let suffix = if local.is_some() { ".local" } else { "" };
        let turns = config.turns(layer);
        let (cosines, sines) = (format!("cosines{suffix}"), format!("sines{suffix}"));
        let (key, value) = (past("key"), past("value"));
        let mut inputs = vec![&heads.q, &heads.k, &heads.v, &key, &value];
        let lengths = ["seqlens_k".to_owned(), "total".to_owned()];
        inputs.extend(&lengths);
        if turns {
            inputs.extend([&cosines, &sines]);
        }
        let inputs: Vec<&str> = inputs.into_iter().map(String::as_str).collect();
        let mut attributes = vec![
            AttributeProto::int("num_heads", config.heads as i64),
            AttributeProto::int("kv_num_heads", config.kv_heads as i64),
            AttributeProto::int("do_rotary", i64::from(turns)),
            AttributeProto::int("rotary_interleaved", i64::from(config.rotary_pairs())),
            AttributeProto::float("scale", config.attention_scale),
        ];
        if let Some(local) = local {
            attributes.push(AttributeProto::int("local_window_size", local.window as i64));
        }
        let (key, value) = (present("key"), present("value"));
        let outputs = [out.as_str(), &key, &value];
        self.draft.node("GroupQueryAttention", MS, &inputs, &outputs, attributes);
        Ok(out)
    }

    /// Packed where nothing comes between, each of its own where it does.
    fn heads(&mut self, layer: usize, normed: &str) -> Result<Heads, ImportError> {
        let (config, name) = (self.config, |part: &str| format!("blk.{layer}.{part}"));
        let parts: &[&str] = match self.draft.gguf.tensor(&name("attn_qkv.weight")) {
            Some(_) => &["attn_qkv"],
            None => &["attn_q", "attn_k", "attn_v"],
        };
        let qkv = self.linear(layer, "attn_qkv", parts, config.hidden)?;
        let bias = self.biases(layer, "attn_qkv", parts)?;
        let packed = self.multiply(&qkv, normed, bias.as_deref());
        let norms = self.draft.gguf.tensor(&name("attn_q_norm.weight")).is_some();
        if !norms && config.turns(layer) {
            return Ok(Heads { q: packed, k: String::new(), v: String::new() });
        }
        let [q, k, v] = ["q", "k", "v"].map(|part| name(&format!("attn_{part}.part")));
        let sizes = [config.heads, config.kv_heads, config.kv_heads].map(|n| n * config.head_dim);
        let bytes = sizes.iter().flat_map(|&size| (size as i64).to_le_bytes()).collect();
        let split = name("attn_qkv.sizes");
        self.weights.inline(&split, INT64, &[3], bytes);
        let axis = vec![AttributeProto::int("axis", -1)];
        self.draft.node("Split", "", &[&packed, &split], &[&q, &k, &v], axis);
        if !norms {
            return Ok(Heads { q, k, v });
        }
        let q = self.head_norm(&name("attn_q_norm.weight"), &q, config.heads)?;
        let k = self.head_norm(&name("attn_k_norm.weight"), &k, config.kv_heads)?;
        Ok(Heads { q, k, v })
    }

    /// Norms each head by itself.
    fn head_norm(&mut self, name: &str, input: &str, heads: usize) -> Result<String, ImportError> {
        let size = self.config.head_dim;
        let tensor = self.tensor(name, 1, size)?;
        self.weights.vector(name, &[&tensor])?;
        let [apart, normed, out] = ["apart", "normed", "out"].map(|end| format!("{name}.{end}"));
        // An encoder has as many texts as there are in what is reshaped.
        let first = i64::from(self.gives == Gives::Logits);
        let shape = |weights: &mut crate::import::weights::Weights<'_>, end: &str, last: usize| {
            let shape = format!("{name}.shape.{end}");
            let bytes = [first, -1, last as i64].iter().flat_map(|n| n.to_le_bytes()).collect();
            weights.inline(&shape, INT64, &[3], bytes);
            shape
        };
        let split = shape(self.weights, "apart", size);
        let joined = shape(self.weights, "joined", heads * size);
        self.draft.node("Reshape", "", &[input, &split], &[&apart], vec![]);
        self.normed(&apart, name, &normed);
        self.draft.node("Reshape", "", &[&normed, &joined], &[&out], vec![]);
        Ok(out)
    }
}
