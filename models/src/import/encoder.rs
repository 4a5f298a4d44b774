//! An encoder (a model that makes vectors of texts, or scores pairs of them) into a folder: the graph,
//! its tokenizer, and `encoder.json`, which says how to use them.

use std::fs;
use std::path::Path;

use prost::Message;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::processors::bert::BertProcessing;

use super::bert::{self, Shape};
use super::pooled::{self, Pooled};
use super::weights::Weights;
use super::{Gguf, ImportError, MetaValue, ModelProto, bert_folder, graph, staged};

/// The largest `tokenizer.json`; multilingual ones have some 17 MB.
pub(crate) const TOKENIZER: u64 = 64 << 20;

/// How the states of a text's tokens become its vector.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// Their mean.
    #[default]
    Mean,
    /// The first one.
    First,
    /// The last one.
    Last,
}

/// `encoder.json`: how an encoder is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncoderInfo {
    /// Of this file; other numbers are refused.
    pub format: u32,
    /// The most tokens of a text, those that begin and end it included.
    pub tokens: usize,
    /// How states become a vector.
    pub pooling: Pooling,
    /// For a cross-encoder: how many labels it scores a pair of texts for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<usize>,
    /// What is put before a question, where the encoder tells questions from what they are asked of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
    /// For a cross-encoder that reads a pair as one text: that text, with `{query}` and `{document}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pair: Option<String>,
}

impl EncoderInfo {
    /// The only format there is.
    pub const FORMAT: u32 = 1;

    /// What a folder says of its encoder: `encoder.json`, or the files that sentence-transformers
    /// writes; 512 tokens and the mean where nothing is said.
    pub fn open(folder: &Path) -> Result<Self, ImportError> {
        let path = folder.join("encoder.json");
        if !path.exists() {
            return Ok(Self::beside(folder, 512, None));
        }
        let info: Self = serde_json::from_value(json(&path).unwrap_or_default())
            .map_err(|error| unsupported(&path, error.to_string()))?;
        if info.format != Self::FORMAT || info.tokens < 3 {
            return Err(unsupported(&path, "its format is another; import it again".to_owned()));
        }
        Ok(info)
    }

    /// Of an encoder whose vector is the state of the last of so many tokens.
    pub(super) fn pooled(tokens: usize) -> Self {
        let (format, pooling) = (Self::FORMAT, Pooling::Last);
        Self { format, tokens, pooling, labels: None, question: None, pair: None }
    }

    pub(super) fn beside(folder: &Path, context: usize, labels: Option<usize>) -> Self {
        let number = |file: &str, key: &str| {
            json(&folder.join(file)).and_then(|text| text[key].as_u64()).map(|n| n as usize)
        };
        let context = number("config.json", "max_position_embeddings").unwrap_or(context);
        let tokens = number("sentence_bert_config.json", "max_seq_length").unwrap_or(context);
        let pooled = json(&folder.join("1_Pooling/config.json")).unwrap_or_default();
        let set = |key: &str| pooled[key].as_bool() == Some(true);
        let pooling = match () {
            () if set("pooling_mode_cls_token") => Pooling::First,
            () if set("pooling_mode_lasttoken") => Pooling::Last,
            () => Pooling::Mean,
        };
        let said = json(&folder.join("config_sentence_transformers.json")).unwrap_or_default();
        let question = said["prompts"]["query"].as_str().filter(|prompt| !prompt.is_empty());
        let tokens = tokens.clamp(3, context.max(3));
        let question = question.map(str::to_owned);
        Self { format: Self::FORMAT, tokens, pooling, labels, question, pair: None }
    }
}

pub(super) fn json(path: &Path) -> Option<Value> {
    serde_json::from_slice(&guard::file::read(path, 1 << 20).ok()?).ok()
}

pub(super) fn unsupported(path: &Path, reason: String) -> ImportError {
    ImportError::Unsupported { path: path.to_owned(), reason }
}

/// Imports an encoder of the BERT family, or one of the kind of Qwen3-Embedding and Qwen3-Reranker, into
/// the folder `into`: a GGUF file, or a folder with `config.json`, `model.safetensors` and
/// `tokenizer.json`.
///
/// # Errors
/// It cannot be read, is of another family, or cannot be written.
pub fn encoder(
    from: &Path,
    into: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), ImportError> {
    let folder = from.is_dir();
    let gguf = match folder && !decoder_folder(from) {
        true => bert_folder::open(from)?,
        false => Gguf::open(from)?,
    };
    match gguf.metadata("general.architecture").and_then(MetaValue::as_str) {
        Some("bert") => {
            let shape = Shape::read(&gguf)?;
            let (info, tokenizer) = match folder {
                true => (EncoderInfo::beside(from, shape.context, shape.labels), published(from)?),
                false => (of_gguf(&gguf, &shape)?, wordpiece(&gguf)?),
            };
            staged(into, |part| {
                let weights = Weights::create(&gguf, part, progress)?;
                save(part, &bert::build(&gguf, &shape, weights)?, &info, tokenizer)
            })
        }
        Some("qwen3") => {
            let Pooled { config, gives, precision, info, tokenizer } = match folder {
                true => pooled::of_folder(&gguf, from, published(from)?)?,
                false => pooled::of_gguf(&gguf)?,
            };
            staged(into, |part| {
                let weights = Weights::create(&gguf, part, progress)?;
                let model = graph::build(&gguf, &config, gives, precision, weights)?;
                save(part, &model, &info, tokenizer)
            })
        }
        family => {
            let family = family.unwrap_or("unknown");
            let reason = format!(
                "its architecture is `{family}`, and of encoders only `bert` and `qwen3` are known"
            );
            Err(unsupported(from, reason))
        }
    }
}

/// Whether a folder's network is that of a model which writes text, told as one.
fn decoder_folder(folder: &Path) -> bool {
    let config = json(&folder.join("config.json")).unwrap_or_default();
    config["model_type"].as_str() == Some("qwen3")
}

/// The `tokenizer.json` of a folder.
fn published(folder: &Path) -> Result<Vec<u8>, ImportError> {
    let path = folder.join("tokenizer.json");
    let read = |source| ImportError::Read { path: path.clone(), source };
    if fs::metadata(&path).map_err(read)?.len() > TOKENIZER {
        return Err(unsupported(&path, "it is too large".to_owned()));
    }
    guard::file::read(&path, TOKENIZER).map_err(read)
}

fn save(
    folder: &Path,
    model: &ModelProto,
    info: &EncoderInfo,
    tokenizer: Vec<u8>,
) -> Result<(), ImportError> {
    let info = serde_json::to_vec(info).unwrap_or_default();
    for (name, bytes) in [
        ("model.onnx", model.encode_to_vec()),
        ("tokenizer.json", tokenizer),
        ("encoder.json", info),
    ] {
        let path = folder.join(name);
        fs::write(&path, bytes).map_err(|source| ImportError::Write { path, source })?;
    }
    Ok(())
}

fn of_gguf(gguf: &Gguf, shape: &Shape) -> Result<EncoderInfo, ImportError> {
    // llama.cpp's `llama_pooling_type`.
    let pooling = match gguf.metadata("bert.pooling_type").and_then(MetaValue::as_u64) {
        None | Some(0 | 1) => Pooling::Mean,
        Some(2 | 4) => Pooling::First,
        Some(3) => Pooling::Last,
        Some(other) => {
            return Err(unsupported(gguf.path(), format!("its pooling is {other}")));
        }
    };
    let (tokens, labels) = (shape.context, shape.labels);
    Ok(EncoderInfo { pooling, labels, ..EncoderInfo::pooled(tokens) })
}

/// The WordPiece tokenizer of a GGUF as a `tokenizer.json`. There a piece that begins a word is
/// written with `▁` in front, and one that goes on with a word without the usual `##`.
fn wordpiece(gguf: &Gguf) -> Result<Vec<u8>, ImportError> {
    let refuse = |reason: String| unsupported(gguf.path(), reason);
    let model = gguf.metadata("tokenizer.ggml.model").and_then(MetaValue::as_str);
    let tokens = gguf.metadata("tokenizer.ggml.tokens").and_then(MetaValue::as_strings);
    let (Some("bert"), Some(tokens)) = (model, tokens) else {
        return Err(refuse("its tokenizer is not `bert` (WordPiece)".to_owned()));
    };
    let types = gguf.metadata("tokenizer.ggml.token_type").and_then(MetaValue::as_ints);
    let control = |at: usize| types.and_then(|types| types.get(at)).is_some_and(|kind| *kind == 3);
    let text = |(at, token): (usize, &String)| match token.strip_prefix('▁') {
        Some(word) => word.to_owned(),
        None if control(at) || token.starts_with('[') && token.ends_with(']') => token.clone(),
        None => format!("##{token}"),
    };
    let vocab = tokens.iter().enumerate().map(|(at, token)| (text((at, token)), at as u32));
    let vocab: std::collections::HashMap<String, u32> = vocab.collect();
    let id = |name: &str| {
        let id = vocab.get(name).copied();
        id.ok_or_else(|| refuse(format!("its vocabulary has no `{name}`")))
    };
    let (cls, sep, _unknown) = (id("[CLS]")?, id("[SEP]")?, id("[UNK]")?);
    let pieces = WordPiece::builder()
        .vocab(vocab.into_iter().collect::<tokenizers::models::bpe::Vocab>())
        .unk_token("[UNK]".to_owned())
        .build()
        .map_err(|error| refuse(error.to_string()))?;
    let mut tokenizer = tokenizers::Tokenizer::new(pieces);
    tokenizer
        .with_normalizer(Some(BertNormalizer::default()))
        .with_pre_tokenizer(Some(BertPreTokenizer))
        .with_post_processor(Some(BertProcessing::new(
            ("[SEP]".to_owned(), sep),
            ("[CLS]".to_owned(), cls),
        )));
    tokenizer.to_string(false).map(String::into_bytes).map_err(|error| refuse(error.to_string()))
}
