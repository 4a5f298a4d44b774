//! A BERT as its authors publish it (`config.json` and `model.safetensors`), read as if it were a GGUF:
//! the same names, the same keys.

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;

use super::gguf::{Gguf, MetaValue, Metadata, Tensor};
use super::{ImportError, safetensors};

/// The longest `config.json`.
const CONFIG: u64 = 1 << 20;

/// What a GGUF calls the tensors outside of the layers.
const NAMES: [(&str, &str); 7] = [
    ("embeddings.word_embeddings.weight", "token_embd.weight"),
    ("embeddings.position_embeddings.weight", "position_embd.weight"),
    ("embeddings.token_type_embeddings.weight", "token_types.weight"),
    ("embeddings.LayerNorm", "token_embd_norm"),
    ("pooler.dense", "cls"),
    ("classifier", "cls.output"),
    ("embeddings.position_ids", ""),
];

/// And those of a layer.
const LAYER: [(&str, &str); 8] = [
    ("attention.self.query", "attn_q"),
    ("attention.self.key", "attn_k"),
    ("attention.self.value", "attn_v"),
    ("attention.output.dense", "attn_output"),
    ("attention.output.LayerNorm", "attn_output_norm"),
    ("intermediate.dense", "ffn_up"),
    ("output.dense", "ffn_down"),
    ("output.LayerNorm", "layer_output_norm"),
];

/// Opens the model in `folder`.
pub(super) fn open(folder: &Path) -> Result<Gguf, ImportError> {
    let metadata = config(&folder.join("config.json"))?;
    let path = folder.join("model.safetensors");
    let (part, tensors) = safetensors::open(&path, 0, |name| renamed(name).is_some())?;
    let known = |tensor: Tensor| Some(Tensor { name: renamed(&tensor.name)?, ..tensor });
    Gguf::of(&path, vec![part], metadata, tensors.into_iter().filter_map(known).collect())
}

/// The name in a GGUF; an unknown one stays, and is refused as one that has no place. None for what is
/// no weight.
fn renamed(name: &str) -> Option<String> {
    let name = name.strip_prefix("bert.").unwrap_or(name);
    if let Some(rest) = name.strip_prefix("encoder.layer.")
        && let Some((layer, rest)) = rest.split_once('.')
    {
        let known = LAYER.iter().find_map(|(theirs, ours)| {
            Some(format!("blk.{layer}.{ours}{}", rest.strip_prefix(theirs)?))
        });
        return Some(known.unwrap_or_else(|| name.to_owned()));
    }
    let known = NAMES.iter().find_map(|(theirs, ours)| match ours.is_empty() {
        true => (name == *theirs).then(String::new),
        false => Some(format!("{ours}{}", name.strip_prefix(theirs)?)),
    });
    match known {
        Some(known) if known.is_empty() => None,
        Some(known) => Some(known),
        None => Some(name.to_owned()),
    }
}

/// `config.json` as the keys of a GGUF.
fn config(path: &Path) -> Result<Metadata, ImportError> {
    let unsupported = |reason: String| ImportError::Unsupported { path: path.to_owned(), reason };
    let text = bounded(path)?;
    let config: Value =
        serde_json::from_slice(&text).map_err(|error| unsupported(error.to_string()))?;
    for (key, wanted) in
        [("model_type", "bert"), ("hidden_act", "gelu"), ("position_embedding_type", "absolute")]
    {
        let found = config[key].as_str().unwrap_or(if key == "model_type" { "" } else { wanted });
        if found != wanted {
            let wanted = match key {
                "model_type" => "`bert` and `qwen3` are",
                "hidden_act" => "`gelu` is",
                _ => "`absolute` is",
            };
            return Err(unsupported(format!(
                "its `{key}` is `{found}`, and only {wanted} read\nhint: a folder with \
                 `model.onnx` and `tokenizer.json` is used as it is"
            )));
        }
    }
    let mut metadata: Metadata = HashMap::new();
    metadata.insert("general.architecture".into(), MetaValue::String("bert".into()));
    for (theirs, ours) in [
        ("hidden_size", "bert.embedding_length"),
        ("num_hidden_layers", "bert.block_count"),
        ("num_attention_heads", "bert.attention.head_count"),
        ("intermediate_size", "bert.feed_forward_length"),
        ("max_position_embeddings", "bert.context_length"),
    ] {
        if let Some(number) = config[theirs].as_u64() {
            metadata.insert(ours.into(), MetaValue::Int(number.into()));
        }
    }
    let epsilon = config["layer_norm_eps"].as_f64().unwrap_or(1e-12);
    metadata.insert("bert.attention.layer_norm_epsilon".into(), MetaValue::Float(epsilon));
    Ok(metadata)
}

/// A small file, whole.
fn bounded(path: &Path) -> Result<Vec<u8>, ImportError> {
    let failed = |source| ImportError::Read { path: path.to_owned(), source };
    guard::file::read(path, CONFIG).map_err(failed)
}
