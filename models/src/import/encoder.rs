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
use super::weights::Weights;
use super::{Gguf, ImportError, MetaValue, bert_folder, staged};

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

    fn beside(folder: &Path, context: usize, labels: Option<usize>) -> Self {
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
        Self { format: Self::FORMAT, tokens: tokens.clamp(3, context.max(3)), pooling, labels }
    }
}

fn json(path: &Path) -> Option<Value> {
    serde_json::from_slice(&guard::file::read(path, 1 << 20).ok()?).ok()
}

fn unsupported(path: &Path, reason: String) -> ImportError {
    ImportError::Unsupported { path: path.to_owned(), reason }
}

/// Imports an encoder of the BERT family into the folder `into`: a GGUF file, or a folder with
/// `config.json`, `model.safetensors` and `tokenizer.json`.
///
/// # Errors
/// It cannot be read, is of another family, or cannot be written.
pub fn encoder(
    from: &Path,
    into: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), ImportError> {
    let folder = from.is_dir();
    let gguf = if folder { bert_folder::open(from)? } else { Gguf::open(from)? };
    let family = gguf.metadata("general.architecture").and_then(MetaValue::as_str);
    if family != Some("bert") {
        let family = family.unwrap_or("unknown");
        let reason =
            format!("its architecture is `{family}`, and of encoders only `bert` is known");
        return Err(unsupported(from, reason));
    }
    let shape = Shape::read(&gguf)?;
    let (info, tokenizer) = match folder {
        true => {
            let path = from.join("tokenizer.json");
            let read = |source| ImportError::Read { path: path.clone(), source };
            if fs::metadata(&path).map_err(read)?.len() > TOKENIZER {
                return Err(unsupported(&path, "it is too large".to_owned()));
            }
            let info = EncoderInfo::beside(from, shape.context, shape.labels);
            (info, guard::file::read(&path, TOKENIZER).map_err(read)?)
        }
        false => (of_gguf(&gguf, &shape)?, wordpiece(&gguf)?),
    };
    staged(into, |part| {
        let weights = Weights::create(&gguf, part, progress)?;
        let model = bert::build(&gguf, &shape, weights)?;
        let info = serde_json::to_vec(&info).unwrap_or_default();
        for (name, bytes) in [
            ("model.onnx", model.encode_to_vec()),
            ("tokenizer.json", tokenizer),
            ("encoder.json", info),
        ] {
            let path = part.join(name);
            fs::write(&path, bytes).map_err(|source| ImportError::Write { path, source })?;
        }
        Ok(())
    })
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
    Ok(EncoderInfo { format: EncoderInfo::FORMAT, tokens, pooling, labels })
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
