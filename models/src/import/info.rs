//! `model.json`, which keeps what a session and a tokenizer need of a model.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::config::{Config, missing, text};
use super::spm;
use super::{Gguf, ImportError, MetaValue};

/// `model.json`: what a session and a tokenizer need to know.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ModelInfo {
    /// Of this file; other numbers are refused.
    pub format: u32,
    /// The family, as a GGUF names it.
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
    /// Whether a text gets a blank in front (SentencePiece).
    #[serde(default)]
    pub add_space: bool,
}

impl ModelInfo {
    /// Bytes of the largest `model.json`: it holds the vocabulary.
    const LARGEST: u64 = 512 << 20;

    /// The only format there is.
    pub const FORMAT: u32 = 1;

    /// Reads `model.json` in `folder`.
    pub fn open(folder: &Path) -> Result<Self, ImportError> {
        let path = folder.join("model.json");
        let text = guard::file::read(&path, Self::LARGEST)
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
        let types = gguf
            .metadata("tokenizer.ggml.token_type")
            .and_then(MetaValue::as_ints)
            .map_or_else(|| vec![1; tokens.len()], <[i64]>::to_vec);
        let model = text(gguf, "tokenizer.ggml.model")?.to_owned();
        let merges = match gguf.metadata("tokenizer.ggml.merges").and_then(MetaValue::as_strings) {
            Some(merges) => merges.to_vec(),
            None => match gguf.metadata("tokenizer.ggml.scores").and_then(MetaValue::as_floats) {
                Some(scores) if model == "llama" => spm::merges(&tokens, &types, scores),
                _ => Vec::new(),
            },
        };
        let truth = |key: &str| gguf.metadata(key).and_then(MetaValue::as_bool);
        let sentencepiece = model == "llama";
        let tokenizer = TokenizerInfo {
            model,
            pre: string("tokenizer.ggml.pre"),
            types,
            merges,
            bos: id("tokenizer.ggml.bos_token_id"),
            eos: id("tokenizer.ggml.eos_token_id"),
            add_bos: truth("tokenizer.ggml.add_bos_token").unwrap_or(sentencepiece),
            add_space: truth("tokenizer.ggml.add_space_prefix").unwrap_or(true) && sentencepiece,
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
