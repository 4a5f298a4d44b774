//! What a checkpoint calls its tensors, and what a GGUF file calls the same.

/// The modules of a layer.
const MODULES: [(&str, &str); 17] = [
    ("input_layernorm", "attn_norm"),
    ("self_attn.q_proj", "attn_q"),
    ("self_attn.k_proj", "attn_k"),
    ("self_attn.v_proj", "attn_v"),
    ("self_attn.qkv_proj", "attn_qkv"),
    ("self_attn.o_proj", "attn_output"),
    ("self_attn.q_norm", "attn_q_norm"),
    ("self_attn.k_norm", "attn_k_norm"),
    ("post_attention_layernorm", "ffn_norm"),
    ("mlp.gate_proj", "ffn_gate"),
    ("mlp.up_proj", "ffn_up"),
    ("mlp.gate_up_proj", "ffn_up"),
    ("mlp.down_proj", "ffn_down"),
    ("shared_mlp.output_linear", "ffn_down"),
    ("shared_mlp.input_linear", "ffn_up"),
    ("pre_feedforward_layernorm", "ffn_norm"),
    ("post_feedforward_layernorm", "post_ffw_norm"),
];

/// `model.layers.3.self_attn.q_proj` is `blk.3.attn_q`. With `sandwich` there are norms after
/// attention and the feed-forward network too (gemma), and the names mean others.
pub(super) fn module(name: &str, sandwich: bool) -> Option<String> {
    let name = name.strip_prefix("language_model.").unwrap_or(name);
    let name = name.strip_prefix("model.").unwrap_or(name);
    let name = name.strip_prefix("language_model.").unwrap_or(name);
    match name {
        "embed_tokens" => return Some("token_embd".to_owned()),
        "norm" => return Some("output_norm".to_owned()),
        "lm_head" => return Some("output".to_owned()),
        _ => {}
    }
    let (layer, module) = name.strip_prefix("layers.")?.split_once('.')?;
    let layer: usize = layer.parse().ok()?;
    if sandwich && module == "post_attention_layernorm" {
        return Some(format!("blk.{layer}.post_attention_norm"));
    }
    let (_, ours) = MODULES.iter().find(|(theirs, _)| *theirs == module)?;
    Some(format!("blk.{layer}.{ours}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_have_the_names_of_a_gguf() {
        for (theirs, ours) in [
            ("model.layers.3.self_attn.q_proj", "blk.3.attn_q"),
            ("model.language_model.layers.0.mlp.down_proj", "blk.0.ffn_down"),
            ("language_model.model.layers.0.mlp.down_proj", "blk.0.ffn_down"),
            ("model.embed_tokens", "token_embd"),
            ("lm_head", "output"),
        ] {
            assert_eq!(module(theirs, false).as_deref(), Some(ours), "{theirs}");
        }
        let name = "model.layers.1.post_attention_layernorm";
        assert_eq!(module(name, false).unwrap(), "blk.1.ffn_norm");
        assert_eq!(module(name, true).unwrap(), "blk.1.post_attention_norm");
        assert_eq!(module("model.layers.x.self_attn.q_proj", false), None);
        assert_eq!(module("model.layers.1.mlp.experts.0.up_proj", false), None);
    }
}
