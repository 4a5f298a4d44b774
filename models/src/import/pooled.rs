//! A decoder's network as an encoder: the state of a text's last token is its vector (Qwen3-Embedding), or
//! says yes or no to a question and a passage (Qwen3-Reranker). Zhang et al., *Qwen3 Embedding*, 2025.
//!
//! A GGUF says it with llama.cpp's `pooling_type`, a checkpoint with the files of sentence-transformers. What
//! says neither writes text, and is refused.

use std::path::Path;

use super::config::{Config, text};
use super::encoder::{EncoderInfo, Pooling, json, unsupported};
use super::graph::{Gives, finer_than_four};
use super::{Gguf, ImportError, MetaValue, ModelInfo, Precision, TensorType, byte_level};
use crate::onnx::Tokenizer;

/// The most tokens of a text. A text is read at once, and its attention takes memory by their square:
/// 16 heads take 1 GiB of it.
const LONGEST: usize = 4096;

/// llama.cpp's `llama_pooling_type`.
const LAST: u64 = 3;
const RANK: u64 = 4;

/// What the authors of Qwen3-Embedding put before a question that is looked for; nothing is put before
/// what it is looked for in.
const QUESTION: &str = "Instruct: Given a web search query, retrieve relevant passages that answer the \
                        query\nQuery:";

/// What is needed to import one.
pub(super) struct Pooled {
    pub(super) config: Config,
    pub(super) gives: Gives,
    pub(super) precision: Precision,
    pub(super) info: EncoderInfo,
    /// `tokenizer.json`, where the model is no folder that has one.
    pub(super) tokenizer: Vec<u8>,
}

/// How a GGUF says that states are pooled; none where they are not.
pub(super) fn pooling(gguf: &Gguf) -> Option<u64> {
    let family = gguf.metadata("general.architecture").and_then(MetaValue::as_str)?;
    let pooling = gguf.metadata(&format!("{family}.pooling_type"))?.as_u64()?;
    Some(pooling).filter(|pooling| (1..=RANK).contains(pooling))
}

/// Reads a GGUF file.
pub(super) fn of_gguf(gguf: &Gguf) -> Result<Pooled, ImportError> {
    let refuse = |reason: &str| unsupported(gguf.path(), reason.to_owned());
    let config = causal(gguf)?;
    let gives = match pooling(gguf) {
        Some(LAST) => Gives::Vectors,
        Some(RANK) => Gives::Scores,
        Some(other) => return Err(refuse(&format!("its pooling is {other}"))),
        None => {
            return Err(refuse(
                "it has no `qwen3.pooling_type`, so it writes text\nhint: an encoder that was converted \
                 before llama.cpp wrote this has to be converted again",
            ));
        }
    };
    let vocabulary = ModelInfo::read(gguf, &config)?.tokenizer;
    if vocabulary.model != "gpt2" || vocabulary.add_bos {
        return Err(refuse("its tokenizer is not `gpt2`, or begins texts with a token of its own"));
    }
    let failed = |error: crate::onnx::EngineError| unsupported(gguf.path(), error.to_string());
    let tokenizer = Tokenizer::new(&vocabulary, config.vocab).map_err(failed)?;
    let mut info = EncoderInfo::pooled(config.context);
    let (before, after) = match gives {
        Gives::Scores => {
            let (before, pair, after) = template(gguf, &tokenizer)?;
            (info.labels, info.pair) = (Some(1), Some(pair));
            (before, after)
        }
        _ => {
            info.question = Some(QUESTION.to_owned());
            (Vec::new(), end(gguf, vocabulary.eos)?)
        }
    };
    let tokenizer = byte_level::tokenizer(&vocabulary, &before, &after).map_err(failed)?;
    let tokenizer = tokenizer.to_string().into_bytes();
    Ok(Pooled { config, gives, precision: precision(gguf), info, tokenizer })
}

/// Reads a checkpoint's folder that is told as a GGUF; its `tokenizer.json` is used as it is.
pub(super) fn of_folder(
    gguf: &Gguf,
    folder: &Path,
    tokenizer: Vec<u8>,
) -> Result<Pooled, ImportError> {
    let config = causal(gguf)?;
    let info = EncoderInfo::beside(folder, config.context, None);
    if info.pooling != Pooling::Last {
        let reason = "its `1_Pooling/config.json` does not say that the last token is its vector, so it \
                      writes text";
        return Err(unsupported(folder, reason.to_owned()));
    }
    let prompts = json(&folder.join("config_sentence_transformers.json")).unwrap_or_default();
    if prompts["prompts"]["document"].as_str().is_some_and(|prompt| !prompt.is_empty()) {
        let reason = "a prompt comes before its documents, and only one before questions is known";
        return Err(unsupported(folder, reason.to_owned()));
    }
    let info = EncoderInfo { tokens: info.tokens.min(config.context), ..info };
    Ok(Pooled { config, gives: Gives::Vectors, precision: precision(gguf), info, tokenizer })
}

/// The network's shape, for texts that can be read at once.
fn causal(gguf: &Gguf) -> Result<Config, ImportError> {
    let mut config = Config::read(gguf)?;
    let causal = gguf.metadata(&format!("{}.attention.causal", config.architecture));
    if causal.and_then(MetaValue::as_bool) == Some(false) {
        let reason = "each of its tokens sees those after it too (`attention.causal`)".to_owned();
        return Err(unsupported(gguf.path(), reason));
    }
    config.context = config.context.min(LONGEST);
    Ok(config)
}

/// As many bits as the file has: here nothing is written token after token, which fewer bits would make
/// faster, and what is not quantized stays so.
fn precision(gguf: &Gguf) -> Precision {
    match gguf.tensor("blk.0.ffn_gate.weight").map(|tensor| tensor.kind) {
        Some(TensorType::F32 | TensorType::F16 | TensorType::Bf16) => Precision::Sixteen,
        Some(kind) if finer_than_four(kind) => Precision::Eight,
        _ => Precision::Native,
    }
}

/// The token that ends each text.
fn end(gguf: &Gguf, eos: Option<u32>) -> Result<Vec<u32>, ImportError> {
    let adds = gguf.metadata("tokenizer.ggml.add_eos_token").and_then(MetaValue::as_bool);
    match (adds, eos) {
        (Some(false), _) => Ok(Vec::new()),
        (Some(true), Some(eos)) => Ok(vec![eos]),
        _ => Err(unsupported(
            gguf.path(),
            "it does not say which token ends a text (`tokenizer.ggml.add_eos_token`)\nhint: an encoder \
             that was converted before llama.cpp wrote this has to be converted again"
                .to_owned(),
        )),
    }
}

/// How a question and a passage are written, and the tokens before and after that. What the template
/// has between its markers is one plain text, which the question and the passage are part of.
fn template(
    gguf: &Gguf,
    tokenizer: &Tokenizer,
) -> Result<(Vec<u32>, String, Vec<u32>), ImportError> {
    let refuse = |reason: &str| unsupported(gguf.path(), reason.to_owned());
    let labels = gguf.metadata("qwen3.classifier.output_labels").and_then(MetaValue::as_strings);
    if labels.is_none_or(|labels| labels != ["yes", "no"]) {
        return Err(refuse("its `qwen3.classifier.output_labels` are not `yes` and `no`"));
    }
    let template = text(gguf, "tokenizer.chat_template.rerank")?;
    let places = template.find("{query}").zip(template.find("{document}"));
    let Some((query, document)) = places.filter(|(query, document)| query < document) else {
        return Err(refuse("its template `rerank` has no `{query}` with a `{document}` after it"));
    };
    let end = document + "{document}".len();
    let (mut from, mut to, mut at) = (0, template.len(), 0);
    while at < to {
        let Some((marker, _)) = tokenizer.marker_at(&template[at..]) else {
            at += template[at..].chars().next().map_or(1, char::len_utf8);
            continue;
        };
        let after = at + marker.len();
        match () {
            () if after <= query => from = after,
            () if at >= end => to = at,
            () => {
                return Err(refuse("its template `rerank` has a marker in the midst of the pair"));
            }
        }
        at = after;
    }
    // No text in a template is guarded.
    let tokens = |text: &str| tokenizer.encode_marked(text, '\0');
    Ok((tokens(&template[..from]), template[from..to].to_owned(), tokens(&template[to..])))
}
