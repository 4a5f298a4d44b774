//! What the metadata says about the network, checked before anything is built from it; and
//! `model.json`, which keeps what a session and a tokenizer need of it.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::quantize::BLOCK;
use super::{Gguf, ImportError, MetaValue};

/// The longest context an import prepares rotary tables for.
const MAX_CONTEXT: u64 = 32_768;

/// The families whose graph is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// Rotary pairs are neighbours: a GGUF stores the rows of q and k permuted for that.
    Llama,
    /// Rotary pairs are half a head apart; q, k and v have biases.
    Qwen2,
}

/// The network's shape.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Config {
    pub(super) family: Family,
    pub(super) context: usize,
    pub(super) layers: usize,
    pub(super) heads: usize,
    pub(super) kv_heads: usize,
    pub(super) head_dim: usize,
    pub(super) hidden: usize,
    pub(super) vocab: usize,
    pub(super) epsilon: f32,
    pub(super) rope_base: f64,
    /// Positions are divided by this.
    pub(super) rope_scale: f64,
}

impl Config {
    pub(super) fn read(gguf: &Gguf) -> Result<Self, ImportError> {
        let unsupported =
            |reason| ImportError::Unsupported { path: gguf.path().to_owned(), reason };
        let name = text(gguf, "general.architecture")?;
        let family = match name {
            "llama" => Family::Llama,
            "qwen2" => Family::Qwen2,
            name if name.contains("bert") || name.contains("embed") => {
                return Err(unsupported(format!(
                    "its architecture is `{name}`: it makes embeddings and writes no text"
                )));
            }
            _ => {
                return Err(unsupported(format!(
                    "its architecture is `{name}`, and only `llama` and `qwen2` are known"
                )));
            }
        };
        let key = |suffix: &str| format!("{name}.{suffix}");
        let hidden = number(gguf, &key("embedding_length"), 32, 1 << 16)?;
        let heads = number(gguf, &key("attention.head_count"), 1, 1 << 10)?;
        let kv_heads = match gguf.metadata(&key("attention.head_count_kv")) {
            None => heads,
            Some(_) => number(gguf, &key("attention.head_count_kv"), 1, heads as u64)?,
        };
        let head_dim = match gguf.metadata(&key("attention.key_length")) {
            None => hidden / heads,
            Some(_) => number(gguf, &key("attention.key_length"), 2, 1 << 12)?,
        };
        for (suffix, wanted) in
            [("attention.value_length", head_dim), ("rope.dimension_count", head_dim)]
        {
            if let Some(found) = gguf.metadata(&key(suffix))
                && found.as_u64() != Some(wanted as u64)
            {
                return Err(unsupported(format!("its `{suffix}` is not the head size, {wanted}")));
            }
        }
        if heads % kv_heads != 0 || head_dim < 8 || head_dim % 8 != 0 || hidden % BLOCK != 0 {
            return Err(unsupported(format!(
                "its {heads} heads of {head_dim} over {kv_heads} and {hidden} numbers do not divide"
            )));
        }
        let scaling = gguf.metadata(&key("rope.scaling.type")).and_then(MetaValue::as_str);
        let rope_scale = match scaling {
            None | Some("none") => 1.0,
            Some("linear") => float(gguf, &key("rope.scaling.factor"))?.unwrap_or(1.0),
            Some(other) => {
                return Err(unsupported(format!("its rotary scaling is `{other}`")));
            }
        };
        let rope_base = float(gguf, &key("rope.freq_base"))?.unwrap_or(10_000.0);
        if !(rope_base > 1.0 && rope_scale > 0.0) {
            return Err(unsupported(format!("its rotary base is {rope_base} over {rope_scale}")));
        }
        let embedding = gguf
            .tensor("token_embd.weight")
            .ok_or_else(|| unsupported("it has no tensor `token_embd.weight`".to_owned()))?;
        Ok(Self {
            family,
            context: number(gguf, &key("context_length"), 1, u64::from(u32::MAX))?
                .min(MAX_CONTEXT as usize),
            layers: number(gguf, &key("block_count"), 1, 1 << 10)?,
            heads,
            kv_heads,
            head_dim,
            hidden,
            vocab: embedding.rows,
            epsilon: float(gguf, &key("attention.layer_norm_rms_epsilon"))?.unwrap_or(1e-5) as f32,
            rope_base,
            rope_scale,
        })
    }
}

/// `model.json`: what a session and a tokenizer need to know.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ModelInfo {
    /// Of this file; other numbers are refused.
    pub format: u32,
    /// `llama` or `qwen2`.
    pub architecture: String,
    /// The most tokens the model holds.
    pub context: u32,
    /// Transformer blocks.
    pub layers: usize,
    /// Key/value heads.
    pub kv_heads: usize,
    /// Query heads.
    pub heads: usize,
    /// Numbers in a head.
    pub head_dim: usize,
    /// Numbers in a residual vector.
    pub hidden: usize,
    /// Tokens, and so logits.
    pub vocab: usize,
    /// The vocabulary as the GGUF gave it.
    pub tokenizer: TokenizerInfo,
    /// The chat template (Jinja), empty where there is none.
    pub template: String,
}

/// The vocabulary as the GGUF gave it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TokenizerInfo {
    /// `gpt2` (byte-level BPE), `llama` (SentencePiece) and the like.
    pub model: String,
    /// Which splitting rules come first, like `qwen2`.
    pub pre: String,
    /// The tokens' texts in the tokenizer's own spelling, by id.
    pub tokens: Vec<String>,
    /// 1 normal, 2 unknown, 3 control, 4 user defined, 5 unused, 6 byte.
    pub types: Vec<i64>,
    /// BPE merges, best first: two parts with a space between.
    pub merges: Vec<String>,
    /// Begins a text, where the model wants one.
    pub bos: Option<u32>,
    /// Ends a turn.
    pub eos: Option<u32>,
    /// Whether `bos` is put in front of a text.
    pub add_bos: bool,
}

impl ModelInfo {
    /// The only format there is.
    pub const FORMAT: u32 = 1;

    /// Reads `model.json` in `folder`.
    pub fn open(folder: &Path) -> Result<Self, ImportError> {
        let path = folder.join("model.json");
        let text = std::fs::read(&path)
            .map_err(|source| ImportError::Read { path: path.clone(), source })?;
        let info: Self = serde_json::from_slice(&text).map_err(|error| {
            ImportError::Unsupported { path: path.clone(), reason: error.to_string() }
        })?;
        if info.format != Self::FORMAT {
            let reason = format!("its format is {}; import the model again", info.format);
            return Err(ImportError::Unsupported { path, reason });
        }
        Ok(info)
    }

    pub(super) fn read(gguf: &Gguf, config: &Config) -> Result<Self, ImportError> {
        let tokens = gguf
            .metadata("tokenizer.ggml.tokens")
            .and_then(MetaValue::as_strings)
            .ok_or_else(|| missing(gguf, "tokenizer.ggml.tokens"))?
            .to_vec();
        if tokens.len() > config.vocab {
            let reason =
                format!("it has {} tokens and only {} embeddings", tokens.len(), config.vocab);
            return Err(ImportError::Broken { path: gguf.path().to_owned(), reason });
        }
        let string = |key: &str| {
            gguf.metadata(key).and_then(MetaValue::as_str).unwrap_or_default().to_owned()
        };
        let id = |key: &str| {
            let id = gguf.metadata(key).and_then(MetaValue::as_u64)?;
            u32::try_from(id).ok().filter(|&id| (id as usize) < tokens.len())
        };
        let tokenizer = TokenizerInfo {
            model: text(gguf, "tokenizer.ggml.model")?.to_owned(),
            pre: string("tokenizer.ggml.pre"),
            types: gguf
                .metadata("tokenizer.ggml.token_type")
                .and_then(MetaValue::as_ints)
                .map_or_else(|| vec![1; tokens.len()], <[i64]>::to_vec),
            merges: gguf
                .metadata("tokenizer.ggml.merges")
                .and_then(MetaValue::as_strings)
                .unwrap_or_default()
                .to_vec(),
            bos: id("tokenizer.ggml.bos_token_id"),
            eos: id("tokenizer.ggml.eos_token_id"),
            add_bos: gguf
                .metadata("tokenizer.ggml.add_bos_token")
                .and_then(MetaValue::as_bool)
                .unwrap_or(false),
            tokens,
        };
        Ok(Self {
            format: Self::FORMAT,
            architecture: text(gguf, "general.architecture")?.to_owned(),
            context: config.context as u32,
            layers: config.layers,
            kv_heads: config.kv_heads,
            heads: config.heads,
            head_dim: config.head_dim,
            hidden: config.hidden,
            vocab: config.vocab,
            tokenizer,
            template: string("tokenizer.chat_template"),
        })
    }
}

fn missing(gguf: &Gguf, key: &str) -> ImportError {
    let reason = format!("its metadata has no `{key}`, or not of the right type");
    ImportError::Unsupported { path: gguf.path().to_owned(), reason }
}

fn text<'a>(gguf: &'a Gguf, key: &str) -> Result<&'a str, ImportError> {
    gguf.metadata(key).and_then(MetaValue::as_str).ok_or_else(|| missing(gguf, key))
}

fn float(gguf: &Gguf, key: &str) -> Result<Option<f64>, ImportError> {
    match gguf.metadata(key) {
        None => Ok(None),
        Some(value) => value
            .as_f64()
            .filter(|value| value.is_finite())
            .map(Some)
            .ok_or_else(|| missing(gguf, key)),
    }
}

fn number(gguf: &Gguf, key: &str, least: u64, most: u64) -> Result<usize, ImportError> {
    let value = gguf.metadata(key).and_then(MetaValue::as_u64).ok_or_else(|| missing(gguf, key))?;
    if !(least..=most).contains(&value) {
        let reason = format!("`{key}` is {value}, which cannot be");
        return Err(ImportError::Unsupported { path: gguf.path().to_owned(), reason });
    }
    Ok(value as usize)
}
